//! The fault that a caller sees, and how a method's result type decides what it becomes.

use std::{fmt, marker::PhantomData};

use super::passing;
use crate::abi::{
    composite::RawTuple7,
    fault::{Beginning, FaultKind},
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
    /// Boxed, so that a `Result` with a fault stays small.
    origin: Option<Box<Origin>>,
}

/// Where a panic began: carried along as it passes through calls, callbacks and images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    component: String,
    generation: u64,
}

impl Origin {
    /// That of code which belongs to no component, as it crosses.
    const NONE: Origin = Origin { component: String::new(), generation: 0 };

    /// What is known of it where a call in the world of commit `generation` faulted.
    pub(super) fn of(beginning: Beginning, generation: u64) -> Option<Origin> {
        let Beginning { component, generation: other } = beginning;
        let generation = if other == 0 { generation } else { other };
        (!component.is_empty()).then_some(Origin { component, generation })
    }

    /// The component's name.
    pub fn component(&self) -> &str {
        self.component.split_once(' ').map_or(&*self.component, |(name, _)| name)
    }

    /// The component's semantic version.
    pub fn version(&self) -> &str {
        self.component.split_once(' ').map_or("", |(_, version)| version)
    }

    /// The number of the commit in whose world the component was called, as
    /// [`Runtime::generation`](crate::Runtime::generation) counts them. Of a callback, that in
    /// whose world the component was called that called back.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in generation {}", self.component, self.generation)
    }
}

impl Fault {
    pub(crate) fn new(
        kind: FaultKind,
        interface: &str,
        method: &str,
        component: String,
        message: String,
        origin: Option<Origin>,
    ) -> Fault {
        let (interface, method) = (interface.to_owned(), method.to_owned());
        Fault { kind, interface, method, component, message, origin: origin.map(Box::new) }
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

    /// Where the panic began, which may be another component than the one that served the call:
    /// one that this called, or whose callback it called. `None` if nothing panicked, or if the
    /// code that did belongs to no component (a callback of the program).
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_deref()
    }

    /// The panic's message, or the reason.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { kind, interface, method, component, message, .. } = self;
        match kind {
            _ if method.is_empty() => write!(f, "{interface} was not pinned: {message}"),
            FaultKind::Panic => write!(f, "component `{component}` panicked in {interface}.{method}: {message}"),
            _ if component.is_empty() => write!(f, "{interface}.{method} was not called: {message}"),
            _ => write!(f, "{interface}.{method} of component `{component}` was not called: {message}"),
        }
    }
}

impl std::error::Error for Fault {}

/// Of the origin its component, empty if there is none, and its generation.
type Fields = (u32, String, String, String, String, String, u64);

// SAFETY: it crosses as the tuple of its fields.
unsafe impl Abi for Fault {
    type Repr = RawTuple7<u32, RawVec<u8>, RawVec<u8>, RawVec<u8>, RawVec<u8>, RawVec<u8>, u64>;
    const SHAPE: &'static Shape =
        &Shape::of::<Self::Repr>(Kind::Struct, "lcr.Fault", &[Part { name: "fields", at: 0, shape: Fields::SHAPE }]);
    fn into_repr(self) -> Self::Repr {
        let Origin { component, generation } = self.origin.map_or(Origin::NONE, |origin| *origin);
        (self.kind as u32, self.interface, self.method, self.component, self.message, component, generation).into_repr()
    }
    unsafe fn from_repr(repr: Self::Repr) -> Self {
        // SAFETY: the caller keeps the contract of `from_repr`.
        let fields: Fields = unsafe { Abi::from_repr(repr) };
        let (kind, interface, method, component, message, origin, generation) = fields;
        let origin = Origin::of(Beginning { component: origin, generation }, generation);
        let origin = origin.map(Box::new);
        Fault { kind: FaultKind::from_number(kind), interface, method, component, message, origin }
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
        let text = fault.to_string();
        if fault.kind == FaultKind::Panic {
            let Origin { component, generation } = fault.origin.map_or(Origin::NONE, |origin| *origin);
            passing::note(&text, Beginning { component, generation });
        }
        panic!("{text}")
    }
}
