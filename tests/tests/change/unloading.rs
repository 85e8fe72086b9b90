//! Images of replaced components: the runtime keeps them by default. It unmaps an image whose author opted
//! in, once nothing holds the image.

use std::{fs, path::PathBuf, sync::mpsc, thread, time::Duration};

use lcr::{ErrorKind, Handle, Runtime, Trust};
use lcr_tests::{
    component, empty_runtime,
    guest::{Guest, House},
    in_a_process_of_its_own,
    interfaces::Summer,
    keeper::Keeper,
    wait_until,
};

/// A house with a guest whose image may be unmapped, and the file that the image is mapped from.
fn open() -> (House, PathBuf) {
    let house = House::open_to(Trust::default(), "guest_1_unload");
    let image = house.mapped().remove(0);
    (house, image)
}

/// Replaces the guest twice, and waits until the image between is unmapped. The reaper has then looked at
/// every older image.
fn let_the_reaper_look(house: &House) {
    let before = house.mapped();
    house.accept(&component("guest_1_unload"));
    let between = house.mapped().into_iter().find(|image| !before.contains(image)).unwrap();
    house.accept(&component("guest_1_unload"));
    wait_until("the image between is unmapped", || !house.mapped().contains(&between));
}

#[test]
fn an_image_that_opted_in_is_unmapped_after_its_replacement() {
    let (house, image) = open();
    for _ in 0..5 {
        house.accept(&component("guest_1_unload"));
    }
    house.accept(&component("guest_1"));
    wait_until("the images are unmapped", || house.mapped().len() == 1);
    assert!(!house.mapped().contains(&image));
    wait_until("the status says so", || house.rt.status().retained_images == 0);
    let status = house.rt.status();
    assert_eq!(status.retained_image_bytes, 0, "{status:#?}");
    assert_eq!(house.stored(), house.mapped(), "the files of unmapped images are gone");
    house.close();
}

#[test]
fn an_image_stays_mapped_as_long_as_bytes_of_it_are_held() {
    let (house, image) = open();
    let bytes = house.guest.bytes();
    let second = bytes.clone();
    let_the_reaper_look(&house);
    assert!(house.mapped().contains(&image));
    assert_eq!(&*bytes, b"of version 1");
    drop(bytes);
    let_the_reaper_look(&house);
    assert!(house.mapped().contains(&image));
    wait_until("the status counts it alone", || house.rt.status().retained_images == 1);
    assert_eq!(&*second.clone(), b"of version 1");
    drop(second);
    wait_until("the image is unmapped", || !house.mapped().contains(&image));
    wait_until("the status says so", || house.rt.status().retained_images == 0);
    house.close();
}

/// The C library keeps an image mapped for a thread whose thread-locals it has to destroy
/// (rust-lang/rust#59629). If it did not, the thread would end in unmapped code.
#[test]
fn an_image_stays_mapped_until_the_thread_ends_that_has_a_thread_local_of_it() {
    let (house, image) = open();
    let (settled, is_settled) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let guest = house.guest.clone();
    let settler = thread::spawn(move || {
        guest.settle();
        drop(guest);
        settled.send(()).unwrap();
        let _ = ends.recv();
    });
    is_settled.recv().unwrap();
    let_the_reaper_look(&house);
    assert!(house.mapped().contains(&image));
    wait_until("the status counts it alone", || house.rt.status().retained_images == 1);
    drop(end);
    settler.join().unwrap();
    wait_until("the image is unmapped", || !house.mapped().contains(&image));
    wait_until("the status says so", || house.rt.status().retained_images == 0);
    house.close();
}

#[test]
fn an_image_that_did_not_opt_in_stays_and_is_counted() {
    let house = House::open();
    let size = house.rt.status().components.remove(0).image_bytes.unwrap();
    assert!(size > 0);
    for replaced in 1..=10 {
        house.accept(&component("guest_1"));
        house.rt.wait_drained(Duration::from_secs(30)).unwrap();
        let status = house.rt.status();
        assert_eq!((status.retained_images, status.retained_image_bytes), (replaced, replaced * size));
        assert_eq!(house.mapped().len(), replaced + 1);
    }
    house.close();
}

/// This holds wherever the reaper is at that moment, because a process may end right after both calls.
#[test]
fn all_instances_are_destroyed_when_wait_drained_returns_and_the_store_is_gone_when_drop_returns() {
    let base = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let rt = Runtime::builder().linked(false).store(base.path()).build().unwrap();
        rt.load(component("guest_1_unload")).unwrap();
        for _ in 0..20 {
            drop(rt.reference::<dyn Guest>(&()).unwrap());
            rt.wait_drained(Duration::from_secs(30)).unwrap();
            let status = rt.status();
            assert_eq!((status.constructed, status.instances), (status.destroyed, 0), "{status:#?}");
        }
        let guest = rt.service::<dyn Guest>().unwrap();
        rt.replace(component("guest_1_unload")).unwrap();
        drop(guest);
        drop(rt);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0, "the store is gone");
    }
}

