//! Calls under way while a component with state is replaced: the gate in two steps, `cancel`, and the end of a runtime.

use std::{
    cell::Cell,
    future::Future,
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use lcr::{ErrorKind, FaultKind, Handle, Runtime, report::HeldBy};
use lcr_tests::{
    GIVES_UP, LONG,
    bank::Clock,
    component, empty_runtime,
    larder::{Larder, Spoiled},
    patient, wait_until,
};
use tokio::{runtime::Builder, task};

use super::executors::block_on;

fn open(name: &str) -> (Arc<Runtime>, Handle<dyn Larder>) {
    let rt = Arc::new(empty_runtime());
    rt.load(component(name)).unwrap();
    let larder = rt.service().unwrap();
    (rt, larder)
}

/// Counts how often a task is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn poll<F: Future>(self: &Arc<Count>, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(self))))
    }

    fn woken(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn a_replacement_waits_for_a_call_between_its_polls_and_names_it() {
    let (rt, larder) = open("larder_1");
    let task = Arc::new(Count::default());
    let starter = thread::Builder::new().name("starter".to_owned());
    let other = larder.clone();
    let begin = move || {
        let mut call = Box::pin(async move { other.wait().await });
        assert!(task.poll(call.as_mut()).is_pending());
        (call, task)
    };
    let (mut call, task) = starter.spawn(begin).unwrap().join().unwrap();
    let plan = || rt.plan().replace(component("larder_2")).gate_wait(Duration::from_millis(5));
    let refused = plan().timeout(GIVES_UP).commit().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Deadline, "{refused}");
    let [straggler] = refused.stragglers() else { panic!("{refused}") };
    assert_eq!(straggler.thread.as_deref(), Some("starter"));
    let HeldBy::AsyncCall { component: Some(component), method: Some(method) } = &straggler.held_by else {
        panic!("{straggler}")
    };
    assert_eq!((component.to_string().as_str(), method.method.as_str()), ("larder 1.0.0", "wait"));
    assert_eq!((larder.version(), larder.deliver()), (1, 1));
    assert_eq!(task.woken(), 1);
    assert_eq!(task.poll(call.as_mut()), Poll::Ready(Ok(1)));
    plan().commit().unwrap();
    assert_eq!((larder.version(), larder.under_way()), (2, 0));
}

/// In one step, the gate would shut while a task is between polls on this one thread, and the next sync call would
/// park the thread until the deadline.
#[test]
fn a_gate_does_not_stop_an_executor_of_one_thread() {
    const ROUNDS: u64 = 40;
    let (rt, larder) = open("larder_1");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS {
                let next = component(if round % 2 == 0 { "larder_2" } else { "larder_1" });
                // The gate stays shut until the deadline.
                let plan = rt.plan().replace(next).gate_wait(None).deadline(LONG);
                plan.commit().unwrap();
            }
            is_over.store(true, Ordering::SeqCst);
        });
        let tokio = Builder::new_current_thread().build().unwrap();
        tokio.block_on(async {
            let tasks = task::LocalSet::new();
            let stop = Rc::new(Cell::new(false));
            let store = |larder: Handle<dyn Larder>, stop: Rc<Cell<bool>>| async move {
                let mut stored = 0;
                while !stop.get() {
                    larder.store(1, 3).await.unwrap();
                    stored += 1;
                }
                stored
            };
            let run = async {
                let running: Vec<_> =
                    (0..4).map(|_| task::spawn_local(store(larder.clone(), Rc::clone(&stop)))).collect();
                while !is_over.load(Ordering::SeqCst) {
                    // A sync call, on the thread of all tasks.
                    larder.count();
                    task::yield_now().await;
                }
                stop.set(true);
                let mut sum = 0;
                for task in running {
                    sum += task.await.unwrap();
                }
                sum
            };
            let sum = tasks.run_until(run).await;
            assert_eq!(larder.count(), sum, "what calls stored is handed over");
        });
    });
    assert_eq!(larder.under_way(), 0);
}

