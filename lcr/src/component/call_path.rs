//! The call path, from the caller's handle to the component's function and back.
//!
//! | step | file |
//! |---|---|
//! | lower the arguments, lift the result | `component/generated/requests`, called by the code of `#[lcr::interface]` |
//! | enter by the fast path, else by the slow one | [`Handle`], through `abi/frame` and `abi/world` |
//! | the slow path: first calls, gates, pins, deep nesting | `host/service/host_table`, `host/service/gate` |
//! | enter under a pin | [`Pinned`](super::pinned::Pinned) |
//! | find the function, call it, leave | this file |
//! | an async call: the same, and how its instance is held between polls | `component/async_call` |
//! | catch a panic, lift the arguments, lower the result | `component/generated/services`, `component/panic_barrier` |
//!
//! A handle and a pin differ in how a call gets inside an instance and out again, which is
//! [`Inside`]. What the call does there, [`call_inside`], is the same for a handle's fast path, its
//! slow path and a pin.
//!
//! Invariants
//! 1. A call leaves the instance exactly once: after its result was lifted (also if lifting
//!    panics), after the host has named the component that faulted, or before a default body
//!    serves the call.
//! 2. [`Callee::call`] ends in exactly one of its continuations `done` and `otherwise`.
//! 3. The continuation `lift` runs if, and only if, the component did not get the arguments.

use std::{marker::PhantomData, ops::Deref, ptr::NonNull};

use super::{
    async_call::Held,
    fault::{Fault, Origin},
    generated::arguments::Arguments,
    handle::Handle,
    identity::ComponentId,
};
use crate::abi::{
    fault::{Beginning, FaultKind, RawFault},
    interface::Interface,
    tables::RawSlot,
    value::Abi,
    world::{Methods, Pair, Table},
};

/// What generated code calls methods of: a [`Handle`](super::handle::Handle) or a
/// [`Pinned`](super::pinned::Pinned).
///
/// # Safety
/// [`Callee::call`] gives `done` a result that the method's function has returned for these
/// arguments, and nothing else.
pub unsafe trait Callee: Sized {
    /// The interface whose methods it has.
    type Interface: ?Sized + Interface;

    /// Calls method `method` with arguments that are lowered already. `done` gets the result's
    /// representation while the component's image cannot go away, because what the result owns
    /// is freed there. `otherwise` gets the reason why there is no result, outside the call.
    /// `lift` takes back arguments that the component did not get.
    ///
    /// # Safety
    /// The method takes arguments of these representations and has a result of type `R`.
    unsafe fn call<A: Arguments, R: Copy, V, T>(
        &self,
        method: u32,
        arguments: A,
        lift: impl FnOnce(A) -> V,
        done: impl Fn(R) -> T,
        otherwise: impl FnOnce(Unserved<V>) -> T,
    ) -> T;
}

/// Why a call has no result.
pub enum Unserved<V> {
    /// The component lacks the method; a default body may serve these arguments.
    Missing(V),
    /// The call was refused or faulted.
    Fault(Fault),
}

impl<V> Unserved<V> {
    /// The fault of a method without a default body.
    pub(super) fn into_fault<I: ?Sized + Interface>(self, method: u32) -> Fault {
        match self {
            Unserved::Missing(_) => {
                let message = "the component lacks this method, and the interface has no default for it".to_owned();
                Fault::new(FaultKind::Withdrawn, I::NAME, method_name::<I>(method), None, message, None)
            }
            Unserved::Fault(fault) => fault,
        }
    }
}

/// How a call stands inside an instance.
pub trait Inside<I: ?Sized + Interface> {
    /// The handle that was called, or pinned.
    fn handle(&self) -> &Handle<I>;
    /// The world that keeps the instance.
    fn table(&self) -> *const Table;
    /// Leaves the instance; called once.
    fn leave(&self);
    /// Has the instance held for a call of an async method that is pending, before the call leaves.
    fn hold(&self, method: u32) -> Held;
}

/// A call inside an instance: dropping it leaves.
pub(super) struct InsideGuard<I: ?Sized + Interface, E: Inside<I>> {
    inside: E,
    interface: PhantomData<fn(&I)>,
}

impl<I: ?Sized + Interface, E: Inside<I>> InsideGuard<I, E> {
    #[inline(always)]
    pub(super) fn new(inside: E) -> InsideGuard<I, E> {
        InsideGuard { inside, interface: PhantomData }
    }
}

impl<I: ?Sized + Interface, E: Inside<I>> Deref for InsideGuard<I, E> {
    type Target = E;

    #[inline(always)]
    fn deref(&self) -> &E {
        &self.inside
    }
}

