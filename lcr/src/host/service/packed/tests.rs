//! Packed calls on a component that is linked in.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::{Runtime, abi::value::Abi, host::deadline::Deadline};

#[lcr::interface(name = "packed.shop", version = 3)]
trait Shop {
    fn open(&self) -> u8;
    #[lcr(pure)]
    fn price(&self, article: &str, #[abi(secret)] code: String) -> Result<u64, String>;
    fn fail(&self, message: String) -> u64;
    async fn wait(&self);
    async fn twice(&self, text: &str, times: u8) -> Result<String, u64>;
    async fn fall(&self, text: String) -> u8;
    async fn never(&self, text: String) -> [u128; 2];
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
    async fn twice(&self, text: &str, times: u8) -> Result<String, u64> {
        for _ in 0..times {
            Yields(false).await;
        }
        if times > 0 { Ok(format!("{text}, {text}")) } else { Err(7) }
    }
    async fn fall(&self, text: String) -> u8 {
        Yields(false).await;
        panic!("{text}")
    }
    async fn never(&self, text: String) -> [u128; 2] {
        let _dropped = Counts(text);
        std::future::pending().await
    }
}

fn method(rt: &Runtime, name: &str) -> PackedMethod {
    rt.inner().refer_to(rt.inner().find_method("packed.shop", None, name).unwrap()).unwrap()
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

/// Is pending once, and wakes from another thread.
struct Yields(bool);

impl Future for Yields {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return std::task::Poll::Ready(());
        }
        let waker = context.waker().clone();
        drop(std::thread::spawn(move || waker.wake()));
        std::task::Poll::Pending
    }
}

static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Counts that it was dropped.
struct Counts(String);

impl Drop for Counts {
    fn drop(&mut self) {
        assert_eq!(self.0, "text");
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// # Safety
/// As for `call`, of an async method.
unsafe fn call_async<R: Abi>(
    method: &PackedMethod,
    arguments: &[*mut ()],
    timeout: Option<std::time::Duration>,
) -> std::result::Result<Option<R>, CallFault> {
    let read = |value: *mut ()| {
        // SAFETY: the caller says that this is an `R`.
        let repr = unsafe { value.cast::<R::Repr>().read() };
        // SAFETY: the representation is used once.
        unsafe { R::from_repr(repr) }
    };
    let deadline = Deadline::after(std::time::Instant::now(), timeout);
    // SAFETY: the caller says so.
    unsafe { method.call_async(arguments, Layout::new::<R::Repr>(), deadline, read) }
}

#[test]
fn an_async_method_is_polled_to_its_end() {
    let rt = Runtime::new().unwrap();
    let twice = method(&rt, "twice");
    for (times, expected) in [(0_u8, Err(7)), (1, Ok("a, a".to_owned())), (3, Ok("a, a".to_owned()))] {
        let (mut text, mut times) = ("a".into_repr(), times.into_repr());
        let arguments = [(&raw mut text).cast(), (&raw mut times).cast()];
        // SAFETY: this is its signature.
        let result = unsafe { call_async::<std::result::Result<String, u64>>(&twice, &arguments, None) };
        assert_eq!(result.unwrap().unwrap(), expected);
    }
    // SAFETY: this is its signature.
    assert_eq!(unsafe { call_async::<()>(&method(&rt, "wait"), &[], None) }.unwrap(), Some(()));
}

#[test]
fn an_async_method_that_panics_is_a_fault_and_one_that_never_ends_is_dropped_at_the_deadline() {
    let rt = Runtime::new().unwrap();
    let mut text = "no ink".to_owned().into_repr();
    // SAFETY: this is its signature.
    let refused = unsafe { call_async::<u8>(&method(&rt, "fall"), &[(&raw mut text).cast()], None) }.unwrap_err();
    assert!(refused.took_arguments);
    assert_eq!((refused.fault.kind(), refused.fault.message()), (FaultKind::Panic, "no ink"));
    let mut text = "text".to_owned().into_repr();
    let limit = Some(std::time::Duration::from_millis(20));
    // SAFETY: this is its signature.
    let late = unsafe { call_async::<[u128; 2]>(&method(&rt, "never"), &[(&raw mut text).cast()], limit) };
    assert_eq!((late.unwrap(), DROPPED.load(Ordering::Relaxed)), (None, 1));
    // Nothing of it is left inside.
    rt.wait_drained(std::time::Duration::from_secs(30)).unwrap();
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
    let refused = |interface, method| rt.inner().find_method(interface, None, method).err().unwrap();
    let missing = refused("packed.shop", "shut");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(missing.to_string().contains("open, price, fail, wait, twice, fall, never"), "{missing}");
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
