//! One object behind several interfaces: which implementations share an object, how a handle leads from one
//! interface to the other, and what a replacement does with it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use lcr::{ErrorKind, Handle, Runtime};
use lcr_tests::{
    GIVES_UP, component, empty_runtime,
    inn::{Audit, Bell, Rooms, Stable},
    names, patient,
    safe::{Back as SafeBack, Front as SafeFront},
    thorough_or, wait_until,
};

/// Components that are linked into this test: lodges of two interfaces.
mod linked {
    use super::*;

    #[lcr::interface(name = "lodge.front", version = 1)]
    pub trait Front {
        fn add(&self) -> u64;
    }

    #[lcr::interface(name = "lodge.back", version = 1)]
    pub trait Back {
        fn sum(&self) -> u64;
    }

    /// The same interface as another program knows it.
    pub mod newer {
        #[lcr::interface(name = "lodge.back", version = 2)]
        pub trait Back {
            fn sum(&self) -> u64;
        }
    }

    /// The same interface with another signature.
    pub mod changed {
        #[lcr::interface(name = "lodge.back", version = 1)]
        pub trait Back {
            fn sum(&self) -> u32;
        }
    }

    #[derive(Default)]
    pub struct Lodge<const KIND: u32>(AtomicU64);

    impl<const KIND: u32> Lodge<KIND> {
        fn open(_: &lcr::Context) -> Result<Self, lcr::BoxError> {
            Ok(Lodge::default())
        }
        fn reopen(_: &lcr::Context) -> Result<Self, lcr::BoxError> {
            Ok(Lodge::default())
        }
    }

    type Constructor<const KIND: u32> = fn(&lcr::Context) -> Result<Lodge<KIND>, lcr::BoxError>;
    const FIRST: Constructor<6> = Lodge::open;
    const SECOND: Constructor<6> = Lodge::reopen;

    macro_rules! lodge {
        ($name:literal, $front:ty { $($of_front:tt)* }, $back:ty { $($of_back:tt)* }) => {
            #[lcr::component(name = $name, version = "1.0.0", $($of_front)*)]
            impl Front for $front {
                fn add(&self) -> u64 {
                    self.0.fetch_add(1, Ordering::Relaxed) + 1
                }
            }
            #[lcr::component(name = $name, version = "1.0.0", $($of_back)*)]
            impl Back for $back {
                fn sum(&self) -> u64 {
                    self.0.load(Ordering::Relaxed)
                }
            }
        };
    }

    type LodgeAgain = Lodge<1>;
    lodge! { "by-default", Lodge<1> {}, LodgeAgain {} }
    lodge! { "by-function", Lodge<2> { create = Self::open }, Lodge<2> { create = Lodge::<2>::open } }
    lodge! { "apart", Lodge<3> { separate }, Lodge<3> {} }
    lodge! { "two-functions", Lodge<4> { create = Self::open }, Lodge<4> { create = Self::reopen } }
    lodge! { "two-types", Lodge<5> {}, Lodge<50> {} }
    lodge! { "two-pointers", Lodge<6> { create = FIRST }, Lodge<6> { create = SECOND } }

