//! States that a component keeps in an `lcr::State`: which way they go, that a box moves as it is, and that any
//! failure gives it back.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use lcr::{ErrorKind, Handle, Runtime};
use lcr_tests::{
    bank::{Clock, Vault},
    component, empty_runtime,
    hoard::{Hoard, word},
    in_a_process_of_its_own, manifests, patient,
    script::{Misdeed, Moment, Script},
    thorough_or, wait_until,
};
use tempfile::TempDir;

const LONG: &str = "a text that is longer than a piece";

/// A runtime with a hoard in use, which has two texts.
struct Kept {
    hoard: Handle<dyn Hoard>,
    script: Script,
    rt: Runtime,
    directory: TempDir,
}

impl Kept {
    fn open(library: &str) -> Kept {
        let directory = tempfile::tempdir().unwrap();
        let (rt, script) = (empty_runtime(), Script::new(directory.path()));
        rt.load(component(library)).unwrap();
        rt.configure("hoard", &script).unwrap();
        let hoard: Handle<dyn Hoard> = rt.service().unwrap();
        assert_eq!((hoard.put(1, "short"), hoard.put(2, LONG)), (1, 2));
        Kept { hoard, script, rt, directory }
    }

    /// The plan that replaces the hoard, as it is printed.
    fn plan(&self, library: impl AsRef<Path>) -> String {
        self.rt.plan().replace(library).build().to_string()
    }

    /// What the hoard has, and where.
    fn look(&self) -> (u32, u64, (u64, u64), Option<String>, Option<String>) {
        let hoard = &self.hoard;
        (hoard.version(), hoard.address(), hoard.counts(), hoard.get(1), hoard.get(2))
    }

    /// Tries a replacement that is refused, and checks that nothing has changed and that it succeeds afterwards.
    fn refused(self, kind: ErrorKind, text: &str, refuse: impl FnOnce(&Kept) -> lcr::Result<lcr::Report>) {
        let before = self.look();
        let (drops, at) = word();
        self.hoard.count_drops(at);
        let error = refuse(&self).unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(text), "{error}");
        assert_eq!(self.look(), before);
        self.hoard.put(3, "after the refusal");
        for moment in [Moment::Create, Moment::Healthy] {
            self.script.clear("hoard 2.0.0", moment);
        }
        let report = self.rt.replace(component("hoard_version_2")).unwrap();
        assert_eq!(report.members[0].moved, 1);
        assert_eq!((self.hoard.version(), self.hoard.address(), self.hoard.counts().0), (2, before.1, 3));
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        let Kept { hoard, rt, directory, .. } = self;
        drop(hoard);
        wait_until("the state is dropped", || drops.load(Ordering::SeqCst) > 0);
        wait_until("the hoards are destroyed", || rt.status().retiring == 0);
        assert_eq!(drops.load(Ordering::SeqCst), 1, "the state is dropped once, by the last instance that has it");
        drop((rt, directory));
    }
}

/// A copy of a library, with every `old` in its records replaced by `new`.
fn with_manifest(library: &str, old: &str, new: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(component(library)).unwrap();
    manifests::rename(&mut bytes, old, new);
    let file = directory.path().join("changed.so");
    fs::write(&file, bytes).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    (directory, file)
}

#[test]
fn a_raised_version_with_the_same_types_takes_the_state_as_it_lies() {
    let kept = Kept::open("hoard_version_1");
    let before = kept.look();
    let plan = kept.plan(component("hoard_version_2"));
    assert!(plan.contains("state v1 moves by pointer") && !plan.contains("stay mapped"), "{plan}");
    let report = kept.rt.replace(component("hoard_version_2")).unwrap();
    assert_eq!((report.members[0].moved, report.members[0].state_bytes), (1, 0));
    assert_eq!(kept.look(), (2, before.1, before.2, before.3, before.4));
    assert!(!kept.script.has_come("hoard 2.0.0", Moment::Save));
    kept.hoard.put(1, LONG);
    kept.rt.replace(component("hoard_version_1")).unwrap();
    assert_eq!(kept.look(), (1, before.1, (2, 3), Some(LONG.to_owned()), Some(LONG.to_owned())));
}

