//! One component crate, used in three ways, passes one suite: linked into the program,
//! loaded as its own cdylib, and loaded from a cdylib that only links it.

use std::{
    env, panic,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use lcr::{ErrorKind, FaultKind, Handle, Runtime, events::EventKind};
use lcr_tests::{component, empty_runtime, wait_until};
use lcr_tests_both::{Binding, Notebook, Paper, Refusal};

/// The crate's own cdylib: cargo builds every type of a crate that something depends on,
/// and leaves it beside the test.
fn own_library() -> PathBuf {
    let path = env::current_exe().unwrap().with_file_name("liblcr_tests_both.so");
    assert!(path.exists(), "{} is missing; `cargo build -p lcr-tests-both` makes it", path.display());
    path
}

fn loaded_from(library: PathBuf) -> Runtime {
    let rt = empty_runtime();
    assert_eq!(rt.service::<dyn Notebook>().unwrap_err().kind(), ErrorKind::NotFound);
    rt.load(&library).unwrap();
    assert!(rt.status().components.iter().all(|found| found.source.as_ref() == Some(&library)));
    rt
}

fn linked() -> Runtime {
    let rt = Runtime::new().unwrap();
    assert!(rt.status().components.iter().all(|found| found.source.is_none()));
    rt
}

fn loaded() -> Runtime {
    loaded_from(own_library())
}

fn thin() -> Runtime {
    loaded_from(component("both_thin"))
}

/// The suite, once for each way.
macro_rules! ways {
    ($($way:ident),*) => { $(
        mod $way {
            #[test]
            fn values_cross_between_program_and_component_in_both_directions() { super::values(super::$way()) }
            #[test]
            fn callbacks_cross_borrowed_and_boxed() { super::callbacks(super::$way()) }
            #[test]
            fn a_fault_names_the_component_in_which_it_began() { super::faults(super::$way()) }
            #[test]
            fn handles_cross_as_arguments_and_as_results() { super::handles(super::$way()) }
            #[test]
            fn threads_call_pin_and_drop_handles_at_once() { super::threads(super::$way()) }
            #[test]
            fn a_configuration_is_read_with_its_type() { super::configuration(super::$way()) }
            #[test]
            fn state_moves_from_each_way_of_building_to_each_other() { super::exchange(super::$way()) }
            #[test]
            fn everything_that_a_component_owns_is_destroyed_with_it() { super::destroyed(super::$way()) }
        }
    )* };
}
ways!(linked, loaded, thin);

fn notebook(rt: &Runtime) -> Handle<dyn Notebook> {
    rt.service().unwrap()
}

fn values(rt: Runtime) {
    let notes = notebook(&rt);
    assert_eq!(notes.read("a"), None);
    assert_eq!(notes.write("a", b"1"), Ok(1));
    assert_eq!(notes.write("\u{e4}", &[0; 5000]), Ok(2));
    assert_eq!((notes.read("a"), notes.read("\u{e4}")), (Some(b"1".to_vec()), Some(vec![0; 5000])));
    assert_eq!(notes.colour(), "white");
    let status = rt.status();
    // Other components that are linked into this binary are there, too.
    let of_crate = status.components.iter().filter(|found| found.id.name == "stationery");
    assert_eq!(of_crate.map(|found| &*found.interface).collect::<Vec<_>>(), ["both.notebook", "both.paper"]);
}

fn callbacks(rt: Runtime) {
    let notes = notebook(&rt);
    for title in ["a", "b", "c"] {
        notes.write(title, title.as_bytes()).unwrap();
    }
    let seen = Mutex::new(Vec::new());
    let visited = notes.each(&|title, text| {
        // The callback calls back into the component that calls it.
        assert_eq!(notes.read(title).as_deref(), Some(text));
        seen.lock().unwrap().push(title.to_owned());
        title < "b"
    });
    assert_eq!((visited, seen.into_inner().unwrap()), (1, vec!["a".to_owned(), "b".to_owned()]));

    let rings = Arc::new(AtomicU64::new(0));
    assert_eq!(notes.ring("nobody".to_owned()), None);
    let counted = Arc::clone(&rings);
    notes.remind(Box::new(move |text| format!("{text} {}", counted.fetch_add(1, Ordering::Relaxed))));
    assert_eq!(notes.ring("ding".to_owned()).as_deref(), Some("ding 0"));
    assert_eq!(notes.ring("dong".to_owned()).as_deref(), Some("dong 1"));
    // The component drops a kept callback when it gets the next one, or when it is destroyed.
    notes.remind(Box::new(|text| text));
    assert_eq!(Arc::strong_count(&rings), 1);
}

fn faults(rt: Runtime) {
    let mut events = rt.events();
    let notes = notebook(&rt);
    let fault = notes.tear("the fold").unwrap_err();
    assert_eq!(fault.kind(), FaultKind::Panic);
    let name = format!("stationery {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(fault.to_string(), format!("component `{name}` panicked in both.notebook.tear: torn at the fold"));
    // A method whose result cannot hold the fault panics in its caller.
    let panic = panic::catch_unwind(panic::AssertUnwindSafe(|| notes.burn())).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert_eq!(*text, format!("component `{name}` panicked in both.notebook.burn: ashes"));
    // So does a panic of the caller's callback, which passed through the component.
    notes.write("a", b"").unwrap();
    let panic = panic::catch_unwind(panic::AssertUnwindSafe(|| notes.each(&|_, _| panic!("of the caller"))));
    assert!(panic.unwrap_err().downcast_ref::<String>().unwrap().ends_with("of the caller"));
    let told = std::iter::from_fn(|| events.try_next());
    let told = told.filter_map(|event| match event.kind {
        EventKind::Fault { method, message, .. } => method.zip(Some(message)),
        _ => None,
    });
    let told: Vec<(String, String)> = told.collect();
    let expected = [("tear", "torn at the fold"), ("burn", "ashes")];
    assert_eq!(told, expected.map(|(method, message)| (method.to_owned(), message.to_owned())));
    // What began in the component is counted with it, by method; what began in the program's callback is not.
    let status = rt.status();
    let methods: Vec<(String, u64, &str)> = status
        .components
        .iter()
        .flat_map(|component| &component.faulty_methods)
        .map(|faulty| (faulty.method.to_string(), faulty.faults, &*faulty.last))
        .collect();
    assert_eq!(
        methods,
        [("both.notebook.burn".to_owned(), 1, "ashes"), ("both.notebook.tear".to_owned(), 1, "torn at the fold")]
    );
    assert_eq!(status.components.iter().map(|component| component.faults).sum::<u64>(), 2);
    assert_eq!(notes.write("b", b""), Ok(2));
}

fn handles(rt: Runtime) {
    let (notes, other) = (notebook(&rt), rt.reference::<dyn Notebook>(&Binding { limit: 9 }).unwrap());
    other.write("a", b"of the other").unwrap();
    assert_eq!(notes.read("a"), None);
    assert_eq!(notes.copy(other.clone()), 1);
    assert_eq!(notes.read("a").as_deref(), Some(&b"of the other"[..]));
    // Both depend on one service, and give handles on it.
    let paper: Handle<dyn Paper> = rt.service().unwrap();
    assert_eq!((paper.take(10), notes.paper().take(1), other.paper().take(1)), (11, 12, 13));
    // A component that is given a handle on itself calls itself.
    assert_eq!(notes.copy(notes.clone()), 1);
}

fn threads(rt: Runtime) {
    let notes = notebook(&rt);
    let rings = AtomicU64::new(0);
    thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let (rt, notes, rings) = (&rt, notes.clone(), &rings);
            scope.spawn(move || {
                let pinned = Handle::pin(&notes).unwrap();
                assert!((1..=3).contains(&pinned.write(name, name.as_bytes()).unwrap()));
                let pin = rt.pin().unwrap();
                assert_eq!(Some(pin.generation()), Handle::generation(&notes));
                drop((pinned, pin));
                // A thread of the callback's that calls back in, while its maker is inside.
                let visited = notes.each(&|title, text| {
                    rings.fetch_add(1, Ordering::Relaxed);
                    let read = thread::scope(|scope| scope.spawn(|| notes.read(title)).join().unwrap());
                    assert_eq!(read.as_deref(), Some(text));
                    true
                });
                assert!((1..=3).contains(&visited));
                let own = rt.reference::<dyn Notebook>(&Binding { limit: 1 }).unwrap();
                own.remind(Box::new(move |text| format!("{text} {name}")));
                assert_eq!(own.ring("ding".to_owned()), Some(format!("ding {name}")));
            });
        }
    });
    assert!((3..=9).contains(&rings.into_inner()));
    assert_eq!(notes.write("d", b""), Ok(4));
    wait_until("what the threads had for themselves is destroyed", || rt.status().destroyed == 3);
}

