//! What never returns is named, and stops nothing else.

use std::time::Duration;

use lcr::{Handle, Runtime};
use lcr_tests::{
    bank::{Clock, Teller},
    component,
    script::{Misdeed, Moment, Script},
    wait_until,
};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn one_destructor_that_never_returns_stops_no_other_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = Runtime::builder().linked(false).build().unwrap();
    rt.load(component("clock_v1")).unwrap();
    let hanging = rt.reference::<dyn Clock>(&script).unwrap();
    script.set("clock 1.0.0", Moment::Drop, Misdeed::Hang);
    drop(hanging);
    script.wait_for("clock 1.0.0", Moment::Drop);
    // Whoever looks into another script does not hang.
    let elsewhere = tempfile::tempdir().unwrap();
    let others = Script::new(elsewhere.path());
    for _ in 0..100 {
        rt.reference::<dyn Clock>(&others).unwrap();
    }
    wait_until("the others are destroyed", || rt.status().destroyed == 100);
    wait_until("they are taken back", || rt.status().handles == 0);
    let status = rt.status();
    assert_eq!((status.instances, status.leaving), (0, 1), "{status:#?}");
    let error = rt.wait_drained(Duration::from_millis(20)).unwrap_err();
    let [stuck] = error.stragglers() else { panic!("{error:?}") };
    assert_eq!((&*stuck.component, &*stuck.method), ("clock 1.0.0", "destructor"), "{error}");
    assert!(error.to_string().contains("clock 1.0.0"), "{error}");
    wait_until("the status names it", || {
        rt.status().stragglers.iter().any(|s| s.method == "destructor" && s.component == "clock 1.0.0")
    });
    // A replacement goes on beside it.
    let clock: Handle<dyn Clock> = rt.reference(&others).unwrap();
    rt.replace(component("clock_v2")).unwrap();
    assert_eq!(clock.version(), 2);
    wait_until("what was replaced is destroyed", || rt.status().destroyed == 101);
    script.clear("clock 1.0.0", Moment::Drop);
    rt.wait_drained(LONG).unwrap();
    assert_eq!(rt.status().destroyed, 102);
}

#[test]
fn many_destructors_that_never_return_at_once_stop_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = Runtime::builder().linked(false).build().unwrap();
    rt.load(component("clock_v1")).unwrap();
    let hanging: Vec<_> = (0..5).map(|_| rt.reference::<dyn Clock>(&script).unwrap()).collect();
    script.set("clock 1.0.0", Moment::Drop, Misdeed::Hang);
    drop(hanging);
    rt.reference::<dyn Clock>(&Script::default()).unwrap();
    wait_until("the other one is destroyed", || rt.status().destroyed == 1);
    let error = rt.wait_drained(Duration::ZERO).unwrap_err();
    assert_eq!(error.stragglers().len(), 5, "{error:?}");
    script.clear("clock 1.0.0", Moment::Drop);
    rt.wait_drained(LONG).unwrap();
    assert_eq!(rt.status().destroyed, 6);
}

#[test]
fn the_end_of_a_runtime_does_not_wait_for_ever_for_a_destructor_and_destroys_the_others() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [script, others] = directories.each_ref().map(Script::new);
    let rt = Runtime::builder().linked(false).patience(Duration::from_secs(2)).build().unwrap();
    rt.plan().add(component("vault_v1")).add(component("teller_v1")).add(component("clock_v1")).commit().unwrap();
    rt.configure("teller", &script).unwrap();
    rt.configure("vault", &others).unwrap();
    rt.configure("clock", &others).unwrap();
    let (teller, clock) = (rt.service::<dyn Teller>().unwrap(), rt.service::<dyn Clock>().unwrap());
    script.set("teller 1.0.0", Moment::Drop, Misdeed::Hang);
    drop(rt);
    assert!(script.has_come("teller 1.0.0", Moment::Drop));
    assert!(others.has_come("clock 1.0.0", Moment::Drop), "it has nothing to do with the one that hangs");
    assert!(!others.has_come("vault 1.0.0", Moment::Drop), "the one that hangs still depends on it");
    script.clear("teller 1.0.0", Moment::Drop);
    others.wait_for("vault 1.0.0", Moment::Drop);
    drop((teller, clock));
}