#[test]
fn another_type_is_copied_by_the_same_declaration_and_the_plan_says_why() {
    let kept = Kept::open("hoard_version_1");
    let before = kept.look();
    for (library, version, why) in [
        ("hoard_wide", 3, "(not by pointer: struct Treasure: field 1 `by_key`"),
        ("hoard_version_1", 1, "expected u64, found u32)"),
        ("hoard_migrating", 4, "offered to migrate of v2 (not by pointer: its version was 1, and is 2)"),
    ] {
        let plan = kept.plan(component(library));
        assert!(plan.contains(why), "{plan}");
        let report = kept.rt.replace(component(library)).unwrap();
        assert!(report.members[0].moved == 0 && report.members[0].state_bytes > 0, "{report:?}");
        assert_eq!((kept.hoard.version(), kept.hoard.counts()), (version, (2, 2)));
        let texts = (kept.hoard.get(1), kept.hoard.get(2));
        if version != 4 {
            assert_eq!(texts, (before.3.clone(), before.4.clone()));
        } else {
            assert_eq!(texts, (Some("short".to_owned()), Some(LONG.to_owned())));
        }
    }
    let error = kept.rt.replace(component("hoard_version_1")).unwrap_err();
    assert!(error.kind() == ErrorKind::State && error.to_string().contains("no other version of the state"), "{error}");
    assert_eq!(kept.hoard.version(), 4);
}

#[test]
fn a_state_that_can_go_neither_way_refuses_the_plan_before_code_runs() {
    let kept = Kept::open("hoard_version_1");
    let error = kept.rt.replace(component("hoard_mute")).unwrap_err();
    let text = error.to_string();
    assert!(
        error.kind() == ErrorKind::State && text.contains("not by pointer (struct Treasure: field 1 `by_key`"),
        "{text}"
    );
    assert!(text.contains("serde does not know its type in `hoard 5.0.0`"), "{text}");
    assert_eq!((kept.hoard.version(), kept.hoard.counts()), (1, (2, 2)));
    assert_eq!(kept.rt.status().retained_images, 0, "nothing was loaded");
    let report = kept.rt.plan().replace(component("hoard_mute")).discard_state("hoard").commit().unwrap();
    assert_eq!((report.members[0].discarded_state, kept.hoard.counts()), (Some(1), (0, 0)));
}

#[test]
fn another_compiler_never_gets_the_pointer() {
    let kept = Kept::open("hoard_version_1");
    let toolchain = &lcr::manifest::Manifest::read(component("hoard_version_2")).unwrap().exports[0].toolchain.clone();
    let (commit, _) = toolchain.split_once('(').unwrap().1.split_once(' ').unwrap();
    let other: String = commit.chars().rev().collect();
    assert_ne!(commit, other);
    let (_directory, library) = with_manifest("hoard_version_2", commit, &other);
    let plan = kept.plan(&library);
    assert!(plan.contains("not by pointer: rustc") && plan.contains(&other), "{plan}");
    let report = kept.rt.replace(&library).unwrap();
    assert_eq!((report.members[0].moved, kept.hoard.version(), kept.hoard.counts()), (0, 2, (2, 2)));
}

#[test]
fn an_image_with_an_allocator_of_its_own_gets_a_copy() {
    let kept = Kept::open("hoard_version_1");
    let before = kept.look();
    for (library, version) in [("hoard_own_allocator", 7), ("hoard_own_allocator", 7), ("hoard_version_2", 2)] {
        let plan = kept.plan(component(library));
        assert!(plan.contains("moves by pointer"), "only the mapped image shows its allocator: {plan}");
        let report = kept.rt.replace(component(library)).unwrap();
        assert!(report.members[0].moved == 0 && report.members[0].state_bytes > 0, "{report:?}");
        let now = kept.look();
        assert_eq!((now.0, now.2, now.3, now.4), (version, before.2, before.3.clone(), before.4.clone()));
    }
}

#[test]
fn a_constructor_that_fails_or_panics_leaves_the_state_where_it_is() {
    for (misdeed, text) in [(Misdeed::Error, "refused in its constructor"), (Misdeed::Panic, "panicked")] {
        let kept = Kept::open("hoard_version_1");
        kept.script.set("hoard 2.0.0", Moment::Create, misdeed);
        kept.refused(ErrorKind::Construct, text, |kept| kept.rt.replace(component("hoard_version_2")));
    }
}

#[test]
fn a_health_check_that_fails_panics_or_hangs_leaves_the_state_where_it_is() {
    for (misdeed, kind, text) in [
        (Misdeed::Error, ErrorKind::Unhealthy, "as the script says"),
        (Misdeed::Panic, ErrorKind::Unhealthy, "panicked"),
        (Misdeed::Hang, ErrorKind::Deadline, "the health check of component `hoard 2.0.0` has not ended"),
    ] {
        let kept = Kept::open("hoard_version_1");
        kept.script.set("hoard 2.0.0", Moment::Healthy, misdeed);
        // A hang lasts as long as the plan may, and before it the library has to be loaded, also under a sanitizer.
        let timeout = Duration::from_secs(if misdeed == Misdeed::Hang { 4 } else { 60 });
        kept.refused(kind, text, |kept| kept.rt.plan().replace(component("hoard_version_2")).timeout(timeout).commit());
    }
}