fn configuration(rt: Runtime) {
    rt.configure("stationery", &Binding { limit: 1 }).unwrap();
    let notes = notebook(&rt);
    assert_eq!(notes.write("a", b""), Ok(1));
    assert_eq!(notes.write("b", b""), Err(Refusal::Full { limit: 1 }));
    let roomy: Handle<dyn Notebook> = rt.reference(&Binding { limit: 2 }).unwrap();
    assert_eq!((roomy.write("a", b""), roomy.write("b", b"")), (Ok(1), Ok(2)));
    let error = rt.reference::<dyn Notebook>("no binding").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Construct);
    // The new configuration holds for the successor, whose health check then fails.
    rt.configure("stationery", &Binding { limit: 0 }).unwrap();
    let error = rt.replace(own_library()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unhealthy, "{error}");
    assert!(error.to_string().ends_with("refused in its health check: 1 notes, for 0"), "{error}");
    assert_eq!(notes.read("a").as_deref(), Some(&b""[..]));
}

fn exchange(rt: Runtime) {
    let notes = notebook(&rt);
    notes.write("a", b"kept").unwrap();
    for library in [own_library(), component("both_thin"), own_library()] {
        let pinned = Handle::pin(&notes).unwrap();
        assert_eq!(pinned.read("a").as_deref(), Some(&b"kept"[..]));
        drop(pinned);
        let report = rt.replace(library).unwrap();
        assert_eq!(report.members[0].instances, 2);
        assert_eq!(notes.read("a").as_deref(), Some(&b"kept"[..]));
        assert_eq!(Handle::generation(&notes), Some(report.generation));
    }
    assert_eq!(notes.write("b", b""), Ok(2));
    rt.wait_drained(Duration::from_secs(30)).unwrap();
    let status = rt.status();
    assert_eq!((status.constructed, status.destroyed), (8, 6), "{status:#?}");
}

fn destroyed(rt: Runtime) {
    let given = Arc::new(());
    let held = Arc::clone(&given);
    let notes = notebook(&rt);
    notes.remind(Box::new(move |text| {
        let _ = &held;
        text
    }));
    drop(notes);
    wait_until("the notebook and its paper are destroyed", || {
        let status = rt.status();
        (status.constructed, status.destroyed, status.instances) == (2, 2, 0)
    });
    assert_eq!(Arc::strong_count(&given), 1, "the instance dropped the callback that it kept");
    // The next instance begins anew.
    assert_eq!(notebook(&rt).write("a", b""), Ok(1));
}
