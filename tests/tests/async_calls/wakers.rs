//! Wakers that do at once what their task would do, on the thread that wakes it: poll, or call.

use std::{
    future::{Future, pending},
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use lcr::{ErrorKind, Handle, report::HeldBy};
use lcr_tests::{
    bank::Clock,
    component, empty_runtime,
    larder::{Larder, Spoiled},
    wait_until,
};

type Call = Pin<Box<dyn Future<Output = Result<u64, Spoiled>> + Send>>;

fn waiting(larder: &Handle<dyn Larder>) -> Call {
    let larder = larder.clone();
    Box::pin(async move { larder.wait().await })
}

fn poll(call: &mut Call, waker: &Waker) -> Poll<Result<u64, Spoiled>> {
    call.as_mut().poll(&mut Context::from_waker(waker))
}

/// A task that its waker polls.
struct Inline {
    call: Mutex<Call>,
    output: Mutex<Option<Result<u64, Spoiled>>>,
    polls: AtomicUsize,
}

impl Inline {
    fn start(call: Call) -> Arc<Inline> {
        let task = Arc::new(Inline { call: Mutex::new(call), output: Mutex::default(), polls: AtomicUsize::default() });
        Arc::clone(&task).wake();
        task
    }

    /// Drops the call, whose waker is the task itself.
    fn end(&self) {
        let never: Call = Box::pin(pending());
        let call = mem::replace(&mut *self.call.lock().unwrap(), never);
        drop(call);
    }
}

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        if let Poll::Ready(output) = poll(&mut self.call.lock().unwrap(), &waker) {
            *self.output.lock().unwrap() = Some(output);
        }
        self.polls.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_call_that_is_polled_by_its_waker_at_the_commit_is_found_by_the_next_replacement() {
    let rt = Arc::new(empty_runtime());
    rt.load(component("larder_1")).unwrap();
    let larder: Handle<dyn Larder> = rt.service().unwrap();
    let mut inside = waiting(&larder);
    assert!(poll(&mut inside, Waker::noop()).is_pending());
    let replacing = thread::spawn({
        let rt = Arc::clone(&rt);
        move || rt.plan().replace(component("larder_2")).gate_wait(None).deadline(None).commit()
    });
    let mut at_gate = None;
    wait_until("a call waits at the gate", || {
        let task = Inline::start(waiting(&larder));
        let waits = larder.under_way() == 1;
        if waits {
            at_gate = Some(task);
        } else {
            task.end();
        }
        waits
    });
    let task = at_gate.unwrap();
    assert!(larder.deliver() > 0);
    assert!(poll(&mut inside, Waker::noop()).is_ready());
    drop(inside);
    replacing.join().unwrap().unwrap();
    wait_until("the call is inside the new larder", || task.polls.load(Ordering::SeqCst) == 2);
    assert_eq!((larder.version(), larder.under_way()), (2, 1));
    let plan = || rt.plan().replace(component("larder_1")).gate_wait(Duration::from_millis(5));
    let refused = plan().timeout(lcr_tests::GIVES_UP).commit().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Deadline, "{refused}");
    let [straggler] = refused.stragglers() else { panic!("{refused}") };
    let HeldBy::AsyncCall { component: Some(of), .. } = &straggler.held_by else { panic!("{straggler}") };
    assert_eq!(of.to_string(), "larder 2.0.0");
    assert_eq!(larder.deliver(), 1);
    assert_eq!(task.output.lock().unwrap().take(), Some(Ok(1)));
    task.end();
    plan().commit().unwrap();
    assert_eq!(larder.version(), 1);
}

/// Asks what serves, instead of waking a task.
struct Asks {
    clock: Handle<dyn Clock>,
    versions: Mutex<Vec<u32>>,
}

impl Wake for Asks {
    fn wake(self: Arc<Self>) {
        let version = self.clock.version();
        self.versions.lock().unwrap().push(version);
    }
}

#[test]
fn a_waker_that_calls_reaches_no_component_that_is_not_committed() {
    let rt = Arc::new(empty_runtime());
    rt.load(component("larder_1")).unwrap();
    rt.load(component("clock_v1")).unwrap();
    let larder: Handle<dyn Larder> = rt.service().unwrap();
    let asks = Arc::new(Asks { clock: rt.service().unwrap(), versions: Mutex::default() });
    let waker = Waker::from(Arc::clone(&asks));
    let mut inside = waiting(&larder);
    assert!(poll(&mut inside, Waker::noop()).is_pending());
    let replacing = thread::spawn({
        let rt = Arc::clone(&rt);
        let plan = move || {
            // The clock needs no gate: its successor is there when the gate gives way.
            let plan = rt.plan().replace(component("clock_v2")).replace(component("larder_2"));
            plan.gate_wait(Duration::from_secs(2)).timeout(Duration::from_secs(5)).commit()
        };
        move || plan().map(drop)
    });
    let mut late = Vec::new();
    while !replacing.is_finished() {
        let mut call: Call = Box::pin({
            let larder = larder.clone();
            async move { larder.store(1, 0).await }
        });
        if poll(&mut call, &waker).is_pending() {
            late.push(call);
        }
        thread::sleep(Duration::from_millis(1));
    }
    let refused = replacing.join().unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Deadline, "{refused}");
    assert!(!late.is_empty(), "no call waited at the gate");
    wait_until("all are woken", || asks.versions.lock().unwrap().len() == late.len());
    assert!(asks.versions.lock().unwrap().iter().all(|&version| version == 1));
}

#[test]
fn the_waker_of_a_call_that_is_cancelled_reaches_no_component_that_is_not_committed() {
    let rt = empty_runtime();
    rt.load(component("larder_cancels")).unwrap();
    rt.load(component("clock_v1")).unwrap();
    let larder: Handle<dyn Larder> = rt.service().unwrap();
    let asks = Arc::new(Asks { clock: rt.service().unwrap(), versions: Mutex::default() });
    let mut inside = waiting(&larder);
    assert!(poll(&mut inside, &Waker::from(Arc::clone(&asks))).is_pending());
    // Its task does not end the call, so the gate gives way.
    let plan = rt.plan().replace(component("clock_v2")).replace(component("larder_2"));
    let plan = plan.gate_wait(Duration::from_millis(200)).timeout(lcr_tests::GIVES_UP);
    let refused = plan.commit().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Deadline, "{refused}");
    wait_until("the task is woken", || !asks.versions.lock().unwrap().is_empty());
    assert!(asks.versions.lock().unwrap().iter().all(|&version| version == 1));
}
