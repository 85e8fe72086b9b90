//! Maps, sets and deques, and what becomes of them when their keys panic on the way.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use lcr::{Fault, FaultKind, Handle, Runtime, Serde};
use lcr_tests::{
    in_a_process_of_its_own,
    values::{
        collections::{self, Collections, Fragile},
        contract::Audit,
        sequences::TEXT,
    },
};

use super::{ALLOCATOR, newer::Any, runtime, with_both};

#[test]
fn maps_sets_and_deques_cross_empty_and_large() {
    with_both(collections::all);
}

#[test]
fn of_keys_that_are_equal_to_the_receiver_alone_one_stays() {
    with_both(collections::equal_to_the_receiver_alone);
}

/// How many entries are on the way.
const COUNT: u32 = 40;

fn map<M: FromIterator<(Fragile, String)>>() -> M {
    (0..COUNT).map(|n| (Fragile { text: format!("{n}{TEXT}") }, TEXT.repeat(n as usize))).collect()
}

fn set<S: FromIterator<Fragile>>() -> S {
    (0..COUNT).map(|n| Fragile { text: format!("{n}{TEXT}") }).collect()
}

/// Runs the exchange with a component whose allocator counts, until each side has as many blocks as before. Threads
/// of the runtime and of the test harness come and go, and a leak grows with each round.
fn leaves_no_block(exchange: impl Fn(&Handle<dyn Collections>, &Runtime)) {
    let rt = runtime("values_guarded");
    let (peer, audit) = (rt.service::<dyn Collections>().unwrap(), rt.service::<dyn Audit>().unwrap());
    // The first rounds allocate what stays.
    exchange(&peer, &rt);
    exchange(&peer, &rt);
    let live = (ALLOCATOR.live(), audit.live());
    let mut rounds = [live; 6];
    for round in &mut rounds {
        exchange(&peer, &rt);
        assert_eq!((ALLOCATOR.wrong_frees(), audit.wrong_frees()), (0, 0));
        *round = (ALLOCATOR.live(), audit.live());
    }
    assert!(rounds.iter().all(|round| round.1 == live.1), "blocks of the component: {live:?}, {rounds:?}");
    // A leak makes each round end with more blocks than all before it. The runtime's own threads have some at times.
    let most = rounds[..3].iter().fold(live.0, |most, round| most.max(round.0));
    assert!(rounds[3..].iter().any(|round| round.0 <= most), "blocks of the program: {live:?}, {rounds:?}");
}

/// Makes the call with a longer fuse each time, until it does not panic. There is a comparison or a hash for each entry
/// at least.
fn with_each_fuse(call: impl Fn(u32) -> Result<(), String>) {
    let mut fuse = 0;
    while let Err(text) = call(fuse) {
        assert_eq!(text, "a fragile key");
        fuse += 3;
    }
    assert!(fuse >= COUNT);
}

#[test]
fn a_key_that_panics_at_any_entry_of_an_argument_is_a_fault_and_leaves_no_block() {
    in_a_process_of_its_own(|| {
        leaves_no_block(|peer, _| {
            let text = |fault: Fault| {
                assert_eq!(fault.kind(), FaultKind::Panic);
                fault.message().to_owned()
            };
            let with_each_fuse = |call: &dyn Fn() -> Result<u64, Fault>| {
                with_each_fuse(|fuse| {
                    peer.arm(Some(fuse));
                    let result = call();
                    peer.arm(None);
                    result.map(|count| assert_eq!(count, u64::from(COUNT))).map_err(text)
                });
            };
            with_each_fuse(&|| peer.fragile_hashed(map()).map(|back| back.len() as u64));
            with_each_fuse(&|| peer.fragile_sorted(map()).map(|back| back.len() as u64));
            with_each_fuse(&|| peer.fragile_sets(set(), BTreeSet::new()));
            with_each_fuse(&|| peer.fragile_sets(HashSet::new(), set()));
        });
    });
}

#[test]
fn a_key_that_panics_at_any_entry_of_a_result_is_a_panic_of_the_caller_and_leaves_no_block() {
    in_a_process_of_its_own(|| {
        leaves_no_block(|peer, _| {
            let with_each_fuse = |call: &dyn Fn() -> usize| {
                with_each_fuse(|fuse| {
                    let called = catch_unwind(AssertUnwindSafe(|| {
                        collections::arm(Some(fuse));
                        call()
                    }));
                    collections::arm(None);
                    let text = |payload: Box<dyn std::any::Any + Send>| *payload.downcast::<String>().unwrap();
                    called.map(|count| assert_eq!(count, COUNT as usize)).map_err(text)
                });
            };
            let (hashed, sorted): (HashMap<_, _>, BTreeMap<_, _>) = (map(), map());
            with_each_fuse(&|| peer.fragile_hashed(hashed.clone()).unwrap().len());
            with_each_fuse(&|| peer.fragile_sorted(sorted.clone()).unwrap().len());
        });
    });
}

/// The component's interface as a caller of another version knows it.
mod newer {
    use super::{Any, Fault, HashMap, Serde};

    #[lcr::interface(name = "test.values.collections", version = 1)]
    pub trait Collections {
        fn decoded(&self, v: HashMap<String, Serde<Any>>, held: Vec<String>) -> Result<u64, Fault>;
    }
}

#[test]
fn an_entry_that_cannot_be_decoded_leaves_no_block() {
    in_a_process_of_its_own(|| {
        leaves_no_block(|_, rt| {
            let peer = rt.service::<dyn newer::Collections>().unwrap();
            let small = |number| Any::Small { number };
            for bad in [0, 1, COUNT / 2, COUNT] {
                let unknown = |n: u32| if n < bad { Any::Text(TEXT.to_owned()) } else { small(1) };
                let entries = (0..COUNT).map(|n| (format!("{n}{TEXT}"), Serde(unknown(n)))).collect();
                let decoded = newer::Collections::decoded(&peer, entries, Vec::new());
                match decoded {
                    Ok(count) => assert_eq!((bad, count), (0, COUNT.into())),
                    Err(fault) => assert!(bad > 0 && fault.message().contains("cannot be decoded"), "{fault}"),
                }
            }
        });
    });
}
