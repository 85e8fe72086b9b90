//! What LibHotSwap does with functions of an Erlang module, done with methods of a loaded component: the component was
//! compiled without a word of patches, and the program declares them for the interface as it knows it.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use lcr::{Back, ComponentId, ErrorKind, FaultKind, Handle, Patched, Position, Runtime, history::History};
use lcr_tests::{component, empty_runtime, wait_until};

/// The interface of `components/counter_v1.rs`, as this program declares it.
#[lcr::interface(name = "test.counter", version = 1, patches)]
trait Counter {
    fn add(&self, n: u64) -> u64;
    fn version(&self) -> u32;
    fn inside(&self, f: &dyn Fn(u64) -> u64) -> u64;
    fn fail(&self, text: &str) -> Result<u64, lcr::Fault>;
}

/// The interface of `components/guard.rs`, likewise.
#[lcr::interface(name = "bank.clock", version = 1, patches)]
trait Clock {
    fn version(&self) -> u32;
    fn inside(&self, f: &dyn Fn());
}

/// A method of another signature than the component has, and one that it lacks.
mod other {
    #[lcr::interface(name = "test.counter", version = 1, patches)]
    pub(super) trait Counter {
        fn add(&self, n: u32) -> u64;
        fn version(&self) -> u32;
        fn subtract(&self, n: u64) -> u64 {
            n
        }
    }
}

fn counting() -> (Runtime, Handle<dyn Counter>) {
    let rt = empty_runtime();
    rt.load(component("counter_v1")).unwrap();
    let counter = rt.service().unwrap();
    (rt, counter)
}

/// Rewrites `version`.
fn rewrite(rt: &Runtime, to: u32) -> Patched {
    let patch = rt.patch::<dyn Counter>(&format!("answer-{to}")).methods(|m| m.version(move |_| to));
    patch.commit().unwrap()
}

/// Version, file and number of changes: what `vsn` tells.
fn vsn(rt: &Runtime) -> (ComponentId, bool, u64) {
    let status = rt.status();
    let counter = status.components.iter().find(|found| found.id.name == "counter").unwrap();
    (counter.id.clone(), counter.hash.is_some(), counter.patch_number)
}

#[test]
fn the_version_rises_by_one_with_each_change() {
    let (rt, counter) = counting();
    let number = |rt: &Runtime| vsn(rt).2;
    assert_eq!((vsn(&rt).0.to_string(), vsn(&rt).1, number(&rt)), ("counter 1.0.0".to_owned(), true, 0));
    for changes in 1..=42 {
        let _ = rewrite(&rt, changes).keep();
    }
    assert_eq!((counter.version(), number(&rt)), (42, 42));
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((counter.version(), number(&rt)), (41, 43), "a rollback is a change");
    drop(rewrite(&rt, 7));
    assert_eq!(number(&rt), 45);
}

#[test]
fn an_export_is_added_twice_and_removed_twice() {
    let (rt, _counter) = counting();
    let ask = || rt.export::<fn(u32) -> u32>("counter", "twice");
    assert_eq!(ask().unwrap_err().kind(), ErrorKind::NotFound);
    let add =
        |factor| rt.add_export::<fn(u32) -> u32, _>("counter", "twice", move |n: u32| n * factor).commit().unwrap();
    let (first, second) = (add(2).keep(), add(20).keep());
    let twice = ask().unwrap();
    assert_eq!(twice.call(21).unwrap(), 420, "the last one counts");
    rt.unpatch(second).unwrap();
    assert_eq!(twice.call(21).unwrap_err().kind(), FaultKind::Withdrawn, "while it was in use");
    assert_eq!(ask().unwrap().call(21).unwrap(), 42);
    rt.unpatch(first).unwrap();
    assert_eq!(ask().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(rt.unpatch(first).unwrap_err().kind(), ErrorKind::NotFound, "it is removed once");
    assert_eq!(rt.export::<fn(u64) -> u64>("counter", "add").unwrap().call(3).unwrap(), 3, "methods are exports");
}

#[test]
fn a_method_is_rewritten_twice_and_each_edit_is_kept() {
    let (rt, counter) = counting();
    let (one, two) = (rewrite(&rt, 10), rewrite(&rt, 20));
    assert_eq!(counter.version(), 20);
    drop(two);
    assert_eq!(counter.version(), 10, "the first edit is there");
    drop(one);
    assert_eq!(counter.version(), 1);
}

#[test]
fn code_is_injected_into_two_methods_at_once() {
    let (rt, counter) = counting();
    let patch = rt.patch::<dyn Counter>("injected");
    let patch = patch.before(|m| m.add(|n| if n > 9 { Err("too much") } else { Ok(()) }));
    let _patch = patch.after(|m| m.version(|version| *version += 100)).commit().unwrap();
    assert_eq!((counter.version(), counter.add(9)), (101, 9));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| counter.add(10))).is_err());
    assert_eq!(counter.add(0), 9, "the component did not get the call");
}

