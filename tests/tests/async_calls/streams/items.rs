//! Items, arguments and faults of streams.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex},
    task::Poll,
};

use futures_util::StreamExt as _;
use lcr::{FaultKind, Handle, Serde, Stream};
use lcr_tests::{
    brook::{Brook, Dry, Leaf},
    executor::{CountingTask, block_on},
};

use super::open;

#[test]
fn items_arrive_in_order_and_the_end_is_last() {
    let (_rt, brook) = open("brook_stateless_1");
    for steps in [0, 1, 5] {
        let numbers: Vec<u64> = block_on(brook.count(7, steps).take(100).collect());
        assert_eq!(numbers, (7..107).collect::<Vec<_>>());
    }
    for _ in 0..3 {
        brook.drip();
    }
    let last: Vec<_> = block_on(brook.last(2).collect());
    assert_eq!(last, [Ok(2), Ok(3), Ok(1)]);
    assert_eq!(brook.under_way(), 0);
}

#[test]
fn a_stream_that_has_ended_answers_none_for_ever() {
    let (_rt, brook) = open("brook_stateless_1");
    let task = Arc::new(CountingTask::default());
    let likes = |word: &str| word.len() > 1;
    let mut words = Box::pin(brook.words("a brook", &likes));
    assert_eq!(words.size_hint(), (0, None));
    let mut polled = Vec::new();
    while !matches!(polled.last(), Some(Poll::Ready(None))) {
        polled.push(task.poll_next(words.as_mut()));
    }
    let brook_found = Poll::Ready(Some("brook".to_owned()));
    assert_eq!(polled, [Poll::Pending, brook_found, Poll::Pending, Poll::Ready(None)]);
    assert_eq!(brook.under_way(), 0, "the component's stream is gone at its end");
    for _ in 0..3 {
        assert_eq!(task.poll_next(words.as_mut()), Poll::Ready(None));
    }
}

#[test]
fn a_call_begins_at_the_first_poll_and_ends_when_its_stream_is_dropped_at_any_point() {
    let (_rt, brook) = open("brook_stateless_1");
    let task = Arc::new(CountingTask::default());
    for polls in 0..8 {
        let mut numbers = Box::pin(brook.count(1, 2));
        assert_eq!(brook.under_way(), 0, "nothing was polled");
        let mut items = Vec::new();
        for _ in 0..polls {
            if let Poll::Ready(item) = task.poll_next(numbers.as_mut()) {
                items.extend(item);
            }
        }
        assert_eq!((items.len(), brook.under_way()), (polls / 3, u32::from(polls > 0)));
        drop(numbers);
        assert_eq!(brook.under_way(), 0);
    }
}

#[test]
fn borrowed_arguments_are_lent_as_long_as_the_stream() {
    let (_rt, brook) = open("brook_stateless_1");
    let (text, asked) = (String::from("water under the bridge"), Mutex::new(Vec::new()));
    let likes = |word: &str| {
        asked.lock().unwrap().push(word.to_owned());
        word != "the"
    };
    let words: Vec<String> = block_on(brook.words(&text, &likes).collect());
    assert_eq!(words, ["water", "under", "bridge"]);
    assert_eq!(*asked.lock().unwrap(), ["water", "under", "the", "bridge"]);
    // A stream that moves between its polls still finds what it was lent.
    let mut words = vec![Box::new(Some(Box::pin(brook.words(&text, &likes))))];
    let task = Arc::new(CountingTask::default());
    let mut found = Vec::new();
    loop {
        let mut words_elsewhere = words.pop().unwrap().take().unwrap();
        match task.poll_next(words_elsewhere.as_mut()) {
            Poll::Ready(None) => break,
            Poll::Ready(word) => found.extend(word),
            Poll::Pending => {}
        }
        words.push(Box::new(Some(words_elsewhere)));
    }
    assert_eq!(found, ["water", "under", "bridge"]);
}

