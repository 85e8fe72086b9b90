//! Two components that fit only each other are replaced while a thread calls them. The runtime refuses
//! the new version of one alone, and replaces both in one commit. No call sees half of that commit.

mod interface;
#[path = "../libraries.rs"]
mod libraries;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use interface::Display;
use lcr::Runtime;

fn main() -> Result<(), lcr::BoxError> {
    let names = ["several_sensor_v1", "several_display_v1", "several_sensor_v2", "several_display_v2"];
    let libraries = libraries::built(&names)?;
    let [sensor_v1, display_v1, sensor_v2, display_v2] = names.map(|name| libraries.join(format!("lib{name}.so")));
    let runtime = Runtime::new()?;
    runtime.plan().add(sensor_v1).add(display_v1).commit()?;
    let display = runtime.service::<dyn Display>()?;
    println!("{}", display.line());

    // If the plan replaced the sensor alone, no component would serve the display's handle.
    let alone = runtime.plan().replace(&sensor_v2).build();
    println!("{alone}");
    let refusals: Vec<_> = alone.refusals().map(ToString::to_string).collect();
    assert!(!refusals.is_empty(), "the display needs version 1 of the sensor");
    assert!(alone.commit().is_err());
    assert_eq!(display.line(), "21.5 degrees");

    // One plan replaces both. Callers of the display wait for the commit, because the old display
    // cannot call the new sensor.
    let both = runtime.plan().replace(&sensor_v2).replace(&display_v2).build();
    println!("{both}");
    assert_eq!(both.refusals().count(), 0);
    let before = runtime.generation();
    let is_done = AtomicBool::new(false);
    let report = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let line = display.line();
                assert!(line == "21.5 degrees" || line == "294.6 kelvins", "a call saw half of a commit: {line}");
            }
        });
        let report = both.commit();
        is_done.store(true, Ordering::Relaxed);
        report
    })?;
    println!("{report}");
    assert_eq!(runtime.generation(), before + 1, "two components are replaced in one commit");
    assert_eq!(display.line(), "294.6 kelvins");
    println!("{}", display.line());
    Ok(())
}
