//! The arguments of a method or callback as one tuple of representations, and the C functions
//! that take them one by one.

use crate::{
    abi::{
        crossing::Packed,
        fault::Outcome,
        future::{Polled, RawCall},
    },
    component::panic_barrier::callback_barrier,
};

use super::lists::each_beginning;

/// A tuple of representations that are the arguments of a method or callback.
///
/// # Safety
/// The C function of a tuple `(A, B)` is `unsafe extern "C" fn(*const (), A, B) -> Outcome<R>`,
/// and [`Arguments::trampoline`] gives one.
pub unsafe trait Arguments: Copy {
    /// Calls a C function.
    ///
    /// # Safety
    /// `function` takes `data` and these arguments, and has a result of type `R`.
    unsafe fn invoke<R: Copy>(self, function: *const (), data: *const ()) -> Outcome<R>;

    /// Calls the C function of an async method, which takes `call` behind these arguments.
    ///
    /// # Safety
    /// As for [`Arguments::invoke`], where the result is that of the method; `call` has a valid waker.
    unsafe fn start<R: Copy>(self, function: *const (), data: *const (), call: *mut RawCall<R>) -> Polled;

    /// Takes the arguments out of where they lie.
    ///
    /// # Safety
    /// These arguments lie there, and are taken once.
    unsafe fn unpack(arguments: Packed) -> Self;

    /// Lays the arguments out for as long as `run` runs.
    fn pack<T>(self, run: impl FnOnce(Packed) -> T) -> T;

    /// The C function that calls the `F` at `data`, within the barrier.
    fn trampoline<F: Fn(Self) -> R, R: Copy>() -> *const ();
}

/// Reads the next argument.
///
/// # Safety
/// There is one, it is a `T`, and it is read once.
#[inline(always)]
pub(super) unsafe fn next<T: Copy>(arguments: &mut Packed) -> T {
    // SAFETY: the caller says that there is an argument.
    let at = unsafe { arguments.read() };
    // SAFETY: the place behind the last argument's pointer may be pointed to.
    *arguments = unsafe { arguments.add(1) };
    // SAFETY: the caller says that this is a `T`.
    unsafe { at.cast::<T>().read() }
}

macro_rules! arguments {
    ($($ty:ident $repr:ident),*) => {
        // SAFETY: `invoke` calls a function of the signature that the trait names, and
        // `call` has it.
        unsafe impl<$($ty: Copy),*> Arguments for ($($ty,)*) {
            #[inline(always)]
            unsafe fn invoke<Output: Copy>(self, function: *const (), data: *const ()) -> Outcome<Output> {
                type Function<$($ty,)* Output> = unsafe extern "C" fn(*const (), $($ty),*) -> Outcome<Output>;
                let ($($repr,)*) = self;
                // SAFETY: the caller says that the function has this signature.
                let function = unsafe { std::mem::transmute::<*const (), Function<$($ty,)* Output>>(function) };
                // SAFETY: as above.
                unsafe { function(data, $($repr),*) }
            }

            #[inline(always)]
            unsafe fn start<Output: Copy>(
                self,
                function: *const (),
                data: *const (),
                call: *mut RawCall<Output>,
            ) -> Polled {
                type Function<$($ty,)* Output> =
                    unsafe extern "C" fn(*const (), $($ty,)* *mut RawCall<Output>) -> Polled;
                let ($($repr,)*) = self;
                // SAFETY: the caller says that the function has this signature.
                let function = unsafe { std::mem::transmute::<*const (), Function<$($ty,)* Output>>(function) };
                // SAFETY: as above.
                unsafe { function(data, $($repr,)* call) }
            }

            #[inline(always)]
            #[allow(unused_mut, unused_variables, clippy::unused_unit, reason = "there may be no arguments")]
            unsafe fn unpack(mut arguments: Packed) -> Self {
                $(
                    // SAFETY: the caller says that this argument comes next.
                    let $repr: $ty = unsafe { next(&mut arguments) };
                )*
                ($($repr,)*)
            }

            #[inline(always)]
            fn pack<T>(self, run: impl FnOnce(Packed) -> T) -> T {
                let ($(mut $repr,)*) = self;
                let places: &[*mut ()] = &[$((&raw mut $repr).cast()),*];
                run(places.as_ptr())
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

// The last one is a polled method of twelve arguments, with its call.
each_beginning! { arguments: A a, B b, C c, D d, E e, G g, H h, I i, J j, K k, L l, M m, N n }