impl<I: ?Sized + Interface, E: Inside<I>> Drop for InsideGuard<I, E> {
    #[inline(always)]
    fn drop(&mut self) {
        self.inside.leave();
    }
}

/// Calls method `method` of the instance with these methods, in which the call is `inside`.
///
/// # Safety
/// As for [`Callee::call`]; the methods are alive until the call leaves.
#[inline(always)]
pub(super) unsafe fn call_inside<I: ?Sized + Interface, A: Arguments, R: Copy, V, T>(
    inside: impl Inside<I>,
    methods: Methods,
    method: u32,
    arguments: A,
    lift: impl FnOnce(A) -> V,
    done: impl Fn(R) -> T,
    otherwise: impl FnOnce(Unserved<V>) -> T,
) -> T {
    // SAFETY: the host linked as many functions as `I` has methods.
    let Pair { function, data } = unsafe { methods.pair(method) };
    // Known at compile time where the call is inlined: the host links no component that lacks
    // a method without a default body.
    if I::METHODS[method as usize].has_default && function.is_null() {
        inside.leave();
        return missing(arguments, lift, otherwise);
    }
    // SAFETY: the host linked the method's function; the caller vouches for its signature.
    let outcome = unsafe { arguments.invoke::<R>(function, data) };
    if outcome.fault.is_null() {
        let _leave = Leave(|| inside.leave());
        // SAFETY: no fault means a value.
        return done(unsafe { outcome.value.assume_init() });
    }
    faulted(inside, outcome.fault, method, otherwise)
}

/// Leaves a call when its result was lifted, also if lifting panics.
struct Leave<F: Fn()>(F);

impl<F: Fn()> Drop for Leave<F> {
    #[inline(always)]
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Goes on without a method.
#[cold]
#[inline(never)]
fn missing<A, V, T>(arguments: A, lift: impl FnOnce(A) -> V, otherwise: impl FnOnce(Unserved<V>) -> T) -> T {
    otherwise(Unserved::Missing(lift(arguments)))
}

/// Leaves a call that faulted, once the host has said which component served it.
#[cold]
#[inline(never)]
fn faulted<I: ?Sized + Interface, V, T>(
    inside: impl Inside<I>,
    fault: *mut RawFault,
    method: u32,
    otherwise: impl FnOnce(Unserved<V>) -> T,
) -> T {
    let fault = served_fault(inside.handle(), fault, method, inside.table());
    inside.leave();
    otherwise(Unserved::Fault(fault))
}

/// The fault of a call that was made, with the name of the component that served it.
#[cold]
pub(super) fn served_fault<I: ?Sized + Interface>(
    handle: &Handle<I>,
    fault: *mut RawFault,
    method: u32,
    table: *const Table,
) -> Fault {
    // SAFETY: the handle keeps the slot alive, this thread has not left the world, and the component gave us the fault.
    unsafe { fault_of_call(handle.slot(), table, (I::NAME, method_name::<I>(method)), method, fault) }
}

/// The fault of a call of the method of that number, whose interface and name are `called`.
///
/// # Safety
/// The slot is alive, the calling thread is inside the world, and the fault is a live one that nothing else uses.
#[cold]
pub(crate) unsafe fn fault_of_call(
    slot: NonNull<RawSlot>,
    table: *const Table,
    called: (&str, Option<&str>),
    method: u32,
    fault: *mut RawFault,
) -> Fault {
    // SAFETY: the caller says so.
    let host = unsafe { slot.as_ref() }.host;
    // SAFETY: a host's table lives as long as the process.
    let component_at = unsafe { &*host }.component_at;
    // SAFETY: the caller says so.
    let name = unsafe { component_at(slot.as_ptr(), table, method, fault) };
    // SAFETY: the caller says so.
    let (kind, message, beginning) = unsafe { RawFault::take(fault) };
    // SAFETY: the host gives us a `String`'s representation.
    let component = unsafe { String::from_repr(name) };
    // SAFETY: the caller says so.
    let generation = unsafe { (*table).serial };
    let beginning = beginning.unwrap_or_else(|| Beginning { component: component.clone(), generation: 0 });
    let (origin, component) = (Origin::of(beginning, generation), ComponentId::parse(&component));
    Fault::new(kind, called.0, called.1, component, message, origin)
}

/// The fault of a call that was not made.
#[cold]
#[inline(never)]
pub(super) fn refused<I: ?Sized + Interface>(fault: *mut RawFault, method: u32) -> Fault {
    // SAFETY: the host gave us the fault.
    let (kind, message, _) = unsafe { RawFault::take(fault) };
    Fault::new(kind, I::NAME, method_name::<I>(method), None, message, None)
}

fn method_name<I: ?Sized + Interface>(method: u32) -> Option<&'static str> {
    I::METHODS.get(method as usize).map(|method| method.shape.name)
}