#[test]
fn what_a_stream_was_given_is_dropped_with_it() {
    let (_rt, brook) = open("brook_stateless_1");
    let (values, salt) = ([1, 2, 3], Arc::new(10));
    let given = || {
        let salt = Arc::clone(&salt);
        Box::new(move |value| value + *salt)
    };
    let changed: Vec<u32> = block_on(brook.changed(&values, given()).collect());
    assert_eq!((changed, Arc::strong_count(&salt)), (vec![11, 12, 13], 1));
    let task = Arc::new(CountingTask::default());
    for polls in 0..4 {
        let mut changed = Box::pin(brook.changed(&values, given()));
        for _ in 0..polls {
            let _ = task.poll_next(changed.as_mut());
        }
        assert_eq!(Arc::strong_count(&salt), 2);
        drop(changed);
        assert_eq!(Arc::strong_count(&salt), 1);
    }
}

#[test]
fn items_are_any_values() {
    let (_rt, brook) = open("brook_stateless_1");
    let leaf = Leaf { tree: Some("alder".to_owned()) };
    let leaves: Vec<_> = block_on(brook.echo(Serde(leaf.clone()), 3).map(|leaf| leaf.0).collect());
    assert_eq!(leaves, vec![leaf; 3]);
    let names = ["spring", "mill"].map(str::to_owned).to_vec();
    let numbered: Vec<_> = block_on(brook.numbered(names, 4).collect());
    let expected = [(4, "spring"), (5, "mill"), (6, "mouth")].map(|(number, name)| (number, name.to_owned()));
    assert_eq!(numbered, expected);
}

#[test]
fn a_panic_in_a_poll_is_the_last_item() {
    let (_rt, brook) = open("brook_stateless_1");
    for (items, steps) in [(0, 0), (0, 2), (3, 0), (3, 2)] {
        let mut burst: Pin<Box<dyn Stream<Item = Result<u32, Dry>> + Send + '_>> = Box::pin(brook.burst(items, steps));
        for item in 0..items {
            assert_eq!(block_on(burst.next()), Some(Ok(item)));
        }
        let Some(Err(Dry::Fault(fault))) = block_on(burst.next()) else { panic!("it bursts") };
        assert_eq!((fault.kind(), fault.method(), fault.message()), (FaultKind::Panic, Some("burst"), "burst in 1"));
        assert_eq!(fault.component().unwrap().to_string(), "brook 1.0.0");
        assert_eq!((block_on(burst.next()), block_on(burst.next())), (None, None));
        assert_eq!(brook.under_way(), 0);
    }
    let dam: Vec<_> = block_on(brook.dam().collect());
    let [Err(Dry::Fault(fault))] = &dam[..] else { panic!("{dam:?}") };
    assert_eq!((fault.method(), fault.message()), (Some("dam"), "dammed"));
}

#[test]
fn a_fault_without_an_error_for_it_is_a_panic_and_the_end() {
    let (_rt, brook) = open("brook_stateless_1");
    for (items, steps) in [(0, 0), (2, 1)] {
        let mut spilt = Box::pin(brook.spill(items, steps));
        for item in 0..items {
            assert_eq!(block_on(spilt.next()), Some(item));
        }
        let panic = catch_unwind(AssertUnwindSafe(|| block_on(spilt.next()))).unwrap_err();
        let text = panic.downcast::<String>().unwrap();
        assert_eq!(*text, "component `brook 1.0.0` panicked in tests.brook.spill: spilt in 1");
        assert_eq!((block_on(spilt.next()), brook.under_way()), (None, 0));
    }
}

#[test]
fn a_pin_implements_streams() {
    let (rt, brook) = open("brook_stateless_1");
    let pinned = Handle::pin(&brook).unwrap();
    let mut before = Box::pin(pinned.count(1, 1));
    assert_eq!(block_on(before.next()), Some(1));
    rt.replace(lcr_tests::component("brook_stateless_2")).unwrap();
    assert_eq!(block_on(before.next()), Some(2));
    assert_eq!(block_on(pinned.last(0).collect::<Vec<_>>()), [Ok(1)]);
    assert_eq!(block_on(brook.last(0).collect::<Vec<_>>()), [Ok(2)]);
    assert!(matches!(block_on(pinned.burst(0, 1).next()), Some(Err(Dry::Fault(_)))));
    assert_eq!((pinned.under_way(), brook.under_way()), (1, 0));
    drop(before);
    assert_eq!(pinned.under_way(), 0);
}
