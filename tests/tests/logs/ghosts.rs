//! A component that logs at the end of everything that it has, into a subscriber that calls components and panics,
//! while it is replaced and unmapped.

use std::{
    cell::Cell,
    collections::BTreeMap,
    future::Future,
    panic,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    task::{Context as Polling, Waker},
    thread,
};

use lcr::{Fault, Handle, Runtime};
use lcr_tests::{
    component, empty_runtime, ghost::Ghost, in_a_process_of_its_own, scribe::Scribe, thorough_or, wait_until,
};
use tracing::{
    Event, Id, Metadata, Subscriber,
    field::{Field, Visit},
    span::Attributes,
    subscriber::set_global_default,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

/// What has come from ghosts.
#[derive(Default)]
struct Heard {
    /// How often each kind of end has logged.
    ends: Mutex<BTreeMap<String, u64>>,
    /// How many more spans of each name were opened than closed.
    open: Mutex<BTreeMap<&'static str, i64>>,
    records: AtomicU64,
}

impl Heard {
    fn ends(&self, of: &str) -> u64 {
        self.ends.lock().unwrap().get(of).copied().unwrap_or(0)
    }
}

/// The components that a medium calls.
type Called = (Handle<dyn Ghost>, Handle<dyn Scribe>);

/// A layer that calls the components that log, and panics now and then.
#[derive(Clone, Default)]
struct Medium {
    heard: Arc<Heard>,
    components: Arc<OnceLock<Called>>,
    is_calm: Arc<AtomicBool>,
    turns: Arc<AtomicU64>,
}

thread_local! {
    static IS_CALLING: Cell<bool> = const { Cell::new(false) };
}

impl Medium {
    fn panic_once_in(&self, often: u64) {
        let is_calm = self.is_calm.load(Ordering::Relaxed);
        assert!(is_calm || !self.turns.fetch_add(1, Ordering::Relaxed).is_multiple_of(often), "the medium wakes up");
    }

    /// Calls the components, unless this thread is in such a call.
    fn call(&self) {
        let Some((ghost, scribe)) = self.components.get() else { return };
        if !IS_CALLING.replace(true) {
            // Each panics if it cannot be called any more.
            let called = panic::catch_unwind(panic::AssertUnwindSafe(|| {
                ghost.knock();
                scribe.chatter();
            }));
            IS_CALLING.set(false);
            drop(called);
        }
    }
}

fn is_of_ghost(metadata: &Metadata<'_>) -> bool {
    metadata.file().is_some_and(|file| file.ends_with("components/ghost.rs"))
}

struct Of(String);

impl Visit for Of {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "of" {
            value.clone_into(&mut self.0);
        }
    }
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Medium {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        if is_of_ghost(attributes.metadata()) {
            *self.heard.open.lock().unwrap().entry(attributes.metadata().name()).or_default() += 1;
        }
    }
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !is_of_ghost(event.metadata()) {
            return;
        }
        let mut of = Of(String::new());
        event.record(&mut of);
        *self.heard.ends.lock().unwrap().entry(of.0).or_default() += 1;
        self.call();
        self.panic_once_in(7);
    }
    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        self.panic_once_in(13);
    }
    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        if is_of_ghost(span.metadata()) {
            *self.heard.open.lock().unwrap().entry(span.name()).or_default() -= 1;
            self.panic_once_in(11);
        }
    }
}

impl log::Log for Medium {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        if record.file().is_some_and(|file| file.ends_with("components/ghost.rs")) {
            self.heard.records.fetch_add(1, Ordering::Relaxed);
            self.call();
            self.panic_once_in(17);
        }
    }
    fn flush(&self) {}
}

type Lingering = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

/// A future of a ghost that has been polled once on this thread.
fn lingering(ghost: &Handle<dyn Ghost>) -> Lingering {
    let ghost = ghost.clone();
    let mut lingering: Lingering = Box::pin(async move { ghost.linger().await });
    assert!(lingering.as_mut().poll(&mut Polling::from_waker(Waker::noop())).is_pending());
    lingering
}

/// Makes everything of which a ghost hears the end, once.
fn haunt(ghost: &Handle<dyn Ghost>) {
    ghost.haunt();
    ghost.wander();
    ghost.stumble().unwrap_err();
}

fn wait_until_unmapped(rt: &Runtime, ghost: &Handle<dyn Ghost>) {
    wait_until("old images are unmapped", || {
        // By the slow path of a call: this thread settles, which has been inside the images.
        Handle::generation(ghost);
        rt.status().retained_images == 0
    });
}

/// Parts of the texts of panics that belong to a test.
const EXPECTED: [&str; 2] = ["the medium wakes up", "over its own sheet"];

