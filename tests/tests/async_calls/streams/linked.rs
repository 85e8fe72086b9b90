//! A component that is linked into the test: no library, so Miri can look (`.ci/miri`).

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::Poll,
    thread,
};

use futures_util::StreamExt as _;
use lcr::{Handle, Runtime, Serde, Stream};
use lcr_tests::{
    brook::{Brook, Leaf},
    executor::{CountingTask, block_on},
};

#[path = "../../../components/brook/brook_stateless_1.rs"]
mod brook_stateless_1;

fn open() -> (Runtime, Handle<dyn Brook>) {
    let rt = Runtime::new().unwrap();
    let brook = rt.service().unwrap();
    (rt, brook)
}

#[test]
fn items_arrive_in_order_and_the_end_is_last() {
    let (_rt, brook) = open();
    assert_eq!(block_on(brook.count(7, 2).take(5).collect::<Vec<_>>()), [7, 8, 9, 10, 11]);
    brook.drip();
    assert_eq!(block_on(brook.last(5).collect::<Vec<_>>()), [Ok(1), Ok(1)]);
}

#[test]
fn values_cross_and_are_freed_in_streams_that_end_and_in_streams_that_are_dropped() {
    let (_rt, brook) = open();
    let leaf = Leaf { tree: Some("alder".to_owned()) };
    let likes = |word: &str| word.len() > 2;
    let (values, salt) = ([1, 2], Arc::new(7));
    let task = Arc::new(CountingTask::default());
    for polls in 0..6 {
        let (given, names) = (Arc::clone(&salt), vec!["mill".to_owned()]);
        let streams: [Pin<Box<dyn Stream<Item = String> + Send + '_>>; 7] = [
            Box::pin(brook.count(1, 1).map(|number| number.to_string())),
            Box::pin(brook.words("the mill at a brook", &likes)),
            Box::pin(brook.changed(&values, Box::new(move |value| value + *given)).map(|value| value.to_string())),
            Box::pin(brook.echo(Serde(leaf.clone()), 2).map(|leaf| leaf.0.tree.unwrap_or_default())),
            Box::pin(brook.numbered(names, 1).map(|(_, name)| name)),
            Box::pin(brook.burst(1, 1).map(|item| format!("{item:?}"))),
            Box::pin(brook.watch().map(|item| format!("{item:?}"))),
        ];
        for mut stream in streams {
            for _ in 0..polls {
                let _ = task.poll_next(stream.as_mut());
            }
        }
    }
    assert_eq!((Arc::strong_count(&salt), brook.under_way()), (1, 0));
}

#[test]
fn streams_are_polled_woken_and_dropped_by_several_threads() {
    let (_rt, brook) = open();
    let tasks = [(); 2].map(|()| Arc::new(CountingTask::default()));
    let streams = tasks.each_ref().map(|task| {
        let (brook, task) = (brook.clone(), Arc::clone(task));
        let mut stream: Pin<Box<dyn Stream<Item = u64> + Send>> =
            Box::pin(futures_util::stream::once(async move { brook.watch().next().await.unwrap().unwrap() }));
        assert!(task.poll_next(stream.as_mut()).is_pending());
        (stream, task)
    });
    let dripping = thread::spawn({
        let brook = brook.clone();
        move || brook.drip()
    });
    let polling = streams.map(|(mut stream, task)| thread::spawn(move || task.poll_next(stream.as_mut())));
    for thread in polling {
        let polled = thread.join().unwrap();
        assert!(matches!(polled, Poll::Pending | Poll::Ready(Some(1))), "{polled:?}");
    }
    assert_eq!(dripping.join().unwrap(), 1);
    brook.drip();
    assert!(tasks.iter().all(|task| Arc::strong_count(task) == 1), "no waker is left");
    assert_eq!(brook.under_way(), 0);
}

#[test]
fn a_fault_is_a_panic_and_the_end_where_no_error_takes_it() {
    let (_rt, brook) = open();
    let mut spilt = Box::pin(brook.spill(1, 1));
    assert_eq!(block_on(spilt.next()), Some(0));
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(spilt.next()))).is_err());
    assert_eq!((block_on(spilt.next()), brook.under_way()), (None, 0));
}
