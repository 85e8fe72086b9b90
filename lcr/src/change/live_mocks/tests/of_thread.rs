//! Mocks for one thread: what it meets, and other threads do not.

use std::{cell::RefCell, sync::Barrier};

use super::*;
use crate::mock::Order;

#[test]
fn a_mock_for_one_thread_is_met_by_its_nested_calls_and_by_handles_that_come_later_and_by_no_other_thread() {
    let rt = Runtime::new().unwrap();
    let mock = rt.mock::<dyn Store>().for_this_thread().unwrap();
    mock.expect().get().with("key").times(..).returns(Ok(40));
    // Built under the mock, with what it depends on.
    let shop = rt.service::<dyn Shop>().unwrap();
    assert_eq!((shop.price("key"), shop.price_elsewhere("key"), elsewhere(|| shop.price("key"))), (40, 3, 3));
    let (store, own) = (rt.service::<dyn Store>().unwrap(), rt.reference::<dyn Store>(&()).unwrap());
    assert_eq!((store.get("key").unwrap(), own.get("key").unwrap(), store.next(1, 2)), (40, 40, 3));
    assert_eq!((elsewhere(|| own.get("key").unwrap()), rt.patches().len(), rt.generation()), (3, 0, 1));
    let fault = store.get("other").unwrap_err();
    assert!(fault.message().contains("unexpected call get(\"other\")"), "{fault}");
    assert_eq!(fault.origin().unwrap().component().name, NAME);
    let text = panics(|| drop(mock));
    assert!(text.contains("unexpected call get(\"other\")"), "{text}");
    assert_eq!((shop.price("key"), own.get("other").unwrap()), (3, 5), "it was taken off first");
    settled(&rt);
}

#[test]
fn a_hundred_tests_on_threads_of_their_own_mock_one_component_in_parallel() {
    const TESTS: u64 = if cfg!(miri) { 4 } else { 100 };
    const CALLS: usize = if cfg!(miri) { 3 } else { 50 };
    let (rt, store) = store();
    let shop = rt.service::<dyn Shop>().unwrap();
    let drops = Arc::new(AtomicU64::new(0));
    let together = Barrier::new(TESTS as usize + 1);
    thread::scope(|scope| {
        for number in 0..TESTS {
            let (rt, store, shop, together, drops) = (&rt, &store, &shop, &together, &drops);
            scope.spawn(move || {
                let mock = rt.mock::<dyn Store>().for_this_thread().unwrap();
                let (order, captured) = (Order::new(), Counted(Arc::clone(drops)));
                mock.expect().get().with("key").times(CALLS).returns(Ok(100 + number)).in_order(&order);
                mock.expect().get().with("last").times(1).in_order(&order).then(move |_| {
                    let _ = &captured;
                    Ok(number)
                });
                together.wait();
                for call in 0..CALLS {
                    let price = if call % 2 == 0 { shop.price("key") } else { store.get("key").unwrap() };
                    assert_eq!(price, 100 + number);
                }
                assert_eq!((store.get("last").unwrap(), store.next(number, 1)), (number, number + 1));
                together.wait();
            });
        }
        together.wait();
        assert_eq!((store.get("key").unwrap(), shop.price("key")), (3, 3), "a thread without a mock");
        together.wait();
    });
    assert_eq!((store.get("key").unwrap(), drops.load(Ordering::SeqCst)), (3, TESTS));
    settled(&rt);
}

thread_local! {
    static MOCK: RefCell<Option<ThreadMock<dyn Store>>> = const { RefCell::new(None) };
}

#[test]
fn a_mock_for_one_thread_ends_inside_a_call_of_its_own_and_the_call_gets_its_answer() {
    let (rt, store) = store();
    let drops = Arc::new(AtomicU64::new(0));
    let mock = rt.mock::<dyn Store>().for_this_thread().unwrap();
    let (captured, other) = (Counted(Arc::clone(&drops)), store.clone());
    mock.expect().next().times(1).then(move |a, b| {
        let _ = &captured;
        drop(MOCK.take());
        // The mock is off, and its hooks are still there.
        other.next(a, b) + other.next(a, b) + 40
    });
    MOCK.set(Some(mock));
    assert_eq!((store.next(1, 2), store.next(1, 2)), (46, 3));
    settled(&rt);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn mocks_of_one_thread_stand_around_each_other_and_around_patches_and_end_in_any_order() {
    let (rt, store) = store();
    let first = rt.mock::<dyn Store>().for_this_thread().unwrap();
    first.expect().next().times(..).returns(10);
    let second = rt.mock::<dyn Store>().for_this_thread().unwrap();
    let patch = rt.patch::<dyn Store>("twice").methods(|m| m.next(|next, a, b| next(a, b) * 2)).commit().unwrap();
    assert_eq!((store.next(1, 2), elsewhere(|| store.next(1, 2))), (10, 6));
    second.expect().next().times(..).returns(20);
    assert_eq!(store.next(1, 2), 20);
    drop(first);
    assert_eq!(store.next(1, 2), 20);
    second.checkpoint();
    assert_eq!(store.next(1, 2), 6, "the patch");
    drop(patch);
    assert_eq!(store.next(1, 2), 3);
    drop(second);
    assert_eq!(store.next(1, 2), 3);
    settled(&rt);
}

#[test]
fn a_pin_of_a_handle_that_the_thread_takes_has_the_mock_in_it_until_the_pin_ends() {
    let (rt, store) = store();
    let world = rt.pin().unwrap();
    let mock = rt.mock::<dyn Store>().for_this_thread().unwrap();
    mock.expect().next().times(..).returns(10);
    let (pinned, outside) = (Handle::pin(&store).unwrap(), elsewhere(|| Handle::pin(&store).unwrap().next(1, 2)));
    assert_eq!((store.next(1, 2), pinned.next(1, 2), outside), (10, 10, 3));
    drop(world);
    assert_eq!(store.next(1, 2), 10, "the mock keeps its thread on the slow path");
    drop(mock);
    assert_eq!((store.next(1, 2), pinned.next(1, 2)), (3, 3), "nothing is expected any more");
    assert!(left(&rt) > 0, "the pin has the hooks");
    drop(pinned);
    settled(&rt);
}
