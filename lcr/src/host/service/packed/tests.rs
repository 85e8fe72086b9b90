//! Packed calls on a component that is linked in.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::{Runtime, abi::value::Abi};

#[lcr::interface(name = "packed.shop", version = 3)]
trait Shop {
    fn open(&self) -> u8;
    #[lcr(pure)]
    fn price(&self, article: &str, #[abi(secret)] code: String) -> Result<u64, String>;
    fn fail(&self, message: String) -> u64;
    async fn wait(&self);
}

#[derive(Default)]
struct Corner(AtomicU64);

#[lcr::component(name = "packed-corner", version = "1.2.0")]
impl Shop for Corner {
    fn open(&self) -> u8 {
        self.0.fetch_add(1, Ordering::Relaxed) as u8 + 1
    }
    fn price(&self, article: &str, code: String) -> Result<u64, String> {
        if code == "open" { Ok(article.len() as u64) } else { Err(format!("{article} is not for sale")) }
    }
    fn fail(&self, message: String) -> u64 {
        panic!("{message}")
    }
    async fn wait(&self) {}
}

fn method(rt: &Runtime, name: &str) -> PackedMethod {
    rt.inner().packed_method("packed.shop", None, name).unwrap()
}

/// # Safety
/// The method has the result `R`; the arguments are as for [`PackedMethod::call`].
unsafe fn call<R: Abi>(method: &PackedMethod, arguments: &[*mut ()]) -> std::result::Result<R, CallFault> {
    let read = |value: *mut ()| {
        // SAFETY: the caller says that this is an `R`.
        let repr = unsafe { value.cast::<R::Repr>().read() };
        // SAFETY: the representation is used once.
        unsafe { R::from_repr(repr) }
    };
    // SAFETY: the caller says so.
    unsafe { method.call(arguments, read) }
}

#[test]
fn a_method_is_called_by_its_shape_on_the_instance_that_handles_call() {
    let rt = Runtime::new().unwrap();
    let open = method(&rt, "open");
    // SAFETY: this is its signature.
    assert_eq!(unsafe { call::<u8>(&open, &[]) }.unwrap(), 1);
    assert_eq!(rt.service::<dyn Shop>().unwrap().open(), 2);
    let price = method(&rt, "price");
    for (code, expected) in [("open", Ok(5)), ("", Err("paper is not for sale".to_owned()))] {
        let (mut article, mut code) = ("paper".into_repr(), code.to_owned().into_repr());
        let arguments = [(&raw mut article).cast(), (&raw mut code).cast()];
        // SAFETY: this is its signature.
        let result = unsafe { call::<std::result::Result<u64, String>>(&price, &arguments) };
        assert_eq!(result.unwrap(), expected);
    }
}

#[test]
fn a_method_tells_its_notes() {
    let rt = Runtime::new().unwrap();
    let price = method(&rt, "price");
    let (method, interface) = (price.method(), price.interface());
    assert_eq!((interface, method.is_pure), ("packed.shop", true));
    assert_eq!(method.arguments, ["article", "code"]);
    let secrets: Vec<bool> = method.shape.parts.iter().map(|part| part.is_secret).collect();
    assert_eq!(secrets, [false, true, false]);
}

#[test]
fn a_panic_is_a_fault_that_names_the_component_and_is_counted_there() {
    let rt = Runtime::new().unwrap();
    let mut message = "out of stock".to_owned().into_repr();
    // SAFETY: this is its signature.
    let refused = unsafe { call::<u64>(&method(&rt, "fail"), &[(&raw mut message).cast()]) }.unwrap_err();
    assert!(refused.took_arguments);
    let fault = refused.fault;
    assert_eq!((fault.kind(), fault.method(), fault.message()), (FaultKind::Panic, Some("fail"), "out of stock"));
    assert_eq!(fault.component().unwrap().name, "packed-corner");
    let status = rt.status();
    let corner = status.components.iter().find(|component| component.id.name == "packed-corner").unwrap();
    assert_eq!(corner.faults, 1);
}

#[test]
fn what_cannot_be_called_by_its_shape_is_refused_by_name() {
    let rt = Runtime::new().unwrap();
    let refused = |interface, method| rt.inner().packed_method(interface, None, method).err().unwrap();
    let polled = refused("packed.shop", "wait");
    assert_eq!(polled.kind(), ErrorKind::Invalid);
    assert!(polled.to_string().contains("is polled"), "{polled}");
    let missing = refused("packed.shop", "shut");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(missing.to_string().contains("open, price, fail, wait"), "{missing}");
    assert_eq!(refused("packed.nothing", "open").kind(), ErrorKind::NotFound);
}

#[test]
fn after_the_runtimes_end_a_call_leaves_the_arguments_to_the_caller() {
    let rt = Runtime::new().unwrap();
    let fail = method(&rt, "fail");
    drop(rt);
    let mut message = "unused".to_owned().into_repr();
    // SAFETY: this is its signature.
    let refused = unsafe { call::<u64>(&fail, &[(&raw mut message).cast()]) }.unwrap_err();
    assert_eq!((refused.fault.kind(), refused.took_arguments), (FaultKind::Revoked, false));
    // SAFETY: the call did not take it.
    assert_eq!(unsafe { String::from_repr(message) }, "unused");
}
