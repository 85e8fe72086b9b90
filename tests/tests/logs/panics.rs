//! Panics of components and of subscribers.

use std::{
    panic::{self, Location},
    sync::{Arc, Mutex},
};

use lcr::ComponentPanic;
use lcr_tests::{in_a_process_of_its_own, scribe::Scribe as _};
use tracing::{Event, Subscriber, subscriber::set_global_default};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
};

use super::{captor::Captor, loaded, scribes};

/// What a hook learns: the payload's text, its file, and the parts of a component's panic.
type Told = (String, String, Option<String>);

/// Sets a hook that writes down what it learns.
fn listen() -> Arc<Mutex<Vec<Told>>> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&told);
    panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>().cloned();
        let text = text.or_else(|| info.payload().downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let file = info.location().map(Location::file).unwrap_or_default().to_owned();
        let parts = ComponentPanic::with_current(|panic| {
            let component = panic.component().map(ToString::to_string).unwrap_or_default();
            assert!(panic.line() > 0 && panic.column() > 0);
            format!("{component} {} {} {:?}", panic.file(), panic.message(), panic.thread())
        });
        hook.lock().unwrap().push((text.unwrap_or_default(), file, parts));
    }));
    told
}

#[test]
fn a_panic_of_a_component_reaches_the_programs_hook_with_its_place() {
    in_a_process_of_its_own(|| {
        let told = listen();
        let [linked, loaded] = scribes().map(|(_rt, scribe)| {
            let told: Vec<Vec<Told>> = (0..3)
                .map(|how| {
                    let result = scribe.fail(how);
                    assert_eq!(result.is_err(), how != 1, "{result:?}");
                    std::mem::take(&mut *told.lock().unwrap())
                })
                .collect();
            assert!(ComponentPanic::with_current(|_| ()).is_none());
            told
        });
        let file = |told: &[Vec<Told>]| told[0][0].1.clone();
        assert!(file(&linked).ends_with("scribe/desk.rs"), "{linked:?}");
        for (how, (message, thread)) in
            [("no more ink: 0", None), ("a broken quill", Some("quill")), ("a panic without a message", None)]
                .into_iter()
                .enumerate()
        {
            let [(text, _, parts)] = &loaded[how][..] else { panic!("{loaded:?}") };
            let place = parts.as_deref().unwrap().split(' ').nth(2).unwrap().to_owned();
            assert!(place.ends_with("scribe/desk.rs"), "{loaded:?}");
            assert_eq!(parts.as_deref().unwrap(), format!("scribe 1.0.0 {place} {message} {thread:?}"));
            let within = thread.map(|thread| format!(" in its thread {thread}")).unwrap_or_default();
            let begin = format!("component scribe 1.0.0 panicked{within} at {place}:");
            assert!(text.starts_with(&begin) && text.ends_with(&format!(": {message}")), "{text}");
            let [(_, _, None)] = &linked[how][..] else { panic!("{linked:?}") };
        }
    });
}

#[test]
fn a_component_that_panics_while_the_hook_reports_another_leaves_a_fault() {
    in_a_process_of_its_own(|| {
        let [(_rt, first), (_other, second)] = [loaded("scribe"), loaded("scribe")];
        let faults = Arc::new(Mutex::new(Vec::new()));
        let hook = Arc::clone(&faults);
        panic::set_hook(Box::new(move |_| {
            if let Err(fault) = second.fail(0) {
                hook.lock().unwrap().push(fault.message().to_owned());
            }
        }));
        for round in 1..=2 {
            assert_eq!(first.fail(0).unwrap_err().message(), "no more ink: 0");
            assert_eq!(*faults.lock().unwrap(), vec!["no more ink: 0"; round]);
        }
        drop(panic::take_hook());
    });
}

#[test]
fn a_panic_while_a_field_is_formatted_is_one_of_the_component() {
    in_a_process_of_its_own(|| {
        let told = listen();
        let captor = Captor::default();
        set_global_default(Registry::default().with(captor.clone())).unwrap();
        let (_rt, scribe) = loaded("scribe");
        let fault = scribe.stumble().unwrap_err();
        assert_eq!(fault.message(), "formatted by accident");
        assert!(told.lock().unwrap().last().unwrap().0.ends_with("formatted by accident"));
        assert!(captor.take().is_empty());
        assert_eq!((scribe.chatter(), captor.take().len()), (5, 5));
    });
}

/// A layer that panics at each event of the component.
struct Brittle;

impl<S: Subscriber> Layer<S> for Brittle {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert!(!event.metadata().target().ends_with("desk"), "a brittle layer");
    }
}

#[test]
fn a_panic_of_a_subscriber_ends_the_record_and_not_the_call() {
    in_a_process_of_its_own(|| {
        let told = listen();
        set_global_default(Registry::default().with(Brittle)).unwrap();
        let (_rt, scribe) = loaded("scribe");
        assert_eq!(scribe.chatter(), 5);
        let told = told.lock().unwrap();
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(told.iter().all(|(text, _, parts)| text == "a brittle layer" && parts.is_none()), "{told:?}");
    });
}
