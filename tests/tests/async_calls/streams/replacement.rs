//! Streams that are open while their component is replaced.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};

use futures_util::StreamExt as _;
use lcr::{ErrorKind, FaultKind, Handle, report::HeldBy};
use lcr_tests::{
    brook::{Brook, Dry},
    component,
    executor::{CountingTask, block_on},
    patient, wait_until,
};
use tokio::{runtime::Builder, task};

use super::open;

#[test]
fn without_state_an_open_stream_goes_on_in_the_old_version() {
    let (rt, brook) = open("brook_stateless_1");
    let task = Arc::new(CountingTask::default());
    let (mut numbers, mut drops) = (Box::pin(brook.count(1, 1)), Box::pin(brook.watch()));
    assert_eq!(block_on(numbers.next()), Some(1));
    assert!(task.poll_next(drops.as_mut()).is_pending());
    // Whoever holds the old version can still have it wake the stream.
    let old = Handle::pin(&brook).unwrap();
    rt.replace(component("brook_stateless_2")).unwrap();
    assert_eq!((brook.version(), brook.under_way(), old.under_way()), (2, 0, 2));
    assert_eq!(block_on(brook.last(0).collect::<Vec<_>>()), [Ok(2)], "a new one begins in the new version");
    assert_eq!(block_on(numbers.next()), Some(2));
    brook.drip();
    assert_eq!(task.woken(), 0, "that drop fell elsewhere");
    old.drip();
    assert_eq!(task.woken(), 1);
    assert_eq!(task.poll_next(drops.as_mut()), Poll::Ready(Some(Ok(1))));
    drop(old);
    thread::sleep(Duration::from_millis(20));
    assert_eq!(rt.status().retiring, 1, "the streams hold the old instance");
    assert_eq!(block_on(numbers.next()), Some(3));
    drop((numbers, drops));
    wait_until("the old instance is destroyed", || rt.status().retiring == 0);
}

#[test]
fn with_state_a_replacement_waits_for_an_open_stream_and_names_it() {
    let (rt, brook) = open("brook_1");
    let other = brook.clone();
    let begin = move || {
        let mut numbers = Box::pin(async_stream_of(other));
        assert_eq!(block_on(numbers.next()), Some(1));
        numbers
    };
    let starter = thread::Builder::new().name("starter".to_owned());
    let mut numbers = starter.spawn(begin).unwrap().join().unwrap();
    let plan = || rt.plan().replace(component("brook_2")).gate_wait(Duration::from_millis(5));
    let refused = plan().timeout(lcr_tests::GIVES_UP).commit().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Deadline, "{refused}");
    let [straggler] = refused.stragglers() else { panic!("{refused}") };
    assert_eq!(straggler.thread.as_deref(), Some("starter"));
    let HeldBy::AsyncCall { component: Some(found), method: Some(method) } = &straggler.held_by else {
        panic!("{straggler}")
    };
    assert_eq!((found.to_string().as_str(), method.method.as_str()), ("brook 1.0.0", "count"));
    assert_eq!((brook.version(), block_on(numbers.next())), (1, Some(2)), "it goes on");
    brook.drip();
    drop(numbers);
    plan().commit().unwrap();
    assert_eq!((brook.version(), brook.drip()), (2, 2), "what fell is handed over");
}

/// A stream that owns its handle.
fn async_stream_of(brook: Handle<dyn Brook>) -> impl lcr::Stream<Item = u64> + Send {
    let brook = Box::leak(Box::new(brook));
    brook.count(1, 1)
}

#[test]
fn a_stream_that_starts_at_a_shut_gate_is_pending_and_woken_when_it_opens() {
    let (rt, brook) = open("brook_1");
    let (holder, task) = (Arc::new(CountingTask::default()), Arc::new(CountingTask::default()));
    let mut open = Box::pin(brook.watch());
    assert!(holder.poll_next(open.as_mut()).is_pending());
    let committing = Arc::clone(&rt);
    let commit = thread::spawn(move || {
        let plan = committing.plan().replace(component("brook_2")).gate_wait(None);
        plan.deadline(lcr_tests::LONG).commit().map(drop)
    });
    // Until the gate holds starts back, each one is served by the old version.
    let (mut late, mut dropped) = loop {
        let (mut late, mut dropped) = (Box::pin(brook.last(0)), Box::pin(brook.last(0)));
        let both = (task.poll_next(late.as_mut()), task.poll_next(dropped.as_mut()));
        if both.0.is_pending() && both.1.is_pending() {
            break (late, dropped);
        }
        assert!(matches!(both.0, Poll::Pending | Poll::Ready(Some(Ok(1)))));
    };
    assert!(task.poll_next(dropped.as_mut()).is_pending());
    drop(dropped);
    assert_eq!(task.woken(), 0);
    drop(open);
    commit.join().unwrap().unwrap();
    wait_until("it is woken", || task.woken() == 1);
    assert_eq!(task.poll_next(late.as_mut()), Poll::Ready(Some(Ok(2))), "the new version serves it");
    assert_eq!(task.poll_next(late.as_mut()), Poll::Ready(None));
}

