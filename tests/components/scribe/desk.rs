//! The scribe, linked or loaded.

use std::{
    error::Error,
    fmt,
    panic::panic_any,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use lcr::Fault;
use lcr_tests::scribe::Scribe;
use tracing::{Level, Span, debug, error, event, field, info, info_span, span, trace, warn};

#[derive(Default)]
struct Desk {
    formatted: AtomicU64,
}

static OPEN: Mutex<Vec<Span>> = Mutex::new(Vec::new());
pub static OWN_RECORDS: AtomicU64 = AtomicU64::new(0);

/// Counts how often it is formatted.
struct Counted<'a>(&'a AtomicU64);

impl fmt::Debug for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(format_args!("{}", self.0.fetch_add(1, Ordering::Relaxed) + 1))
    }
}

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Logs while it is formatted.
struct Talkative;

impl fmt::Debug for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!(inner = "a text of the inner event", "while it is formatted");
        f.write_str("talkative")
    }
}

/// Panics while it is formatted.
struct Clumsy;

impl fmt::Debug for Clumsy {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("formatted by accident")
    }
}

#[derive(Debug)]
struct Outer(fmt::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the outer error")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// A subscriber that counts events, for one scope.
struct Counting(Arc<AtomicU64>);

impl tracing::Subscriber for Counting {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event()
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[lcr::component(name = "scribe", version = "1.0.0")]
impl Scribe for Desk {
    fn story(&self) {
        let outer = info_span!("outer", i = 0, later = field::Empty);
        let entered = outer.enter();
        let error: &(dyn Error + 'static) = &Outer(fmt::Error);
        let long = "long ".repeat(100);
        event!(
            Level::INFO,
            small = -5_i8,
            large = u64::MAX,
            wide = i128::MIN,
            widest = u128::MAX,
            real = 1.5,
            yes = true,
            text = "a \"text\"",
            bytes = &b"\x01\xff"[..],
            shown = %"shown",
            debugged = ?Some(3),
            error,
            empty = field::Empty,
            long,
            last = 14,
            "with {} of fields",
            "all kinds"
        );
        outer.record("later", "now");
        let inner = span!(target: "elsewhere", Level::WARN, "inner", child = "yes");
        inner.follows_from(&outer);
        inner.in_scope(|| warn!(target: "elsewhere", talkative = ?Talkative, "two spans deep"));
        let second = inner.clone();
        drop(inner);
        error!(parent: &second, "in a span that is not entered");
        info!(parent: None, "in no span");
        drop(second);
        drop(entered);
        let root = info_span!(parent: None, "root");
        info!(parent: root.id(), "with an explicit parent");
        info_span!(parent: &root, "leaf").in_scope(|| info!("in a leaf of the root"));
        assert_eq!(root.in_scope(Span::current).id(), root.id());
        drop(root);
        debug!("after all of them, in {:?}", outer.metadata().map(tracing::Metadata::name));
    }
    fn chatter(&self) -> u64 {
        self.formatted.store(0, Ordering::Relaxed);
        let counted = Counted(&self.formatted);
        error!(?counted, "error");
        warn!(?counted, "warn");
        info!(?counted, "info");
        debug!(?counted, "debug");
        trace!(?counted, "trace");
        self.formatted.load(Ordering::Relaxed)
    }
    fn count(&self, thread: u64, events: u64) {
        let _span = info_span!("counting", thread).entered();
        for n in 0..events {
            info!(n, "counted");
        }
    }
    fn visit(&self, guest: &str) -> Option<String> {
        let span = Span::current();
        span.record("guest", guest);
        let name = span.metadata().map(|metadata| metadata.name().to_owned());
        let logging = thread::Builder::new().name("quill".to_owned()).spawn(move || {
            span.in_scope(|| info!("from a thread of the component"));
        });
        logging.unwrap().join().unwrap();
        name
    }
    fn keep_open(&self) {
        let span = info_span!("open");
        span.in_scope(|| info!("opened"));
        OPEN.lock().unwrap().push(span);
    }
    fn stumble(&self) -> Result<(), Fault> {
        info!(clumsy = ?Clumsy, "never complete");
        Ok(())
    }
    fn fail(&self, how: u32) -> Result<(), Fault> {
        match how {
            0 => panic!("no more ink: {}", how),
            1 => {
                let thread = thread::Builder::new().name("quill".to_owned());
                let failed = thread.spawn(|| panic!("a broken quill")).unwrap().join();
                assert!(failed.is_err());
                Ok(())
            }
            _ => panic_any(7_u64),
        }
    }
    fn own_subscriber(&self) -> u64 {
        let events = Arc::new(AtomicU64::new(0));
        let counting = Counting(Arc::clone(&events));
        tracing::subscriber::with_default(counting, || {
            for _ in 0..3 {
                // Another thread of the component has the program's subscriber meanwhile.
                thread::scope(|scope| _ = scope.spawn(|| self.chatter()).join().unwrap());
                self.chatter();
            }
        });
        events.load(Ordering::Relaxed)
    }
    fn log(&self) -> u64 {
        self.formatted.store(0, Ordering::Relaxed);
        let counted = Counted(&self.formatted);
        log::error!("an error: {counted}");
        log::warn!(target: "elsewhere", small = -5, large = u64::MAX, real = 1.5, yes = true, text = "a text", shown:? = Some(3); "keys and values: {counted}");
        log::info!("an information: {counted}");
        log::debug!("for debugging: {counted}");
        log::trace!("a trace: {counted}");
        log::logger().flush();
        self.formatted.load(Ordering::Relaxed)
    }
    fn own_logger(&self) -> u64 {
        OWN_RECORDS.load(Ordering::Relaxed)
    }
}
