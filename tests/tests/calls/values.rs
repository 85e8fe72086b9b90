//! Every kind of value crosses the border of a loaded library in both directions, and the side that made
//! the value frees it.
//!
//! This program and one of the libraries each have an allocator that notices a block of another
//! allocator.

mod collections;

use std::{io, num::NonZero, sync::Arc, thread, time::Duration};

use lcr::{Abi, Bytes, ErrorKind, Fault, FaultKind, Runtime, Serde};
use lcr_tests::{
    component, empty_runtime,
    guarded::Guarded,
    values::{
        self, composites,
        contract::{Audit, Composites, Faulty, Numbers, OfStd, Owners, Picky, Sequences},
        faults, numbers, of_std, owners, sequences,
    },
};

#[cfg_attr(not(miri), global_allocator)]
static ALLOCATOR: Guarded = Guarded::new();

/// A runtime with one of the libraries.
fn runtime(library: &str) -> Runtime {
    let rt = empty_runtime();
    rt.load(component(library)).unwrap();
    rt
}

/// Runs an exchange with both libraries.
fn with_both(exchange: impl Fn(&Runtime)) {
    for library in ["values", "values_guarded"] {
        exchange(&runtime(library));
    }
    assert_eq!(ALLOCATOR.wrong_frees(), 0);
}

#[test]
fn every_integer_crosses_at_its_borders() {
    with_both(|rt| numbers::integers(&rt.service::<dyn Numbers>().unwrap()));
}

#[test]
fn every_float_crosses_bit_by_bit() {
    with_both(|rt| numbers::floats(&rt.service::<dyn Numbers>().unwrap()));
}

#[test]
fn bools_chars_units_and_twelve_arguments_cross() {
    with_both(|rt| numbers::others(&rt.service::<dyn Numbers>().unwrap()));
}

#[test]
fn borrowed_values_have_the_same_address_on_the_other_side() {
    with_both(|rt| sequences::borrowed(&rt.service::<dyn Sequences>().unwrap()));
    with_both(|rt| sequences::lent_back(&rt.service::<dyn Sequences>().unwrap()));
}

#[test]
fn the_callee_writes_to_the_callers_slice() {
    with_both(|rt| sequences::written_by_the_callee(&rt.service::<dyn Sequences>().unwrap()));
}

#[test]
fn strings_and_vectors_cross_with_what_they_hold() {
    with_both(|rt| sequences::owned(&rt.service::<dyn Sequences>().unwrap()));
}

#[test]
fn options_results_and_durations_cross() {
    with_both(|rt| composites::options_and_results(&rt.service::<dyn Composites>().unwrap()));
}

#[test]
fn boxes_arrays_and_tuples_of_every_length_cross() {
    with_both(|rt| composites::boxes_arrays_and_tuples(&rt.service::<dyn Composites>().unwrap()));
}

#[test]
fn derived_structs_and_enums_cross() {
    with_both(|rt| composites::structs(&rt.service::<dyn Composites>().unwrap()));
    with_both(|rt| composites::enums(&rt.service::<dyn Composites>().unwrap()));
}

#[test]
fn paths_and_times_cross() {
    with_both(|rt| of_std::paths(&rt.service::<dyn OfStd>().unwrap()));
    with_both(|rt| of_std::times(&rt.service::<dyn OfStd>().unwrap()));
}

#[test]
fn numbers_without_zero_orderings_and_ranges_cross() {
    with_both(|rt| of_std::numbers(&rt.service::<dyn OfStd>().unwrap()));
    with_both(|rt| of_std::ranges(&rt.service::<dyn OfStd>().unwrap()));
}

#[test]
fn addresses_of_the_internet_cross() {
    with_both(|rt| of_std::addresses(&rt.service::<dyn OfStd>().unwrap()));
}

#[test]
fn types_of_std_cross_inside_derived_types() {
    with_both(|rt| of_std::inside_derived_types(&rt.service::<dyn OfStd>().unwrap()));
}

#[test]
fn errors_of_input_and_output_cross_and_hold_faults() {
    with_both(|rt| of_std::errors(&rt.service::<dyn OfStd>().unwrap()));
}

#[test]
fn types_of_std_cross_in_async_methods() {
    with_both(|rt| of_std::awaited(&rt.service::<dyn OfStd>().unwrap()));
}

#[test]
fn bytes_stay_where_they_were_made_and_are_destroyed_there() {
    with_both(|rt| owners::bytes(&rt.service::<dyn Owners>().unwrap()));
}

#[test]
fn handles_cross_in_both_directions() {
    with_both(|rt| owners::handles(&rt.service::<dyn Owners>().unwrap(), &rt.service::<dyn Numbers>().unwrap()));
}

