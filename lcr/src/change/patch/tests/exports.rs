//! Exports that closures add, and methods that are asked for by name and type.

use super::*;
use crate::{Export, Lent};

type Number = fn(u64) -> u64;

fn twice(rt: &Runtime) -> Patched {
    rt.add_export::<Number, _>("patch-plain", "twice", |n: u64| n * 2).commit().unwrap()
}

#[test]
fn an_export_is_called_by_name_and_type_while_it_is_there() {
    let (rt, _counter) = counter();
    let missing = rt.export::<Number>("patch-plain", "twice").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
    let added = twice(&rt);
    let export = rt.export::<Number>("patch-plain", "twice").unwrap();
    assert_eq!(export.call(21).unwrap(), 42);
    let [listed] = &rt.added_exports()[..] else { panic!() };
    assert_eq!((listed.number, &*listed.signature), (added.number(), "fn twice(&self, u64) -> u64"));
    let other = rt.export::<fn(u32) -> u32>("patch-plain", "twice").unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Mismatch);
    assert!(other.to_string().contains("u32") && other.to_string().contains("u64"), "{other}");
    drop(added);
    let fault = export.call(21).unwrap_err();
    assert_eq!((fault.kind(), fault.method()), (FaultKind::Withdrawn, Some("twice")));
    assert_eq!(rt.export::<Number>("patch-plain", "twice").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(rt.added_exports().is_empty());
}

#[test]
fn an_export_takes_and_gives_values_of_every_kind() {
    let (rt, _counter) = counter();
    type Join = fn(Lent<str>, Vec<String>, Lent<[u8]>) -> Option<String>;
    let join = |separator: &str, words: Vec<String>, numbers: &[u8]| {
        (!words.is_empty()).then(|| format!("{}{}", words.join(separator), numbers.len()))
    };
    let _added = rt.add_export::<Join, _>("patch-plain", "join_all", join).commit().unwrap();
    let export = rt.export::<Join>("patch-plain", "join_all").unwrap();
    assert_eq!(export.call("-", vec!["a".into(), "b".into()], &[1, 2, 3]).unwrap().unwrap(), "a-b3");
    assert_eq!(export.call("-", vec![], &[]).unwrap(), None);
    let _nothing = rt.add_export::<fn(), _>("patch-plain", "nothing", || ()).commit().unwrap();
    rt.export::<fn()>("patch-plain", "nothing").unwrap().call().unwrap();
}

#[test]
fn a_method_is_asked_for_by_name_and_type_and_is_called_with_its_patches() {
    let (rt, counter) = counter();
    let add: Export<Number> = rt.export("patch-plain", "add").unwrap();
    let join = rt.export::<fn(Lent<str>, Vec<u8>) -> String>("patch-plain", "patch.counter.join").unwrap();
    assert_eq!((add.call(1).unwrap(), join.call("a", vec![1, 2]).unwrap()), (2, "a:2".to_owned()));
    let patch = rt.patch::<dyn Counter>("ten").methods(|m| m.add(|next, n| next(n) + 10)).withdraw(|m| m.join());
    let patch = patch.commit().unwrap();
    assert_eq!((add.call(1).unwrap(), counter.add(1)), (12, 12));
    assert_eq!(join.call("a", vec![1]).unwrap_err().kind(), FaultKind::Withdrawn);
    drop(patch);
    assert_eq!((add.call(1).unwrap(), join.call("a", vec![1]).unwrap()), (2, "a:1".to_owned()));
    let refused = |kind| move |error: Error| assert_eq!(error.kind(), kind, "{error}");
    refused(ErrorKind::Mismatch)(rt.export::<fn(u64)>("patch-plain", "add").unwrap_err());
    refused(ErrorKind::NotFound)(rt.export::<Number>("patch-plain", "subtract").unwrap_err());
    refused(ErrorKind::NotFound)(rt.export::<Number>("nobody", "add").unwrap_err());
    refused(ErrorKind::Mismatch)(rt.export::<fn() -> u64>("patch-plain", "later").unwrap_err());
    drop((counter, rt));
    assert_eq!(add.call(1).unwrap_err().kind(), FaultKind::Revoked);
}

#[test]
fn an_export_hides_what_has_its_name_and_a_handle_keeps_to_its_own() {
    let (rt, counter) = counter();
    let method = rt.export::<Number>("patch-plain", "add").unwrap();
    let first = rt.add_export::<Number, _>("patch-plain", "add", |n: u64| n + 100).commit().unwrap();
    let of_first = rt.export::<Number>("patch-plain", "add").unwrap();
    let second = rt.add_export::<Number, _>("patch-plain", "add", |n: u64| n + 200).commit().unwrap();
    let of_second = rt.export::<Number>("patch-plain", "add").unwrap();
    let all = [&method, &of_first, &of_second].map(|export| export.call(0).unwrap());
    assert_eq!((all, counter.add(0)), ([1, 100, 200], 1));
    drop(second);
    assert_eq!(of_second.call(0).unwrap_err().kind(), FaultKind::Withdrawn);
    assert_eq!(rt.export::<Number>("patch-plain", "add").unwrap().call(0).unwrap(), 100);
    drop(first);
    assert_eq!(rt.export::<Number>("patch-plain", "add").unwrap().call(0).unwrap(), 1);
}

