//! Arguments, results and faults of async calls.

use std::{
    future::Future,
    pin::pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
};

use lcr::{FaultKind, Handle, Serde};
use lcr_tests::kitchen::{Burnt, Kitchen, Order};

use super::{executors::block_on, open};

#[test]
fn a_call_that_is_ready_at_once_is_ready_at_its_first_poll() {
    let (_rt, kitchen) = open();
    let mut call = pin!(kitchen.version());
    assert_eq!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(1));
}

#[test]
fn a_call_begins_at_its_first_poll_and_ends_when_it_is_dropped() {
    let (_rt, kitchen) = open();
    let mut call = Box::pin(kitchen.cook("soup", 3));
    assert_eq!(kitchen.under_way(), 0, "nothing was polled");
    let mut context = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_pending());
    assert_eq!(kitchen.under_way(), 1);
    assert!(call.as_mut().poll(&mut context).is_pending());
    drop(call);
    assert_eq!(kitchen.under_way(), 0);
    drop(kitchen.cook("soup", 3));
}

#[test]
fn borrowed_arguments_are_lent_until_the_call_ends() {
    let (_rt, kitchen) = open();
    let dish = String::from("soup");
    assert_eq!(block_on(kitchen.cook(&dish, 5)), "soup by 1");
    let mut values = [1, 2, 3];
    block_on(kitchen.chop(&mut values, 10));
    assert_eq!(values, [11, 12, 13]);
    let half = {
        let mut context = Context::from_waker(Waker::noop());
        let mut call = Box::pin(kitchen.chop(&mut values, 10));
        for _ in 0..3 {
            assert!(call.as_mut().poll(&mut context).is_pending());
        }
        drop(call);
        values
    };
    assert_eq!(half, [21, 22, 13]);
}

#[test]
fn functions_are_called_in_later_polls() {
    let (_rt, kitchen) = open();
    let asked = Mutex::new(Vec::new());
    let likes = |dish: &str| {
        asked.lock().unwrap().push(dish.to_owned());
        dish.len() > 4
    };
    let dishes = ["soup", "bread", "salad"].map(str::to_owned).to_vec();
    assert_eq!(block_on(kitchen.taste(&likes, dishes.clone())), 2);
    assert_eq!(*asked.lock().unwrap(), dishes);
    let salt = 7;
    assert_eq!(block_on(kitchen.season(3, Box::new(move |dish| dish + salt))), 10);
}

#[test]
fn a_function_that_was_given_is_dropped_with_a_call_that_is_dropped() {
    let (_rt, kitchen) = open();
    let salt = std::sync::Arc::new(());
    let given = std::sync::Arc::clone(&salt);
    let mut call =
        Box::pin(kitchen.season(3, Box::new(move |dish| dish + std::sync::Arc::strong_count(&given) as u32)));
    assert_eq!(std::sync::Arc::strong_count(&salt), 2, "the caller's future has it");
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(std::sync::Arc::strong_count(&salt), 2, "the component's future has it");
    drop(call);
    assert_eq!(std::sync::Arc::strong_count(&salt), 1);
}

#[test]
fn serde_values_cross_in_async_calls() {
    let (_rt, kitchen) = open();
    let order = Order { guest: Some("Ada".to_owned()), dishes: vec![("soup".to_owned(), 3)] };
    assert_eq!(block_on(kitchen.echo(Serde(order.clone()))).0, order);
}

#[test]
fn a_panic_in_a_poll_is_a_fault() {
    let (_rt, kitchen) = open();
    for steps in [0, 1, 4] {
        let Err(Burnt::Fault(fault)) = block_on(kitchen.burn(steps)) else { panic!("it burns") };
        assert_eq!(fault.kind(), FaultKind::Panic);
        assert_eq!((fault.method(), fault.message()), (Some("burn"), "burnt by 1"));
        assert_eq!(fault.component().unwrap().to_string(), "kitchen 1.0.0");
        assert_eq!(fault.origin().unwrap().to_string(), "kitchen 1.0.0 in generation 2");
        let kitchen = kitchen.clone();
        let spilt = std::panic::catch_unwind(move || block_on(kitchen.spill(steps)));
        let text = *spilt.unwrap_err().downcast::<String>().unwrap();
        assert_eq!(text, "component `kitchen 1.0.0` panicked in tests.kitchen.spill: spilt by 1");
    }
    assert_eq!(kitchen.under_way(), 0);
}

#[test]
fn a_default_body_is_async_too() {
    let (_rt, kitchen) = open();
    assert_eq!(block_on(kitchen.garnish("soup", "bread".to_owned(), 1)), "soup by 1 with bread!");
    assert_eq!(kitchen.seats(), 12);
}

#[test]
fn a_pin_implements_async_methods() {
    let (_rt, kitchen) = open();
    let pinned = Handle::pin(&kitchen).unwrap();
    assert_eq!(block_on(pinned.version()), 1);
    assert_eq!(block_on(pinned.cook("soup", 4)), "soup by 1");
    assert!(matches!(block_on(pinned.burn(2)), Err(Burnt::Fault(_))));
    let mut call = Box::pin(pinned.cook("soup", 4));
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(pinned.under_way(), 1);
    drop(call);
    assert_eq!(pinned.under_way(), 0);
}
