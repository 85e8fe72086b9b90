//! What the code of a component runs inside, beside its caller's frame: nothing, or a runtime of its image.
//!
//! `#[lcr::component(runtime = tokio)]` names an [`Ambient`] by its type, [`Tokio`]; without the key it is
//! [`Bare`]. Every C function of an export is generic over the implementing type *and* its ambient, and calls the
//! author's code between [`Ambient::enter`] and the drop of what that returned. For [`Bare`] both are nothing, so
//! a component without a runtime pays nothing.
//!
//! Invariants
//! 1. An instance lies in a [`Placed`], beside what it runs inside. The instance comes first, so that its address
//!    is also that of the `Placed`, and code that has no use for the ambient may take it for a `T`. Beside
//!    [`Bare`], which has no size, a `T` that lies elsewhere is as good: an object of the program.
//! 2. What an instance runs inside begins before its constructor and ends behind its destructor.
//! 3. `enter` is called, and its guard dropped, inside the panic barrier.

use std::mem::ManuallyDrop;

use super::context::Context;

// tokio has another face under `cfg(loom)`.
#[cfg(all(feature = "tokio", not(loom)))]
mod tokio;

#[cfg(all(feature = "tokio", not(loom)))]
pub use self::tokio::Tokio;

/// What a component's code runs inside.
pub trait Ambient: Sized + 'static {
    /// Whether async calls under way end when the instance is replaced.
    const CANCELS: bool = false;

    /// Whether `enter` does nothing, so that it may as well be called twice.
    const IS_NOTHING: bool = false;

    /// Being inside, until it is dropped. Dropped in the reverse order, on the thread that entered.
    type Guard<'a>;

    /// Begins for an instance that is about to be constructed.
    ///
    /// # Errors
    /// Why that is impossible; the instance is not constructed then.
    fn begin(context: &Context) -> Result<Self, String>;

    /// Goes inside.
    fn enter(&self) -> Self::Guard<'_>;

    /// Ends for an instance that was destroyed. Returns whether nothing is left of it.
    fn end(self) -> bool;
}

/// An ambient that this build of `lcr` has. Every function of an export is generic over its ambient, so that a bound
/// there would be refused as often; [`require_available`] is called once.
#[diagnostic::on_unimplemented(
    message = "`runtime = tokio` needs the feature `tokio` of `lcr`",
    label = "`lcr` is built without tokio",
    note = "add the feature in Cargo.toml, beside `default-features = false`: `features = [\"tokio\"]`"
)]
pub trait Available {}

impl Available for Bare {}

#[cfg(all(feature = "tokio", not(loom)))]
impl Available for Tokio {}

impl<A: Available> Available for Cancelling<A> {}

/// Refuses an ambient that this build lacks.
pub const fn require_available<A: Available>() {}

/// No runtime: a component's code runs on its caller's thread, and inside nothing.
pub struct Bare;

impl Ambient for Bare {
    const IS_NOTHING: bool = true;

    type Guard<'a> = ();

    fn begin(_: &Context) -> Result<Bare, String> {
        Ok(Bare)
    }

    #[inline(always)]
    fn enter(&self) {}

    fn end(self) -> bool {
        true
    }
}

/// As `A`, where `cancel` was given: async calls under way end when the instance is replaced.
#[repr(transparent)]
pub struct Cancelling<A>(A);

impl<A: Ambient> Ambient for Cancelling<A> {
    const CANCELS: bool = true;

    const IS_NOTHING: bool = A::IS_NOTHING;

    type Guard<'a> = A::Guard<'a>;

    fn begin(context: &Context) -> Result<Cancelling<A>, String> {
        A::begin(context).map(Cancelling)
    }

    #[inline(always)]
    fn enter(&self) -> A::Guard<'_> {
        self.0.enter()
    }

    fn end(self) -> bool {
        self.0.end()
    }
}

/// What `runtime = tokio` names in a build without the feature, where [`require_available`] refuses it. It is an
/// ambient, so that this refusal is the only one.
#[cfg(not(all(feature = "tokio", not(loom))))]
pub struct Tokio;

#[cfg(not(all(feature = "tokio", not(loom))))]
impl Ambient for Tokio {
    type Guard<'a> = ();

    fn begin(_: &Context) -> Result<Tokio, String> {
        Err("`lcr` is built without the feature `tokio`".to_owned())
    }

    fn enter(&self) {}

    fn end(self) -> bool {
        true
    }
}

/// An instance, and what it runs inside.
#[repr(C)]
pub struct Placed<T, A> {
    /// Dropped by hand, while the thread is inside `ambient`.
    pub value: ManuallyDrop<T>,
    pub ambient: A,
}
