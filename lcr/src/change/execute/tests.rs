//! Panics of this crate's own code in a transaction. Tests of the public API bring about everything that
//! a component or a plan can; no component and no plan can bring about these.

use std::{
    collections::BTreeMap,
    sync::{Weak, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::{
    change::{
        request::Options,
        watch::{Abandoned, Watch},
    },
    error::ErrorKind,
    host::{
        image::stage::{Store, Trust},
        objects::offer::Offer,
        service::{gate::Members, host_table::HOST_TABLE, inner::RuntimeInner, transaction_lock::Begin},
    },
};

use super::*;

/// Runs phases as a transaction's thread does, and returns what the caller is told.
fn run(
    phases: impl FnOnce(&mut Execution) -> Result<Report, Stop> + Send + 'static,
) -> (Arc<RuntimeInner>, Option<Error>) {
    let store = Store::new(None, Trust::default()).unwrap();
    let inner = RuntimeInner::new(&HOST_TABLE, cfg!(miri), store, Duration::from_secs(1));
    let watch = Arc::new(Watch::new(Deadline::after(Instant::now(), Duration::from_secs(60))));
    let execution = Execution::new(Arc::clone(&inner), watch, Vec::new(), Options::default(), Instant::now());
    let outcome = thread::spawn(move || execution.run_phases(phases)).join().unwrap();
    (inner, outcome.and_then(Result::err))
}

/// Shuts a gate without members.
fn shut(execution: &Execution) {
    let mut state = execution.inner.state();
    let deadline = Deadline::after(Instant::now(), Duration::from_secs(60));
    execution.inner.shut_gate(&mut state, Members::default(), execution.thread, deadline);
    state.begin_uncommitted(execution.thread);
}

fn assert_open(inner: &RuntimeInner) {
    assert!(!inner.is_gate_shut());
    assert!(inner.state().objects().uncommitted().is_empty());
    assert_eq!(inner.begin_transaction(), Begin::Begun);
}

#[test]
fn a_panic_before_the_commit_undoes_the_transaction() {
    let (inner, error) = run(|execution| {
        shut(execution);
        panic!("a slip of ours")
    });
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.to_string().starts_with("nothing is changed, the transaction was given up: "), "{error}");
    assert!(error.to_string().contains("a slip of ours"), "{error}");
    assert_open(&inner);
}

#[test]
fn a_panic_between_the_decision_and_the_commit_undoes_the_transaction() {
    let (inner, error) = run(|execution| {
        shut(execution);
        execution.watch.decide()?;
        panic!("a slip of ours")
    });
    assert_eq!(error.unwrap().kind(), ErrorKind::Internal);
    assert_open(&inner);
}

#[test]
fn a_panic_behind_the_commit_is_told_and_opens_the_gate() {
    let (inner, error) = run(|execution| {
        shut(execution);
        execution.watch.decide()?;
        execution.watch.publish(7);
        panic!("a slip of ours")
    });
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.to_string().starts_with("the plan is committed as generation 7, "), "{error}");
    assert_open(&inner);
}

#[test]
fn a_panic_of_a_transaction_that_was_given_up_undoes_nothing_twice() {
    let (inner, error) = run(|execution| {
        // The caller's part, at the deadline.
        execution.watch.enter(Phase::Prepare, execution.thread, Deadline::after(Instant::now(), Duration::ZERO))?;
        assert!(execution.watch.wait().is_err());
        assert!(matches!(execution.watch.check(), Err(Abandoned)));
        // Of a later transaction.
        shut(execution);
        panic!("a slip of ours")
    });
    assert!(error.is_none());
    assert!(inner.is_gate_shut(), "the gate of the later transaction was opened");
}

#[lcr::interface(name = "execute.bell", version = 1)]
trait Bell {
    fn ring(&self);
}

/// An object of the program that tells, when it is dropped, whether another thread can use the runtime meanwhile.
struct Tells(Weak<RuntimeInner>, mpsc::Sender<bool>);

impl Bell for Tells {
    fn ring(&self) {}
}

impl Drop for Tells {
    fn drop(&mut self) {
        let Some(inner) = self.0.upgrade() else { return };
        let (send, locked) = mpsc::channel();
        thread::spawn(move || {
            drop(inner.state());
            let _ = send.send(());
        });
        let _ = self.1.send(locked.recv_timeout(Duration::from_secs(120)).is_ok());
    }
}

#[test]
fn an_object_that_nothing_but_a_refused_transaction_knows_is_dropped_under_no_lock() {
    let (send, told) = mpsc::channel();
    let (_inner, error) = run(move |execution| {
        let object = Arc::new(Tells(Arc::downgrade(&execution.inner), send));
        let offer = Offer::new::<dyn Bell, Tells>("bell", object)?;
        let mut state = execution.inner.state();
        state.begin_uncommitted(execution.thread);
        let registry = state.objects_mut().registry_mut();
        let number = registry.begin_transaction(BTreeMap::new());
        // The registry has the last count.
        registry.add_pending(offer.implementation, number, None);
        drop(state);
        panic!("a slip of ours")
    });
    assert_eq!(error.unwrap().kind(), ErrorKind::Internal);
    assert_eq!(told.try_recv(), Ok(true), "the object was dropped under the state lock, or never");
}
