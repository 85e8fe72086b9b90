//! What a runtime tells of what happens in it: events, and the last refusals.

use std::time::Duration;

use lcr::{
    Actor, ErrorKind,
    events::{Event, EventKind, Events},
};
use lcr_tests::{component, empty_runtime};

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