#[test]
fn a_plan_that_outlives_its_runtime_is_refused() {
    let rt = empty_runtime();
    let plan = rt.plan().add(component("guest_1")).build();
    drop(rt);
    let error = plan.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}

/// A runtime with a keeper whose image may be unmapped.
fn keeper() -> (Runtime, Handle<dyn Keeper>) {
    let rt = empty_runtime();
    rt.load(component("keeper_unload")).unwrap();
    let keeper = rt.service().unwrap();
    (rt, keeper)
}

fn replace_keeper(rt: &Runtime) {
    rt.replace(component("keeper_unload")).unwrap();
    rt.wait_drained(Duration::from_secs(30)).unwrap();
}

fn is_unmapped(rt: &Runtime) -> bool {
    rt.status().retained_images == 0
}

#[test]
fn threads_that_used_std_in_an_unmapped_image_end_well() {
    let (rt, keeper) = keeper();
    let (called, is_called) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let of_thread = keeper.clone();
    let caller = thread::spawn(move || {
        of_thread.park();
        called.send(()).unwrap();
        let _ = ends.recv();
    });
    is_called.recv().unwrap();
    replace_keeper(&rt);
    wait_until("the image is unmapped while its caller lives", || is_unmapped(&rt));
    drop(end);
    caller.join().unwrap();
    drop(keeper);
    // The reaper's thread, which destroyed keepers, ends with the runtime.
    drop(rt);
}

#[test]
fn bytes_hold_their_image_until_their_destructor_has_returned() {
    let (rt, keeper) = keeper();
    for millis in [0, 1, 300] {
        let bytes = keeper.slow_bytes(Duration::from_millis(millis));
        let clone = bytes.clone();
        let droppers = [bytes, clone].map(|bytes| thread::spawn(move || drop(bytes)));
        replace_keeper(&rt);
        for dropper in droppers {
            dropper.join().unwrap();
        }
        wait_until("the image is unmapped", || is_unmapped(&rt));
    }
}

#[test]
fn shared_content_holds_its_image_until_the_last_clone_is_dropped() {
    let (rt, keeper) = keeper();
    let text = "kept by the image that made it";
    let (shared, arc) = keeper.texts(text);
    let (place, clone) = (shared.as_ptr(), shared.clone());
    for _ in 0..3 {
        replace_keeper(&rt);
    }
    drop(shared);
    wait_until("the other images are unmapped", || rt.status().retained_images == 1);
    assert_eq!((&*clone, clone.as_ptr()), (text, place));
    thread::spawn(move || drop(clone)).join().unwrap();
    wait_until("the image is unmapped", || is_unmapped(&rt));
    assert_eq!(&*arc, text, "an `Arc` is the receiver's own");
}

#[test]
fn a_thread_that_an_image_started_holds_it_until_it_ends() {
    let (rt, keeper) = keeper();
    // Spawning leaves values with the spawning thread, which ends here.
    let of_thread = keeper.clone();
    thread::spawn(move || of_thread.leave_thread(Duration::from_millis(300))).join().unwrap();
    replace_keeper(&rt);
    wait_until("the image is unmapped when its thread has ended", || is_unmapped(&rt));
}

/// Otherwise the thread would return from its sleep into unmapped code, and end the process.
#[test]
fn a_thread_that_c_code_of_an_image_started_holds_it_until_it_ends() {
    let leave: [fn(&Handle<dyn Keeper>); 2] = [
        |keeper| assert_eq!(keeper.join_thread(), 0, "the thread was started"),
        |keeper| keeper.leave_thread(Duration::from_secs(2)),
    ];
    in_a_process_of_its_own(|| {
        for leave in leave {
            let rt = empty_runtime();
            rt.load(component("keeper_leaves_threads_of_c")).unwrap();
            let keeper: Handle<dyn Keeper> = rt.service().unwrap();
            let threads = || fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
            let before: Vec<PathBuf> = threads().collect();
            leave(&keeper);
            let left = threads().find(|thread| !before.contains(thread)).unwrap();
            replace_keeper(&rt);
            wait_until("the image is unmapped when its thread has ended", || is_unmapped(&rt));
            wait_until("its thread has ended, without a crash", || !left.exists());
            // An image that was loaded while such a thread was there is not held by it.
            rt.replace(component("keeper_leaves_threads_of_c")).unwrap();
            replace_keeper(&rt);
            wait_until("the second image is unmapped, too", || is_unmapped(&rt));
        }
    });
}

