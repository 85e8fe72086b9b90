//! Mocks of components that run, which are linked in.

mod of_thread;

use std::sync::{
    atomic::{AtomicU64, Ordering},
    mpsc,
};

use super::*;
use crate::{
    BoxError, Context, Fault, Handle,
    change::fixtures::{Counted, wait},
    component::mocking::tests::panics,
    host::status::Status,
};

#[lcr::interface(name = "live.prices", version = 1, mocks, patches)]
trait Store {
    fn get(&self, key: &str) -> Result<u64, Fault>;
    fn put(&self, key: String, bytes: &mut [u8], done: &dyn Fn(u64) -> u64) -> u64;
    fn give(&self, f: Box<dyn Fn(u64) -> u64 + Send>) -> u64;
    fn next(&self, script: u64, next: u64) -> u64;
    async fn later(&self) -> u64;
}

#[derive(Default)]
struct Real;

#[lcr::component(name = "live-real", version = "1.0.0")]
impl Store for Real {
    fn get(&self, key: &str) -> Result<u64, Fault> {
        Ok(key.len() as u64)
    }
    fn put(&self, key: String, bytes: &mut [u8], done: &dyn Fn(u64) -> u64) -> u64 {
        bytes[0] = 1;
        done(key.len() as u64)
    }
    fn give(&self, f: Box<dyn Fn(u64) -> u64 + Send>) -> u64 {
        f(1)
    }
    fn next(&self, script: u64, next: u64) -> u64 {
        script + next
    }
    async fn later(&self) -> u64 {
        3
    }
}

#[lcr::interface(name = "live.shop", version = 1, deps(Store))]
trait Shop {
    fn price(&self, key: &str) -> u64;
    fn price_elsewhere(&self, key: &str) -> u64;
}

struct Corner(Handle<dyn Store>);

impl Corner {
    fn open(context: &Context) -> Result<Corner, BoxError> {
        Ok(Corner(context.dependency()?))
    }
}

#[lcr::component(name = "live-corner", version = "1.0.0", create = Self::open)]
impl Shop for Corner {
    fn price(&self, key: &str) -> u64 {
        self.0.get(key).unwrap_or(999)
    }
    fn price_elsewhere(&self, key: &str) -> u64 {
        thread::scope(|scope| scope.spawn(|| self.price(key)).join().unwrap())
    }
}

#[lcr::interface(name = "live.guarded", version = 1, mocks, patches)]
trait Guarded {
    fn open(&self) -> bool;
}

#[derive(Default)]
struct Door;

#[lcr::component(name = "live-door", version = "1.0.0", protected)]
impl Guarded for Door {
    fn open(&self) -> bool {
        false
    }
}

/// The interface as a component knows it that was built before one method came.
mod older {
    #[lcr::interface(name = "live.growing", version = 1)]
    pub trait Growing {
        fn first(&self) -> u64;
    }
}

#[lcr::interface(name = "live.growing", version = 1, mocks, patches)]
trait Growing {
    fn first(&self) -> u64;
    fn second(&self) -> u64 {
        2
    }
}

#[derive(Default)]
struct Old;

#[lcr::component(name = "live-old", version = "1.0.0")]
impl older::Growing for Old {
    fn first(&self) -> u64 {
        1
    }
}

fn store() -> (Runtime, Handle<dyn Store>) {
    let rt = Runtime::new().unwrap();
    let store = rt.service::<dyn Store>().unwrap();
    (rt, store)
}

/// How much the runtime has to destroy.
fn left(rt: &Runtime) -> usize {
    let Status { retiring, .. } = rt.status();
    retiring
}

/// Waits until the runtime has no hooks left to destroy.
#[track_caller]
fn settled(rt: &Runtime) {
    wait(|| left(rt) == 0);
}

fn elsewhere<T: Send>(call: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(call).join().unwrap())
}