#[test]
fn callbacks_are_lent_by_reference_and_given_in_a_box() {
    with_both(|rt| owners::lent_callbacks(&rt.service::<dyn Owners>().unwrap()));
    with_both(|rt| owners::given_callbacks(&rt.service::<dyn Owners>().unwrap()));
}

#[test]
fn a_serde_type_crosses() {
    with_both(|rt| owners::serde(&rt.service::<dyn Owners>().unwrap()));
}

#[test]
fn a_panic_is_a_fault_or_a_panic_of_the_caller() {
    with_both(|rt| faults::panics(&rt.service::<dyn Faulty>().unwrap()));
    with_both(|rt| faults::panics_of_callbacks(&rt.service::<dyn Faulty>().unwrap()));
}

#[test]
fn the_panic_of_a_destructor_does_not_cross_the_border() {
    with_both(|rt| faults::panics_of_destructors(&rt.service::<dyn Faulty>().unwrap()));
}

#[test]
fn each_block_is_freed_once_by_the_allocator_that_made_it() {
    let rt = runtime("values_guarded");
    let audit = rt.service::<dyn Audit>().unwrap();
    // The first round allocates what stays: thread-locals, caches, names.
    values::all(&rt);
    rt.wait_drained(Duration::from_secs(30)).unwrap();
    let live = audit.live();
    assert!(live > 0, "the component's allocator counts no block, so it is not in use");
    for _ in 0..3 {
        values::all(&rt);
        rt.wait_drained(Duration::from_secs(30)).unwrap();
        assert_eq!((audit.wrong_frees(), ALLOCATOR.wrong_frees()), (0, 0));
        assert_eq!(audit.live(), live, "blocks were leaked");
    }
}

#[test]
fn bytes_outlive_the_instance_and_the_runtime() {
    let rt = runtime("values_guarded");
    let owners = rt.service::<dyn Owners>().unwrap();
    let (bytes, place) = owners.bytes(sequences::TEXT);
    let (more, _) = owners.bytes("more");
    drop(owners);
    rt.wait_drained(Duration::from_secs(30)).unwrap();
    assert_eq!(rt.status().instances, 0);
    // The same image serves a new instance, whose count goes on.
    let owners = rt.service::<dyn Owners>().unwrap();
    assert_eq!(owners.destroyed(), 0);
    drop(more);
    assert_eq!(owners.destroyed(), 1);
    drop((owners, rt));
    assert_eq!((&*bytes, bytes.as_ptr().addr()), (sequences::TEXT.as_bytes(), place));
    thread::spawn(move || drop(bytes)).join().unwrap();
    assert_eq!(ALLOCATOR.wrong_frees(), 0);
}