#[test]
fn clauses_are_added_in_order_42_then_24() {
    let (rt, counter) = counting();
    let clause = |name: &str, from: u64, answer: u64, position| {
        let patch = rt.patch::<dyn Counter>(name).clauses(|m| m.add(move |n| (n >= from).then_some(answer)));
        patch.at(position).commit().unwrap()
    };
    let _first = clause("forty-two", 1_000, 42, Position::First);
    assert_eq!((counter.add(1_000), counter.add(1)), (42, 1));
    let second = clause("twenty-four", 100, 24, Position::Below("forty-two".into()));
    assert_eq!((counter.add(1_000), counter.add(100), counter.add(1)), (42, 24, 2));
    drop(second);
    let _second = clause("twenty-four", 100, 24, Position::First);
    assert_eq!((counter.add(1_000), counter.add(100), counter.add(1)), (24, 24, 3));
}

#[test]
fn patches_are_rolled_back_by_one_by_two_and_not_beyond_the_depth() {
    let (rt, counter) = counting();
    rt.keep_revisions(4);
    (2..=6).for_each(|to| assert!(rewrite(&rt, to * 10).keep() > 0));
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(counter.version(), 50);
    rt.rollback(Back::Steps(3)).unwrap();
    assert_eq!(counter.version(), 40, "two before the fifth");
    let before = (rt.generation(), rt.patches(), rt.revisions());
    let error = rt.rollback(Back::Steps(5)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!((rt.generation(), rt.patches(), rt.revisions()), before);
    rt.rollback(Back::Original).unwrap();
    assert_eq!((counter.version(), rt.patches().len()), (1, 0));
}

/// PEERS 25: LibHotSwap's server crashes at the edit after a full rollback, and loses its history.
#[test]
fn the_edit_after_a_full_rollback_works_and_can_be_rolled_back() {
    let (rt, counter) = counting();
    for round in 1..=3 {
        let _ = rewrite(&rt, round).keep();
        rt.rollback(Back::Original).unwrap();
        assert_eq!(counter.version(), 1);
    }
    let _ = rewrite(&rt, 9).keep();
    rt.rollback(Back::Steps(2)).unwrap();
    assert_eq!(counter.version(), 3, "nothing of the history is lost");
}

/// PEERS 26: a refused rollback of LibHotSwap deletes history all the same, and the next one goes two steps.
#[test]
fn a_refused_rollback_over_patches_changes_nothing_and_the_next_one_goes_one_step() {
    let (rt, counter) = counting();
    (2..=4).for_each(|to| assert!(rewrite(&rt, to * 10).keep() > 0));
    for back in [Back::Steps(0), Back::Steps(1_000), Back::To(rt.generation()), Back::To(1_000)] {
        let before = (rt.generation(), rt.patches(), rt.revisions());
        rt.rollback(back).unwrap_err();
        assert_eq!((rt.generation(), rt.patches(), rt.revisions()), before, "{back:?}");
    }
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(counter.version(), 30);
}

/// PEERS 27: an edit of LibHotSwap that is refused leaves its file behind.
#[test]
fn an_edit_that_is_refused_leaves_nothing_behind() {
    let (rt, counter) = counting();
    let before = (rt.generation(), vsn(&rt), rt.patches(), rt.revisions());
    let drops = std::sync::Arc::new(AtomicU64::new(0));
    for _ in 0..3 {
        let captured = Counted(std::sync::Arc::clone(&drops));
        let patch = rt.patch::<dyn Counter>("lost").of_component("nobody").methods(|m| {
            m.add(move |next, n| {
                let _ = &captured;
                next(n)
            })
        });
        assert_eq!(patch.commit().unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(drops.load(Ordering::SeqCst), 3, "what closures have captured is dropped");
    assert_eq!(
        (rt.generation(), vsn(&rt), rt.patches(), rt.revisions(), counter.add(0)),
        (before.0, before.1, before.2, before.3, 0)
    );
}

struct Counted(std::sync::Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// PEERS 28: the options for start and end of LibHotSwap do nothing.
#[test]
fn after_a_restart_with_a_history_the_component_is_there_and_its_patches_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Runtime::builder().linked(false).history(History::at(directory.path())).build().unwrap();
    let rt = open();
    rt.plan().add(component("counter_v1")).commit().unwrap();
    let counter = rt.service::<dyn Counter>().unwrap();
    let _ = rewrite(&rt, 42).keep();
    assert_eq!((counter.version(), rt.patches().len()), (42, 1));
    drop((counter, rt));
    let rt = open();
    let counter = rt.service::<dyn Counter>().unwrap();
    assert_eq!((counter.version(), rt.patches().len(), vsn(&rt).2), (1, 0, 0), "a closure does not survive");
    let patched = rewrite(&rt, 24);
    assert_eq!(counter.version(), 24);
    drop(patched);
    assert_eq!(counter.version(), 1);
}

/// PEERS 24: protected modules of LibHotSwap are protected only while its server runs.
#[test]
fn a_protected_component_is_not_patched_without_the_override_which_is_told() {
    let rt = empty_runtime();
    rt.load(component("guard")).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    let version = clock.version();
    let patch = || rt.patch::<dyn Clock>("forward").methods(|m| m.version(|next| next() + 1));
    let export = || rt.add_export::<fn() -> u8, _>("guard", "open", || 1);
    let generation = rt.generation();
    assert_eq!(patch().commit().unwrap_err().kind(), ErrorKind::Protected);
    assert_eq!(export().commit().unwrap_err().kind(), ErrorKind::Protected);
    assert_eq!((rt.generation(), clock.version()), (generation, version));
    let _ = patch().override_protected().commit().unwrap().keep();
    let number = export().override_protected().commit().unwrap().keep();
    assert_eq!(clock.version(), version + 1);
    let error = rt.unpatch(number).unwrap_err();
    assert!(error.kind() == ErrorKind::Protected && error.to_string().contains("`guard` is protected"), "{error}");
    rt.unpatch_protected(number).unwrap();
    assert_eq!(rt.added_exports(), []);
    export().override_protected().commit().unwrap().remove().unwrap();
    assert_eq!(rt.rollback(Back::To(generation)).unwrap_err().kind(), ErrorKind::Protected);
    let back = rt.plan().rollback(Back::To(generation)).override_protected().commit().unwrap();
    assert_eq!((back.overrode_protection_of, clock.version()), (vec!["guard".to_owned()], version));
}

/// PEERS 29: a wrong arity or an unknown function crashes LibHotSwap's server instead of being an error.
#[test]
fn a_method_of_another_signature_or_none_is_refused() {
    let (rt, counter) = counting();
    let (generation, patches) = (rt.generation(), rt.patches());
    let wrong = rt.patch::<dyn other::Counter>("wrong").methods(|m| m.add(|_, _| 0)).commit().unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Mismatch, "{wrong}");
    assert!(wrong.to_string().contains("u32") && wrong.to_string().contains("u64"), "{wrong}");
    let lacking = rt.patch::<dyn other::Counter>("lacking").methods(|m| m.subtract(|_, _| 0)).commit().unwrap_err();
    assert_eq!(lacking.kind(), ErrorKind::NotFound, "{lacking}");
    let arity = rt.export::<fn(u64, u64) -> u64>("counter", "add").unwrap_err();
    assert_eq!(arity.kind(), ErrorKind::Mismatch, "{arity}");
    let unknown = rt.export::<fn(u64) -> u64>("counter", "subtract").unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound, "{unknown}");
    assert_eq!((rt.generation(), rt.patches(), counter.add(1)), (generation, patches, 1));
    let _right = rt.patch::<dyn other::Counter>("right").methods(|m| m.version(|_| 5)).commit().unwrap();
    assert_eq!(counter.version(), 5, "a method that both know alike can be patched");
}

/// PEERS 30: without its server a second edit of LibHotSwap silently drops the first.
#[test]
fn two_edits_of_different_methods_stand_beside_each_other_through_a_replacement() {
    let (rt, counter) = counting();
    let _add = rt.patch::<dyn Counter>("add").methods(|m| m.add(|next, n| next(n) + 1_000)).commit().unwrap();
    let _version = rewrite(&rt, 50);
    assert_eq!((counter.add(1), counter.version()), (1_001, 50));
    rt.replace(component("counter_v2")).unwrap();
    assert_eq!((counter.add(1), counter.version()), (1_002, 50));
}

/// Each patch adds 10 twice, so a call that saw half of one would be off by 10; and each version answers a digit.
#[test]
fn calls_see_whole_chains_while_four_threads_patch_and_one_replaces_and_rolls_back() {
    let (rt, counter) = counting();
    let (made, drops) = (AtomicU64::new(0), std::sync::Arc::new(AtomicU64::new(0)));
    let done = AtomicBool::new(false);
    let tens = |captured: Counted| {
        let patch = rt.patch::<dyn Counter>("tens").methods(|m| m.version(|next| next() + 10));
        patch.methods(|m| {
            m.version(move |next| {
                let _ = &captured;
                next() + 10
            })
        })
    };
    let until_done = |work: &dyn Fn() -> lcr::Result<()>| loop {
        match work() {
            Ok(()) => return,
            Err(error) => assert!([ErrorKind::Busy, ErrorKind::Stale].contains(&error.kind()), "{error}"),
        }
        thread::yield_now();
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut calls = 0_u64;
                    while !done.load(Ordering::Relaxed) {
                        let version = counter.version();
                        assert!([1, 2].contains(&(version % 10)) && version / 10 % 2 == 0, "{version}");
                        calls += 1;
                    }
                    calls
                })
            })
            .collect();
        let patchers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..15 {
                        until_done(&|| {
                            made.fetch_add(1, Ordering::SeqCst);
                            tens(Counted(std::sync::Arc::clone(&drops))).commit().map(drop)
                        });
                    }
                })
            })
            .collect();
        let replacing = scope.spawn(|| {
            for _ in 0..6 {
                until_done(&|| rt.replace(component("counter_v2")).map(drop));
                until_done(&|| rt.replace(component("counter_v1")).map(drop));
                until_done(&|| match rt.rollback(Back::Steps(1)) {
                    Err(error) if error.kind() == ErrorKind::Invalid => Ok(()),
                    other => other.map(drop),
                });
            }
        });
        patchers.into_iter().for_each(|patcher| patcher.join().unwrap());
        replacing.join().unwrap();
        done.store(true, Ordering::Relaxed);
        assert!(callers.into_iter().map(|caller| caller.join().unwrap()).sum::<u64>() > 0);
    });
    assert!(rt.patches().is_empty() && counter.version() < 10);
    wait_until("captured values are dropped once", || drops.load(Ordering::SeqCst) == made.load(Ordering::SeqCst));
}
