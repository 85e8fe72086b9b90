//! What generated code names, and nothing else does. No part of it is stable.
//!
//! Beside re-exports of floors 0 and 1 it holds the logic of a call, generic over its
//! arguments, so that the macros generate none: [`serve`] on the component's side,
//! [`request`] on the caller's, [`Lent`] and [`Given`] for callbacks.
//!
//! Invariants
//! 1. Arguments are lowered before a callee is entered, because lowering may run the
//!    author's code (serde), which may panic.
//! 2. Whatever became of a call, each lowered argument is lifted exactly once: by the
//!    component, by a default body, or here to be dropped. Only what follows a value that
//!    panics on its way (a `Serde` that cannot be decoded) is leaked.
//! 3. What comes out of another image's memory is taken by [`receive`]: an argument by the
//!    component, a result by the caller, and the other way round for a callback. So no type
//!    that holds a reference to live longer than the call gets through, however it is spelt.
//!    By [`lift`] a caller only takes back the arguments that it lowered itself.

pub use std::boxed::Box;

pub use inventory;

pub use crate::{
    abi::{
        fault::Outcome,
        interface::{Interface, InterfaceInfo, Method, Need, interface_bytes, interface_len},
        manifest::{Declaration, Flags, manifest_bytes, manifest_len},
        shape::{Kind, Part, Shape, bounds},
        tables::{Created, Export, RawContext, Thunk, Verdict},
        value::{Abi, Plain, Within},
    },
    component::{
        fault::{RaiseAsErr, RaiseAsPanic, Tag},
        handle::Handle,
        pinned::Pinned,
        registration::{Registration, create_with, healthy_with},
        stateful::Stateful,
    },
};

use std::{
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
};

use crate::{
    abi::{
        callback::{BoxedCallback, Callback, OwnedCallback},
        fault::FaultKind,
    },
    component::{
        barrier::{Contained, barrier, callback_barrier, expect_outcome},
        fault::Fault,
        handle::{Callee, Unserved},
        registration::default_create,
    },
};

/// How a `T` crosses.
pub type Repr<T> = <T as Abi>::Repr;

/// Lowers a value by `<T as Abi>::into_repr`. It is an argument so that the compiler says
/// once, at the name of the type, that a `T` is no value.
#[inline(always)]
pub fn lower<T, R>(into_repr: fn(T) -> R, value: T) -> R {
    into_repr(value)
}

/// Lifts a value by `<T as Abi>::from_repr`, which is an argument for the same reason.
///
/// # Safety
/// As for [`Abi::from_repr`].
#[inline(always)]
pub unsafe fn lift<T, R>(from_repr: unsafe fn(R) -> T, repr: R) -> T {
    // SAFETY: the caller keeps the contract of `from_repr`.
    unsafe { from_repr(repr) }
}

/// A local variable that stands for memory of another image, for as long as it is lent:
/// the length of one call. What is [received](receive) borrows from it.
pub struct Memory;

/// A value that was received, and may borrow memory that is lent for `'a`.
pub struct Received<'a, T> {
    value: T,
    memory: PhantomData<fn(&'a Memory) -> &'a Memory>,
}

/// Lifts a value out of memory that is lent for as long as `memory` lives. `from_repr` is
/// an argument as in [`lift`].
///
/// # Safety
/// As for [`Abi::from_repr`], but what `repr` borrows need only live as long as `memory`.
#[inline(always)]
pub unsafe fn receive<T, R>(_memory: &Memory, from_repr: unsafe fn(R) -> T, repr: R) -> Received<'_, T> {
    // SAFETY: the value leaves `Received` only as a type that is within its lifetime.
    let value = unsafe { from_repr(repr) };
    Received { value, memory: PhantomData }
}

impl<'a, T: Within<'a>> Received<'a, T> {
    /// The value, of a type whose references all end with the memory.
    #[inline(always)]
    pub fn value(self) -> T {
        self.value
    }
}

/// Stands in for [`Received::value`] where `T` is no value, so that the compiler says that
/// once, at the name of the type. Of an `Abi` type that is not [`Within`] it says so here.
pub trait Unproven<T> {
    /// Does not compile.
    fn value(self) -> T;
}

impl<T> Unproven<T> for Received<'_, T> {
    fn value(self) -> T {
        const { panic!("lcr: a type implements `Abi` by hand, but not `Within`: derive `lcr::Abi`") }
    }
}

/// A tuple of representations that are the arguments of a method or callback.
///
/// # Safety
/// The C function of a tuple `(A, B)` is `unsafe extern "C" fn(*const (), A, B) -> Outcome<R>`,
/// and [`Reprs::trampoline`] gives one.
pub unsafe trait Reprs: Copy {
    /// Calls a C function.
    ///
    /// # Safety
    /// `function` takes `data` and these arguments, and has a result of type `R`.
    unsafe fn invoke<R: Copy>(self, function: *const (), data: *const ()) -> Outcome<R>;