#[test]
fn calls_on_many_threads_are_all_served_while_state_moves() {
    let rounds = lcr_tests::thorough_or(2_000, 60);
    let (rt, larder) = open("larder_1");
    let is_over = Arc::new(AtomicBool::new(false));
    let tokio = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let sum = tokio.block_on(async {
        let callers: Vec<_> = (0..16)
            .map(|number| {
                let (larder, is_over) = (larder.clone(), Arc::clone(&is_over));
                task::spawn(async move {
                    let mut stored = 0;
                    while !is_over.load(Ordering::SeqCst) {
                        larder.store(1, number % 4).await.unwrap();
                        stored += 1;
                        // A call that is ready at once gives the other tasks no turn.
                        task::yield_now().await;
                    }
                    stored
                })
            })
            .collect();
        let commits = move || {
            for round in 0..rounds {
                let next = component(if round % 2 == 0 { "larder_2" } else { "larder_1" });
                patient(&rt).replace(next).commit().unwrap();
            }
            rt
        };
        let _rt = task::spawn_blocking(commits).await.unwrap();
        is_over.store(true, Ordering::SeqCst);
        let mut sum = 0;
        for caller in callers {
            sum += caller.await.unwrap();
        }
        assert_eq!(larder.count(), sum);
        sum
    });
    assert!(sum > 0);
}

/// The fault of a call that was cancelled.
fn cancelled(result: Result<u64, Spoiled>) {
    let Err(Spoiled::Fault(fault)) = result else { panic!("{result:?}") };
    assert_eq!(fault.kind(), FaultKind::Cancelled, "{fault}");
    assert_eq!(fault.component().unwrap().to_string(), "larder 3.0.0");
}

#[test]
fn calls_under_way_end_with_a_fault_where_the_author_says_cancel() {
    for loses_state in [false, true] {
        let (rt, larder) = open("larder_cancels");
        block_on(larder.store(5, 0)).unwrap();
        let tokio = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        tokio.block_on(async {
            let waiting: Vec<_> = (0..20)
                .map(|_| {
                    let larder = larder.clone();
                    task::spawn(async move { larder.wait().await })
                })
                .collect();
            while larder.under_way() < 20 {
                task::yield_now().await;
            }
            let committing = Arc::clone(&rt);
            let commit = move || {
                let plan = patient(&committing).replace(component("larder_2"));
                let plan = if loses_state { plan.discard_state("larder") } else { plan };
                plan.commit().unwrap();
            };
            task::spawn_blocking(commit).await.unwrap();
            // Nobody delivers: only the replacement wakes them.
            for task in waiting {
                cancelled(task.await.unwrap());
            }
            assert_eq!((larder.version(), larder.count()), (2, if loses_state { 0 } else { 5 }));
        });
        wait_until("the old one is destroyed", || rt.status().retiring == 0);
        let again = larder.clone();
        let retry = thread::spawn(move || block_on(again.wait()));
        wait_until("the call is made again", || larder.under_way() == 1);
        wait_until("it waits", || larder.deliver() == 1);
        retry.join().unwrap().unwrap();
    }
}

#[test]
fn a_call_that_is_cancelled_is_woken_once_and_its_drop_is_sound() {
    let (rt, larder) = open("larder_cancels");
    let task = Arc::new(Count::default());
    let (mut polled, mut dropped) = (Box::pin(larder.wait()), Box::pin(larder.wait()));
    assert!(task.poll(polled.as_mut()).is_pending() && task.poll(dropped.as_mut()).is_pending());
    assert!(task.poll(polled.as_mut()).is_pending(), "polled for another reason");
    // The gate gives way to nothing before the call has heard that it is cancelled.
    let commit = move || patient(&rt).gate_wait(None).replace(component("larder_1")).commit().map(|_| rt);
    let commit = thread::spawn(commit);
    wait_until("both are woken", || task.woken() == 2);
    drop(dropped);
    cancelled(match task.poll(polled.as_mut()) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it goes on"),
    });
    let _rt = commit.join().unwrap().unwrap();
    assert_eq!((task.woken(), larder.version(), larder.under_way()), (2, 1, 0));
}

