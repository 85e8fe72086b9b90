//! What a runtime tells of what happens in it: events, and the last refusals.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use lcr::{
    Actor, Back, ErrorKind, Handle,
    events::{Event, EventKind, Events},
};
use lcr_tests::{
    bank::Clock,
    component, empty_runtime, in_a_process_of_its_own,
    script::{Misdeed, Moment, Script},
};
use tracing_subscriber::{
    Layer,
    layer::{self, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

const LONG: Duration = Duration::from_secs(60);

/// The next event, which has happened already.
fn next(events: &mut Events) -> Event {
    events.try_next().expect("nothing happened")
}

#[test]
fn a_commit_and_a_refusal_say_who_asked_and_why() {
    let rt = empty_runtime();
    let mut events = rt.events();
    let asker = Actor::new(1000, 7, "deploy");
    let plan = rt.plan().add(component("counter_v1")).reason("the first one").asked_by(asker.clone());
    let report = plan.commit().unwrap();
    assert_eq!((&report.actor, report.reason.as_deref()), (&asker, Some("the first one")));
    let first = next(&mut events);
    assert_eq!(first.number, 1);
    let EventKind::Committed(committed) = &first.kind else { panic!("{first:?}") };
    assert_eq!((committed.generation, &committed.actor), (report.generation, &asker));
    assert_eq!(committed.reason.as_deref(), Some("the first one"));
    assert_eq!(committed.members[0].after, report.members[0].after);
    assert_eq!(committed.members[0].hash, report.members[0].hash);

    let refused = rt.plan().add(component("counter_v1")).reason("again").commit().unwrap_err();
    let second = next(&mut events);
    let EventKind::Refused(told) = &second.kind else { panic!("{second:?}") };
    assert_eq!((second.number, told.kind), (2, refused.kind()));
    assert_eq!(told.text, refused.to_string());
    assert_eq!((told.actor.pid, told.reason.as_deref()), (std::process::id(), Some("again")));
    assert!(told.plan.contains("refused (invalid)"), "{}", told.plan);
    assert_eq!(rt.last_refusals(), [(**told).clone()]);
    assert_eq!(events.try_next(), None);
}

#[test]
fn an_event_is_read_back_as_it_is_written() {
    let rt = empty_runtime();
    let mut events = rt.events();
    rt.load(component("counter_v1")).unwrap();
    rt.load(component("counter_v1")).unwrap_err();
    for name in ["committed", "refused"] {
        let event = next(&mut events);
        let text = serde_json::to_string(&event).unwrap();
        assert!(text.contains(&format!(r#""event":"{name}""#)) && text.contains(r#""at":"20"#), "{text}");
        let read: Event = serde_json::from_str(&text).unwrap();
        assert_eq!(read.number, event.number);
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}

#[test]
fn the_last_64_refusals_are_kept_and_a_reason_that_is_too_long_is_one() {
    let rt = empty_runtime();
    for number in 0..70 {
        rt.plan().remove("nobody").reason(number.to_string()).commit().unwrap_err();
    }
    let last = rt.last_refusals();
    assert_eq!(last.len(), 64);
    let reasons = [&last[0], &last[63]].map(|refused| refused.reason.as_deref());
    assert_eq!(reasons, [Some("6"), Some("69")]);
    let long = rt.plan().add(component("counter_v1")).reason("x".repeat(4_097)).commit().unwrap_err();
    assert_eq!(long.kind(), ErrorKind::Invalid, "{long}");
    rt.plan().add(component("counter_v1")).reason("x".repeat(4_096)).commit().unwrap();
}

#[test]
fn a_follower_outlives_the_runtime_and_is_not_kept_waiting_by_it() {
    let rt = empty_runtime();
    let mut events = rt.events();
    rt.load(component("counter_v1")).unwrap();
    drop(rt);
    assert!(events.is_closed());
    assert!(events.next_timeout(Duration::ZERO).is_some_and(|event| matches!(event.kind, EventKind::Committed(_))));
    assert_eq!(events.next_timeout(Duration::from_secs(3600)), None);
}

/// The next component that is retired, and by which generation.
fn retired(events: &mut Events) -> (String, u64) {
    loop {
        let event = events.next_timeout(LONG).expect("no component is retired");
        if let EventKind::Retired { component, generation, took, .. } = event.kind {
            assert!(took > Duration::ZERO);
            return (component.to_string(), generation);
        }
    }
}

#[test]
fn a_component_is_retired_when_its_last_destructor_has_returned_and_not_if_it_serves_again() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let clock: Handle<dyn Clock> = rt.reference(&script).unwrap();
    let first = ("clock 1.0.0", Moment::Drop);
    script.set(first.0, first.1, Misdeed::Hang);
    let mut events = rt.events();
    rt.replace(component("clock_v2")).unwrap();
    script.wait_for(first.0, first.1);
    let EventKind::Committed(committed) = next(&mut events).kind else { panic!("nothing is committed") };
    let phases: Vec<&str> = committed.phases.iter().map(|time| time.phase.as_str()).collect();
    assert_eq!(phases[..2], ["load", "prepare"], "{committed:?}");
    assert_eq!(events.try_next(), None, "its destructor runs");
    // Version 1 serves again before that: its instance of then is no reason to say that it is gone.
    let back = rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(clock.version(), 1);
    assert_eq!(retired(&mut events), ("clock 2.0.0".to_owned(), back.generation));
    script.clear(first.0, first.1);
    rt.wait_drained(LONG).unwrap();
    let again = rt.replace(component("clock_v2")).unwrap();
    assert_eq!(retired(&mut events), ("clock 1.0.0".to_owned(), again.generation));
    let removed = {
        drop(clock);
        rt.wait_drained(LONG).unwrap();
        rt.plan().remove("clock").commit().unwrap()
    };
    assert_eq!(retired(&mut events), ("clock 2.0.0".to_owned(), removed.generation), "without an instance");
}

/// A subscriber that notes the phases of transactions, with the components that they are about.
#[derive(Clone, Default)]
struct Phases(Arc<Mutex<Vec<(String, String)>>>);

impl tracing::field::Visit for Phases {
    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        let mut seen = self.0.lock().unwrap();
        match field.name() {
            "phase" => seen.push((value.to_owned(), String::new())),
            "components" => seen.last_mut().unwrap().1 = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn fmt::Debug) {}
}

impl<S: tracing::Subscriber> Layer<S> for Phases {
    fn on_event(&self, event: &tracing::Event<'_>, _: layer::Context<'_, S>) {
        if event.metadata().fields().field("phase").is_some() {
            event.record(&mut self.clone());
        }
    }
}

#[test]
fn subscribers_hear_of_each_phase_which_components_it_is_about() {
    in_a_process_of_its_own(|| {
        let phases = Phases::default();
        tracing_subscriber::registry().with(phases.clone()).init();
        let seen = || std::mem::take(&mut *phases.0.lock().unwrap());
        let rt = empty_runtime();
        rt.plan().add(component("clock_v1")).commit().unwrap();
        let phase = |phase: &str, components: &str| (phase.to_owned(), components.to_owned());
        assert_eq!(seen(), [phase("load", "+ clock 1.0.0"), phase("prepare", "+ clock 1.0.0")]);
        rt.replace(component("clock_v2")).unwrap();
        let change = "clock 1.0.0 -> clock 2.0.0";
        assert_eq!(seen(), [phase("load", change), phase("prepare", change)]);
    });
}
