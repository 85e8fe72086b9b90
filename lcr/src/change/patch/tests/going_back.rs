//! Rollbacks over patches.

use super::*;
use crate::Back;

fn adding(rt: &Runtime, name: &str, n: u64) -> Patched {
    rt.patch::<dyn Counter>(name).methods(|m| m.add(move |next, asked| next(asked) + n)).commit().unwrap()
}

fn names(rt: &Runtime) -> Vec<String> {
    rt.patches().into_iter().map(|patch| patch.name).collect()
}

#[test]
fn a_rollback_takes_patches_off_and_a_further_one_brings_them_back() {
    let (rt, counter) = counter();
    for (name, n) in [("tens", 10), ("hundreds", 100)] {
        let _ = adding(&rt, name, n).keep();
    }
    assert_eq!(counter.add(0), 111);
    let report = rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((report.generation, counter.add(0)), (rt.generation(), 11));
    assert_eq!(names(&rt), ["tens"]);
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((counter.add(0), names(&rt)), (111, vec!["tens".to_owned(), "hundreds".to_owned()]));
    rt.rollback(Back::Steps(3)).unwrap();
    assert_eq!(counter.add(0), 11, "rollbacks are commits, too");
    rt.rollback(Back::Original).unwrap();
    assert_eq!((counter.add(0), names(&rt).len()), (1, 0));
    assert_eq!(rt.rollback(Back::Original).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_rollback_goes_several_steps_and_one_beyond_the_depth_changes_nothing() {
    let (rt, counter) = counter();
    rt.keep_revisions(3);
    let numbers = [1_u64, 10, 100, 1_000].map(|n| adding(&rt, &format!("plus-{n}"), n).keep());
    assert_eq!(counter.add(0), 1_112);
    let before = (rt.generation(), rt.patches(), rt.revisions());
    assert_eq!(rt.rollback(Back::Steps(4)).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!((rt.generation(), rt.patches(), rt.revisions()), before);
    rt.rollback(Back::Steps(2)).unwrap();
    assert_eq!((counter.add(0), rt.patches().len()), (12, 2), "refused rollbacks do not count");
    assert_eq!(rt.patches()[1].number, numbers[1]);
}

#[test]
fn revisions_say_which_patches_stood() {
    let (rt, _counter) = counter();
    let (one, two) = (adding(&rt, "one", 1), adding(&rt, "two", 2));
    let stood = || -> Vec<Vec<String>> {
        let revisions = rt.revisions().into_iter();
        revisions.map(|revision| revision.patches.into_iter().map(|patch| patch.name).collect()).collect()
    };
    let newest = |stood: Vec<Vec<String>>| stood[stood.len() - 3..].join(&"|".to_owned()).join(" ");
    assert_eq!(newest(stood()), "| one | one two");
    let number = one.keep();
    rt.unpatch(number).unwrap();
    assert_eq!(newest(stood()), "one | one two | two");
    drop(two);
    assert_eq!(newest(stood()), "one | |", "what has ended is in no revision");
}

#[test]
fn what_was_taken_off_by_its_number_comes_back_and_what_its_guard_ended_does_not() {
    let (rt, counter) = counter();
    let number = adding(&rt, "kept", 10).keep();
    rt.unpatch(number).unwrap();
    assert_eq!(rt.unpatch(number).unwrap_err().kind(), ErrorKind::NotFound, "it is off");
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(counter.add(0), 11);
    let scoped = adding(&rt, "scoped", 100);
    assert_eq!(counter.add(0), 111);
    drop(scoped);
    let generation = rt.generation();
    let error = rt.rollback(Back::Steps(1)).unwrap_err();
    assert_eq!((error.kind(), rt.generation()), (ErrorKind::Invalid, generation), "{error}");
    assert_eq!(counter.add(0), 11);
}

#[test]
fn the_guard_of_a_patch_that_was_rolled_back_ends_it_without_a_commit() {
    let (rt, counter) = counter();
    let drops = Arc::new(AtomicU64::new(0));
    let captured = Counted(Arc::clone(&drops));
    let patch = rt.patch::<dyn Counter>("guarded").methods(|m| {
        m.add(move |next, n| {
            let _ = &captured;
            next(n) + 10
        })
    });
    let patch = patch.commit().unwrap();
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((counter.add(0), drops.load(Ordering::SeqCst)), (1, 0), "a rollback can bring it back");
    let generation = rt.generation();
    assert_eq!(patch.remove().unwrap(), generation);
    wait(|| drops.load(Ordering::SeqCst) == 1);
    assert_eq!(rt.rollback(Back::Steps(1)).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!((rt.generation(), counter.add(0)), (generation, 1));
}

#[test]
fn what_closures_have_captured_goes_when_no_revision_has_the_patch() {
    let (rt, counter) = counter();
    let drops = Arc::new(AtomicU64::new(0));
    let patch = |name: &str| {
        let captured = Captured::new(&drops);
        let patch = rt.patch::<dyn Counter>(name).methods(|m| {
            m.add(move |next, n| {
                let _ = &captured;
                next(n) + 10
            })
        });
        patch.commit().unwrap().keep()
    };
    let number = patch("forgotten");
    rt.unpatch(number).unwrap();
    rt.inner().wake_reaper();
    assert_eq!((counter.add(0), drops.load(Ordering::SeqCst)), (1, 0));
    rt.keep_revisions(0);
    wait(|| drops.load(Ordering::SeqCst) == 1);
    rt.keep_revisions(2);
    let number = patch("passed");
    rt.unpatch(number).unwrap();
    (0..2).for_each(|n| drop(adding(&rt, &format!("later-{n}"), n)));
    wait(|| drops.load(Ordering::SeqCst) == 2);
    rt.unpatch(patch("last")).unwrap();
    drop((counter, rt));
    wait(|| drops.load(Ordering::SeqCst) == 3);
}

#[test]
fn a_rollback_changes_components_and_patches_in_one_commit() {
    let rt = Runtime::builder().linked(false).build().unwrap();
    let plain = |n| Arc::new(Plain(AtomicU64::new(n)));
    let first = plain(0);
    rt.provide::<dyn Counter, _>("tally", Arc::clone(&first)).unwrap();
    let counter = rt.service::<dyn Counter>().unwrap();
    let tenfold = rt.patch::<dyn Counter>("tenfold").methods(|m| m.add(|next, n| next(n) * 10)).commit().unwrap();
    let number = tenfold.keep();
    let second = plain(1);
    rt.provide::<dyn Counter, _>("tally", Arc::clone(&second)).unwrap();
    rt.unpatch(number).unwrap();
    let _double = rt.patch::<dyn Counter>("double").methods(|m| m.add(|next, n| next(n) * 2)).commit().unwrap();
    assert_eq!(counter.add(0), 4);
    let mut events = rt.events();
    let generation = rt.generation();
    rt.rollback(Back::To(generation - 3)).unwrap();
    assert_eq!((rt.generation(), counter.add(0)), (generation + 1, 10));
    let mut told = Vec::new();
    while told.len() < 2 {
        if let EventKind::Patched { patch, stands, generation: at, .. } = events.try_next().unwrap().kind {
            told.push((patch.name, stands, at));
        }
    }
    assert_eq!(told, [("double".to_owned(), false, generation + 1), ("tenfold".to_owned(), true, generation + 1)]);
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((counter.add(0), names(&rt)), (4, vec!["double".to_owned()]));
}

#[test]
fn a_rollback_over_a_patch_of_a_protected_component_needs_the_override() {
    let rt = Runtime::new().unwrap();
    let door = rt.service::<dyn Guarded>().unwrap();
    let open = rt.patch::<dyn Guarded>("open").methods(|m| m.open(|_| true)).override_protected();
    let _ = open.commit().unwrap().keep();
    let generation = rt.generation();
    assert_eq!(rt.rollback(Back::Steps(1)).unwrap_err().kind(), ErrorKind::Protected);
    assert_eq!((rt.generation(), door.open()), (generation, true));
    let report = rt.plan().rollback(Back::Steps(1)).override_protected().commit().unwrap();
    assert_eq!((report.overrode_protection_of, door.open()), (vec!["patch-door".to_owned()], false));
}

#[test]
fn a_plan_for_a_rollback_is_stale_once_another_patch_came() {
    let (rt, counter) = counter();
    let _ = adding(&rt, "one", 10).keep();
    let plan = rt.plan().rollback(Back::Steps(1)).build();
    let _two = adding(&rt, "two", 100);
    assert_eq!(plan.commit().unwrap_err().kind(), ErrorKind::Stale);
    assert_eq!(counter.add(0), 111);
}