    /// The C function that calls the `F` at `data`, within the barrier.
    fn trampoline<F: Fn(Self) -> R, R: Copy>() -> *const ();
}

macro_rules! arguments {
    ($($ty:ident $repr:ident),*) => {
        // SAFETY: `invoke` calls a function of the signature that the trait names, and
        // `call` has it.
        unsafe impl<$($ty: Copy),*> Reprs for ($($ty,)*) {
            #[inline(always)]
            unsafe fn invoke<Output: Copy>(self, function: *const (), data: *const ()) -> Outcome<Output> {
                type Function<$($ty,)* Output> = unsafe extern "C" fn(*const (), $($ty),*) -> Outcome<Output>;
                let ($($repr,)*) = self;
                // SAFETY: the caller says that the function has this signature.
                let function = unsafe { std::mem::transmute::<*const (), Function<$($ty,)* Output>>(function) };
                // SAFETY: as above.
                unsafe { function(data, $($repr),*) }
            }

            fn trampoline<F: Fn(Self) -> Output, Output: Copy>() -> *const () {
                unsafe extern "C" fn call<F: Fn(($($ty,)*)) -> Output, Output: Copy, $($ty: Copy),*>(
                    data: *const (),
                    $($repr: $ty),*
                ) -> Outcome<Output> {
                    callback_barrier(|| {
                        // SAFETY: `data` is the callback, which lives as long as it may be called.
                        let function = unsafe { &*data.cast::<F>() };
                        function(($($repr,)*))
                    })
                }
                call::<F, Output, $($ty),*> as *const ()
            }
        }
    };
}

arguments! {}
arguments! { A a }
arguments! { A a, B b }
arguments! { A a, B b, C c }
arguments! { A a, B b, C c, D d }
arguments! { A a, B b, C c, D d, E e }
arguments! { A a, B b, C c, D d, E e, G g }
arguments! { A a, B b, C c, D d, E e, G g, H h }
arguments! { A a, B b, C c, D d, E e, G g, H h, I i }
arguments! { A a, B b, C c, D d, E e, G g, H h, I i, J j }
arguments! { A a, B b, C c, D d, E e, G g, H h, I i, J j, K k }
arguments! { A a, B b, C c, D d, E e, G g, H h, I i, J j, K k, L l }
arguments! { A a, B b, C c, D d, E e, G g, H h, I i, J j, K k, L l, M m }

/// An interface that `T` implements: `dyn Trait` for every `T: Trait`.
///
/// # Safety
/// The functions must be those of [`Interface::METHODS`], in that order, for instances of `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an lcr interface",
    label = "no `#[lcr::interface]` on this trait",
    note = "put `#[lcr::interface(name = \"...\", version = 1)]` on the trait"
)]
pub unsafe trait ServedBy<T: 'static>: Interface {
    /// The methods' C functions.
    const THUNKS: &'static [Thunk];
    /// What the manifest says of the interface.
    const INTERFACE: InterfaceInfo = InterfaceInfo::of::<Self>();
}

/// A component that is constructed without `create = path`.
#[diagnostic::on_unimplemented(
    message = "nobody knows how to construct a `{Self}`",
    label = "it has no `Default`",
    note = "derive `Default`, or name a function: `#[lcr::component(create = Self::new)]`"
)]
pub trait DefaultCreate {
    /// The constructor of its export.
    const CREATE: unsafe extern "C" fn(*const RawContext) -> Created;
}

#[diagnostic::do_not_recommend]
impl<T: Default> DefaultCreate for T {
    const CREATE: unsafe extern "C" fn(*const RawContext) -> Created = default_create::<T>;
}

/// Runs a method of the instance `this` within the barrier. `method` lifts the call's
/// arguments and lowers its result.
///
/// # Safety
/// `this` is a `T` and is alive.
#[inline(always)]
pub unsafe fn serve<T, R: Copy>(this: *const (), method: impl FnOnce(&T) -> R) -> Outcome<R> {
    barrier(|| {
        // SAFETY: the caller says so.
        method(unsafe { &*this.cast::<T>() })
    })
}

/// Why generated code has to do without a result.
pub enum Shortfall<V> {
    /// The component lacks the method; a default body may serve these arguments.
    Missing(V),
    /// There is no result.
    Fault(Fault),
}

