//! Calls by shape on components that are linked in.

use std::{
    collections::HashMap,
    sync::{
        Mutex, OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
};

use super::*;
use crate::{FaultKind, Runtime};

#[derive(Clone, Debug, PartialEq, lcr::Abi)]
pub struct Order {
    pub article: String,
    pub count: Option<u32>,
    #[abi(secret)]
    pub card: String,
}

#[lcr::interface(name = "called.shop", version = 1, patches)]
trait Shop {
    #[lcr(pure)]
    fn price(&self, article: &str, count: u32) -> Result<u64, String>;
    fn order(&self, orders: Vec<Order>) -> HashMap<String, Order>;
    #[lcr(pure)]
    fn double(&self, values: &mut [u32], by: &[u8]) -> u128;
    #[lcr(pure)]
    fn long(&self, count: u32) -> String;
    #[lcr(pure)]
    fn fail(&self, message: String) -> u64;
    #[lcr(pure)]
    fn each(&self, f: &dyn Fn(u8) -> u8) -> u8;
    #[lcr(pure)]
    fn wait(&self) -> u8;
    #[lcr(pure)]
    fn turn(&self, #[abi(secret)] digits: &mut [u8]) -> u8;
    #[lcr(pure)]
    fn thread(&self) -> u64;
    #[lcr(pure)]
    async fn later(&self, count: u8) -> u8;
}

#[derive(Default)]
struct Corner;

/// Where a waiting call says that it is there, and what lets it go.
type Door = (Mutex<Option<Sender<()>>>, Mutex<Option<Receiver<()>>>);

static DOOR: OnceLock<Door> = OnceLock::new();

#[lcr::component(name = "called-corner", version = "1.0.0")]
impl Shop for Corner {
    fn price(&self, article: &str, count: u32) -> Result<u64, String> {
        if count > 0 { Ok(article.len() as u64 * u64::from(count)) } else { Err(format!("no {article}")) }
    }
    fn order(&self, orders: Vec<Order>) -> HashMap<String, Order> {
        orders.into_iter().map(|order| (order.article.clone(), order)).collect()
    }
    fn double(&self, values: &mut [u32], by: &[u8]) -> u128 {
        values.iter_mut().for_each(|value| *value *= u32::from(by[0]));
        u128::MAX
    }
    fn long(&self, count: u32) -> String {
        "x".repeat(count as usize)
    }
    fn fail(&self, message: String) -> u64 {
        panic!("{message}")
    }
    fn each(&self, f: &dyn Fn(u8) -> u8) -> u8 {
        f(1)
    }
    fn turn(&self, digits: &mut [u8]) -> u8 {
        digits.reverse();
        digits[0]
    }
    fn thread(&self) -> u64 {
        sys::thread_id().to_kernel().into()
    }
    async fn later(&self, count: u8) -> u8 {
        if count == 0 {
            std::future::pending::<()>().await;
        }
        count + 1
    }
    fn wait(&self) -> u8 {
        let (here, go) = DOOR.get().expect("the test has a door");
        if let Some(here) = here.lock().unwrap().take() {
            here.send(()).unwrap();
        }
        let _ = go.lock().unwrap().as_ref().expect("there is one").recv();
        7
    }
}

/// A call on another thread, as operators make it.
fn call(method: &str, arguments: &str) -> Call {
    Call::new("called.shop", method).arguments(arguments).timeout(Duration::from_secs(60))
}

fn result(rt: &Runtime, method: &str, arguments: &str) -> String {
    rt.call(&call(method, arguments)).unwrap().result.unwrap()
}

fn refusal(rt: &Runtime, call: &Call) -> (ErrorKind, String) {
    let error = rt.call(call).unwrap_err();
    (error.kind(), error.to_string())
}

#[test]
fn arguments_are_given_in_order_or_by_name() {
    let rt = Runtime::new().unwrap();
    assert_eq!(result(&rt, "price", "[\"paper\", 3]"), "{\"Ok\":15}");
    let called = rt.call(&call("price", "{\"count\":0,\"article\":\"ß\\n\"}")).unwrap();
    assert_eq!((called.result.unwrap(), called.is_error), ("{\"Err\":\"no ß\\n\"}".to_owned(), true));
    assert_eq!(called.signature, "fn price(&self, article: &str, count: u32) -> Result<u64, String>");
    assert_eq!(called.component.to_string(), "called-corner 1.0.0");
    for (arguments, wanted) in [
        ("[\"a\"]", "expected 2 arguments, found 1"),
        ("{\"article\":\"a\"}", "argument `count` is missing"),
        ("{\"article\":\"a\",\"count\":1,\"more\":2}", "there is no argument `more`"),
        ("{\"article\":\"a\",\"count\":1,\"count\":1}", "`count` is there twice"),
        ("5", "the arguments are no JSON array or object"),
        ("[\"a\",-1]", "argument 2 `count`: expected u32"),
        ("[\"a\",1", "the arguments are no JSON array or object"),
    ] {
        let (kind, text) = refusal(&rt, &call("price", arguments));
        assert!(kind == ErrorKind::Invalid && text.contains(wanted), "{arguments}: {text}");
    }
}

#[test]
fn a_method_that_is_not_pure_is_called_only_if_its_effects_are_meant() {
    let rt = Runtime::new().unwrap();
    let orders = "[[{\"article\":\"a\",\"count\":null,\"card\":\"4711\"}]]";
    let (kind, text) = refusal(&rt, &call("order", orders));
    assert!(
        kind == ErrorKind::Protected && text.contains("called.shop.order is not declared `#[lcr(pure)]`"),
        "{text}"
    );
    let called = rt.call(&call("order", orders).allow_effects()).unwrap();
    // The caller is not shown the secret, also if it was the caller's own.
    assert_eq!(called.result.unwrap(), "{\"a\":{\"article\":\"a\",\"count\":null,\"card\":\"***\"}}");
    assert!(called.signature.starts_with("fn order("), "{}", called.signature);
}

#[test]
fn what_a_method_writes_to_its_arguments_is_told() {
    let rt = Runtime::new().unwrap();
    let called = rt.call(&call("double", "[[1,2,3],\"\\t\"]")).unwrap();
    assert_eq!(called.result.unwrap(), u128::MAX.to_string());
    assert_eq!(called.changed, [("values".to_owned(), "[9,18,27]".to_owned())]);
}

#[test]
fn a_secret_argument_is_not_shown_after_the_call() {
    let rt = Runtime::new().unwrap();
    let called = rt.call(&call("turn", "[[1,2,3]]")).unwrap();
    assert_eq!(called.result.unwrap(), "3");
    assert_eq!(called.changed, [("digits".to_owned(), "\"***\"".to_owned())]);
}

#[test]
fn a_call_without_a_limit_is_made_on_the_calling_thread_and_sees_its_pin_and_patches() {
    let rt = Runtime::new().unwrap();
    let here = Call::new("called.shop", "thread");
    let id = |called: Called| called.result.unwrap().parse::<u64>().unwrap();
    let own = u64::from(sys::thread_id().to_kernel());
    assert_eq!(id(rt.call(&here).unwrap()), own);
    assert_ne!(id(rt.call(&here.clone().timeout(Duration::from_secs(60))).unwrap()), own);
    // A pin knows the handles that were there before it.
    let handle = rt.service::<dyn Shop>().unwrap();
    let pin = rt.pin().unwrap();
    let patch = rt.patch::<dyn Shop>("seven").methods(|methods| methods.thread(|_| 7)).commit().unwrap();
    assert_eq!(handle.thread(), own);
    assert_eq!(id(rt.call(&here).unwrap()), own, "the pin is of the world before the patch");
    drop(pin);
    assert_eq!(id(rt.call(&here).unwrap()), 7);
    drop(patch);
    assert_eq!(id(rt.call(&here).unwrap()), own);
}

#[test]
fn what_a_hook_replaces_is_not_read_after_the_call() {
    let rt = Runtime::new().unwrap();
    let patch = rt.patch::<dyn Shop>("own").methods(|methods| {
        methods.double(|next, values, by| {
            let mut own = values.to_vec();
            let result = next(&mut own, by);
            values[0] = own[0] + 1;
            result
        })
    });
    let patch = patch.commit().unwrap();
    let called = rt.call(&call("double", "[[1,2,3],\"\\t\"]")).unwrap();
    assert_eq!(called.changed, [("values".to_owned(), "[10,2,3]".to_owned())]);
    drop(patch);
}

#[test]
fn an_async_method_is_called_and_ends_at_the_deadline() {
    let rt = Runtime::new().unwrap();
    assert_eq!(result(&rt, "later", "[3]"), "4");
    assert_eq!(rt.call(&Call::new("called.shop", "later").arguments("[1]")).unwrap().result.unwrap(), "2");
    let (kind, text) = refusal(&rt, &call("later", "[0]").timeout(Duration::from_millis(20)));
    assert!(kind == ErrorKind::Deadline, "{text}");
    // The call has left, so nothing is in the way of the end of the runtime.
    drop(rt);
}

#[test]
fn a_panic_of_the_component_is_a_fault() {
    let rt = Runtime::new().unwrap();
    let fault = rt.call(&call("fail", "[\"out of stock\"]")).unwrap().result.unwrap_err();
    assert_eq!((fault.kind(), fault.message()), (FaultKind::Panic, "out of stock"));
    assert_eq!(fault.component().unwrap().name, "called-corner");
}

#[test]
fn what_cannot_be_called_is_refused_with_the_reason() {
    let rt = Runtime::new().unwrap();
    let (kind, text) = refusal(&rt, &call("each", "[null]"));
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(
        text.contains("argument 1 `f`: a `&dyn Fn(u8) -> u8` cannot be made from JSON: a function is code"),
        "{text}"
    );
    assert_eq!(refusal(&rt, &call("nothing", "[]")).0, ErrorKind::NotFound);
    assert_eq!(refusal(&rt, &Call::new("called.nothing", "price")).0, ErrorKind::NotFound);
    assert_eq!(refusal(&rt, &call("price", "[\"a\",1]").component("other")).0, ErrorKind::NotFound);
}

#[test]
fn a_result_over_the_limit_is_refused() {
    let rt = Runtime::new().unwrap();
    assert_eq!(result(&rt, "long", "[3]"), "\"xxx\"");
    let (kind, text) = refusal(&rt, &call("long", "[1000]").limit(100));
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(text.contains("cannot be shown in 100 bytes: it is longer than the limit"), "{text}");
}

#[test]
fn a_call_that_does_not_return_is_given_up_and_goes_on() {
    let rt = Runtime::new().unwrap();
    let ((here, is_here), (go, may_go)) = (channel(), channel());
    assert!(DOOR.set((Mutex::new(Some(here)), Mutex::new(Some(may_go)))).is_ok());
    let (kind, text) = refusal(&rt, &call("wait", "[]").timeout(Duration::from_millis(50)));
    assert!(kind == ErrorKind::Deadline && text.contains("the call goes on"), "{text}");
    is_here.recv_timeout(Duration::from_secs(60)).unwrap();
    // It is inside the component, and others are served.
    assert_eq!(result(&rt, "long", "[1]"), "\"x\"");
    drop(go);
    // With the door open, the next one returns.
    assert_eq!(result(&rt, "wait", "[]"), "7");
}

#[test]
fn calls_that_do_not_return_are_bounded_in_number() {
    let taken = Arc::new(AtomicUsize::new(0));
    let places: Vec<_> = (0..AT_ONCE).map(|_| Place::take(&taken).unwrap()).collect();
    assert!(Place::take(&taken).is_none());
    drop(places);
    assert!(Place::take(&taken).is_some());
}

#[test]
fn a_call_that_goes_on_in_the_child_of_a_fork_gives_no_place_back_twice() {
    let taken = Arc::default();
    let mut place = Place::take(&taken).unwrap();
    assert_eq!(taken.load(Ordering::Relaxed), 1);
    // What a fork does in the child, on the thread of this call.
    taken.store(0, Ordering::Relaxed);
    place.forks = place.forks.wrapping_sub(1);
    drop(place);
    drop(Place::take(&taken).unwrap());
    assert_eq!(taken.load(Ordering::Relaxed), 0);
}

#[lcr::interface(name = "called.count", version = 1)]
trait Count {
    fn next(&self) -> u64;
}

#[derive(Default)]
struct Counting(AtomicUsize);

#[lcr::component(name = "called-counting", version = "1.0.0")]
impl Count for Counting {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) as u64
    }
}

#[test]
fn what_is_held_stays_from_call_to_call() {
    let rt = Runtime::new().unwrap();
    let next = Call::new("called.count", "next").allow_effects();
    let call = || rt.call(&next).unwrap().result.unwrap();
    let [one, other] = [rt.hold(&next).unwrap(), rt.hold(&next).unwrap()];
    assert_eq!([call(), call()], ["0", "1"]);
    drop(one);
    assert_eq!(call(), "2");
    drop(other);
    assert_eq!(rt.hold(&Call::new("called.count", "last")).unwrap_err().kind(), ErrorKind::NotFound);
    let held = rt.hold(&next).unwrap();
    drop(rt);
    drop(held);
}