/// A runtime with a ghost, and the scribe that its medium calls, in one of its own.
fn open(medium: &Medium) -> (Runtime, Handle<dyn Ghost>, Runtime) {
    let before = panic::take_hook();
    let is_calling = || IS_CALLING.try_with(Cell::get).unwrap_or(true);
    panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(|text| &**text));
        let is_expected = text.is_some_and(|text| EXPECTED.iter().any(|part| text.contains(part)));
        if !is_expected && !is_calling() {
            before(info);
        }
    }));
    set_global_default(Registry::default().with(medium.clone())).unwrap();
    log::set_logger(Box::leak(Box::new(medium.clone()))).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let (rt, (beside, scribe)) = (empty_runtime(), super::loaded("scribe"));
    rt.load(component("ghost")).unwrap();
    let ghost: Handle<dyn Ghost> = rt.service().unwrap();
    assert_eq!(ghost.is_led(), (true, true));
    assert!(medium.components.set((ghost.clone(), scribe)).is_ok());
    (rt, ghost, beside)
}

#[test]
fn every_end_is_heard_by_a_subscriber_that_calls_components_and_panics() {
    const THREADS: u64 = 3;
    in_a_process_of_its_own(|| {
        let medium = Medium::default();
        let (rt, ghost, beside) = open(&medium);
        let (give, take) = mpsc::channel::<Lingering>();
        let (is_over, haunted) = (AtomicBool::new(false), AtomicU64::new(0));
        let rounds = thorough_or(60, 12);
        thread::scope(|scope| {
            // Drops futures that other threads have polled.
            scope.spawn(|| take.into_iter().for_each(drop));
            let haunting: Vec<_> = (0..THREADS)
                .map(|_| {
                    let (ghost, give, is_over, haunted) = (ghost.clone(), give.clone(), &is_over, &haunted);
                    scope.spawn(move || {
                        while !is_over.load(Ordering::Relaxed) {
                            let short = || {
                                haunt(&ghost);
                                give.send(lingering(&ghost)).unwrap();
                            };
                            thread::scope(|scope| scope.spawn(short).join().unwrap());
                            haunt(&ghost);
                            haunted.fetch_add(2, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            for _ in 0..rounds {
                let old = lingering(&ghost);
                rt.replace(component("ghost")).unwrap();
                beside.replace(component("scribe")).unwrap();
                give.send(old).unwrap();
            }
            is_over.store(true, Ordering::Relaxed);
            haunting.into_iter().for_each(|haunting| haunting.join().unwrap());
            drop(give);
        });
        wait_until_unmapped(&rt, &ghost);
        rt.replace(component("ghost")).unwrap();
        wait_until_unmapped(&rt, &ghost);
        let (heard, haunted) = (&medium.heard, haunted.into_inner());
        for of in ["a thread-local", "a task", "a blocking closure", "a panic"] {
            assert_eq!(heard.ends(of), haunted, "{of}");
        }
        assert_eq!(heard.ends("a future"), haunted / 2 + rounds);
        assert_eq!((heard.ends("an instance"), heard.ends("a handler")), (rounds + 1, rounds + 1));
        // POSIX runs no destructor of a value whose key is gone.
        assert!((1..=haunted).contains(&heard.ends("a key")), "{}", heard.ends("a key"));
        let open = heard.open.lock().unwrap();
        assert!(open.values().all(|open| *open == 0), "{open:?}");
        let ends: u64 = heard.ends.lock().unwrap().values().sum();
        assert_eq!(heard.records.load(Ordering::Relaxed) + heard.ends("a handler"), ends);
    });
}

#[test]
fn a_span_that_a_thread_never_leaves_is_closed_with_its_image() {
    in_a_process_of_its_own(|| {
        let medium = Medium::default();
        medium.is_calm.store(true, Ordering::Relaxed);
        let (rt, ghost, _beside) = open(&medium);
        for round in 1..=10 {
            for _ in 0..3 {
                ghost.stay();
            }
            assert_eq!(tracing::Span::current().metadata().unwrap().name(), "staying");
            rt.replace(component("ghost")).unwrap();
            wait_until_unmapped(&rt, &ghost);
            assert_eq!(medium.heard.ends("an image"), round);
            assert!(tracing::Span::current().is_none());
            assert_eq!(medium.heard.open.lock().unwrap()["staying"], 0);
            haunt(&ghost);
        }
    });
}

/// A layer that panics whenever a span of a scribe is closed.
struct Undertaker(Arc<AtomicU64>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Undertaker {
    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if context.span(&id).unwrap().name() == "open" {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic!("too much work");
        }
    }
}

#[test]
fn a_subscriber_that_panics_at_a_close_is_told_of_the_other_spans_of_an_image() {
    in_a_process_of_its_own(|| {
        panic::set_hook(Box::new(|_| ()));
        let closed = Arc::new(AtomicU64::new(0));
        set_global_default(Registry::default().with(Undertaker(Arc::clone(&closed)))).unwrap();
        let (rt, scribe) = super::loaded("scribe_unload");
        for _ in 0..40 {
            scribe.keep_open();
        }
        rt.replace(component("scribe_unload")).unwrap();
        wait_until("the image is unmapped and its spans are closed", || {
            scribe.count(0, 0);
            rt.status().retained_images == 0
        });
        assert_eq!(closed.load(Ordering::Relaxed), 40);
    });
}
