//! What programs measure of a runtime, and the documents that they serve.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use lcr::{Handle, Runtime, Trial, document, events::EventKind};
use lcr_tests::{component, empty_runtime, in_a_process_of_its_own, interfaces::Counter};
use metrics::{Counter as Measured, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// Notes what it is asked for, looks at the runtime meanwhile, and may panic.
struct Noting {
    rt: Arc<Runtime>,
    noted: Mutex<Vec<String>>,
    panics: AtomicBool,
}

impl Noting {
    fn of(rt: &Arc<Runtime>) -> Noting {
        Noting { rt: Arc::clone(rt), noted: Mutex::default(), panics: AtomicBool::new(false) }
    }

    fn note(&self, key: &Key) {
        // It would wait for ever if the state lock were held.
        assert!(self.rt.status().generation > 0);
        let labels: Vec<String> = key.labels().map(|label| format!(" {}={}", label.key(), label.value())).collect();
        self.noted.lock().unwrap().push(format!("{}{}", key.name(), labels.concat()));
        assert!(!self.panics.load(Ordering::Relaxed), "a recorder that panics");
    }

    fn has(&self, what: &str) -> bool {
        self.noted.lock().unwrap().iter().any(|noted| noted == what)
    }
}

impl Recorder for Noting {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Measured {
        self.note(key);
        Measured::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.note(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.note(key);
        Histogram::noop()
    }
}

#[test]
fn a_recorder_is_told_of_commits_refusals_holds_and_faults_without_a_lock() {
    let rt = Arc::new(empty_runtime());
    let recorder = Noting::of(&rt);
    metrics::with_local_recorder(&recorder, || {
        rt.load(component("counter_v1")).unwrap();
        let counter: Handle<dyn Counter> = rt.service().unwrap();
        counter.add(1);
        rt.replace(component("counter_v2")).unwrap();
        rt.load(component("counter_v1")).unwrap_err();
        counter.fail("as asked").unwrap_err();
    });
    for name in [
        "lcr_commits_total",
        "lcr_generation",
        "lcr_hold_seconds",
        "lcr_transaction_seconds",
        "lcr_state_bytes_total",
        "lcr_refusals_total kind=invalid",
        "lcr_faults_total component=counter 2.0.0 method=test.counter.fail",
        "lcr_retained_images",
        "lcr_retained_image_bytes",
    ] {
        assert!(recorder.has(name), "{name} of {:?}", recorder.noted.lock().unwrap());
    }
}

#[test]
fn a_recorder_that_panics_changes_no_outcome() {
    let rt = Arc::new(empty_runtime());
    let recorder = Noting::of(&rt);
    recorder.panics.store(true, Ordering::Relaxed);
    let mut events = rt.events();
    metrics::with_local_recorder(&recorder, || {
        assert_eq!(rt.load(component("counter_v1")).unwrap().generation, rt.generation());
        rt.load(component("counter_v1")).unwrap_err();
        let counter: Handle<dyn Counter> = rt.service().unwrap();
        let fault = counter.fail("as asked").unwrap_err();
        assert_eq!(fault.component().unwrap().to_string(), "counter 1.0.0");
    });
    let names: Vec<&str> = std::iter::from_fn(|| events.try_next()).map(|event| event.kind.name()).collect();
    assert_eq!(names, ["committed", "refused", "fault"]);
}

#[test]
fn a_status_document_is_read_back_and_names_process_components_and_hashes() {
    let rt = empty_runtime();
    rt.plan().add(component("counter_v1")).add(component("guard")).commit().unwrap();
    let made = document::status(&rt);
    let text = document::json(&made);
    let read: document::StatusDocument = serde_json::from_str(&text).unwrap();
    assert_eq!(document::json(&read), text);
    assert_eq!((read.form, read.process.pid), (document::FORM, std::process::id()));
    let parts = read.status.components.iter().map(|part| (part.id.name.as_str(), part.protected, part.hash.is_some()));
    assert_eq!(parts.collect::<Vec<_>>(), [("counter", false, true), ("guard", true, true)]);
    assert_eq!(read.status.components[0].source.as_deref(), Some(&*component("counter_v1")));
}

/// Is slow where it is told of the end of a trial: until the sender is gone, if that does not take too long.
struct Slow(Mutex<Receiver<()>>);

impl Recorder for Slow {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Measured {
        if key.name() == "lcr_trial_ends_total" {
            let _ = self.0.lock().unwrap().recv_timeout(Duration::from_secs(1));
        }
        Measured::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn whoever_follows_events_is_told_that_the_end_of_the_runtime_interrupted_a_trial_however_slow_a_recorder_is() {
    in_a_process_of_its_own(|| {
        let (read_all, is_read) = channel::<()>();
        metrics::set_global_recorder(Slow(Mutex::new(is_read))).unwrap();
        let rt = empty_runtime();
        rt.load(component("counter_v1")).unwrap();
        let mut events = rt.events();
        rt.plan().replace(component("counter_v2")).trial(Trial::until_confirmed()).commit().unwrap();
        drop(rt);
        let told = std::iter::from_fn(|| events.next_timeout(Duration::from_secs(60))).map(|event| event.kind);
        let is_end =
            |kind: &EventKind| matches!(kind, EventKind::TrialEnded { outcome, .. } if outcome == "interrupted");
        assert_eq!(told.filter(is_end).count(), 1);
        drop(read_all);
    });
}
