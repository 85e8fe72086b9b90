//! The fault that a caller sees, and how a method's result type decides what it becomes.

use std::{fmt, marker::PhantomData};

use super::{fault_note, identity::ComponentId};
use crate::abi::{
    fault::{Beginning, FaultKind},
    shape::{Kind, Part, Shape},
    value::{Abi, Within, composite::RawTuple7, sequences::RawVec},
};

/// Why a call through a handle has no result.
///
/// A method that returns `Result<_, E>` with `E: From<lcr::Fault>` gives the caller the fault as an
/// `Err`; `E` may be `Fault` itself. Any other method panics in the caller with the fault's text. A
/// fault is an [`Abi`](trait@crate::Abi) value, and one word wide.
#[derive(Clone, PartialEq, Eq)]
pub struct Fault(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: FaultKind,
    interface: String,
    method: Option<String>,
    component: Option<ComponentId>,
    message: String,
    origin: Option<Origin>,
}

/// Where a panic began. The origin stays the same while the panic passes through calls, callbacks
/// and images.
///
/// `Display` writes `kv 1.2.3 in generation 7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    component: ComponentId,
    generation: u64,
}

impl Origin {
    /// The origin of a fault of a call in the world of commit `generation`.
    pub(crate) fn of(beginning: Beginning, generation: u64) -> Option<Origin> {
        let Beginning { component, generation: other } = beginning;
        let generation = if other == 0 { generation } else { other };
        Some(Origin { component: ComponentId::parse(&component)?, generation })
    }

    /// The form in which an origin crosses: the name is empty if the code belongs to no component.
    fn into_beginning(origin: Option<Origin>) -> Beginning {
        match origin {
            Some(Origin { component, generation }) => Beginning { component: component.to_string(), generation },
            None => Beginning { component: String::new(), generation: 0 },
        }
    }

    /// The component whose code panicked.
    pub fn component(&self) -> &ComponentId {
        &self.component
    }

    /// The number of the commit in whose world the component was called, as
    /// [`Runtime::generation`](crate::Runtime::generation) counts commits. If a callback panicked, this
    /// is the world in which the component that made the callback was called.
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
        method: Option<&str>,
        component: Option<ComponentId>,
        message: String,
        origin: Option<Origin>,
    ) -> Fault {
        let (interface, method) = (interface.to_owned(), method.map(str::to_owned));
        Fault(Box::new(Inner { kind, interface, method, component, message, origin }))
    }

    /// The class of the fault.
    pub fn kind(&self) -> FaultKind {
        self.0.kind
    }

    /// The interface of the handle.
    pub fn interface(&self) -> &str {
        &self.0.interface
    }

    /// The method that was called; `None` if the fault is that of [`Handle::pin`](crate::Handle::pin).
    pub fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// The component that served the call; `None` if no component was called.
    pub fn component(&self) -> Option<&ComponentId> {
        self.0.component.as_ref()
    }

    /// Where the panic began: in the component that served the call, in a component that it called,
    /// or in one whose callback it called. `None` if nothing panicked, or if the panic began in a
    /// callback of the program.
    pub fn origin(&self) -> Option<&Origin> {
        self.0.origin.as_ref()
    }

    /// The panic's message, or why the call was not made.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, interface, method, component, message, origin } = &*self.0;
        f.debug_struct("Fault")
            .field("kind", kind)
            .field("interface", interface)
            .field("method", method)
            .field("component", component)
            .field("message", message)
            .field("origin", origin)
            .finish()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, interface, method, component, message, .. } = &*self.0;
        let Some(method) = method else { return write!(f, "{interface} was not pinned: {message}") };
        match (kind, component) {
            (FaultKind::Panic, Some(component)) => {
                write!(f, "component `{component}` panicked in {interface}.{method}: {message}")
            }
            (FaultKind::Panic, None) => write!(f, "a component panicked in {interface}.{method}: {message}"),
            (_, None) => write!(f, "{interface}.{method} was not called: {message}"),
            (_, Some(component)) => {
                write!(f, "{interface}.{method} of component `{component}` was not called: {message}")
            }
        }
    }
}

impl std::error::Error for Fault {}

/// Kind, interface, method, component, message, the origin's component and its generation. An
/// absent text crosses empty.
type Fields = (u32, String, String, String, String, String, u64);

// SAFETY: it crosses as the tuple of its fields.
unsafe impl Abi for Fault {
    type Repr = RawTuple7<u32, RawVec<u8>, RawVec<u8>, RawVec<u8>, RawVec<u8>, RawVec<u8>, u64>;
    const SHAPE: &'static Shape =
        &Shape::of::<Self::Repr>(Kind::Struct, "lcr.Fault", &[Part::new("fields", 0, Fields::SHAPE)]);
    fn into_repr(self) -> Self::Repr {
        let Inner { kind, interface, method, component, message, origin } = *self.0;
        let component = component.map_or(String::new(), |component| component.to_string());
        let Beginning { component: origin, generation } = Origin::into_beginning(origin);
        let method = method.unwrap_or_default();
        (kind as u32, interface, method, component, message, origin, generation).into_repr()
    }
    unsafe fn from_repr(repr: Self::Repr) -> Self {
        // SAFETY: the caller keeps the contract of `from_repr`.
        let fields: Fields = unsafe { Abi::from_repr(repr) };
        let (kind, interface, method, component, message, origin, generation) = fields;
        let origin = Origin::of(Beginning { component: origin, generation }, generation);
        let (kind, component) = (FaultKind::from_number(kind), ComponentId::parse(&component));
        let method = Some(method).filter(|method| !method.is_empty());
        Fault(Box::new(Inner { kind, interface, method, component, message, origin }))
    }
}

// SAFETY: it owns its texts.
unsafe impl Within<'_> for Fault {}

/// Stands for a method's result type, so that method resolution can pick how a fault
/// reaches the caller: `(&&Tag::<R>::new()).raise_lcr_fault(fault)` finds [`RaiseAsErr`] if it
/// applies, else, one reference further, [`RaiseAsPanic`].
#[allow(missing_debug_implementations, reason = "generated code alone names it")]
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
        if fault.kind() == FaultKind::Panic {
            fault_note::note(&text, Origin::into_beginning(fault.0.origin));
        }
        panic!("{text}")
    }
}
