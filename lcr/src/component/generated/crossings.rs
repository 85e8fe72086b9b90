//! The thunks of each signature, generic over the representations of arguments and result: see
//! [`crossing`](crate::abi::crossing). The C function of a polled method is of a signature, too: that of the method's
//! arguments and the call behind them, with the answer to a poll as result.
//!
//! They are C functions like those of the methods and run no code of an author's, so they need no barrier: what they
//! call does not unwind.

use std::{marker::PhantomData, mem::MaybeUninit};

use super::{
    arguments::Arguments,
    crossing_tables::{Form, List},
};
use crate::abi::{
    crossing::{Bound, Crossing, Hook, Packed},
    fault::Outcome,
    world::Pair,
};

/// The signature of a method that takes `A` and has the result `R`, both as representations.
pub struct Signature<A, R>(PhantomData<(A, R)>);

/// A signature that has thunks.
pub trait Crosses {
    /// The thunks.
    const CROSSING: &'static Crossing;
}

/// Adds the thunks of the signature of a method.
#[inline(always)]
pub fn crossing<A, R>(list: &mut List<'_>)
where
    Signature<A, R>: Crosses,
{
    let Crossing { packed, hooked, .. } = *<Signature<A, R> as Crosses>::CROSSING;
    list.add(packed, hooked, const { Form::of(<Signature<A, R> as Crosses>::CROSSING, false) });
}

/// As [`crossing`], of a polled method's C function.
#[inline(always)]
pub fn start<A, R>(list: &mut List<'_>)
where
    Signature<A, R>: Crosses,
{
    let Crossing { packed, hooked, .. } = *<Signature<A, R> as Crosses>::CROSSING;
    list.add(packed, hooked, const { Form::of(<Signature<A, R> as Crosses>::CROSSING, true) });
}

/// Runs a hook with these arguments.
///
/// # Safety
/// `this` is a [`Hook`] of a method with the result `R`, and the arguments are that method's.
#[inline(always)]
unsafe fn run<R: Copy>(this: *const (), arguments: Packed) -> Outcome<R> {
    let hook = this.cast::<Hook>();
    let mut out = MaybeUninit::<Outcome<R>>::uninit();
    // SAFETY: the caller says that this is a hook.
    let run = unsafe { (*hook).run };
    // SAFETY: the arguments and the place for the outcome are those of the hook's signature.
    unsafe { run(hook, arguments, out.as_mut_ptr().cast()) };
    // SAFETY: a hook writes the outcome.
    unsafe { out.assume_init() }
}

macro_rules! crossings {
    ($($count:literal: $($ty:ident $repr:ident),*;)*) => {$(
        impl<$($ty: Copy,)* Output: Copy> Crosses for Signature<($($ty,)*), Output> {
            const CROSSING: &'static Crossing = {
                unsafe extern "C" fn packed<$($ty: Copy,)* Output: Copy>(
                    bound: *const Hook,
                    arguments: Packed,
                    out: *mut (),
                ) {
                    // SAFETY: the caller says that a `Bound` begins there.
                    let Pair { function, data } = unsafe { (*bound.cast::<Bound>()).method };
                    // SAFETY: the caller passes the arguments of this signature.
                    let arguments = unsafe { <($($ty,)*)>::unpack(arguments) };
                    // SAFETY: the function is of this signature, and takes this data.
                    let outcome = unsafe { arguments.invoke::<Output>(function, data) };
                    // SAFETY: the caller has room for the outcome.
                    unsafe { out.cast::<Outcome<Output>>().write(outcome) };
                }

                unsafe extern "C" fn hooked<$($ty: Copy,)* Output: Copy>(
                    this: *const (),
                    $(mut $repr: $ty),*
                ) -> Outcome<Output> {
                    let arguments: [*mut (); $count] = [$((&raw mut $repr).cast()),*];
                    // SAFETY: a table has this function beside a hook of this signature.
                    unsafe { run(this, arguments.as_ptr()) }
                }

                &Crossing {
                    packed: packed::<$($ty,)* Output>,
                    hooked: hooked::<$($ty,)* Output> as *const (),
                    outcome_size: size_of::<Outcome<Output>>() as u32,
                    outcome_align: align_of::<Outcome<Output>>() as u16,
                    arguments: $count,
                    is_polled: false,
                }
            };
        }
    )*};
}

crossings! {
    0: ;
    1: A a;
    2: A a, B b;
    3: A a, B b, C c;
    4: A a, B b, C c, D d;
    5: A a, B b, C c, D d, E e;
    6: A a, B b, C c, D d, E e, F f;
    7: A a, B b, C c, D d, E e, F f, G g;
    8: A a, B b, C c, D d, E e, F f, G g, H h;
    9: A a, B b, C c, D d, E e, F f, G g, H h, I i;
    10: A a, B b, C c, D d, E e, F f, G g, H h, I i, J j;
    11: A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k;
    12: A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l;
    13: A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l, M m;
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::{
        abi::{fault::RawFault, interface::Interface, tables::Thunk, value::Abi},
        component::{
            ambient::{Bare, Placed},
            generated::services::ServedBy,
        },
    };

    #[lcr::interface(name = "crossings.desk", version = 1)]
    trait Desk {
        #[lcr(pure)]
        fn next(&self) -> u8;
        fn keep(&self, name: &str, bytes: Vec<u8>) -> Result<String, u64>;
        fn halve(&self, values: &mut [u32], wide: u128) -> u128;
        fn fail(&self, #[abi(secret)] text: String) -> u64;
        fn nothing(&self);
        async fn later(&self) -> u8;
    }

    #[derive(Default)]
    struct Wood(AtomicU64);

    impl Desk for Wood {
        fn next(&self) -> u8 {
            self.0.fetch_add(1, Ordering::Relaxed) as u8 + 1
        }
        fn keep(&self, name: &str, bytes: Vec<u8>) -> Result<String, u64> {
            if bytes.is_empty() { Err(7) } else { Ok(format!("{name} has {} bytes", bytes.len())) }
        }
        fn halve(&self, values: &mut [u32], wide: u128) -> u128 {
            values.iter_mut().for_each(|value| *value /= 2);
            wide / 2
        }
        fn fail(&self, text: String) -> u64 {
            panic!("{text}")
        }
        fn nothing(&self) {}
        async fn later(&self) -> u8 {
            0
        }
    }

    const METHODS: &[&str] = &["next", "keep", "halve", "fail", "nothing", "later"];

    fn place(method: &str) -> usize {
        METHODS.iter().position(|name| *name == method).unwrap()
    }

    fn function(method: &str) -> *const () {
        let thunk: Thunk = <dyn Desk as ServedBy<Wood>>::THUNKS[place(method)];
        // SAFETY: a thunk is a pointer.
        unsafe { std::mem::transmute::<Thunk, *const ()>(thunk) }
    }

    fn crossing_of(method: &str) -> Option<&'static Crossing> {
        <dyn Desk>::crossing(place(method))
    }

    fn desk() -> Box<Placed<Wood, Bare>> {
        Box::new(Placed { value: std::mem::ManuallyDrop::new(Wood::default()), ambient: Bare })
    }

    /// Calls by the thunk; the result is an `R`.
    fn packed<R: Abi>(desk: &Placed<Wood, Bare>, method: &str, arguments: &[*mut ()]) -> Result<R, String> {
        let (crossing, data) = (crossing_of(method).unwrap(), std::ptr::from_ref(desk).cast());
        assert_eq!(usize::from(crossing.arguments), arguments.len());
        assert_eq!(crossing.outcome_size as usize, size_of::<Outcome<R::Repr>>());
        assert_eq!(usize::from(crossing.outcome_align), align_of::<Outcome<R::Repr>>());
        let mut out = MaybeUninit::<Outcome<R::Repr>>::uninit();
        // SAFETY: the arguments are those of the method, and there is room for its outcome.
        unsafe {
            crossing.call(Pair { function: function(method), data }, arguments.as_ptr(), out.as_mut_ptr().cast())
        };
        // SAFETY: the thunk wrote it.
        let outcome = unsafe { out.assume_init() };
        // SAFETY: the outcome is the method's, and is taken once.
        let taken = unsafe { outcome.into_result() };
        // SAFETY: the representation is used once.
        taken.map(|repr| unsafe { R::from_repr(repr) }).map_err(|(_, message, _)| message)
    }

    #[test]
    fn a_packed_call_gives_what_the_function_gives() {
        let desk = desk();
        assert_eq!(packed::<u8>(&desk, "next", &[]), Ok(1));
        let (mut name, mut bytes) = ("a".into_repr(), vec![1_u8, 2].into_repr());
        let arguments = [(&raw mut name).cast(), (&raw mut bytes).cast()];
        assert_eq!(packed::<Result<String, u64>>(&desk, "keep", &arguments), Ok(Ok("a has 2 bytes".to_owned())));
        let mut values = [8_u32, 4];
        let (mut lent, mut wide) = ((&mut values[..]).into_repr(), (1_u128 << 100).into_repr());
        let arguments = [(&raw mut lent).cast(), (&raw mut wide).cast()];
        assert_eq!(packed::<u128>(&desk, "halve", &arguments), Ok(1 << 99));
        assert_eq!(values, [4, 2]);
        assert_eq!(packed::<()>(&desk, "nothing", &[]), Ok(()));
    }

    #[test]
    fn a_packed_call_that_panics_consumes_its_arguments_and_writes_a_fault() {
        let mut text = "no ink".to_owned().into_repr();
        assert_eq!(packed::<u64>(&desk(), "fail", &[(&raw mut text).cast()]), Err("no ink".to_owned()));
    }

    #[test]
    fn a_polled_method_has_no_thunks() {
        assert!(crossing_of("later").is_none());
        let start = &<dyn Desk>::crossings()[place("later")];
        assert!(start.is_polled && start.arguments == 1, "its C function takes a call");
    }

    #[test]
    fn methods_of_one_signature_share_their_thunks_and_carry_their_notes() {
        #[lcr::interface(name = "crossings.twins", version = 1)]
        trait Twins {
            fn one(&self, key: &str) -> u64;
            fn other(&self, name: &str) -> u64;
        }
        let [one, other] = <dyn Twins>::crossings() else { panic!() };
        assert_eq!((one.outcome_size, one.arguments), (other.outcome_size, other.arguments));
        let methods = <dyn Desk>::METHODS;
        assert!(methods[place("next")].is_pure && !methods[place("keep")].is_pure);
        assert_eq!(methods[place("keep")].arguments, ["name", "bytes"]);
        assert!(methods[place("fail")].shape.parts[0].is_secret && !methods[place("keep")].shape.parts[0].is_secret);
    }

    /// A hook as a patch would have one: counts, and passes on what it got, or fails before.
    #[repr(C)]
    struct Counting {
        head: Hook,
        calls: AtomicU64,
        function: *const (),
        data: *const (),
        crossing: &'static Crossing,
        fails: bool,
    }

    unsafe extern "C" fn count(hook: *const Hook, arguments: Packed, out: *mut ()) {
        // SAFETY: the head of a `Counting`.
        let this = unsafe { &*hook.cast::<Counting>() };
        this.calls.fetch_add(1, Ordering::Relaxed);
        if this.fails {
            let fault = RawFault::new(crate::FaultKind::Panic, "the hook refuses".to_owned());
            // SAFETY: the one argument is a `String`, which the hook consumes.
            let (argument,) = unsafe { <(_,)>::unpack(arguments) };
            // SAFETY: as above.
            drop(unsafe { String::from_repr(argument) });
            // SAFETY: an outcome begins with its fault.
            return unsafe { out.cast::<*mut RawFault>().write(fault) };
        }
        // SAFETY: the arguments and the place are passed on.
        unsafe { this.crossing.call(Pair { function: this.function, data: this.data }, arguments, out) }
    }

    #[test]
    fn a_hooked_call_runs_the_hook_in_the_methods_own_form() {
        let desk = desk();
        let hook = |method, fails| Counting {
            head: Hook { run: count },
            calls: AtomicU64::new(0),
            function: function(method),
            data: std::ptr::from_ref(&*desk).cast(),
            crossing: crossing_of(method).unwrap(),
            fails,
        };
        let keep = hook("keep", false);
        let hooked = keep.crossing.hooked;
        let arguments = ("b".into_repr(), vec![0_u8; 3].into_repr());
        // SAFETY: the thunk is of this signature, and takes a hook.
        let outcome = unsafe { arguments.invoke(hooked, (&raw const keep).cast()) };
        // SAFETY: the outcome is the method's, and is taken once.
        let result = unsafe { outcome.into_result() }.unwrap();
        // SAFETY: as above.
        let result = unsafe { Result::<String, u64>::from_repr(result) };
        assert_eq!((result, keep.calls.load(Ordering::Relaxed)), (Ok("b has 3 bytes".to_owned()), 1));
        let fail = hook("fail", true);
        let arguments = ("unused".to_owned().into_repr(),);
        // SAFETY: as above.
        let outcome: Outcome<u64> = unsafe { arguments.invoke(fail.crossing.hooked, (&raw const fail).cast()) };
        // SAFETY: as above.
        assert_eq!(unsafe { outcome.into_result() }.unwrap_err().1, "the hook refuses");
    }
}
