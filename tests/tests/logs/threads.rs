//! Many threads, and threads of the component.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use lcr_tests::{component, in_a_process_of_its_own, scribe::Scribe as _};
use tracing::{
    Event, Id, Subscriber,
    field::{Field, Visit},
    info_span,
    span::Attributes,
    subscriber::set_global_default,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

use super::{captor::Captor, loaded};

const THREADS: u64 = 8;
const EVENTS: u64 = 1_000_000 / THREADS;

/// The next number of each thread's events, and how many came out of order.
#[derive(Default)]
struct Order {
    next: [AtomicU64; THREADS as usize],
    wrong: AtomicU64,
}

struct Ordered(Arc<Order>);

/// The number in the only field that is one.
#[derive(Default)]
struct Number(u64);

impl Visit for Number {
    fn record_u64(&mut self, _: &Field, value: u64) {
        self.0 = value;
    }
    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Ordered {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut thread = Number::default();
        attributes.record(&mut thread);
        context.span(id).unwrap().extensions_mut().insert(thread);
    }
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        let thread = span.extensions().get::<Number>().unwrap().0;
        let mut n = Number::default();
        event.record(&mut n);
        // Each call begins anew, so a number follows the one before it, or is the first.
        let next = self.0.next[thread as usize].fetch_add(1, Ordering::Relaxed);
        if n.0 != next % (EVENTS / 10) {
            self.0.wrong.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_million_events_of_eight_threads_arrive_in_order_while_the_component_is_replaced() {
    in_a_process_of_its_own(|| {
        let order = Arc::new(Order::default());
        set_global_default(Registry::default().with(Ordered(Arc::clone(&order)))).unwrap();
        let (rt, scribe) = loaded("scribe");
        let mut replaced = 0;
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let scribe = scribe.clone();
                    scope.spawn(move || (0..10).for_each(|_| scribe.count(thread, EVENTS / 10)))
                })
                .collect();
            while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
                rt.replace(component("scribe")).unwrap();
                replaced += 1;
            }
        });
        assert!(replaced > 1, "{replaced}");
        assert_eq!(order.wrong.load(Ordering::Relaxed), 0);
        let counts = order.next.each_ref().map(|next| next.load(Ordering::Relaxed));
        assert_eq!(counts, [EVENTS; THREADS as usize]);
    });
}

#[test]
fn a_thread_of_the_component_logs_in_a_span_of_the_program() {
    in_a_process_of_its_own(|| {
        let captor = Captor::default();
        set_global_default(Registry::default().with(captor.clone())).unwrap();
        let (_rt, scribe) = loaded("scribe");
        let request = info_span!(target: "desk.rs", "request", guest = tracing::field::Empty);
        request.in_scope(|| scribe.visit("a guest"));
        drop(request);
        let lines = captor.take();
        let event = "request{ guest:str=\"a guest\"}: message:debug=from a thread of the component";
        assert_eq!(lines.iter().filter(|line| line.ends_with(event)).count(), 1, "{lines:#?}");
        assert_eq!(lines.last().unwrap(), "close request");
    });
}