/// The last item of a stream that was cancelled.
fn cancelled(item: Poll<Option<Result<u64, Dry>>>) {
    let Poll::Ready(Some(Err(Dry::Fault(fault)))) = item else { panic!("{item:?}") };
    assert_eq!(fault.kind(), FaultKind::Cancelled, "{fault}");
    assert_eq!((fault.method(), fault.component().unwrap().to_string().as_str()), (Some("watch"), "brook 3.0.0"));
}

#[test]
fn open_streams_end_with_a_fault_where_the_author_says_cancel() {
    let (rt, brook) = open("brook_cancels");
    let task = Arc::new(CountingTask::default());
    let mut waiting = Box::pin(brook.watch());
    let mut behind_item = Box::pin(brook.watch());
    let mut dropped = Box::pin(brook.watch());
    for stream in [&mut waiting, &mut behind_item, &mut dropped] {
        assert!(task.poll_next(stream.as_mut()).is_pending());
    }
    brook.drip();
    for stream in [&mut waiting, &mut behind_item] {
        assert_eq!(task.poll_next(stream.as_mut()), Poll::Ready(Some(Ok(1))));
    }
    assert!(task.poll_next(waiting.as_mut()).is_pending());
    let before = task.woken();
    // The gate gives way to nothing before the streams have heard that they are cancelled.
    let commit = move || patient(&rt).gate_wait(None).replace(component("brook_2")).commit().map(|_| rt);
    let commit = thread::spawn(commit);
    wait_until("all are woken", || task.woken() == before + 3);
    drop(dropped);
    for mut stream in [waiting, behind_item] {
        cancelled(task.poll_next(stream.as_mut()));
        assert_eq!(task.poll_next(stream.as_mut()), Poll::Ready(None));
    }
    let rt = commit.join().unwrap().unwrap();
    assert_eq!((brook.version(), brook.under_way(), brook.drip()), (2, 0, 2));
    wait_until("the old instance is destroyed", || rt.status().retiring == 0);
}

/// A stream that always has an item is never pending, and still learns that it is cancelled.
#[test]
fn a_stream_that_is_never_pending_is_cancelled_too() {
    let (rt, brook) = open("brook_cancels");
    let other = brook.clone();
    let reader = thread::spawn(move || {
        let mut numbers = Box::pin(other.count(0, 0));
        let read = || {
            let mut read = 0;
            while block_on(numbers.next()).is_some() {
                read += 1;
            }
            read
        };
        *std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_err().downcast::<String>().unwrap()
    });
    wait_until("it is read", || brook.under_way() == 1);
    rt.replace(component("brook_2")).unwrap();
    let text = reader.join().unwrap();
    assert!(text.contains("the component is being replaced"), "{text}");
    assert_eq!(brook.version(), 2);
}

#[test]
fn streams_that_end_never_fail_while_their_component_is_replaced() {
    let rounds = lcr_tests::thorough_or(1_000, 40);
    for (first, second) in [("brook_1", "brook_2"), ("brook_stateless_1", "brook_stateless_2")] {
        let (rt, brook) = open(first);
        let is_over = Arc::new(AtomicBool::new(false));
        let tokio = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let read = tokio.block_on(async {
            let readers: Vec<_> = (0..12)
                .map(|steps| {
                    let (brook, is_over) = (brook.clone(), Arc::clone(&is_over));
                    task::spawn(async move {
                        let mut read = 0;
                        while !is_over.load(Ordering::SeqCst) {
                            let numbers: Vec<u64> = brook.count(read, steps % 4).take(10).collect().await;
                            assert_eq!(numbers, (read..read + 10).collect::<Vec<_>>());
                            read += 10;
                            task::yield_now().await;
                        }
                        read
                    })
                })
                .collect();
            let commits = move || {
                for round in 0..rounds {
                    patient(&rt).replace(component(if round % 2 == 0 { second } else { first })).commit().unwrap();
                }
                rt
            };
            let rt = task::spawn_blocking(commits).await.unwrap();
            is_over.store(true, Ordering::SeqCst);
            let mut sum = 0;
            for reader in readers {
                sum += reader.await.unwrap();
            }
            assert_eq!(brook.under_way(), 0);
            wait_until("the old instances are destroyed", || rt.status().retiring == 0);
            sum
        });
        assert!(read > 0);
    }
}

#[test]
fn a_stream_outlives_its_runtime_in_a_live_instance() {
    let rt = lcr::Runtime::builder().linked(false).shutdown_timeout(Duration::from_millis(20)).build().unwrap();
    rt.load(component("brook_1")).unwrap();
    let brook: Handle<dyn Brook> = rt.service().unwrap();
    let (mut polled, mut late) = (Box::pin(brook.count(1, 1)), Box::pin(brook.last(1)));
    assert_eq!(block_on(polled.next()), Some(1));
    drop(rt);
    assert_eq!(block_on(polled.next()), Some(2));
    let last: Vec<_> = block_on(late.by_ref().collect());
    let [Err(Dry::Fault(fault))] = &last[..] else { panic!("{last:?}") };
    assert_eq!(fault.kind(), FaultKind::Revoked);
}
