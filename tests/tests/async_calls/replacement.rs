//! Async calls whose component is replaced: calls under way end where they began, and none fails.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use lcr::{ErrorKind, FaultKind, Handle, Runtime, report::HeldBy};
use lcr_tests::{
    GIVES_UP, LONG, component, empty_runtime,
    kitchen::{Burnt, Diner, HeadWaiter, Kitchen},
    patient, thorough_or, wait_until,
};

use super::{executors::block_on, open};

type Call<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

fn poll<T>(call: &mut Call<'_, T>) -> Poll<T> {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// A runtime with the first kitchen that has state.
fn open_with_state() -> (Runtime, Handle<dyn Kitchen>) {
    let rt = empty_runtime();
    rt.load(component("kitchen_with_state_1")).unwrap();
    let kitchen = rt.service().unwrap();
    (rt, kitchen)
}

/// Waits until all that was replaced is destroyed.
fn settle(rt: &Runtime) {
    rt.wait_drained(Duration::from_secs(30)).unwrap();
}

#[test]
fn a_call_under_way_ends_in_the_instance_in_which_it_began() {
    let (rt, kitchen) = open();
    let mut old: Call<'_, String> = Box::pin(kitchen.cook("soup", 3));
    let mut waits: Call<'_, u64> = Box::pin(kitchen.wait());
    assert!(poll(&mut old).is_pending() && poll(&mut waits).is_pending());
    rt.replace(component("kitchen_2")).unwrap();
    assert_eq!(block_on(kitchen.cook("bread", 2)), "bread by 2");
    assert_eq!(kitchen.under_way(), 0, "those are of the old instance");
    assert_eq!(block_on(old), "soup by 1");
    assert_eq!(rt.status().retiring, 1, "another call is in it");
    drop(waits);
    settle(&rt);
    assert_eq!(rt.status().destroyed, 1);
}

/// Counts its wakes.
#[derive(Default)]
struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_call_is_woken_by_its_instance_after_that_was_replaced() {
    let (rt, kitchen) = open();
    let pinned = Handle::pin(&kitchen).unwrap();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut waits = pin!(kitchen.wait());
    assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    rt.replace(component("kitchen_2")).unwrap();
    assert_eq!(kitchen.ring(), 1, "that is the new bell");
    assert_eq!(woken.0.load(Ordering::SeqCst), 0);
    let ringing = thread::spawn(move || pinned.ring());
    assert_eq!(ringing.join().unwrap(), 1);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert_eq!(waits.poll(&mut Context::from_waker(&waker)), Poll::Ready(1));
    settle(&rt);
}

#[test]
fn a_waker_that_an_instance_kept_may_be_woken_when_its_call_and_its_task_are_gone() {
    let (rt, kitchen) = open();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut waits = Box::pin(kitchen.wait());
    assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop((waits, waker));
    assert_eq!(Arc::strong_count(&woken), 2, "the bell has a waker");
    kitchen.ring();
    assert_eq!((Arc::strong_count(&woken), woken.0.load(Ordering::SeqCst)), (1, 1));
    drop((kitchen, rt));
}

#[test]
fn a_replacement_with_state_waits_for_calls_under_way_and_names_those_that_do_not_end() {
    let (rt, kitchen) = open_with_state();
    kitchen.ring();
    let starting = kitchen.clone();
    let mut waits: Call<'static, u64> = thread::Builder::new()
        .name("guest".to_owned())
        .spawn(move || {
            let mut waits: Call<'static, u64> = Box::pin(async move { starting.wait().await });
            assert!(poll(&mut waits).is_pending());
            waits
        })
        .unwrap()
        .join()
        .unwrap();
    let plan = rt.plan().replace(component("kitchen_with_state_2")).timeout(GIVES_UP);
    let error = plan.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
    let [straggler] = error.stragglers() else { panic!("{error:#?}") };
    let HeldBy::AsyncCall { method, .. } = &straggler.held_by else { panic!("{straggler:#?}") };
    assert_eq!(method.as_ref().unwrap().to_string(), "tests.kitchen.wait");
    assert_eq!(straggler.thread.as_deref(), Some("guest"), "which started it, and has ended");
    assert_eq!(block_on(kitchen.version()), 1, "the old version serves");
    thread::scope(|scope| {
        let replacing = scope.spawn(|| rt.replace(component("kitchen_with_state_2")));
        thread::sleep(Duration::from_millis(50));
        assert_eq!(kitchen.ring(), 2, "the gate is open while the replacement waits");
        assert_eq!(poll(&mut waits), Poll::Ready(2));
        drop(waits);
        replacing.join().unwrap().unwrap();
    });
    assert_eq!((block_on(kitchen.version()), kitchen.ring()), (2, 3));
}

#[test]
fn a_call_that_starts_at_a_shut_gate_is_pending_and_goes_on_in_the_successor() {
    let (rt, kitchen) = open_with_state();
    let rt = Arc::new(rt);
    let mut inside: Call<'_, String> = Box::pin(kitchen.cook("soup", 1));
    assert!(poll(&mut inside).is_pending());
    // Starts are held back at once, and the gate shuts when the call that is inside has left; neither gives way.
    let replacing = thread::spawn({
        let rt = Arc::clone(&rt);
        move || rt.plan().replace(component("kitchen_with_state_2")).gate_wait(None).deadline(None).commit()
    });
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut late = None;
    wait_until("the gate is shut", || {
        let mut call: Call<'_, u32> = Box::pin(kitchen.version());
        let is_pending = call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
        late = Some(call);
        is_pending
    });
    let mut late = late.unwrap();
    let mut dropped: Call<'_, u32> = Box::pin(kitchen.version());
    assert!(poll(&mut late).is_pending(), "a poll that nobody asked for");
    assert!(late.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(poll(&mut dropped).is_pending());
    drop(dropped);
    assert_eq!(woken.0.load(Ordering::SeqCst), 0);
    assert_eq!(poll(&mut inside), Poll::Ready("soup by 1".to_owned()));
    drop(inside);
    replacing.join().unwrap().unwrap();
    wait_until("the call is woken", || woken.0.load(Ordering::SeqCst) > 0);
    assert_eq!(block_on(late), 2);
}

#[test]
fn a_runtime_may_be_dropped_while_calls_are_under_way_and_at_its_gate() {
    let rt = Runtime::builder().linked(false).shutdown_timeout(Duration::from_millis(100)).build().unwrap();
    rt.load(component("kitchen_1")).unwrap();
    let kitchen: Handle<dyn Kitchen> = rt.service().unwrap();
    let mut pending: Call<'_, Result<u32, Burnt>> = Box::pin(kitchen.burn(2));
    let mut waits: Call<'_, u64> = Box::pin(kitchen.wait());
    assert!(poll(&mut pending).is_pending() && poll(&mut waits).is_pending());
    drop(rt);
    let Err(Burnt::Fault(fault)) = block_on(kitchen.burn(1)) else { panic!("no call begins") };
    assert_eq!(fault.kind(), FaultKind::Revoked);
    // The instance is leaked, not destroyed.
    assert!(poll(&mut pending).is_pending());
    let Poll::Ready(Err(Burnt::Fault(fault))) = poll(&mut pending) else { panic!("it burns") };
    assert_eq!(fault.message(), "burnt by 1");
    drop((pending, waits));
}

/// Cancels a call behind each number of polls.
fn cancel_everywhere<'a, T>(start: impl Fn() -> Call<'a, T>) -> usize {
    let mut points = 0;
    loop {
        let mut call = start();
        for _ in 0..points {
            assert!(poll(&mut call).is_pending());
        }
        if points > 0 && poll(&mut call).is_ready() {
            return points;
        }
        drop(call);
        points += 1;
    }
}

#[test]
fn a_call_is_cancelled_at_every_await_point_while_its_component_is_replaced() {
    let (rt, kitchen) = open();
    let kitchen = &kitchen;
    let ways: [&dyn Fn() -> usize; 3] = [
        &|| cancel_everywhere(|| Box::pin(kitchen.cook("soup", 6))),
        &|| cancel_everywhere(|| Box::pin(async move { kitchen.season(1, Box::new(|dish| dish)).await })),
        &|| {
            cancel_everywhere(|| {
                Box::pin(async move {
                    let mut values = [1, 2, 3, 4];
                    kitchen.chop(&mut values, 1).await;
                    values
                })
            })
        },
    ];
    let mut points = Vec::new();
    for (way, next) in ways.into_iter().zip(["kitchen_2", "kitchen_1", "kitchen_2"]) {
        rt.replace(component(next)).unwrap();
        points.push(way());
    }
    assert_eq!(points, [6, 1, 4]);
    // And in the middle of replacements.
    for steps in 0..6 {
        let mut call: Call<'_, String> = Box::pin(kitchen.cook("soup", 6));
        (0..steps).for_each(|_| assert!(poll(&mut call).is_pending()));
        rt.replace(component(if steps % 2 == 0 { "kitchen_1" } else { "kitchen_2" })).unwrap();
        drop(call);
        settle(&rt);
    }
    assert_eq!(kitchen.under_way(), 0);
    let status = rt.status();
    assert_eq!(status.constructed, status.destroyed + 1, "{status:#?}");
}

/// How a crowd of tasks is run.
type Executor = fn(Vec<Pin<Box<dyn Future<Output = ()> + Send>>>);

fn on_tokio_threads(tasks: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks: Vec<_> = tasks.into_iter().map(|task| tokio.spawn(task)).collect();
    tokio.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
}

fn on_one_tokio_thread(tasks: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let tasks: Vec<_> = tasks.into_iter().map(|task| tokio.spawn(task)).collect();
    tokio.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
}

fn on_smol(tasks: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    let tasks: Vec<_> = tasks.into_iter().map(smol::spawn).collect();
    smol::block_on(async {
        for task in tasks {
            task.await;
        }
    });
}

/// One thread for each task.
fn by_hand(tasks: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    let threads: Vec<_> = tasks.into_iter().map(|task| thread::spawn(|| block_on(task))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Awaits calls of every kind, until it has made so many. Some are dropped behind their first poll.
async fn dine(kitchen: Handle<dyn Kitchen>, calls: u64, served: Arc<AtomicU64>) {
    for call in 0..calls {
        match call % 5 {
            0 => assert!((1..=2).contains(&kitchen.version().await)),
            1 => assert!(kitchen.cook("soup", 3).await.starts_with("soup by ")),
            2 => {
                let mut values = [1, 2];
                kitchen.chop(&mut values, 3).await;
                assert_eq!(values, [4, 5]);
            }
            3 => assert_eq!(kitchen.season(4, Box::new(|dish| dish * 2)).await, 8),
            _ => {
                let mut cancelled: Call<'_, String> = Box::pin(kitchen.cook("bread", 100));
                let poll_once = std::future::poll_fn(|context| Poll::Ready(cancelled.as_mut().poll(context)));
                drop(poll_once.await);
            }
        }
    }
    served.fetch_add(calls, Ordering::SeqCst);
}

/// Runs tasks that call, while the component is replaced by the other one again and again.
fn replace_under(executor: Executor, [first, second]: [&str; 2], calls: u64) -> u64 {
    let rt = empty_runtime();
    rt.load(component(first)).unwrap();
    let kitchen: Handle<dyn Kitchen> = rt.service().unwrap();
    let (served, is_over) = (Arc::new(AtomicU64::new(0)), &AtomicBool::new(false));
    let (begin, begun) = mpsc::channel();
    let rt = &rt;
    let replaced = thread::scope(|scope| {
        let replacing = scope.spawn(move || {
            let mut replaced = 0;
            while !is_over.load(Ordering::Relaxed) {
                let next = if replaced % 2 == 0 { second } else { first };
                // Without a moment at which no call is under way, only a gate that stays shut makes progress.
                let plan = rt.plan().replace(component(next)).gate_wait(None).deadline(LONG);
                plan.commit().unwrap();
                replaced += 1;
                let _ = begin.send(());
            }
            replaced
        });
        begun.recv().expect("it is replaced");
        let tasks = (0..8).map(|_| {
            let task: Pin<Box<dyn Future<Output = ()> + Send>> =
                Box::pin(dine(kitchen.clone(), calls / 8, Arc::clone(&served)));
            task
        });
        let result = std::panic::catch_unwind(|| executor(tasks.collect()));
        is_over.store(true, Ordering::Relaxed);
        let replaced = replacing.join().unwrap();
        result.unwrap();
        replaced
    });
    settle(rt);
    assert_eq!(served.load(Ordering::SeqCst), calls / 8 * 8);
    assert_eq!(kitchen.under_way(), 0);
    let status = rt.status();
    assert_eq!(status.constructed, status.destroyed + 1, "{status:#?}");
    replaced
}

const EXECUTORS: [Executor; 4] = [on_tokio_threads, on_one_tokio_thread, on_smol, by_hand];

/// `LCR_TESTS_CALLS` says how many calls; ten million take minutes.
fn calls() -> u64 {
    let given = std::env::var("LCR_TESTS_CALLS").ok().and_then(|calls| calls.parse().ok());
    given.unwrap_or_else(|| thorough_or(400_000, 20_000))
}

#[test]
fn calls_under_every_executor_never_fail_while_their_component_is_replaced() {
    for executor in EXECUTORS {
        assert!(replace_under(executor, ["kitchen_1", "kitchen_2"], calls()) > 0);
    }
}

#[test]
fn calls_under_every_executor_never_fail_while_their_component_moves_its_state() {
    for executor in EXECUTORS {
        assert!(replace_under(executor, ["kitchen_with_state_1", "kitchen_with_state_2"], calls()) > 0);
    }
}

#[test]
fn nested_calls_go_on_while_the_innermost_component_is_replaced() {
    let rt = empty_runtime();
    for name in ["kitchen_1", "waiter", "head_waiter"] {
        rt.load(component(name)).unwrap();
    }
    let head: Handle<dyn HeadWaiter> = rt.service().unwrap();
    let is_over = AtomicBool::new(false);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let (tell, rt, is_over) = (tell, &rt, &is_over);
        let replacing = scope.spawn(move || {
            for round in (0..).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                patient(rt)
                    .replace(component(if round % 2 == 0 { "kitchen_2" } else { "kitchen_1" }))
                    .commit()
                    .unwrap();
                let _ = tell.send(());
            }
        });
        on_tokio_threads(
            (0..4)
                .map(|_| {
                    let head = head.clone();
                    let task: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
                        for _ in 0..calls() / 20 {
                            let dish = head.order("soup", 4).await;
                            assert!(dish == "soup by 1" || dish == "soup by 2", "{dish}");
                        }
                    });
                    task
                })
                .collect(),
        );
        told.recv().unwrap();
        is_over.store(true, Ordering::Relaxed);
        replacing.join().unwrap();
    });
    settle(&rt);
}

#[test]
fn an_image_stays_mapped_as_long_as_a_waker_of_its_executor_is_kept() {
    let (rt, kitchen) = open();
    rt.load(component("diner")).unwrap();
    let diner: Handle<dyn Diner> = rt.service().unwrap();
    diner.look_in();
    kitchen.ring();
    assert_eq!(diner.woken(), 1, "a waker that is gone leaves nothing");
    diner.look_in();
    // When the image between is unmapped, the reaper has looked at the first one, too.
    for _ in 0..2 {
        rt.replace(component("diner")).unwrap();
        assert_eq!(diner.woken(), 0, "another instance");
    }
    wait_until("only one image is left of two", || {
        let status = rt.status();
        (status.retiring, status.retained_images) == (0, 1)
    });
    // Runs code of the first image, in its executor's waker.
    kitchen.ring();
    wait_until("that image is unmapped", || rt.status().retained_images == 0);
    assert_eq!(diner.woken(), 0);
}