/// Calls method `method` of `callee`. `done` lifts the result. If there is none, `lift`
/// takes the arguments out again, if they are still ours, and `otherwise` makes do.
///
/// Two continuations instead of one answer: so that the call, where it is inlined, goes
/// straight on with the result.
///
/// # Safety
/// The method takes arguments of these representations and has a result of type `R`.
#[inline(always)]
pub unsafe fn request<C: Callee, A: Reprs, R: Copy, V, T>(
    callee: &C,
    method: u32,
    arguments: A,
    lift: impl FnOnce(A) -> V,
    done: impl Fn(R) -> T,
    otherwise: impl FnOnce(Shortfall<V>) -> T,
) -> T {
    callee.call(
        method,
        arguments,
        // SAFETY: the host linked the method's function; the caller vouches for its signature.
        |data, function, arguments| unsafe { arguments.invoke(function, data) },
        done,
        |unserved| {
            otherwise(match unserved {
                Unserved::Missing(arguments) => Shortfall::Missing(lift(arguments)),
                Unserved::Refused(fault, arguments) => {
                    drop(lift(arguments));
                    Shortfall::Fault(fault)
                }
                Unserved::Faulted(fault) => Shortfall::Fault(fault),
            })
        },
    )
}

impl<V> Shortfall<V> {
    /// The fault of a method without a default body.
    pub fn into_fault<I: ?Sized + Interface>(self, method: u32) -> Fault {
        match self {
            Shortfall::Missing(_) => missing::<I>(method),
            Shortfall::Fault(fault) => fault,
        }
    }
}

fn missing<I: ?Sized + Interface>(method: u32) -> Fault {
    let method = I::METHODS.get(method as usize).map_or("", |method| method.shape.name);
    let message = "the component lacks this method, and the interface has no default for it".to_owned();
    Fault::new(FaultKind::Withdrawn, I::NAME, method, String::new(), message, None)
}

/// What of `Send` and `Sync` a type is, by [`Bounds::SEND`] and [`Bounds::SYNC`]: the constants
/// of the type itself are found first, if its bounds hold, and [`Unbounded`]'s otherwise. So the
/// compiler decides, not the spelling of a bound.
pub struct Bounds<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized + Send> Bounds<T> {
    /// It is `Send`.
    pub const SEND: bool = true;
}

impl<T: ?Sized + Sync> Bounds<T> {
    /// It is `Sync`.
    pub const SYNC: bool = true;
}

/// What is not known of a type.
pub trait Unbounded {
    /// It need not be `Send`.
    const SEND: bool = false;
    /// It need not be `Sync`.
    const SYNC: bool = false;
}

impl<T: ?Sized> Unbounded for Bounds<T> {}

/// `&dyn Fn(..)` on its way: lent for the length of one call.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Lent(Callback);

// SAFETY: a function is received as `&(dyn Fn(..) + Send)` or `+ Sync` only if whoever lent it
// has that bound, too: bounds are in the shape of a callback, and the host links no component
// that wants one which the caller's interface lacks. Any other is used on the calling thread.
unsafe impl Send for Lent {}
// SAFETY: as above.
unsafe impl Sync for Lent {}

impl Lent {
    /// Lends `function`, which the caller keeps until the call is over. It receives its
    /// arguments and lowers its result.
    pub fn new<A: Reprs, R: Copy, F: Fn(A) -> R>(function: &F) -> Lent {
        Lent(Callback { data: (&raw const *function).cast(), call: A::trampoline::<F, R>() })
    }

    /// Calls the function in the image that lent it, with arguments that are lowered already.
    ///
    /// # Panics
    /// If the function does.
    ///
    /// # Safety
    /// The function takes the arguments `A`, has the result `R`, and is still lent.
    #[inline]
    pub unsafe fn call<A: Reprs, R: Copy>(&self, arguments: A) -> R {
        // SAFETY: the caller says so.
        unsafe { call_back(self.0.call, self.0.data, arguments) }
    }
}

// SAFETY: it crosses as it is. The macros describe its signature where it is an argument.
unsafe impl Abi for Lent {
    type Repr = Callback;
    const SHAPE: &'static Shape = &Shape::of::<Callback>(Kind::Callback, "", &[]);
    #[inline(always)]
    fn into_repr(self) -> Callback {
        self.0
    }
    #[inline(always)]
    unsafe fn from_repr(repr: Callback) -> Lent {
        Lent(repr)
    }
}

/// `Box<dyn Fn(..) + Send>` on its way: owned by whoever holds it.
pub struct Given {
    raw: BoxedCallback,
    owner: ManuallyDrop<OwnedCallback>,
}

// SAFETY: the owner is `Send`, and the rest are addresses of what it owns.
unsafe impl Send for Given {}
// SAFETY: a function is received as `Box<dyn Fn(..) + Send + Sync>` only if whoever gave it has
// that bound, too: see `Lent`. As any other it is a `Box<dyn Fn(..) + Send>`, which one thread
// at a time calls.
unsafe impl Sync for Given {}

