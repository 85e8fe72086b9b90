//! Points in a component's code: what [`point!`](crate::point) does when somebody looks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{
    generated::{arguments::Arguments, lists::each_beginning},
    panic_barrier::drop_quietly,
};
use crate::abi::{
    crossing::Packed,
    point::{CHANGED, GONE, Point},
    shape::Shape,
    value::{Abi, Within},
};

/// The local variables of a [point](crate::point): a tuple of up to twelve types that are
/// [`Abi`](crate::Abi) and borrow nothing.
///
/// # Safety
/// `SHAPES` are those of the types whose representations `lower` gives and `lift` takes, in order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the local variables of a point",
    label = "not a tuple of values that cross and borrow nothing",
    note = "a point shows up to twelve variables whose types are `lcr::Abi + Clone` and hold no reference: pass a \
            `String` made of a `&str`, and write `(T,)` for a single one where a host names their types"
)]
pub unsafe trait Locals: Sized + 'static {
    /// The shapes of the types.
    #[doc(hidden)]
    const SHAPES: &'static [&'static Shape];
    /// The representations.
    #[doc(hidden)]
    type Reprs: Arguments + 'static;

    /// Lowers the values.
    #[doc(hidden)]
    fn lower(self) -> Self::Reprs;

    /// Lifts values.
    ///
    /// # Safety
    /// They were lowered as types of these shapes, and are lifted once.
    #[doc(hidden)]
    unsafe fn lift(reprs: Self::Reprs) -> Self;

    /// Lowers the values to where representations of them lay.
    ///
    /// # Safety
    /// There is a place for each, which is overwritten.
    #[doc(hidden)]
    unsafe fn put(self, places: Packed);
}

macro_rules! locals {
    ($($ty:ident $value:ident),*) => {
        // SAFETY: written in one place for each type.
        unsafe impl<$($ty: for<'a> Within<'a> + 'static),*> Locals for ($($ty,)*) {
            const SHAPES: &'static [&'static Shape] = &[$(<$ty as Abi>::SHAPE),*];
            type Reprs = ($($ty::Repr,)*);

            #[allow(clippy::unused_unit, reason = "there may be none")]
            fn lower(self) -> Self::Reprs {
                let ($($value,)*) = self;
                ($($value.into_repr(),)*)
            }

            #[allow(clippy::unused_unit, reason = "there may be none")]
            unsafe fn lift(($($value,)*): Self::Reprs) -> Self {
                $(
                    // SAFETY: the caller says so, and the type borrows nothing.
                    let $value = unsafe { $ty::from_repr($value) };
                )*
                ($($value,)*)
            }

            #[allow(unused_mut, unused_variables, unused_assignments, reason = "there may be none")]
            unsafe fn put(self, mut places: Packed) {
                let ($($value,)*) = self;
                $(
                    // SAFETY: the caller says that there is a place.
                    let place = unsafe { places.read() };
                    // SAFETY: the place behind the last one's pointer may be pointed to.
                    places = unsafe { places.add(1) };
                    // SAFETY: the caller says that it is one of this type.
                    unsafe { place.cast::<$ty::Repr>().write($value.into_repr()) };
                )*
            }
        }
    };
}

each_beginning! { locals: A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l }

/// Has the host look at clones of the variables. Returns what they are to be then; `None` if they stay.
///
/// # Safety
/// The point's variables are of these types, in order.
#[cold]
#[inline(never)]
pub unsafe fn pass<L: Locals>(point: &'static Point, locals: L) -> Option<L> {
    // The point may be disarmed meanwhile.
    // SAFETY: hooks are never freed.
    let hook = unsafe { point.hook().as_ref() }?;
    locals.lower().pack(|places| {
        // SAFETY: the caller says that these are the point's variables.
        let answer = unsafe { (hook.run)(hook, point, places) };
        if answer == GONE {
            return None;
        }
        // SAFETY: they are this function's again.
        let reprs = unsafe { L::Reprs::unpack(places) };
        // What an author's type makes of a closure's value may panic. The component is not charged for that: its
        // variables stay.
        // SAFETY: they are of the same shapes as before.
        match catch_unwind(AssertUnwindSafe(|| unsafe { L::lift(reprs) })) {
            Ok(values) => (answer == CHANGED).then_some(values),
            Err(payload) => {
                drop_quietly(payload);
                None
            }
        }
    })
}

/// Has local variables looked at, and changed, from outside while the program runs.
///
/// A point is a name for a place in the code of a component, or of a program, and for some local variables with their
/// types, which are spelt out. As long as nobody looks, it costs a load, a test and a branch that is not taken. A host
/// lists points ([`Runtime::points`](crate::Runtime::points)) and runs a closure where one is passed
/// ([`Runtime::at_point`](crate::Runtime::at_point)), on the thread that passes it, whichever that is:
///
/// ```
/// fn price(articles: Vec<u32>) -> u64 {
///     let mut sum: u64 = articles.iter().map(|cents| u64::from(*cents)).sum();
///     lcr::point!("shop.sum", sum: u64);
///     sum
/// }
///
/// # #[cfg(feature = "host")] {
/// let rt = lcr::Runtime::new()?;
/// assert_eq!(price(vec![1, 2]), 3);
/// let guard = rt.at_point("shop.sum").run(|(sum,): &mut (u64,)| *sum *= 10)?;
/// assert_eq!(price(vec![1, 2]), 30);
/// drop(guard);
/// assert_eq!(price(vec![1, 2]), 3);
/// # }
/// # Ok::<(), lcr::Error>(())
/// ```
///
/// Each variable is `let mut`, since a closure may change it, and its type is [`Abi`](crate::Abi) and `Clone` and holds
/// no reference. While the point is armed, each passage clones the variables and lowers the clones; a closure that
/// panics leaves them as they were. Types with parameters of the function around cannot be shown.
#[macro_export]
macro_rules! point {
    ($name:literal $(, $local:ident : $ty:ty)* $(,)?) => {{
        static __LCR_POINT: $crate::__private::v0_1_0::Point = {
            const LOCALS: &[$crate::__private::v0_1_0::Part] = &[
                $($crate::__private::v0_1_0::Part::new(
                    ::core::stringify!($local),
                    0,
                    <$ty as $crate::__private::v0_1_0::Abi>::SHAPE,
                ),)*
                $crate::__private::v0_1_0::Part::result(<() as $crate::__private::v0_1_0::Abi>::SHAPE),
            ];
            static BYTES: [u8; $crate::__private::v0_1_0::locals_len(LOCALS)] =
                $crate::__private::v0_1_0::locals_bytes(LOCALS);
            $crate::__private::v0_1_0::Point::new($name, ::core::file!(), ::core::line!(), &BYTES)
        };
        $crate::__private::v0_1_0::inventory::submit! {
            // SAFETY: the passage is below.
            unsafe { $crate::__private::v0_1_0::PointRegistration::new(&__LCR_POINT) }
        }
        if !__LCR_POINT.hook().is_null() {
            // The clones are made here, so that the variables need no address where nobody looks.
            let locals: ($($ty,)*) = ($(::core::clone::Clone::clone(&$local),)*);
            // SAFETY: the point describes these variables.
            let changed = unsafe { $crate::__private::v0_1_0::pass(&__LCR_POINT, locals) };
            if let ::core::option::Option::Some(changed) = changed {
                #[allow(unused_assignments)]
                {
                    ($($local,)*) = changed;
                }
            }
        }
    }};
}
