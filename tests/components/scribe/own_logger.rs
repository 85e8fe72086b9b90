//! The scribe as a library with a logger and a subscriber of its own, which an initialiser sets.

use std::sync::atomic::Ordering;

use tracing::{Event, Metadata, Subscriber, span};

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

impl Subscriber for Own {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &Event<'_>) {
        desk::OWN_RECORDS.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

extern "C" fn set_both() {
    log::set_logger(&Own).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    tracing::subscriber::set_global_default(Own).unwrap();
}

#[used]
#[unsafe(link_section = ".init_array")]
static INITIALISER: extern "C" fn() = set_both;
