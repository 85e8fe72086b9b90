//! The same streams under several executors, and with the combinators of `futures`.

use std::time::Duration;

use futures_util::{
    StreamExt as _,
    stream::{self, Stream},
};
use lcr::Handle;
use lcr_tests::{
    brook::{Brook, Canal, Dry},
    component, empty_runtime,
    executor::block_on,
    wait_until,
};
use tokio::{runtime::Builder, task, time::timeout};

use super::open;

/// What every executor runs.
async fn drink(brook: Handle<dyn Brook>) -> Vec<u64> {
    let mut drunk: Vec<u64> = brook.count(1, 3).take(5).collect().await;
    let merged: Vec<u64> = stream::select(brook.count(100, 1), brook.count(200, 2)).take(20).collect().await;
    for from in [100, 200] {
        let part: Vec<_> = merged.iter().copied().filter(|number| number / 100 == from / 100).collect();
        assert_eq!(part, (from..).take(part.len()).collect::<Vec<_>>(), "each part is in order");
        assert!(!part.is_empty());
    }
    let (zipped, evens) = tokio::join!(
        brook.count(1, 1).zip(brook.count(5, 2)).map(|(one, other)| one * other).take(3).collect::<Vec<_>>(),
        brook.count(1, 0).filter(|number| std::future::ready(number % 2 == 0)).take(3).collect::<Vec<_>>(),
    );
    drunk.extend(zipped);
    drunk.extend(evens);
    drunk
}

const DRUNK: [u64; 11] = [1, 2, 3, 4, 5, 5, 12, 21, 2, 4, 6];

#[test]
fn a_hand_made_executor_runs_streams() {
    let (_rt, brook) = open("brook_stateless_1");
    assert_eq!(block_on(drink(brook.clone())), DRUNK);
    assert_eq!(brook.under_way(), 0);
}

#[test]
fn smol_runs_streams() {
    let (_rt, brook) = open("brook_stateless_1");
    let drunk = smol::block_on(async {
        let tasks: Vec<_> = (0..8).map(|_| smol::spawn(drink(brook.clone()))).collect();
        stream::iter(tasks).then(|task| task).collect::<Vec<_>>().await
    });
    assert_eq!((drunk, brook.under_way()), (vec![DRUNK.to_vec(); 8], 0));
}

#[test]
fn tokio_runs_streams_on_one_thread_and_on_several() {
    let (_rt, brook) = open("brook_stateless_1");
    let mut several = Builder::new_multi_thread();
    for tokio in [Builder::new_current_thread().build(), several.worker_threads(2).build()] {
        tokio.unwrap().block_on(async {
            let tasks: Vec<_> = (0..30).map(|_| task::spawn(drink(brook.clone()))).collect();
            for task in tasks {
                assert_eq!(task.await.unwrap(), DRUNK);
            }
        });
    }
    assert_eq!(brook.under_way(), 0);
}

#[test]
fn select_and_timeout_leave_a_stream_whole() {
    let (_rt, brook) = open("brook_stateless_1");
    let tokio = Builder::new_current_thread().enable_time().build().unwrap();
    tokio.block_on(async {
        let mut drops = Box::pin(brook.watch());
        for number in 1..4 {
            assert!(timeout(Duration::from_millis(2), drops.next()).await.is_err(), "nothing falls");
            tokio::select! {
                biased;
                _ = drops.next() => panic!("nothing falls"),
                () = std::future::ready(()) => {}
            }
            brook.drip();
            assert_eq!(drops.next().await, Some(Ok(number)));
        }
        let merged = stream::select(brook.watch().map(|_| 0), brook.count(1, 4)).take_until(task::yield_now());
        assert!(merged.collect::<Vec<_>>().await.len() < 3);
    });
    assert_eq!(brook.under_way(), 0);
}

/// A stream that is passed on through two components.
fn canal() -> (lcr::Runtime, Handle<dyn Brook>, Handle<dyn Canal>) {
    let rt = empty_runtime();
    for name in ["brook_stateless_1", "canal"] {
        rt.load(component(name)).unwrap();
    }
    let (brook, canal) = (rt.service().unwrap(), rt.service().unwrap());
    (rt, brook, canal)
}

#[test]
fn streams_nest_across_components() {
    let (_rt, brook, canal) = canal();
    assert_eq!(block_on(canal.doubled(3).take(4).collect::<Vec<_>>()), [6, 8, 10, 12]);
    let burst: Vec<_> = block_on(canal.burst(2).collect());
    let [Ok(0), Ok(1), Err(Dry::Fault(fault))] = &burst[..] else { panic!("{burst:?}") };
    assert_eq!(fault.component().unwrap().to_string(), "brook 1.0.0", "the fault is an item, and passed on");
    let watcher = std::thread::spawn(move || block_on(canal.watch().take(3).collect::<Vec<_>>()));
    wait_until("it watches", || brook.under_way() == 1);
    for _ in 0..3 {
        brook.drip();
    }
    assert_eq!(watcher.join().unwrap(), [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(brook.under_way(), 0);
}

/// Generic code reads a stream of a callee that it does not know.
fn squares<B: Brook>(brook: &B) -> impl Stream<Item = u64> + Send + '_ {
    brook.count(2, 1).map(|number| number * number)
}

#[test]
fn generic_code_takes_a_handle_or_a_pin() {
    let (_rt, brook) = open("brook_stateless_1");
    let pinned = Handle::pin(&brook).unwrap();
    let tokio = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let squares = tokio.block_on(async {
        let first = task::spawn(async move { squares(&brook).take(2).collect::<Vec<_>>().await });
        let second = task::spawn(async move { squares(&pinned).take(2).collect::<Vec<_>>().await });
        [first.await.unwrap(), second.await.unwrap()]
    });
    assert_eq!(squares, [[4, 9], [4, 9]]);
}