impl Given {
    /// Gives `function` away. It receives its arguments and lowers its result.
    pub fn new<A: Reprs, R: Copy, F: Fn(A) -> R + Send + 'static>(function: F) -> Given {
        fn give<A: Reprs, R: Copy, F: Fn(A) -> R + Send>(function: F) -> BoxedCallback {
            BoxedCallback::new(function, A::trampoline::<F, R>())
        }
        let function = Contained::new(function);
        let raw = give(move |arguments: A| (*function)(arguments));
        // SAFETY: it was just made for us.
        unsafe { Given::from_repr(raw) }
    }

    /// Calls the function in the image that gave it, with arguments that are lowered already.
    ///
    /// # Panics
    /// If the function does.
    ///
    /// # Safety
    /// The function takes the arguments `A` and has the result `R`.
    pub unsafe fn call<A: Reprs, R: Copy>(&self, arguments: A) -> R {
        // SAFETY: the caller says so; the function is alive while we own it.
        unsafe { call_back(self.raw.call, self.raw.data, arguments) }
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        // SAFETY: the owner is dropped here only, and `into_repr` does not come here.
        unsafe { ManuallyDrop::drop(&mut self.owner) };
    }
}

// SAFETY: it carries the function that frees it. The macros describe its signature.
unsafe impl Abi for Given {
    type Repr = BoxedCallback;
    const SHAPE: &'static Shape = &Shape::of::<BoxedCallback>(Kind::BoxedCallback, "Send", &[]);
    fn into_repr(self) -> BoxedCallback {
        ManuallyDrop::new(self).raw
    }
    unsafe fn from_repr(raw: BoxedCallback) -> Given {
        // SAFETY: the caller gives the callback to us.
        let owner = ManuallyDrop::new(unsafe { OwnedCallback::new(raw) });
        Given { raw, owner }
    }
}

/// # Safety
/// `function` is a trampoline for `data`, the arguments `A` and the result `R`.
#[inline]
unsafe fn call_back<A: Reprs, R: Copy>(function: *const (), data: *const (), arguments: A) -> R {
    // SAFETY: the caller says so.
    let outcome = unsafe { arguments.invoke::<R>(function, data) };
    // SAFETY: a trampoline keeps the contract of `Outcome`, and this one is split once.
    unsafe { expect_outcome(outcome) }
}

/// The representation of an enum with fields: which variant, and its fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Tagged<P: Copy> {
    /// The variant's number in the order of the source.
    pub tag: u32,
    /// The variant's fields; not initialised if it has none.
    pub payload: MaybeUninit<P>,
}

impl<P: Copy> Tagged<P> {
    /// A variant without fields.
    #[inline]
    pub const fn bare(tag: u32) -> Tagged<P> {
        Tagged { tag, payload: MaybeUninit::uninit() }
    }

    /// A variant with fields.
    #[inline]
    pub const fn with(tag: u32, payload: P) -> Tagged<P> {
        Tagged { tag, payload: MaybeUninit::new(payload) }
    }
}

/// Names the fields' type of a [`Tagged`].
pub trait HasPayload {
    /// The union of the variants' fields.
    type Payload;
}

impl<P: Copy> HasPayload for Tagged<P> {
    type Payload = P;
}

/// The union of the variants' fields as they cross, of an enum that has any.
pub type Payload<T> = <Repr<T> as HasPayload>::Payload;

/// Ends the lifting of an enum whose tag no variant has.
///
/// # Panics
/// Always: shapes were compared, so the sender broke the contract of its own shape.
#[cold]
#[inline(never)]
pub fn bad_tag(name: &str, tag: u32) -> ! {
    panic!("a `{name}` was received with the unknown tag {tag}; its sender is broken")
}

/// Implemented for every type that derives `Abi`, so that the compiler refuses one that is `Drop`:
/// its destructor would run where it is taken apart to cross, and again where it arrives.
pub trait MustNotImplementDrop {}

#[allow(drop_bounds, reason = "of exactly these")]
impl<T: ?Sized + Drop> MustNotImplementDrop for T {}

/// A type that may be a field of a plain struct: every [`Plain`] type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of plain data",
    label = "its layout is not the same for every compiler",
    note = "leave `#[abi(plain)]` out, or use numbers, `bool`, `char`, arrays of them and other plain structs"
)]
pub trait PlainField {}

#[diagnostic::do_not_recommend]
impl<T: Plain> PlainField for T {}

/// Accepts types every borrow of which lies within `'a`.
pub const fn require_within<'a, T: Within<'a>>() {}

/// Accepts fields of plain data only.
pub const fn require_plain_field<T: PlainField>() {}
