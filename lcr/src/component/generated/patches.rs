//! Patches in generated code: closures of an interface's own types become layers of its methods.
//!
//! `#[lcr::interface]` generates, for each method, a function that takes such a closure
//! ([`Patchable::Methods`]). It lifts and lowers as calls and services do: the closure receives its arguments out of
//! memory that is lent for the call, and what it passes to `next` is lowered and goes on to the layer below.
//!
//! A layer that looks at the arguments, at the result, or answers some calls only, is one that stands around the
//! method, too: the generated code wraps the closure in one that calls `next`. So it owns the arguments as every layer
//! does, and a `Vec` or `String` that this image has made goes in and out of it without a copy.
//!
//! A method that is polled has no such function: it has no [crossing](crate::abi::crossing).

use std::{fmt, marker::PhantomData, panic::resume_unwind};

use super::arguments::Arguments;
use crate::{
    abi::{
        crossing::Packed,
        fault::{FaultKind, Outcome},
        interface::Interface,
    },
    component::{
        fault::{Fault, Tag},
        hooks::{Around, Next},
        panic_barrier::Refusal,
        passing_fault::PassingFault,
    },
};

/// An interface whose methods can be patched by closures: `dyn Trait` of an `#[lcr::interface(.., patches)]`.
///
/// # Safety
/// What [`Methods`](Patchable::Methods) and the other four collect are layers of this interface's methods: each was
/// given to [`around`] with the number and the representations of one of [`Interface::METHODS`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no functions that take closures",
    label = "not an interface with `patches`",
    note = "write `#[lcr::interface(name = \"...\", version = 1, patches)]` on the trait, and name it as `dyn Trait`"
)]
pub unsafe trait Patchable: Interface {
    /// What collects the closures: it has a function for each method, of the method's name.
    type Methods: Collects;
    /// The same, of closures that see the arguments before the call.
    type BeforeCall: Collects;
    /// The same, of closures that see the result.
    type AfterCall: Collects;
    /// The same, of closures that answer some calls.
    type Clauses: Collects;
    /// The same, of methods that are withdrawn: the functions take nothing.
    type Withdrawn: Collects;
}

/// What collects the layers of a patch.
pub trait Collects: Default {
    /// The layers, in the order in which they were given.
    fn into_layers(self) -> Layers;
}

/// The layers of a patch.
#[derive(Default)]
pub struct Layers(pub(crate) Vec<(usize, Box<dyn Around>)>);

/// Adds a layer around the method of that number. `function` gets what is below and the lowered arguments, and gives
/// the lowered result.
///
/// # Safety
/// The method takes arguments of these representations and has a result of type `R`.
pub unsafe fn around<A, R, F>(layers: &mut Layers, method: usize, function: F)
where
    A: Arguments + 'static,
    R: Copy + 'static,
    F: Fn(&Next<'_>, A) -> R + Send + Sync + 'static,
{
    layers.0.push((method, Box::new(Typed { function, signature: PhantomData::<fn(A) -> R> })));
}

struct Typed<A, R, F> {
    function: F,
    signature: PhantomData<fn(A) -> R>,
}

// SAFETY: unpacking takes the arguments, which are the closure's then, also when it unwinds; the outcome is written
// last. The caller of `around` vouches for the signature.
unsafe impl<A: Arguments, R: Copy, F: Fn(&Next<'_>, A) -> R + Send + Sync> Around for Typed<A, R, F> {
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ()) {
        // SAFETY: the caller passes the arguments of the signature.
        let arguments = unsafe { A::unpack(arguments) };
        let outcome = Outcome::done((self.function)(next, arguments));
        // SAFETY: the caller has room for the outcome.
        unsafe { out.cast::<Outcome<R>>().write(outcome) };
    }
}

/// What a closure says that sees a call before it is made: `()`, or a `Result` whose error refuses the call with its
/// text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether the call goes on",
    label = "neither `()` nor a `Result<(), E>`",
    note = "return nothing to let every call go on, or `Err(text)` to refuse one"
)]
pub trait Permit {
    /// Why the call is refused; `None` if it goes on.
    fn refusal(self) -> Option<String>;
}

impl Permit for () {
    fn refusal(self) -> Option<String> {
        None
    }
}

impl<E: fmt::Display> Permit for Result<(), E> {
    fn refusal(self) -> Option<String> {
        self.err().map(|why| why.to_string())
    }
}

/// Unwinds to the barrier of the layer if the call is refused.
pub fn permit(said: impl Permit) {
    if let Some(why) = said.refusal() {
        resume_unwind(Box::new(Refusal(FaultKind::Refused, why)))
    }
}

/// Unwinds to the barrier of the layer: the method is withdrawn.
pub fn withdrawn() -> ! {
    resume_unwind(Box::new(Refusal(FaultKind::Withdrawn, "the method was withdrawn by a patch".to_owned())))
}

/// A fault of what is below becomes the method's error.
pub trait PassAsErr<R> {
    /// The method's result for a fault.
    fn pass_lcr_fault<I: ?Sized + Interface>(self, fault: PassingFault, method: usize) -> R;
}

impl<T, E: From<Fault>> PassAsErr<Result<T, E>> for &&Tag<Result<T, E>> {
    #[cold]
    #[inline(never)]
    fn pass_lcr_fault<I: ?Sized + Interface>(self, fault: PassingFault, method: usize) -> Result<T, E> {
        Err(E::from(fault.into_fault::<I>(method)))
    }
}

/// A fault of what is below unwinds to the barrier of the layer.
pub trait PassAsPanic<R> {
    /// Unwinds.
    fn pass_lcr_fault<I: ?Sized + Interface>(self, fault: PassingFault, method: usize) -> R;
}

impl<R> PassAsPanic<R> for &Tag<R> {
    #[cold]
    #[inline(never)]
    fn pass_lcr_fault<I: ?Sized + Interface>(self, fault: PassingFault, _method: usize) -> R {
        resume_unwind(Box::new(fault))
    }
}