#[test]
fn a_failure_of_another_member_behind_the_gate_gives_the_state_back() {
    let kept = Kept::open("hoard_version_1");
    kept.rt.load(component("vault_v1")).unwrap();
    kept.rt.configure("vault", &kept.script).unwrap();
    let vault: Handle<dyn Vault> = kept.rt.service().unwrap();
    vault.add(5);
    kept.script.set("vault 2.0.0", Moment::Restore, Misdeed::Panic);
    kept.refused(ErrorKind::State, "panicked in its restore", |kept| {
        let plan = kept.rt.plan().replace(component("hoard_version_2")).replace(component("vault_v2"));
        let refused = plan.commit();
        assert_eq!(vault.add(1), 6);
        refused
    });
}

#[test]
fn a_thread_that_keeps_the_lock_past_the_deadline_gets_the_others_their_state_back() {
    let kept = Kept::open("hoard_version_1");
    // Several instances, of which one is locked: the states of the others are taken out and given back.
    let own: Vec<Handle<dyn Hoard>> = (0..20).map(|_| kept.rt.reference(&kept.script).unwrap()).collect();
    for (number, hoard) in (10..).zip(&own) {
        hoard.put(number, "own");
    }
    let addresses: Vec<u64> = own.iter().map(|hoard| hoard.address()).collect();
    let (until, at) = word();
    own[7].keep_guard(at);
    let error = kept.rt.plan().replace(component("hoard_version_2")).deadline(Duration::from_secs(2)).commit();
    let error = error.unwrap_err();
    // Where the machine lets the transaction's thread wait for long, its caller gives up instead.
    let texts = ["keeps its state locked", "in the hand-over phase"];
    assert!(
        error.kind() == ErrorKind::Deadline && texts.iter().any(|text| error.to_string().contains(text)),
        "{error}"
    );
    until.store(1, Ordering::SeqCst);
    assert_eq!(kept.hoard.counts(), (2, 2));
    assert_eq!(own.iter().map(|hoard| hoard.address()).collect::<Vec<_>>(), addresses);
    let report = kept.rt.replace(component("hoard_version_2")).unwrap();
    assert_eq!(report.members[0].moved, 21);
    for (number, (hoard, address)) in (10..).zip(own.iter().zip(addresses)) {
        assert_eq!((hoard.address(), hoard.get(number)), (address, Some("own".to_owned())));
    }
}

#[test]
fn a_copy_that_takes_too_long_is_given_up_and_lets_go_of_the_state() {
    let kept = Kept::open("hoard_slow");
    let commit = || kept.rt.plan().replace(component("hoard_wide")).deadline(Duration::from_secs(3)).commit();
    let error = commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
    assert!(error.to_string().starts_with("the save of component `hoard 7.0.0` has not ended after"), "{error}");
    let begun = Instant::now();
    assert_eq!((kept.hoard.put(3, "a"), kept.hoard.get(2)), (3, Some(LONG.to_owned())));
    assert!(begun.elapsed() < lcr_tests::LONG, "the state was locked for {:?}", begun.elapsed());
}

#[test]
fn a_thread_that_keeps_the_lock_for_a_moment_is_waited_for() {
    let kept = Kept::open("hoard_version_1");
    let (until, at) = word();
    kept.hoard.keep_guard(at);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            until.store(1, Ordering::SeqCst);
        });
        let plan = kept.rt.plan().replace(component("hoard_version_2")).deadline(Duration::from_secs(30));
        assert_eq!(plan.commit().unwrap().members[0].moved, 1);
    });
    assert_eq!((kept.hoard.version(), kept.hoard.counts()), (2, (2, 2)));
}

#[test]
fn a_state_that_may_point_into_an_image_keeps_both_images_mapped() {
    let kept = Kept::open("hoard_mute");
    let plan = kept.plan(component("hoard_mute_2"));
    assert!(plan.contains("moves by pointer, both images stay mapped"), "{plan}");
    for round in 0..6_u64 {
        let library = ["hoard_mute_2", "hoard_mute"][round as usize % 2];
        assert_eq!(kept.rt.replace(component(library)).unwrap().members[0].moved, 1);
        kept.hoard.put(100 + round, "later");
    }
    wait_until("the instances are destroyed", || kept.rt.status().retiring == 0);
    let status = kept.rt.status();
    assert_eq!((status.retained_images, status.images_under_state), (6, 6), "{status:#?}");
    // Each text ends with a static of the image that put it.
    assert_eq!(kept.hoard.get(1).unwrap(), "short of version 5");
    let ends: Vec<String> = (0..6).map(|round| kept.hoard.get(100 + round).unwrap()).collect();
    assert_eq!(ends[..2], ["later of version 6", "later of version 5"]);
}

