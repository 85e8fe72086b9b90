//! The scribe as a library with a logger of its own, which an initialiser sets.

use std::sync::atomic::Ordering;

mod desk;

struct Own;

impl log::Log for Own {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, _: &log::Record<'_>) {
        desk::OWN_RECORDS.fetch_add(1, Ordering::Relaxed);
    }
    fn flush(&self) {}
}

extern "C" fn set_logger() {
    log::set_logger(&Own).unwrap();
    log::set_max_level(log::LevelFilter::Info);
}

#[used]
#[unsafe(link_section = ".init_array")]
static INITIALISER: extern "C" fn() = set_logger;