#[test]
fn values_that_a_component_keeps_are_freed_when_it_is_destroyed() {
    let rt = runtime("values_guarded");
    let owners = rt.service::<dyn Owners>().unwrap();
    let owner = Arc::new(b"kept".to_vec());
    struct Shared(Arc<Vec<u8>>);
    impl AsRef<[u8]> for Shared {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    owners.keep(Some(Bytes::from_owner(Shared(Arc::clone(&owner)))));
    owners.keep_handle(Some(rt.service().unwrap()));
    let captured = Arc::clone(&owner);
    owners.give(Box::new(move |n, _| vec![n, captured.len() as u64]));
    assert_eq!(Arc::strong_count(&owner), 3);
    drop(owners);
    rt.wait_drained(Duration::from_secs(30)).unwrap();
    assert_eq!(Arc::strong_count(&owner), 1);
    assert_eq!(rt.status().instances, 0, "the instance of the kept handle was destroyed with its keeper");
    assert_eq!(ALLOCATOR.wrong_frees(), 0);
}

/// The picky component's interface with other types behind serde.
mod newer {
    use lcr::{Fault, Serde};
    use serde::{Deserialize, Serialize};

    #[lcr::interface(name = "test.values.picky", version = 1)]
    pub trait Picky {
        fn take(&self, v: Serde<Any>, held: Vec<String>) -> Result<u8, Fault>;
    }

    /// A number, or something that the other side does not expect.
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    pub enum Any {
        Small { number: u8 },
        Large { number: u64, added: Option<String>, unknown: Vec<u8> },
        Text(String),
    }
}

#[test]
fn serde_types_may_differ_as_far_as_serde_goes() {
    use newer::Any;
    let rt = runtime("values_guarded");
    let same = rt.service::<dyn Picky>().unwrap();
    let small = values::contract::Small { number: 3, added: Some("two".to_owned()) };
    assert_eq!(same.take(Serde(small), vec![String::new()]), Ok(7));
    let picky = rt.service::<dyn newer::Picky>().unwrap();
    let take = |v| newer::Picky::take(&picky, Serde(v), vec!["held".to_owned(); 2]);
    assert_eq!(take(Any::Small { number: 5 }), Ok(7));
    assert_eq!(take(Any::Large { number: 5, added: Some("!".to_owned()), unknown: vec![1] }), Ok(8));
    let refused = |v| -> Fault { take(v).unwrap_err() };
    for v in [Any::Text("five".to_owned()), Any::Large { number: 256, added: None, unknown: Vec::new() }] {
        let fault = refused(v);
        assert_eq!((fault.kind(), fault.method()), (FaultKind::Panic, Some("take")));
        assert!(fault.message().contains("cannot be decoded"), "{fault}");
    }
}

#[test]
fn a_value_that_cannot_be_received_is_freed() {
    let rt = runtime("values_guarded");
    let audit = rt.service::<dyn Audit>().unwrap();
    let picky = rt.service::<dyn newer::Picky>().unwrap();
    let take =
        || newer::Picky::take(&picky, Serde(newer::Any::Text(sequences::TEXT.to_owned())), Vec::new()).unwrap_err();
    take();
    let live = audit.live();
    (0..100).for_each(|_| drop(take()));
    assert_eq!((audit.live(), audit.wrong_frees(), ALLOCATOR.wrong_frees()), (live, 0, 0));
}

/// The component's interface, as a broken caller knows it.
mod broken {
    use super::{Abi, NonZero, io};

    /// Says that it is a `NonZero<u8>`, and is zero.
    pub struct Zero;

    // SAFETY: it breaks the contract, to which the shape of a `NonZero<u8>` binds it.
    unsafe impl Abi for Zero {
        type Repr = u8;
        const SHAPE: &'static lcr::__private::v0_1_0::Shape = <NonZero<u8> as Abi>::SHAPE;
        fn into_repr(self) -> u8 {
            0
        }
        unsafe fn from_repr(_: u8) -> Zero {
            Zero
        }
    }

    #[lcr::interface(name = "test.values.of_std", version = 1)]
    pub trait OfStd {
        fn half(&self, v: Zero) -> io::Result<NonZero<u8>>;
    }
}

#[test]
fn a_zero_where_there_is_none_is_a_fault_of_the_call() {
    with_both(|rt| {
        let broken = rt.service::<dyn broken::OfStd>().unwrap();
        let fault = broken::OfStd::half(&broken, broken::Zero).unwrap_err().downcast::<Fault>().unwrap();
        assert_eq!((fault.kind(), fault.method()), (FaultKind::Panic, Some("half")));
        assert_eq!(fault.message(), "a `std::NonZero<u8>` was received with 0; its sender is broken");
        of_std::numbers(&rt.service::<dyn OfStd>().unwrap());
    });
}

/// The component's interface with another type in one method.
mod changed {
    use std::{
        num::NonZero,
        ops::Range,
        path::{Path, PathBuf},
    };

    #[lcr::interface(name = "test.values.of_std", version = 1)]
    pub trait Numbers {
        fn half(&self, v: u8) -> std::io::Result<NonZero<u8>>;
    }

    #[lcr::interface(name = "test.values.of_std", version = 1)]
    pub trait Texts {
        fn doubled(&self, text: PathBuf) -> PathBuf;
    }

    #[lcr::interface(name = "test.values.of_std", version = 1)]
    pub trait Errors {
        fn read(&self, path: &Path) -> Result<Vec<u8>, String>;
    }

    #[lcr::interface(name = "test.values.of_std", version = 1)]
    pub trait Ranges {
        fn inclusive(&self, v: Range<u32>) -> Option<std::ops::RangeInclusive<u64>>;
    }
}

#[test]
fn a_component_with_another_type_of_std_is_refused() {
    let rt = runtime("values");
    let expect = |error: lcr::Error, text: &str| {
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert!(error.to_string().contains(text), "{error}\nlacks\n{text}");
    };
    expect(
        rt.service::<dyn changed::Numbers>().unwrap_err(),
        "half: argument 1: expected u8, found struct std::NonZero<u8>",
    );
    expect(rt.service::<dyn changed::Texts>().unwrap_err(), "expected struct std::PathBuf, found struct std::OsString");
    expect(rt.service::<dyn changed::Errors>().unwrap_err(), "expected String, found struct std::io::Error");
    expect(rt.service::<dyn changed::Ranges>().unwrap_err(), "expected u32, found u64");
}
