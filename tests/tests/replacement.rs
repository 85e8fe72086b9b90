//! Loading, calling and replacing components through the public API.

use std::time::Duration;

use lcr::{Handle, Runtime};
use lcr_tests::{component, interfaces::Counter};

#[test]
fn state_survives_a_replacement_and_the_handle_goes_on() {
    let rt = Runtime::new().unwrap();
    rt.load(component("counter_v1")).unwrap();
    let counter = rt.service::<dyn Counter>().unwrap();
    assert_eq!(counter.add(2), 2);
    assert_eq!(counter.version(), 1);
    let report = rt.replace(component("counter_v2")).unwrap();
    println!("{report}");
    assert_eq!(counter.version(), 2);
    assert_eq!(counter.add(3), 5);
    assert_eq!(Handle::generation(&counter), report.generation);
    rt.wait_drained(Duration::from_secs(10)).unwrap();
    let status = rt.status();
    assert_eq!((status.constructed, status.destroyed), (2, 1), "{status:#?}");
}

#[test]
fn a_panic_becomes_a_fault_that_names_the_component() {
    let rt = Runtime::new().unwrap();
    rt.load(component("counter_v1")).unwrap();
    let counter = rt.service::<dyn Counter>().unwrap();
    let fault = counter.fail("boom").unwrap_err();
    assert_eq!(fault.to_string(), "component `counter 1.0.0` panicked in test.counter.fail: boom");
    assert_eq!(counter.inside(&|n| n + counter.add(1)), 1);
}
