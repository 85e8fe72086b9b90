//! Images of replaced components: kept by default, unmapped where the author vouches for
//! it and once nothing holds them.

use std::{fs, path::PathBuf, sync::mpsc, thread, time::Duration};

use lcr::{ErrorKind, Runtime, Trust};
use lcr_tests::{
    component,
    guest::{Guest, House},
    wait_until,
};

/// A house with a guest whose image may go, and where that is mapped from.
fn open() -> (House, PathBuf) {
    let house = House::open_to(Trust::default(), "guest_unload");
    let image = house.mapped().remove(0);
    (house, image)
}

/// Replaces the guest twice, and waits until the image between is unmapped: so the reaper
/// has looked at every older one.
fn let_the_reaper_look(house: &House) {
    let before = house.mapped();
    house.accept(&component("guest_unload"));
    let between = house.mapped().into_iter().find(|image| !before.contains(image)).unwrap();
    house.accept(&component("guest_unload"));
    wait_until("the image between is unmapped", || !house.mapped().contains(&between));
}

#[test]
fn an_image_that_opted_in_is_unmapped_after_its_replacement() {
    let (house, image) = open();
    for _ in 0..5 {
        house.accept(&component("guest_unload"));
    }
    house.accept(&component("guest_first"));
    wait_until("the images are unmapped", || house.mapped().len() == 1);
    assert!(!house.mapped().contains(&image));
    wait_until("the status says so", || house.rt.status().retained_images == 0);
    let status = house.rt.status();
    assert_eq!(status.retained_image_bytes, 0, "{status:#?}");
    assert_eq!(house.stored(), house.mapped(), "their files are gone");
    house.close();
}

#[test]
fn an_image_stays_for_as_long_as_somebody_holds_its_bytes() {
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

/// The C library keeps an image for a thread whose thread-locals it has to destroy
/// (rust-lang/rust#59629); where it does not, the thread would end in unmapped code.
#[test]
fn an_image_stays_until_the_thread_ends_that_has_a_thread_local_of_it() {
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
    let size = house.rt.status().components.remove(0).image_bytes;
    assert!(size > 0);
    for replaced in 1..=10 {
        house.accept(&component("guest_first"));
        house.rt.wait_drained(Duration::from_secs(30)).unwrap();
        let status = house.rt.status();
        assert_eq!((status.retained_images, status.retained_image_bytes), (replaced, replaced * size));
        assert_eq!(house.mapped().len(), replaced + 1);
    }
    house.close();
}

/// Whether the reaper was just about to look or not: a process may end right behind both.
#[test]
fn everything_is_gone_when_waiting_and_dropping_return() {
    let base = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let rt = Runtime::builder().store(base.path()).build().unwrap();
        rt.load(component("guest_unload")).unwrap();
        for _ in 0..20 {
            drop(rt.reference::<dyn Guest>(&()).unwrap());
            rt.wait_drained(Duration::from_secs(30)).unwrap();
            let status = rt.status();
            assert_eq!((status.constructed, status.instances), (status.destroyed, 0), "{status:#?}");
        }
        let guest = rt.service::<dyn Guest>().unwrap();
        rt.replace(component("guest_unload")).unwrap();
        drop(guest);
        drop(rt);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0, "the store is gone");
    }
}

#[test]
fn a_plan_that_outlives_its_runtime_is_refused() {
    let rt = Runtime::new().unwrap();
    let plan = rt.plan().add(component("guest_first")).build();
    drop(rt);
    let error = plan.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}