#[test]
fn methods_of_which_calls_are_expected_answer_for_all_threads_and_the_others_stay() {
    let (rt, store) = store();
    let mock = rt.mock::<dyn Store>().for_all().unwrap();
    let put = || store.put("abc".to_owned(), &mut [0], &|n| n + 1);
    let give = || store.give(Box::new(|n| n + 1));
    assert_eq!((store.get("ab").unwrap(), put(), give(), store.next(1, 2)), (2, 4, 2, 3), "nothing is expected");
    mock.expect().get().with("ab").returns(Ok(40));
    mock.expect().put().when(|key, bytes, _| key == "abc" && bytes == [0]).then(|_, _, done| done(10));
    mock.expect().give().then(|f| f(20));
    mock.expect().next().with(1, 2).returns(50);
    let on_another = elsewhere(|| (store.get("ab").unwrap(), put(), give(), store.next(1, 2)));
    assert_eq!((on_another, store.get("ab").unwrap()), ((40, 11, 21, 50), 40));
    let patch = rt.patches().remove(0);
    assert_eq!((&*patch.name, patch.number, patch.methods.len()), ("mock", mock.number(), 4));
    mock.checkpoint();
    assert_eq!((store.get("ab").unwrap(), put(), give()), (2, 4, 2), "nothing is expected any more");
    drop(mock);
    assert_eq!((store.get("ab").unwrap(), rt.patches().len()), (2, 0));
}

#[test]
fn an_expectation_that_is_not_met_is_told_with_the_calls_that_came_after_the_mock_was_taken_off() {
    let (rt, store) = store();
    let of_both = [false, true].map(|for_all| {
        let run = |expect: &dyn Fn(<dyn Store as crate::mock::Mockable>::Expect<'_>)| match for_all {
            true => {
                let mock = rt.mock::<dyn Store>().for_all().unwrap();
                expect(mock.expect());
                (Box::new(mock) as Box<dyn std::any::Any>, 1)
            }
            false => {
                let mock = rt.mock::<dyn Store>().for_this_thread().unwrap();
                expect(mock.expect());
                (Box::new(mock) as Box<dyn std::any::Any>, 0)
            }
        };
        let (mock, patches) = run(&|expect| drop(expect.next().with(1, 1).returns(7)));
        assert_eq!((rt.patches().len(), store.get("a").unwrap()), (patches, 1));
        let text = panics(|| drop(mock));
        assert_eq!((rt.patches().len(), store.next(1, 1)), (0, 2));
        text
    });
    for text in of_both {
        let expected = "next(1, 1), expected at lcr/src/change/live_mocks/tests.rs";
        assert!(text.contains(expected) && text.contains("none came\n    no call of next was answered"), "{text}");
    }
}

#[test]
fn a_test_that_panics_with_expectations_unmet_panics_once_and_leaves_no_mock_behind() {
    let (rt, store) = store();
    let text = panics(|| {
        let for_all = rt.mock::<dyn Store>().for_all().unwrap();
        let for_thread = rt.mock::<dyn Store>().for_this_thread().unwrap();
        for_all.expect().get().returns(Ok(1));
        for_thread.expect().next().returns(1);
        panic!("the test's own reason");
    });
    assert_eq!(text, "the test's own reason");
    assert_eq!((rt.patches().len(), store.get("ab").unwrap(), store.next(1, 2)), (0, 2, 3));
    settled(&rt);
}

#[test]
fn a_strict_mock_takes_every_call_that_fits_no_expectation_for_unexpected() {
    let (rt, store) = store();
    let for_all = rt.mock::<dyn Store>().strict().for_all().unwrap();
    for_all.expect().get().with("a").returns(Ok(1));
    assert_eq!(store.get("a").unwrap(), 1);
    let text = panics(|| assert_eq!(store.next(1, 2), 3));
    assert!(text.contains("unexpected call next(1, 2)\n    no call of this method is expected"), "{text}");
    assert!(panics(|| for_all.checkpoint()).contains("unexpected call next(1, 2)"));
    drop(for_all);
    let for_thread = rt.mock::<dyn Store>().strict().for_this_thread().unwrap();
    assert!(store.get("a").unwrap_err().message().contains("unexpected call get(\"a\")"));
    assert_eq!(elsewhere(|| store.get("a").unwrap()), 1);
    assert!(panics(|| drop(for_thread)).contains("unexpected call get(\"a\")"));
    assert_eq!((store.get("a").unwrap(), store.next(1, 2)), (1, 3));
}

