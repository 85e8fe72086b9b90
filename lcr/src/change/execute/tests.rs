//! Panics of our own code in a transaction. Everything that a component or a plan can bring about
//! is tested through the public API; these are not to be brought about.

use std::{thread, time::Duration};

use crate::{
    change::watch::Abandoned,
    error::ErrorKind,
    host::{
        gate::Gate,
        shared::Begin,
        stage::{Store, Trust},
    },
};

use super::*;

/// Runs phases as a transaction's thread does, and returns what the caller is told.
fn run(phases: impl FnOnce(&mut Execution) -> Result<Report, Stop> + Send + 'static) -> (Arc<Shared>, Option<Error>) {
    let store = Store::new(None, Trust::default()).unwrap();
    let shared = Shared::new(false, store, Duration::from_secs(1));
    let watch = Arc::new(Watch::new(Deadline::after(Instant::now(), Duration::from_secs(60))));
    let execution = Execution::new(Arc::clone(&shared), watch, Vec::new(), Options::default(), Instant::now());
    let outcome = thread::spawn(move || execution.run_phases(phases)).join().unwrap();
    (shared, outcome.and_then(Result::err))
}

/// Shuts a gate without members.
fn shut(execution: &Execution) {
    let mut state = execution.shared.state();
    let before = Arc::clone(&state.world);
    execution.shared.gate.shut(Deadline::after(Instant::now(), Duration::from_secs(60)));
    state.gate = Some(Gate::new(before, execution.thread));
    let ahead = Ahead::new(&state.world);
    state.ahead.insert(execution.thread, ahead);
}

fn assert_open(shared: &Shared) {
    assert!(!shared.gate.look().is_shut());
    let state = shared.state();
    assert!(state.gate.is_none() && state.ahead.is_empty());
    assert_eq!(shared.changing.begin(), Begin::Begun);
}

#[test]
fn a_panic_before_the_commit_undoes_the_transaction() {
    let (shared, error) = run(|execution| {
        shut(execution);
        panic!("a slip of ours")
    });
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.to_string().starts_with("nothing is changed, the transaction was given up: "), "{error}");
    assert!(error.to_string().contains("a slip of ours"), "{error}");
    assert_open(&shared);
}

#[test]
fn a_panic_between_the_decision_and_the_commit_undoes_the_transaction() {
    let (shared, error) = run(|execution| {
        shut(execution);
        execution.watch.commit()?;
        panic!("a slip of ours")
    });
    assert_eq!(error.unwrap().kind(), ErrorKind::Internal);
    assert_open(&shared);
}

#[test]
fn a_panic_behind_the_commit_is_told_and_opens_the_gate() {
    let (shared, error) = run(|execution| {
        shut(execution);
        execution.watch.commit()?;
        execution.published = Some(7);
        panic!("a slip of ours")
    });
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.to_string().starts_with("the plan is committed as generation 7, "), "{error}");
    assert_open(&shared);
}

#[test]
fn a_panic_of_a_transaction_that_was_given_up_undoes_nothing_twice() {
    let (shared, error) = run(|execution| {
        // The caller's part, at the deadline.
        execution.watch.enter(Phase::Prepare, execution.thread, Deadline::after(Instant::now(), Duration::ZERO))?;
        assert!(execution.watch.wait().is_err());
        assert!(matches!(execution.watch.check(), Err(Abandoned)));
        // Of a later transaction.
        shut(execution);
        panic!("a slip of ours")
    });
    assert!(error.is_none());
    assert!(shared.gate.look().is_shut(), "the gate of the later transaction was opened");
}
