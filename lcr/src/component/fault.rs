//! The fault that a caller sees, and how a method's result type decides what it becomes.

use std::{fmt, marker::PhantomData};

use crate::abi::{
    composite::RawTuple5,
    fault::FaultKind,
    owned::RawVec,
    shape::{Kind, Part, Shape},
    value::{Abi, Within},
};

/// Why a call through a handle has no value.
///
/// A method whose result is `Result<_, E>` with `E: From<lcr::Fault>` returns it as an
/// `Err`; any other method panics in the caller with this text. `Fault` itself may be
/// that `E`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    interface: String,
    method: String,
    component: String,
    message: String,
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, interface: &str, method: &str, component: String, message: String) -> Fault {
        Fault { kind, interface: interface.to_owned(), method: method.to_owned(), component, message }
    }

    /// What happened.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// The interface that was called.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// The method that was called; empty if it was to be pinned.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The component that served the call; empty if none did.
    pub fn component(&self) -> &str {
        &self.component
    }

    /// The panic's message, or the reason.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { kind, interface, method, component, message } = self;
        match kind {
            _ if method.is_empty() => write!(f, "{interface} was not pinned: {message}"),
            FaultKind::Panic => write!(f, "component `{component}` panicked in {interface}.{method}: {message}"),
            _ if component.is_empty() => write!(f, "{interface}.{method} was not called: {message}"),
            _ => write!(f, "{interface}.{method} of component `{component}` was not called: {message}"),
        }
    }
}

impl std::error::Error for Fault {}

type Fields = (u32, String, String, String, String);

// SAFETY: it crosses as the tuple of its fields.
unsafe impl Abi for Fault {
    type Repr = RawTuple5<u32, RawVec<u8>, RawVec<u8>, RawVec<u8>, RawVec<u8>>;
    const SHAPE: &'static Shape =
        &Shape::of::<Self::Repr>(Kind::Struct, "lcr.Fault", &[Part { name: "fields", at: 0, shape: Fields::SHAPE }]);
    fn into_repr(self) -> Self::Repr {
        (self.kind as u32, self.interface, self.method, self.component, self.message).into_repr()
    }
    unsafe fn from_repr(repr: Self::Repr) -> Self {
        // SAFETY: the caller keeps the contract of `from_repr`.
        let (kind, interface, method, component, message): Fields = unsafe { Abi::from_repr(repr) };
        Fault { kind: FaultKind::from_number(kind), interface, method, component, message }
    }
}

// SAFETY: it owns its texts.
unsafe impl Within<'_> for Fault {}

/// Stands for a method's result type, so that method resolution can pick how a fault
/// reaches the caller: `(&&Tag::<R>::new()).raise_lcr_fault(fault)` finds [`RaiseAsErr`] if it
/// applies, else, one reference further, [`RaiseAsPanic`].
pub struct Tag<R>(PhantomData<fn() -> R>);

impl<R> Tag<R> {
    /// A tag for `R`.
    #[allow(clippy::new_without_default, reason = "only macros make one")]
    pub fn new() -> Tag<R> {
        Tag(PhantomData)
    }
}

/// The fault becomes the method's error.
pub trait RaiseAsErr<R> {
    /// The method's result for a fault.
    fn raise_lcr_fault(self, fault: Fault) -> R;
}

impl<T, E: From<Fault>> RaiseAsErr<Result<T, E>> for &&Tag<Result<T, E>> {
    fn raise_lcr_fault(self, fault: Fault) -> Result<T, E> {
        Err(E::from(fault))
    }
}

/// The fault becomes a panic of the caller.
pub trait RaiseAsPanic<R> {
    /// Panics with the fault's text.
    fn raise_lcr_fault(self, fault: Fault) -> R;
}

impl<R> RaiseAsPanic<R> for &Tag<R> {
    fn raise_lcr_fault(self, fault: Fault) -> R {
        panic!("{fault}")
    }
}
