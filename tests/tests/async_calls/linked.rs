//! A component that is linked into the test: no library, so Miri can look (`.ci/miri`).

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
};

use lcr::{Handle, Runtime, Serde};
use lcr_tests::kitchen::{Burnt, Kitchen, Order};

use super::executors::block_on;

#[path = "../../components/kitchen/kitchen_1.rs"]
mod kitchen_1;

#[derive(Default)]
struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn open() -> (Runtime, Handle<dyn Kitchen>) {
    let rt = Runtime::new().unwrap();
    let kitchen = rt.service().unwrap();
    (rt, kitchen)
}

#[test]
fn values_cross_and_are_freed_in_calls_that_end_and_in_calls_that_are_dropped() {
    let (_rt, kitchen) = open();
    let order = Order { guest: Some("Ada".to_owned()), dishes: vec![("soup".to_owned(), 3)] };
    let likes = |dish: &str| dish.len() > 4;
    let dishes = ["soup", "bread"].map(str::to_owned).to_vec();
    let salt = Arc::new(7);
    for polls in 0..4 {
        let mut values = [1, 2];
        let given = Arc::clone(&salt);
        let calls: [Pin<Box<dyn Future<Output = ()> + Send + '_>>; 8] = [
            Box::pin(async { assert_eq!(kitchen.cook("soup", 2).await, "soup by 1") }),
            Box::pin(async { assert_eq!(kitchen.echo(Serde(order.clone())).await.0, order) }),
            Box::pin(async { assert_eq!(kitchen.taste(&likes, dishes.clone()).await, 1) }),
            Box::pin(async { assert_eq!(kitchen.season(1, Box::new(move |dish| dish + *given)).await, 8) }),
            Box::pin(async { kitchen.chop(&mut values, 1).await }),
            Box::pin(async { assert!(matches!(kitchen.burn(2).await, Err(Burnt::Fault(_)))) }),
            Box::pin(async { assert_eq!(kitchen.garnish("soup", "tea".to_owned(), 1).await, "soup by 1 with tea!") }),
            Box::pin(async { assert_eq!(kitchen.wait().await, 1) }),
        ];
        for mut call in calls {
            let mut context = Context::from_waker(Waker::noop());
            let _ = (0..polls).try_for_each(|_| match call.as_mut().poll(&mut context) {
                Poll::Pending => Ok(()),
                Poll::Ready(()) => Err(()),
            });
        }
    }
    assert_eq!((Arc::strong_count(&salt), kitchen.under_way()), (1, 0));
}

#[test]
fn calls_are_polled_woken_and_dropped_by_several_threads() {
    let (_rt, kitchen) = open();
    let tasks = [(); 2].map(|()| Arc::new(Woken::default()));
    let calls = tasks.each_ref().map(|task| {
        let (kitchen, waker) = (kitchen.clone(), Waker::from(Arc::clone(task)));
        let mut call: Pin<Box<dyn Future<Output = u64> + Send>> = Box::pin(async move { kitchen.wait().await });
        assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        (call, waker)
    });
    let ringing = thread::spawn({
        let kitchen = kitchen.clone();
        move || kitchen.ring()
    });
    let polling = calls.map(|(mut call, waker)| {
        thread::spawn(move || {
            let polled = call.as_mut().poll(&mut Context::from_waker(&waker));
            drop(call);
            polled
        })
    });
    for thread in polling {
        let polled = thread.join().unwrap();
        assert!(matches!(polled, Poll::Pending | Poll::Ready(1)), "{polled:?}");
    }
    assert_eq!(ringing.join().unwrap(), 1);
    kitchen.ring();
    assert!(tasks.iter().all(|task| Arc::strong_count(task) == 1), "no waker is left");
    assert_eq!(kitchen.under_way(), 0);
}

#[test]
fn a_call_changes_its_task_between_polls() {
    let (_rt, kitchen) = open();
    let pinned = Handle::pin(&kitchen).unwrap();
    let tasks = [(); 3].map(|()| Arc::new(Woken::default()));
    let mut call = Box::pin(pinned.wait());
    for task in &tasks {
        let waker = Waker::from(Arc::clone(task));
        assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    kitchen.ring();
    assert_eq!(tasks.each_ref().map(|task| task.0.load(Ordering::SeqCst)), [1; 3]);
    assert_eq!(block_on(call), 1);
    assert!(tasks.iter().all(|task| Arc::strong_count(task) == 1));
}