#[test]
fn threads_of_an_image_under_a_moved_state_are_named_behind_the_destructor() {
    let kept = Kept::open("hoard_mute");
    let (until, at) = word();
    kept.hoard.keep_guard(at);
    until.store(2, Ordering::SeqCst);
    let destructors = ["clock 1.0.0", "hoard 5.0.0"];
    destructors.iter().for_each(|of| kept.script.set(of, Moment::Drop, Misdeed::Hang));
    kept.rt.load(component("clock_v1")).unwrap();
    drop(kept.rt.reference::<dyn Clock>(&kept.script).unwrap());
    kept.script.wait_for("clock 1.0.0", Moment::Drop);
    // Its instance waits behind that one for a while.
    let plan = kept.rt.plan().replace(component("hoard_mute_2")).deadline(Duration::from_secs(30));
    assert_eq!(plan.commit().unwrap().members[0].moved, 1);
    assert_eq!(kept.rt.status().left_threads, [], "its destructor may end them");
    kept.script.wait_for("hoard 5.0.0", Moment::Drop);
    assert_eq!(kept.rt.status().left_threads, [], "its destructor may end them");
    destructors.iter().for_each(|of| kept.script.clear(of, Moment::Drop));
    wait_until("the instances are destroyed", || kept.rt.status().retiring == 0);
    let status = kept.rt.status();
    let [left] = &status.left_threads[..] else { panic!("{status:#?}") };
    assert_eq!((left.component.to_string().as_str(), status.images_under_state), ("hoard 5.0.0", 1));
    until.store(1, Ordering::SeqCst);
    wait_until("it has ended", || kept.rt.status().left_threads.is_empty());
}

#[test]
fn a_state_moves_to_and_fro_a_thousand_times_in_constant_memory_and_is_dropped_once() {
    // Alone, since the threads of other tests take memory, too.
    in_a_process_of_its_own(|| {
        let kept = Kept::open("hoard_version_1");
        let (drops, at) = word();
        let keys = thorough_or(1_000_000, 20_000);
        for key in 10..keys {
            kept.hoard.put(key, "one of many");
        }
        kept.hoard.count_drops(at);
        let address = kept.hoard.address();
        let rounds = thorough_or(1_000, 60);
        let mut resident = 0;
        for round in 0..rounds {
            let library = ["hoard_version_2", "hoard_version_1"][round as usize % 2];
            // A machine with other work may stop this process for a while, also behind the gate.
            let plan = kept.rt.plan().replace(component(library)).deadline(Duration::from_secs(30));
            let report = plan.commit().unwrap();
            assert_eq!(report.members[0].moved, 1);
            if round == rounds / 4 {
                wait_until("the images are unmapped", || kept.rt.status().retained_images == 0);
                resident = resident_bytes();
            }
        }
        wait_until("the images are unmapped", || kept.rt.status().retained_images == 0);
        let grown = resident_bytes().saturating_sub(resident);
        // AddressSanitizer keeps up to 256 MiB of freed blocks from being used again.
        let kept_back = if env::var_os("ASAN_OPTIONS").is_some() { 256 << 20 } else { 0 };
        assert!(grown < kept_back + (16 << 20), "memory has grown by {grown} bytes in {rounds} rounds");
        assert_eq!(kept.rt.status().images_under_state, 0);
        assert_eq!((kept.hoard.address(), kept.hoard.get(keys - 1)), (address, Some("one of many".to_owned())));
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        let Kept { hoard, rt, .. } = kept;
        drop(hoard);
        wait_until("everything is destroyed", || rt.status().constructed == rt.status().destroyed);
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    });
}

/// The process's memory that is in use, in bytes.
fn resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn writers_meet_every_replacement_and_lose_nothing() {
    let kept = Kept::open("hoard_version_1");
    let stop = AtomicBool::new(false);
    let rounds = thorough_or(300, 30);
    let written: u64 = thread::scope(|scope| {
        let writers: Vec<_> = (0..4_u64)
            .map(|writer| {
                let (hoard, stop) = (kept.hoard.clone(), &stop);
                scope.spawn(move || {
                    let mut written = 0;
                    while !stop.load(Ordering::Relaxed) {
                        hoard.put(10 + writer * 1_000 + written % 1_000, LONG);
                        written += 1;
                    }
                    written
                })
            })
            .collect();
        for round in 0..rounds {
            let library = ["hoard_version_2", "hoard_version_1"][round as usize % 2];
            patient(&kept.rt).replace(component(library)).commit().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert_eq!(kept.hoard.counts().1, written + 2);
}