#[test]
fn a_thread_that_lives_on_lets_go_of_thread_locals_with_its_next_slow_call() {
    let (rt, keeper) = keeper();
    for _ in 0..50 {
        assert_eq!(keeper.leave_local(), 0, "each version has thread-locals of its own");
        keeper.park();
        keeper.join_thread();
        replace_keeper(&rt);
    }
    // Otherwise they would wait for the next call of this thread.
    wait_until("few images wait for a thread that calls without a pause", || rt.status().retained_images < 5);
}

#[test]
fn a_pool_that_its_component_ends_leaves_no_thread_and_a_global_one_leaves_all() {
    let rt = empty_runtime();
    rt.load(component("summer_with_pools")).unwrap();
    let summer: Handle<dyn Summer> = rt.service().unwrap();
    let replace = || {
        rt.replace(component("summer_with_pools")).unwrap();
        rt.wait_drained(Duration::from_secs(30)).unwrap();
    };
    for _ in 0..5 {
        assert_eq!(summer.sum(&[1, 2, 3]), 6);
        replace();
    }
    // A thread has dropped the pool a moment before it ends.
    wait_until("every pool has ended", || rt.status().left_threads.is_empty());
    assert_eq!(summer.sum_globally(&[1, 2, 3]), 6);
    replace();
    let left = rt.status().left_threads;
    assert!(!left.is_empty() && left.iter().all(|left| left.component.name == "summer"), "{left:?}");
}

#[test]
fn threads_that_a_component_left_behind_are_named_until_they_end() {
    let (first, other) = (empty_runtime(), empty_runtime());
    for rt in [&first, &other] {
        rt.load(component("keeper_retained")).unwrap();
    }
    let keeper: Handle<dyn Keeper> = first.service().unwrap();
    keeper.leave_thread(Duration::from_secs(20));
    assert_eq!(first.status().left_threads, [], "its component is there");
    let pinned = Handle::pin(&keeper).unwrap();
    first.replace(component("keeper_retained")).unwrap();
    assert_eq!(first.status().left_threads, [], "an instance of its component is there");
    drop(pinned);
    first.wait_drained(Duration::from_secs(30)).unwrap();
    // A thread takes its name as its first act.
    wait_until("it has its name", || {
        first.status().left_threads.iter().any(|left| left.thread.as_deref() == Some("left-by-keeper"))
    });
    let left = first.status().left_threads;
    let [left] = &left[..] else { panic!("{left:?}") };
    assert_eq!(left.component.to_string(), "keeper 1.0.0");
    assert!(fs::exists(format!("/proc/self/task/{}", left.thread_id)).unwrap());
    assert_eq!(other.status().left_threads, [], "it is another runtime's");
    wait_until("it has ended", || first.status().left_threads.is_empty());
}

#[test]
fn replacements_take_no_keys_of_the_process() {
    in_a_process_of_its_own(|| {
        let base = tempfile::tempdir().unwrap();
        let rt = Runtime::builder().linked(false).store(base.path()).build().unwrap();
        rt.load(component("keeper_retained")).unwrap();
        let keeper: Handle<dyn Keeper> = rt.service().unwrap();
        // A process has 1,024 keys, and each image's std takes one.
        for _ in 0..1_100 {
            keeper.park();
            rt.replace(component("keeper_retained")).unwrap();
        }
        keeper.park();
        assert_eq!(rt.status().retained_images, 1_100);
    });
}

#[test]
fn an_image_whose_constructor_took_a_key_or_that_handles_a_signal_stays_mapped() {
    in_a_process_of_its_own(|| {
        for name in ["keeper_early", "keeper_handles_signal"] {
            let rt = empty_runtime();
            rt.load(component(name)).unwrap();
            let keeper: Handle<dyn Keeper> = rt.service().unwrap();
            keeper.park();
            rt.replace(component("keeper_unload")).unwrap();
            rt.wait_drained(Duration::from_secs(30)).unwrap();
            // The reaper has looked at the image, because it unmaps another one in the same round.
            rt.replace(component("keeper_unload")).unwrap();
            rt.wait_drained(Duration::from_secs(30)).unwrap();
            wait_until("the other image is unmapped", || rt.status().retained_images == 1);
            keeper.park();
        }
        let handled = fs::read_to_string("/proc/self/status").unwrap();
        let caught = handled.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim().to_owned();
        assert_ne!(u64::from_str_radix(&caught, 16).unwrap() & 1 << 11, 0, "the handler of SIGUSR2 is still there");
    });
}
