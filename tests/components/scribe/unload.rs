//! The scribe as a library that may be unmapped.

use std::sync::Mutex;

use lcr::Fault;
use lcr_tests::scribe::Scribe;
use tracing::{Span, info, info_span};

/// A scribe that only keeps spans open.
#[derive(Default)]
struct Stool;

static OPEN: Mutex<Vec<Span>> = Mutex::new(Vec::new());

/// Logs while the loader unmaps the image, if [`Scribe::keep_open`] was called.
extern "C" fn say_goodbye() {
    if OPEN.lock().is_ok_and(|open| !open.is_empty()) {
        info!("goodbye");
        log::warn!("goodbye");
    }
}

#[used]
#[unsafe(link_section = ".fini_array")]
static FINISHER: extern "C" fn() = say_goodbye;

#[lcr::component(name = "scribe", version = "1.0.0", unload)]
impl Scribe for Stool {
    fn story(&self) {}
    fn chatter(&self) -> u64 {
        0
    }
    fn count(&self, _: u64, _: u64) {}
    fn visit(&self, _: &str) -> Option<String> {
        None
    }
    fn keep_open(&self) {
        let span = info_span!("open");
        span.in_scope(|| info!("opened"));
        OPEN.lock().unwrap().push(span);
    }
    fn stumble(&self) -> Result<(), Fault> {
        Ok(())
    }
    fn fail(&self, _: u32) -> Result<(), Fault> {
        Ok(())
    }
    fn own_subscriber(&self) -> u64 {
        0
    }
    fn log(&self) -> u64 {
        log::error!("from an image that goes");
        1
    }
    fn own_logger(&self) -> u64 {
        0
    }
}