#[test]
fn an_export_goes_and_comes_by_rollbacks() {
    let (rt, _counter) = counter();
    let number = twice(&rt).keep();
    let export = rt.export::<Number>("patch-plain", "twice").unwrap();
    rt.rollback(crate::Back::Steps(1)).unwrap();
    assert_eq!(export.call(1).unwrap_err().kind(), FaultKind::Withdrawn);
    rt.rollback(crate::Back::Steps(1)).unwrap();
    assert_eq!(export.call(1).unwrap(), 2);
    let mut events = rt.events();
    rt.unpatch(number).unwrap();
    let told = events.try_next().unwrap().kind;
    assert!(matches!(&told, EventKind::Exported { stands: false, export, .. } if export.name == "twice"), "{told:?}");
    assert_eq!(rt.unpatch(number).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_panic_of_an_export_is_a_fault_that_began_in_it() {
    let (rt, _counter) = counter();
    let fails = |text: String| -> u64 { panic!("no {text}") };
    let added = rt.add_export::<fn(String) -> u64, _>("patch-plain", "fails", fails).commit().unwrap();
    let fault = rt.export::<fn(String) -> u64>("patch-plain", "fails").unwrap().call("ink".into()).unwrap_err();
    assert_eq!((fault.kind(), fault.message()), (FaultKind::Panic, "no ink"));
    assert_eq!(fault.origin().unwrap().component().to_string(), format!("fails 0.0.{}+patch", added.number()));
}

#[test]
fn what_an_export_has_captured_is_dropped_once_on_a_thread_of_the_runtime_behind_the_last_call() {
    let (rt, _counter) = counter();
    let drops = Arc::new(AtomicU64::new(0));
    let captured = Captured::new(&drops);
    let (entered, enters) = mpsc::channel();
    let (leave, leaves) = mpsc::channel::<()>();
    let leaves = std::sync::Mutex::new(leaves);
    let slow = move |n: u64| {
        let _ = &captured;
        entered.send(()).unwrap();
        leaves.lock().unwrap().recv().unwrap();
        n + 1
    };
    let added = rt.add_export::<Number, _>("patch-plain", "slow", slow).commit().unwrap();
    let export = rt.export::<Number>("patch-plain", "slow").unwrap();
    let inside = thread::spawn(move || export.call(1).unwrap());
    enters.recv().unwrap();
    drop(added);
    rt.inner().wake_reaper();
    assert_eq!(drops.load(Ordering::SeqCst), 0, "a call is inside");
    leave.send(()).unwrap();
    assert_eq!(inside.join().unwrap(), 2);
    wait(|| drops.load(Ordering::SeqCst) == 1);
}

#[test]
fn what_cannot_be_exported_is_refused_and_changes_nothing() {
    let rt = Runtime::new().unwrap();
    let generation = rt.generation();
    let drops = Arc::new(AtomicU64::new(0));
    let add = |component: &str, name: &str| {
        let captured = Counted(Arc::clone(&drops));
        let closure = move |n: u64| {
            let _ = &captured;
            n
        };
        rt.add_export::<Number, _>(component, name, closure).commit().unwrap_err().kind()
    };
    assert_eq!(add("nobody", "name"), ErrorKind::NotFound);
    assert_eq!(add("patch-plain", "a.b"), ErrorKind::Invalid);
    assert_eq!(add("patch-door", "ring"), ErrorKind::Protected);
    assert_eq!((rt.generation(), drops.load(Ordering::SeqCst)), (generation, 3));
    let ring = rt.add_export::<fn() -> u8, _>("patch-door", "ring", || 1).override_protected().reason("a test");
    let _ring = ring.commit().unwrap();
    assert_eq!(rt.export::<fn() -> u8>("patch-door", "ring").unwrap().call().unwrap(), 1);
}

#[test]
fn a_method_that_is_asked_for_as_another_type_is_refused_before_its_component_is_constructed() {
    let rt = Runtime::new().unwrap();
    let instances = || {
        let status = rt.status();
        status.components.iter().find(|component| component.id.name == "patch-plain").unwrap().instances
    };
    assert_eq!(rt.export::<fn(u32) -> u64>("patch-plain", "add").unwrap_err().kind(), ErrorKind::Mismatch);
    assert_eq!(instances(), 0);
    let _add = rt.export::<Number>("patch-plain", "add").unwrap();
    assert_eq!(instances(), 1);
}
