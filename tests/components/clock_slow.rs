//! A clock whose initialiser hangs for as long as a file exists that the test made.

use std::{thread, time::Duration};

use lcr_tests::{bank::Clock, script::slow_file};

/// Nothing to hand over.
#[derive(Default)]
pub struct Hands;

#[used]
#[unsafe(link_section = ".init_array")]
static INITIALISER: extern "C" fn() = hang;

extern "C" fn hang() {
    while slow_file().exists() {
        thread::sleep(Duration::from_millis(1));
    }
}

#[lcr::component(name = "clock", version = "2.0.0")]
impl Clock for Hands {
    fn version(&self) -> u32 {
        2
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