    // One type and one constructor in two components: an object belongs to one component.
    #[lcr::component(name = "left", version = "1.0.0")]
    impl Front for Lodge<7> {
        fn add(&self) -> u64 {
            self.0.fetch_add(1, Ordering::Relaxed) + 1
        }
    }
    #[lcr::component(name = "right", version = "1.0.0")]
    impl Back for Lodge<7> {
        fn sum(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }
}

use linked::{Back, Front};

/// Rooms and auditor of an inn that is loaded.
fn inn(rt: &Runtime, library: &str) -> (Handle<dyn Rooms>, Handle<dyn Audit>) {
    rt.load(component(library)).unwrap();
    (rt.service().unwrap(), rt.service().unwrap())
}

fn drained(rt: &Runtime) {
    rt.wait_drained(Duration::from_secs(30)).unwrap();
}

#[test]
fn implementations_of_one_type_and_one_constructor_in_one_component_are_one_object() {
    for (name, is_one) in [
        ("by-default", true),
        ("by-function", true),
        ("apart", false),
        ("two-functions", false),
        ("two-types", false),
        ("two-pointers", false),
    ] {
        let rt = Runtime::new().unwrap();
        let front = rt.service_of::<dyn Front>(name).unwrap();
        let back = rt.service_of::<dyn Back>(name).unwrap();
        front.add();
        assert_eq!(back.sum(), u64::from(is_one), "{name}");
        let status = rt.status();
        assert_eq!((status.instances, status.constructed), if is_one { (1, 1) } else { (2, 2) }, "{name}");
        let queried = Handle::query::<dyn Back>(&front);
        match queried {
            Ok(back) => assert!(is_one && back.sum() == 1, "{name}"),
            Err(error) => assert!(!is_one && error.kind() == ErrorKind::NotFound, "{name}: {error}"),
        }
        drop((front, back));
        wait_until("every object is destroyed", || rt.status().destroyed == rt.status().constructed);
    }
    let rt = Runtime::new().unwrap();
    let (left, right) = (rt.service_of::<dyn Front>("left").unwrap(), rt.service_of::<dyn Back>("right").unwrap());
    assert_eq!((left.add(), right.sum()), (1, 0));
}

#[test]
fn a_query_goes_to_the_object_of_its_handle_and_says_why_not() {
    let rt = Runtime::new().unwrap();
    let own: Vec<_> = (0..3).map(|_| rt.reference_of::<dyn Front>("by-default", &()).unwrap()).collect();
    let backs: Vec<_> = own.iter().map(|own| Handle::query::<dyn Back>(own).unwrap()).collect();
    own[1].add();
    assert_eq!(backs.iter().map(|back| back.sum()).collect::<Vec<_>>(), [0, 1, 0]);
    let front = Handle::query::<dyn Front>(&backs[2]).unwrap();
    // Each of the two keeps the object.
    drop(own);
    assert_eq!((front.add(), backs[2].sum(), rt.status().instances), (1, 1, 3));

    let refused = |error: lcr::Error, kind| assert_eq!(error.kind(), kind, "{error}");
    refused(Handle::query::<dyn Stable>(&front).unwrap_err(), ErrorKind::NotFound);
    refused(Handle::query::<dyn linked::newer::Back>(&front).unwrap_err(), ErrorKind::Mismatch);
    refused(Handle::query::<dyn linked::changed::Back>(&front).unwrap_err(), ErrorKind::Mismatch);
    drop(rt);
    refused(Handle::query::<dyn Back>(&front).unwrap_err(), ErrorKind::Closed);
}

#[test]
fn a_replacement_moves_both_interfaces_of_an_object_once() {
    let rt = empty_runtime();
    let (rooms, audit) = inn(&rt, "inn_one_1");
    for let_rooms in 1..=5 {
        assert_eq!(rooms.book(), let_rooms);
    }
    assert_eq!((audit.count(), audit.moves()), (5, (0, 0)));
    let own = rt.reference::<dyn Rooms>(&100_u64).unwrap();
    let report = rt.replace(component("inn_one_2")).unwrap();
    assert_eq!(report.members[0].instances, 2);
    assert_eq!((rooms.version(), audit.version(), audit.count()), (2, 2, 5));
    assert_eq!(audit.moves(), (1, 1), "saved once, restored once");
    assert_eq!((rooms.book(), audit.count()), (6, 6));
    let of_own = Handle::query::<dyn Audit>(&own).unwrap();
    assert_eq!((of_own.count(), of_own.moves(), own.book(), of_own.count()), (100, (1, 1), 101, 101));
    rt.replace(component("inn_one_1")).unwrap();
    assert_eq!((rooms.version(), audit.version(), audit.moves(), of_own.moves()), (1, 1, (2, 2), (2, 2)));
    drop((rooms, audit, own, of_own));
    wait_until("every object is destroyed", || rt.status().destroyed == rt.status().constructed);
    assert_eq!(rt.status().constructed, 6);
}

#[test]
fn callers_of_both_interfaces_see_one_commit() {
    let rt = empty_runtime();
    let (rooms, audit) = inn(&rt, "inn_one_1");
    let stop = AtomicBool::new(false);
    let booked = AtomicU64::new(0);
    thread::scope(|scope| {
        for number in 0..3 {
            let (rt, stop, booked, rooms, audit) = (&rt, &stop, &booked, &rooms, &audit);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if number == 0 {
                        let Ok(_pin) = rt.pin() else { continue };
                        assert_eq!(rooms.version(), audit.version());
                    } else {
                        let audit = Handle::query::<dyn Audit>(rooms).unwrap();
                        rooms.book();
                        let now = booked.fetch_add(1, Ordering::SeqCst) + 1;
                        assert!(audit.count() >= now);
                    }
                }
            });
        }
        let turns = || -> lcr::Result<()> {
            for round in 0..thorough_or(100, 20) {
                patient(&rt).replace(component(if round % 2 == 0 { "inn_one_2" } else { "inn_one_1" })).commit()?;
            }
            Ok(())
        };
        let turned = turns();
        stop.store(true, Ordering::Relaxed);
        turned.unwrap();
    });
    assert_eq!(audit.count(), booked.load(Ordering::SeqCst));
    let rounds = thorough_or(100, 20);
    assert_eq!(audit.moves(), (rounds, rounds));
    drained(&rt);
    assert_eq!(rt.status().instances, 1);
}