#[test]
fn the_guard_of_a_mock_for_all_is_dropped_on_another_thread_while_a_call_is_in_the_mock() {
    let (rt, store) = store();
    let mock = rt.mock::<dyn Store>().for_all().unwrap();
    let drops = Arc::new(AtomicU64::new(0));
    let ((inside, is_inside), (go_on, may_go_on)) = (mpsc::channel(), mpsc::channel::<()>());
    let (captured, may_go_on) = (Counted(Arc::clone(&drops)), std::sync::Mutex::new(may_go_on));
    mock.expect().get().times(1).then(move |key| {
        let _ = &captured;
        inside.send(()).unwrap();
        may_go_on.lock().unwrap().recv().unwrap();
        Ok(key.len() as u64 + 40)
    });
    thread::scope(|scope| {
        let call = scope.spawn(|| store.get("ab").unwrap());
        is_inside.recv_timeout(Duration::from_secs(60)).unwrap();
        scope.spawn(move || drop(mock)).join().unwrap();
        assert_eq!((store.get("ab").unwrap(), rt.patches().len()), (2, 0), "it is off");
        assert_eq!(drops.load(Ordering::SeqCst), 0, "a call has it");
        go_on.send(()).unwrap();
        assert_eq!(call.join().unwrap(), 42);
    });
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    settled(&rt);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn a_check_leaves_a_call_that_asks_already_the_expectations_that_stood() {
    let (rt, store) = store();
    let mock = rt.mock::<dyn Store>().for_all().unwrap();
    let ((asks, is_asking), (go_on, may_go_on)) = (mpsc::channel(), mpsc::channel::<()>());
    let may_go_on = std::sync::Mutex::new(may_go_on);
    let refuses = move |_: &str| {
        asks.send(()).unwrap();
        may_go_on.lock().unwrap().recv().unwrap();
        false
    };
    mock.expect().get().when(refuses).times(..).returns(Ok(1));
    mock.expect().get().times(..).returns(Ok(40));
    thread::scope(|scope| {
        let call = scope.spawn(|| store.get("ab"));
        is_asking.recv_timeout(Duration::from_secs(60)).unwrap();
        mock.checkpoint();
        go_on.send(()).unwrap();
        assert_eq!(call.join().unwrap().unwrap(), 40);
    });
    assert_eq!(store.get("ab").unwrap(), 2);
    mock.checkpoint();
}

#[test]
fn a_method_that_is_polled_or_that_the_component_lacks_cannot_be_expected() {
    let (rt, _store) = store();
    let mock = rt.mock::<dyn Store>().for_this_thread().unwrap();
    let text = panics(|| drop(mock.expect().later().returns(1)));
    assert!(text.contains("calls of later cannot be mocked on the running component of live.prices"), "{text}");
    let growing = rt.service::<dyn Growing>().unwrap();
    let for_all = rt.mock::<dyn Growing>().for_all().unwrap();
    let for_thread = rt.mock::<dyn Growing>().of_component("live-old").for_this_thread().unwrap();
    let text = panics(|| drop(for_thread.expect().second().returns(1)));
    assert!(text.contains("calls of second cannot be mocked"), "{text}");
    assert!(panics(|| drop(for_all.expect().second().returns(1))).contains("calls of second cannot be mocked"));
    for_all.expect().first().times(1).returns(11);
    for_thread.expect().first().times(1).returns(12);
    assert_eq!((growing.first(), elsewhere(|| growing.first()), growing.second()), (12, 11, 2));
}

struct Whole;

impl Growing for Whole {
    fn first(&self) -> u64 {
        10
    }
    fn second(&self) -> u64 {
        20
    }
}

#[test]
fn a_mock_that_does_not_fit_a_replacement_rests_and_its_guard_and_its_check_say_why() {
    let rt = Runtime::new().unwrap();
    let provide = || rt.provide::<dyn Growing, _>("live-growing", Arc::new(Whole)).unwrap();
    provide();
    let growing = rt.service_of::<dyn Growing>("live-growing").unwrap();
    let mock = || rt.mock::<dyn Growing>().of_component("live-growing");
    let (for_all, for_thread) = (mock().for_all().unwrap(), mock().for_this_thread().unwrap());
    let expect = || {
        for_thread.expect().first().times(1).returns(12);
        for_all.expect().first().times(1).returns(11);
    };
    expect();
    assert_eq!((for_all.rests(), for_thread.rests()), (None, None));
    rt.provide::<dyn older::Growing, _>("live-growing", Arc::new(Old)).unwrap();
    let why = "component `live-growing 0.0.0+provided` has no method `second`";
    assert_eq!((for_all.rests().as_deref(), for_thread.rests().as_deref()), (Some(why), Some(why)));
    assert_eq!((growing.first(), growing.second()), (1, 2), "neither stands around the method that is there");
    for text in [panics(|| for_all.checkpoint()), panics(|| for_thread.checkpoint())] {
        assert!(
            text.contains("but none came") && text.contains(&format!("it rests, and answers no call: {why}")),
            "{text}"
        );
    }
    expect();
    provide();
    assert_eq!((for_all.rests(), for_thread.rests()), (None, None));
    assert_eq!((growing.first(), elsewhere(|| growing.first())), (12, 11));
    rt.provide::<dyn older::Growing, _>("live-growing", Arc::new(Old)).unwrap();
    expect();
    for text in [panics(|| drop(for_thread)), panics(|| drop(for_all))] {
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn what_cannot_be_patched_cannot_be_mocked() {
    let (rt, _store) = store();
    let guarded = rt.service::<dyn Guarded>().unwrap();
    let kind = |error: Error| error.kind();
    assert_eq!(kind(rt.mock::<dyn Guarded>().for_all().unwrap_err()), ErrorKind::Protected);
    assert_eq!(kind(rt.mock::<dyn Guarded>().for_this_thread().unwrap_err()), ErrorKind::Protected);
    assert_eq!(kind(rt.mock::<dyn Store>().of_component("none").for_this_thread().unwrap_err()), ErrorKind::NotFound);
    let mock = rt.mock::<dyn Guarded>().override_protected().for_this_thread().unwrap();
    mock.expect().open().times(1).returns(true);
    assert_eq!((guarded.open(), elsewhere(|| guarded.open())), (true, false));
    drop(mock);
    assert!(!guarded.open());
}

#[test]
fn a_runtime_that_ends_before_the_guards_takes_the_hooks_with_it() {
    let (rt, store) = store();
    let drops = Arc::new(AtomicU64::new(0));
    let (for_all, for_thread) =
        (rt.mock::<dyn Store>().for_all().unwrap(), rt.mock::<dyn Store>().for_this_thread().unwrap());
    let captured = [Counted(Arc::clone(&drops)), Counted(Arc::clone(&drops))];
    let [one, other] = captured;
    for_all.expect().next().times(..).then(move |_, _| one.0.load(Ordering::SeqCst));
    for_thread.expect().next().times(1).then(move |_, _| other.0.load(Ordering::SeqCst));
    assert_eq!(store.next(1, 2), 0);
    drop(rt);
    assert!(store.get("a").is_err());
    drop((for_all, for_thread));
    assert_eq!(drops.load(Ordering::SeqCst), 2);
}
