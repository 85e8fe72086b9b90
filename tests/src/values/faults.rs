//! Panics, as faults and as panics of the caller.

use std::panic::{self, AssertUnwindSafe, panic_any};

use lcr::{Bytes, Fault, FaultKind, Handle};

use super::contract::{Faulty, Trouble};

const INTERFACE: &str = "test.values.faulty";

/// The text of a panic for each `how`.
const PANICS: [(&str, &str); 4] = [
    ("str", "a plain str"),
    ("String", "a String of 1"),
    ("any", "a panic without a message"),
    ("bomb", "a panic without a message"),
];

/// The text that a call panics with; `None` if it returns.
fn panic_of<T>(call: impl FnOnce() -> T) -> Option<String> {
    let payload = panic::catch_unwind(AssertUnwindSafe(|| drop(call()))).err()?;
    Some(*payload.downcast::<String>().expect("the panic is one of the caller's own side, and has a text"))
}

fn check(fault: &Fault, method: &str, message: &str) {
    assert_eq!(fault.kind(), FaultKind::Panic);
    assert_eq!((fault.interface(), fault.method(), fault.message()), (INTERFACE, Some(method), message));
    let component = fault.component().unwrap();
    assert!(component.name.starts_with("values"), "{component}");
    assert_eq!(fault.to_string(), format!("component `{component}` panicked in {INTERFACE}.{method}: {message}"));
}

/// A panic of a method arrives as its error, if the error type can be made from a fault. Otherwise it arrives
/// as a panic of the caller.
///
/// # Panics
/// If not.
pub fn panics(peer: &Handle<dyn Faulty>) {
    for (how, message) in PANICS {
        check(&peer.fault(how).unwrap_err(), "fault", message);
        let held = vec![how.to_owned(); 3];
        let Err(Trouble::Fault(fault)) = peer.trouble(how, held) else { panic!("{how}: no fault") };
        check(&fault, "trouble", message);
        let passed = peer.passed(peer.clone(), how).unwrap();
        check(&passed, "fault", message);
        let component = fault.component().unwrap();
        let expected = |method| Some(format!("component `{component}` panicked in {INTERFACE}.{method}: {message}"));
        assert_eq!(panic_of(|| peer.plain(how)), expected("plain"));
        assert_eq!(panic_of(|| peer.nothing(how)), expected("nothing"));
        assert_eq!(panic_of(|| peer.text(how)), expected("text"));
    }
    assert_eq!(peer.plain("no"), 1);
    assert_eq!((peer.fault("no"), peer.text("no")), (Ok(2), Err("refused".to_owned())));
    assert_eq!(peer.trouble("no", vec!["held".to_owned()]), Err(Trouble::Refused("held".to_owned())));
    assert_eq!(peer.passed(peer.clone(), "no"), None);
    peer.nothing("no");
}

/// A panic of the caller's function passes through the component like a panic of the component.
///
/// # Panics
/// If not.
pub fn panics_of_callbacks(peer: &Handle<dyn Faulty>) {
    assert_eq!(peer.through(&|n| n + 1), Ok(43));
    let fault = peer.through(&|n| panic!("the caller's {n}")).unwrap_err();
    check(&fault, "through", "the caller's 42");
    assert_eq!(peer.caught(&|n| panic!("the caller's {n}")), Err("the caller's 42".to_owned()));
    assert_eq!(peer.caught(&|n| n + 2), Ok(44));
    // A fault inside a fault: the inner call's text is the outer one's message.
    let fault = peer.through(&|_| peer.plain("str")).unwrap_err();
    check(&fault, "through", &panic_of(|| peer.plain("str")).unwrap());
}

/// Panics when it is dropped.
struct Unwilling<'a>(&'a str);

impl AsRef<[u8]> for Unwilling<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Drop for Unwilling<'_> {
    fn drop(&mut self) {
        panic_any(Unwilling(""));
    }
}

/// A panic of a destructor does not harm the other side, which drops the value.
///
/// # Panics
/// If it does.
pub fn panics_of_destructors(peer: &Handle<dyn Faulty>) {
    for (how, _) in PANICS {
        let bytes = peer.bytes(how);
        assert_eq!(&*bytes, how.as_bytes());
        drop(bytes);
    }
    let captured = Unwilling("captured");
    let function = Box::new(move || assert!(!captured.as_ref().is_empty()));
    assert_eq!(peer.forget(function, Bytes::from_owner(Unwilling("owner"))), Ok(()));
    assert_eq!(peer.fault("no"), Ok(2));
}
