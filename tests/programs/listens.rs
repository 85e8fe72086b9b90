//! Listens to a scribe with a subscriber and a logger, and prints what they hear.
//!
//! `listens LIBRARY`. Built with the features `log` and `tracing` of `lcr`, or without them.

use std::{
    env,
    error::Error,
    sync::atomic::{AtomicU64, Ordering},
};

use lcr::{Handle, Runtime};
use lcr_tests::scribe::Scribe;
use tracing::{Event, Metadata, Subscriber, span};

/// Counts what comes from a scribe.
struct Ear {
    events: AtomicU64,
    spans: AtomicU64,
    records: AtomicU64,
}

static EAR: Ear = Ear { events: AtomicU64::new(0), spans: AtomicU64::new(0), records: AtomicU64::new(0) };

fn is_of_scribe(file: Option<&str>) -> bool {
    file.is_some_and(|file| file.ends_with("scribe/desk.rs"))
}

/// The subscriber.
struct Tracing;

impl Subscriber for Tracing {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_of_scribe(metadata.file())
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(EAR.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &Event<'_>) {
        EAR.events.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

impl log::Log for Ear {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        self.records.fetch_add(u64::from(is_of_scribe(record.file())), Ordering::Relaxed);
    }
    fn flush(&self) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    let library = env::args_os().nth(1).ok_or("usage: listens LIBRARY")?;
    tracing::subscriber::set_global_default(Tracing)?;
    log::set_logger(&EAR).map_err(|error| error.to_string())?;
    log::set_max_level(log::LevelFilter::Trace);
    let rt = Runtime::builder().linked(false).build()?;
    rt.load(&library)?;
    let scribe: Handle<dyn Scribe> = rt.service()?;
    let (traced, events) = (scribe.chatter(), EAR.events.load(Ordering::Relaxed));
    scribe.keep_open();
    let spans = EAR.spans.load(Ordering::Relaxed);
    let (logged, records) = (scribe.log(), EAR.records.load(Ordering::Relaxed));
    println!("{traced} formatted, {events} events, {spans} spans; {logged} formatted, {records} records");
    // Everything else that a component does with `tracing` works as well, also in the next image.
    for _ in 0..2 {
        scribe.count(0, 3);
        scribe.visit("a guest");
        rt.replace(&library)?;
    }
    Ok(())
}