#[test]
fn a_plan_that_is_committed_inside_a_poll_is_refused_at_once() {
    let (rt, larder) = open("larder_1");
    let (inside, found) = (Arc::clone(&rt), Arc::new(Mutex::new(None)));
    let note = Arc::clone(&found);
    let whom = move || {
        let error = inside.replace(component("larder_2")).unwrap_err();
        *note.lock().unwrap() = Some((error.kind(), error.to_string()));
        7
    };
    assert_eq!(block_on(larder.ask(Box::new(whom))), 7);
    let (kind, text) = found.lock().unwrap().take().unwrap();
    assert_eq!(kind, ErrorKind::Reentrant, "{text}");
    rt.replace(component("larder_2")).unwrap();
    assert_eq!(larder.version(), 2);
}

#[test]
fn a_future_that_outlives_its_runtime_is_polled_and_dropped_in_a_live_instance() {
    let rt = Runtime::builder().linked(false).shutdown_timeout(Duration::from_millis(20)).build().unwrap();
    rt.load(component("larder_1")).unwrap();
    let larder: Handle<dyn Larder> = rt.service().unwrap();
    let task = Arc::new(Count::default());
    let (mut polled, mut dropped) = (Box::pin(larder.store(1, 2)), Box::pin(larder.wait()));
    let forgotten = Box::pin(larder.wait());
    let mut forgotten = std::mem::ManuallyDrop::new(forgotten);
    for pending in [task.poll(polled.as_mut()).is_pending(), task.poll(dropped.as_mut()).is_pending()] {
        assert!(pending);
    }
    assert!(task.poll(forgotten.as_mut()).is_pending());
    drop(rt);
    assert!(task.poll(polled.as_mut()).is_pending());
    assert_eq!(task.poll(polled.as_mut()), Poll::Ready(Ok(1)));
    drop(dropped);
    let Poll::Ready(Err(Spoiled::Fault(fault))) = task.poll(pin!(larder.wait()).as_mut()) else { panic!("it is made") };
    assert_eq!(fault.kind(), FaultKind::Revoked);
}

#[test]
fn the_end_of_a_runtime_cancels_what_may_be_cancelled() {
    let (rt, larder) = open("larder_cancels");
    let caller = larder.clone();
    let waiting = thread::spawn(move || block_on(caller.wait()));
    wait_until("the call is under way", || larder.under_way() == 1);
    drop(Arc::into_inner(rt).expect("nothing else has the runtime"));
    let Err(Spoiled::Fault(fault)) = waiting.join().unwrap() else { panic!("nobody delivers") };
    assert_eq!(fault.kind(), FaultKind::Cancelled, "{fault}");
}

/// The first step of a gate lets calls inside go on, and these may build instances of members that are made ahead.
#[test]
fn an_instance_that_a_call_builds_while_starts_are_held_gets_a_successor() {
    let (rt, larder) = open("larder_1");
    rt.load(component("clock_v1")).unwrap();
    let built: Arc<Mutex<Option<Handle<dyn Clock>>>> = Arc::default();
    let ask = {
        let (rt, built, larder) = (Arc::clone(&rt), Arc::clone(&built), larder.clone());
        let builds = move || {
            let clock: Handle<dyn Clock> = rt.service().unwrap();
            let version = clock.version();
            *built.lock().unwrap() = Some(clock);
            u64::from(version)
        };
        async move { larder.ask(Box::new(builds)).await }
    };
    let mut ask = Box::pin(ask);
    let task = Arc::new(Count::default());
    assert!(task.poll(ask.as_mut()).is_pending());
    let replacing = thread::spawn({
        let rt = Arc::clone(&rt);
        move || {
            let plan = rt.plan().replace(component("clock_v2")).replace(component("larder_2"));
            plan.gate_wait(None).deadline(None).commit()
        }
    });
    let mut late = Vec::new();
    wait_until("starts are held", || {
        let larder = larder.clone();
        let mut call = Box::pin(async move { larder.store(1, 0).await });
        let is_held = task.poll(call.as_mut()).is_pending();
        late.push(call);
        is_held
    });
    assert_eq!(task.poll(ask.as_mut()), Poll::Ready(1));
    drop(ask);
    replacing.join().unwrap().unwrap();
    let clock = built.lock().unwrap().take().unwrap();
    assert_eq!((larder.version(), clock.version()), (2, 2));
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 2);
}