#[test]
fn a_successor_without_one_of_the_interfaces_is_refused_while_that_one_is_in_use() {
    let rt = empty_runtime();
    let (rooms, audit) = inn(&rt, "inn_one_1");
    rooms.book();
    let error = rt.replace(component("inn_rooms_3")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("inn.audit v1 is in use"), "{error}");
    assert_eq!((rooms.version(), audit.version(), audit.moves()), (1, 1, (0, 0)));
    drop(audit);
    rt.replace(component("inn_rooms_3")).unwrap();
    assert_eq!((rooms.version(), rooms.book()), (3, 2));
    assert_eq!(Handle::query::<dyn Audit>(&rooms).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(rt.service::<dyn Audit>().unwrap_err().kind(), ErrorKind::NotFound);
    // The next version has the other interface again: it is the same object.
    rt.replace(component("inn_one_1")).unwrap();
    let audit = rt.service::<dyn Audit>().unwrap();
    assert_eq!((audit.count(), Handle::query::<dyn Audit>(&rooms).unwrap().count()), (2, 2));
    assert_eq!((rt.status().instances, rooms.book(), audit.count(), audit.moves()), (1, 3, 3, (2, 2)));
    drop((rooms, audit));
    wait_until("every object is destroyed", || rt.status().destroyed == rt.status().constructed);
    rt.plan().remove("inn").commit().unwrap();
}

#[test]
fn an_object_in_use_is_not_cut_in_two_and_two_are_not_made_one() {
    let rt = empty_runtime();
    let (rooms, audit) = inn(&rt, "inn_one_1");
    rooms.book();
    let error = rt.replace(component("inn_two_4")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("would serve them by two"), "{error}");
    assert_eq!((rooms.book(), audit.count(), audit.moves()), (2, 2, (0, 0)));
    drop((rooms, audit));
    wait_until("the object is destroyed", || rt.status().instances == 0);
    rt.replace(component("inn_two_4")).unwrap();
    let (rooms, audit) = (rt.service::<dyn Rooms>().unwrap(), rt.service::<dyn Audit>().unwrap());
    assert_eq!((rooms.book(), audit.count(), rt.status().instances), (1, 0, 2));
    let error = rt.replace(component("inn_one_1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("would serve them by one"), "{error}");
    assert_eq!((rooms.version(), audit.version()), (4, 4));
    drop(audit);
    wait_until("one object is destroyed", || rt.status().instances == 1);
    rt.replace(component("inn_one_1")).unwrap();
    let audit = rt.service::<dyn Audit>().unwrap();
    assert_eq!((rooms.book(), audit.count(), rt.status().instances), (2, 2, 1));
}

#[test]
fn another_component_may_provide_one_of_the_interfaces() {
    let rt = empty_runtime();
    let (rooms, audit) = inn(&rt, "inn_one_1");
    rooms.book();
    rt.load(component("inn_auditor")).unwrap();
    assert_eq!(rt.service::<dyn Audit>().unwrap_err().kind(), ErrorKind::Ambiguous);
    let other = rt.service_of::<dyn Audit>("auditor").unwrap();
    // A query stays with its object, whoever is bound to the interface.
    rt.plan().bind::<dyn Audit>("auditor").commit().unwrap();
    assert_eq!(rt.service::<dyn Audit>().unwrap().version(), 9);
    assert_eq!(Handle::query::<dyn Audit>(&rooms).unwrap().count(), 1);
    assert_eq!(Handle::query::<dyn Rooms>(&other).unwrap_err().kind(), ErrorKind::NotFound);
    // Handles do not go over from one component to another.
    let error = rt.replace(component("inn_rooms_3")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    drop(audit);
    rt.replace(component("inn_rooms_3")).unwrap();
    assert_eq!((rooms.version(), other.version()), (3, 9));
}

#[test]
fn a_dependent_on_one_interface_keeps_the_object_and_finds_the_other() {
    let rt = empty_runtime();
    rt.plan().add(component("inn_one_1")).add(component("inn_bell")).commit().unwrap();
    let bell = rt.service::<dyn Bell>().unwrap();
    assert_eq!((bell.book(), bell.ring(), rt.service::<dyn Rooms>().unwrap().book(), bell.ring()), (Some(1), 1, 2, 2));
    assert_eq!(rt.status().instances, 2);
    let error = rt.replace(component("inn_rooms_3")).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Dependency), "{error}");
    rt.replace(component("inn_one_2")).unwrap();
    assert_eq!((bell.book(), bell.ring()), (Some(3), 3));
    drop(bell);
    wait_until("every object is destroyed", || rt.status().destroyed == rt.status().constructed);
}

#[test]
fn a_call_inside_one_interface_holds_back_the_state_of_both() {
    let rt = empty_runtime();
    let (rooms, audit) = inn(&rt, "inn_one_1");
    audit.inside(&|| {
        let commit = || rt.plan().replace(component("inn_one_2")).timeout(GIVES_UP).commit();
        let error = thread::scope(|scope| scope.spawn(commit).join().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
        let straggler = names(&error.stragglers()[0]);
        assert!(straggler[1].contains("inn 1.0.0") && straggler[2].contains("inside"), "{straggler:?}");
        assert_eq!(rt.replace(component("inn_one_2")).unwrap_err().kind(), ErrorKind::Reentrant);
        assert_eq!(rooms.book(), 1);
    });
    rt.replace(component("inn_one_2")).unwrap();
    assert_eq!((audit.count(), audit.moves()), (1, (1, 1)));
}

#[test]
fn a_successor_that_fails_for_one_interface_changes_neither() {
    let rt = empty_runtime();
    let (rooms, audit) = inn(&rt, "inn_one_1");
    let full = rt.reference::<dyn Rooms>(&1_000_000_000_u64).unwrap();
    let error = rt.replace(component("inn_one_2")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unhealthy, "{error}");
    assert_eq!(
        (rooms.version(), audit.version(), full.book(), rooms.book(), audit.count()),
        (1, 1, 1_000_000_001, 1, 1)
    );
    let panicked = catch_unwind(AssertUnwindSafe(|| rooms.inside(&|| panic!("out"))));
    assert!(panicked.is_err());
    drop(full);
    wait_until("the full house is destroyed", || rt.status().instances == 1);
    rt.replace(component("inn_one_2")).unwrap();
    assert_eq!((rooms.book(), audit.count()), (2, 2));
}

#[test]
fn a_kept_state_of_an_object_moves_whichever_interface_declares_it_and_built_the_object() {
    for by_front in [true, false] {
        let rt = empty_runtime();
        rt.load(component("safe_front")).unwrap();
        // The first interface that is asked for builds the object.
        let (front, back): (Handle<dyn SafeFront>, Handle<dyn SafeBack>) = if by_front {
            let front = rt.service().unwrap();
            (front, rt.service().unwrap())
        } else {
            let back = rt.service().unwrap();
            (rt.service().unwrap(), back)
        };
        for round in 1..=4 {
            assert_eq!(front.put(), round);
            let library = ["safe_front", "safe_back"][round as usize % 2];
            let report = rt.replace(component(library)).unwrap();
            assert_eq!(report.members[0].moved, 1, "{report}");
            drained(&rt);
        }
        // The texts are of images that would be unmapped if nobody had noted that the state points into them.
        let texts = ["1.0.0", "2.0.0", "1.0.0", "2.0.0"].map(|version| format!("a text of version {version}"));
        assert_eq!(back.texts(), texts);
        assert!(rt.status().images_under_state >= 4, "{:?}", rt.status());
    }
}

#[test]
fn an_object_whose_interfaces_declare_two_states_is_refused() {
    let rt = empty_runtime();
    rt.load(component("safe_front")).unwrap();
    let front: Handle<dyn SafeFront> = rt.service().unwrap();
    front.put();
    let error = empty_runtime().load(component("safe_twice")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("declares the state of one object twice"), "{error}");
    // The plan compares with one of the two, and refuses for that.
    assert_eq!(rt.replace(component("safe_twice")).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(front.put(), 2);
}

#[test]
fn the_state_of_an_object_goes_on_where_the_interface_that_declared_it_is_gone() {
    let rt = empty_runtime();
    let (rooms, audit) = inn(&rt, "inn_one_2");
    rooms.book();
    drop(audit);
    // It was declared by the auditor, whom the successor lacks.
    rt.replace(component("inn_rooms_3")).unwrap();
    assert_eq!((rooms.version(), rooms.book()), (3, 2));
}
