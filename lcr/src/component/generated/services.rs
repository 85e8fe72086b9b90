//! The component's side of a call, and how `#[lcr::component]` finds the functions of a type.

use crate::{
    abi::{
        crossing::Crossing,
        fault::Outcome,
        interface::{Interface, InterfaceInfo},
        tables::{Created, RawContext, Thunk},
    },
    component::{
        ambient::{Ambient, Bare, Placed},
        export::default_create,
        generated::crossing_tables::crossings_of,
        panic_barrier::barrier,
    },
};

/// An interface that `T` implements, running inside `A`: `dyn Trait` for every `T: Trait`.
/// `#[lcr::interface]` implements this trait; it is a bound of functions that take an object of any such type, as
/// [`Runtime::provide`](crate::Runtime::provide) does.
///
/// # Safety
/// The functions must be those of [`Interface::METHODS`], in that order, for instances of `T` inside `A`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an lcr interface",
    label = "no `#[lcr::interface]` on this trait",
    note = "put `#[lcr::interface(name = \"...\", version = 1)]` on the trait"
)]
pub unsafe trait ServedBy<T: 'static, A: Ambient = Bare>: Interface {
    /// The methods' C functions.
    const THUNKS: &'static [Thunk];
    /// Gives the thunks of the methods' C functions.
    const CROSSINGS: extern "C" fn() -> *const Crossing = crossings_of::<Self>;
    /// What the manifest says of the interface.
    const INTERFACE: InterfaceInfo = InterfaceInfo::of::<Self>();
}

/// A component that is constructed without `create = path`.
///
/// # Safety
/// The constructor keeps the contract of [`Export::create`](crate::abi::tables::Export::create)
/// for instances of `Self` inside `A`.
#[diagnostic::on_unimplemented(
    message = "no constructor of `{Self}` is known",
    label = "the type has no `Default`",
    note = "derive `Default`, or name a function: `#[lcr::component(create = Self::new)]`"
)]
pub unsafe trait DefaultCreate<A: Ambient = Bare> {
    /// The constructor of its export.
    const CREATE: unsafe extern "C" fn(*const RawContext) -> Created;
}

#[diagnostic::do_not_recommend]
// SAFETY: `default_create` is the constructor for any type with a default.
unsafe impl<T: Default, A: Ambient> DefaultCreate<A> for T {
    const CREATE: unsafe extern "C" fn(*const RawContext) -> Created = default_create::<T, A>;
}

/// Runs a method of the instance `this` within the barrier, inside what the instance runs inside. `method`
/// lifts the call's arguments and lowers its result.
///
/// # Safety
/// `this` is a `T` that was constructed inside `A`, and is alive.
#[inline(always)]
pub unsafe fn serve<T, A: Ambient, R: Copy>(this: *const (), method: impl FnOnce(&T) -> R) -> Outcome<R> {
    barrier(|| {
        // SAFETY: the caller says so.
        let placed = unsafe { &*this.cast::<Placed<T, A>>() };
        let _inside = placed.ambient.enter();
        method(&placed.value)
    })
}
