//! Watches of async methods.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use super::*;
use crate::{Stream, host::status::Status};

#[lcr::interface(name = "watch.waits", version = 1)]
trait Waits {
    async fn answer(&self, key: &str, turns: u64) -> Result<u64, String>;
    async fn fail(&self, turns: u64) -> u64;
    async fn keep(&self, #[abi(secret)] word: String, turns: u64) -> Vec<u8>;
    fn news(&self) -> impl Stream<Item = u64> + Send;
}

#[derive(Default)]
struct Patient;

#[lcr::component(name = "watch-patient", version = "1.0.0")]
impl Waits for Patient {
    async fn answer(&self, key: &str, turns: u64) -> Result<u64, String> {
        Turns(turns).await;
        if key == "wrong" { Err("unknown".to_owned()) } else { Ok(turns) }
    }
    async fn fail(&self, turns: u64) -> u64 {
        Turns(turns).await;
        panic!("out of time")
    }
    async fn keep(&self, word: String, turns: u64) -> Vec<u8> {
        // Larger than what a caller has room for.
        let large = [turns as u8; 512];
        Turns(turns).await;
        large[..word.len()].to_vec()
    }
    fn news(&self) -> impl Stream<Item = u64> + Send {
        NoNews
    }
}

struct NoNews;

impl Stream for NoNews {
    type Item = u64;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u64>> {
        Poll::Ready(None)
    }
}

/// Is pending so many times.
struct Turns(u64);

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return output;
        }
    }
}

fn waits() -> (Runtime, Handle<dyn Waits>) {
    let rt = Runtime::new().unwrap();
    let waits = rt.service::<dyn Waits>().unwrap();
    (rt, waits)
}

/// Calls of every kind: ready at once, after some polls, an error, a panic, and one that is dropped.
fn call_all(waits: &Handle<dyn Waits>) {
    assert_eq!(ready(waits.answer("first", 0)), Ok(0));
    assert_eq!(ready(waits.answer("later", 3)), Ok(3));
    assert_eq!(ready(waits.answer("wrong", 1)), Err("unknown".to_owned()));
    assert_eq!(ready(waits.keep("word".to_owned(), 2)), [2; 4]);
    for turns in [0, 1] {
        assert!(std::panic::catch_unwind(|| ready(waits.fail(turns))).is_err());
    }
    let mut dropped = Box::pin(waits.answer("dropped", 5));
    assert!(poll(dropped.as_mut()).is_pending());
    drop(dropped);
    // Never polled, so never called.
    drop(waits.answer("never", 0));
}

#[test]
fn a_trace_shows_an_async_call_when_it_has_ended_with_what_its_first_poll_was_given() {
    let (rt, waits) = waits();
    let watching = rt.watch(Watch::trace("watch.waits.*").values()).unwrap();
    let left_out: Vec<&str> = watching.left_out().iter().map(|left| &*left.method).collect();
    assert_eq!(left_out, ["watch.waits.news"]);
    let refused = rt.watch(Watch::stats("watch.waits.news")).unwrap_err();
    assert!(refused.kind() == ErrorKind::Invalid && refused.to_string().contains("returns a stream"), "{refused}");
    call_all(&waits);
    let said: Vec<String> = lines(&watching)
        .iter()
        .map(|line| {
            let arguments: Vec<_> = line["arguments"].as_array().unwrap().iter().map(|one| &one["value"]).collect();
            let arguments: Vec<_> = arguments.into_iter().map(|value| value.as_str().unwrap()).collect();
            let result = line["result"].as_str().unwrap_or("nothing");
            let (method, outcome) = (line["method"].as_str().unwrap(), line["outcome"].as_str().unwrap());
            format!("{method}({}) {outcome} {result}", arguments.join(", "))
        })
        .collect();
    assert_eq!(
        said,
        [
            "watch.waits.answer(\"first\", 0) ok Ok(0)",
            "watch.waits.answer(\"later\", 3) ok Ok(3)",
            "watch.waits.answer(\"wrong\", 1) err Err(\"unknown\")",
            "watch.waits.keep(***, 2) ok 0x02020202",
            "watch.waits.fail(0) fault panic: out of time",
            "watch.waits.fail(1) fault panic: out of time",
            "watch.waits.answer(\"dropped\", 5) dropped nothing",
        ]
    );
    drop(watching);
    wait(|| standing(&rt) == 0);
}

#[test]
fn statistics_count_async_calls_once_and_time_those_that_end() {
    let (rt, waits) = waits();
    let watching = rt.watch(Watch::stats("watch.waits.*")).unwrap();
    call_all(&waits);
    let stats = watching.stats();
    let of = |name: &str| {
        let one = stats.iter().find(|one| one.method == format!("watch.waits.{name}")).unwrap();
        (one.calls, one.timed, one.errors, one.faults)
    };
    assert_eq!((of("answer"), of("keep"), of("fail")), ((4, 3, 1, 0), (1, 1, 0, 0), (2, 2, 0, 2)));
}

#[test]
fn a_watch_ends_while_an_async_call_is_between_its_polls_and_the_call_goes_on() {
    let (rt, waits) = waits();
    let watching = rt.watch(Watch::slow("watch.waits.*").values()).unwrap();
    let mut call = Box::pin(waits.keep("word".to_owned(), 2));
    assert!(poll(call.as_mut()).is_pending());
    drop(watching);
    wait(|| standing(&rt) == 0);
    // On another thread, and in a world without the watch.
    let bytes = thread::scope(|scope| scope.spawn(move || ready(call)).join().unwrap());
    assert_eq!(bytes, [2; 4]);
    wait(|| {
        let Status { retiring, .. } = rt.status();
        retiring == 0
    });
    assert_eq!(ready(waits.answer("after", 1)), Ok(1));
}

#[test]
fn async_calls_fail_at_their_first_poll_and_never_reach_the_component() {
    let (rt, waits) = waits();
    let traced = rt.watch(Watch::trace("watch.waits.*")).unwrap();
    let watching = rt.watch(Watch::fail("watch.waits.answer").failing(Failing::Error).share(1.0)).unwrap();
    // It pends where it is called, and is over at once where it fails.
    assert_eq!(poll(pin!(waits.answer("first", 3))), Poll::Ready(Err(String::new())));
    drop(watching);
    wait(|| standing(&rt) == 1);
    for failing in [Failing::Fault, Failing::Panic] {
        let watching = rt.watch(Watch::fail("watch.waits.*").failing(failing).share(1.0)).unwrap();
        // What is given away is released, and what is lent is not.
        let word = "word".repeat(100);
        assert!(std::panic::catch_unwind(|| ready(waits.keep(word.clone(), 2))).is_err());
        assert!(std::panic::catch_unwind(|| ready(waits.answer(&word, 2))).is_err());
        assert_eq!(watching.failed(), (2, 2));
        drop(watching);
        wait(|| standing(&rt) == 1);
    }
    assert_eq!(ready(waits.answer("first", 3)), Ok(3));
    let traced = lines(&traced);
    assert_eq!(traced.len(), 1, "the watch that was put in first stands inside: {traced:?}");
    let refused = rt.watch(Watch::fail("watch.waits.keep").failing(Failing::Error)).unwrap_err();
    assert!(refused.kind() == ErrorKind::Invalid && refused.to_string().contains("no `Result`"), "{refused}");
}

#[test]
fn async_calls_are_recorded_when_they_have_ended_and_those_that_were_dropped_say_so() {
    let (rt, waits) = waits();
    let watching = rt.watch(Watch::record("watch.waits.*")).unwrap();
    call_all(&waits);
    let said: Vec<String> = lines(&watching)
        .iter()
        .map(|line| format!("{}{} {}", line["method"].as_str().unwrap(), line["arguments"], line["outcome"]))
        .collect();
    assert_eq!(
        said,
        [
            r#"watch.waits.answer["first",0] {"value":{"Ok":0}}"#,
            r#"watch.waits.answer["later",3] {"value":{"Ok":3}}"#,
            r#"watch.waits.answer["wrong",1] {"value":{"Err":"unknown"}}"#,
            r#"watch.waits.keep["***",2] {"value":{"hex":"02020202"}}"#,
            r#"watch.waits.fail[0] {"fault":"panic","text":"out of time"}"#,
            r#"watch.waits.fail[1] {"fault":"panic","text":"out of time"}"#,
            r#"watch.waits.answer["dropped",5] {"dropped":true}"#,
        ]
    );
    assert_eq!(watching.lost(), 0);
}

#[test]
fn a_record_keeps_no_more_of_calls_that_pend_than_it_has_room_for() {
    let (rt, waits) = waits();
    let watching = rt.watch(Watch::record("watch.waits.answer")).unwrap();
    let key = "k".repeat(15_000);
    let mut pending: Vec<_> = (0..1_200).map(|_| Box::pin(waits.answer(&key, 1))).collect();
    assert!(pending.iter_mut().all(|call| poll(call.as_mut()).is_pending()));
    let lost = watching.lost();
    assert_eq!(lost, 1_200 - (16 << 20) / (key.len() as u64 + 6), "{lost} lost");
    drop(pending);
    // There is room again.
    let lost = watching.lost();
    let mut pending = Box::pin(waits.answer(&key, 1));
    assert!(poll(pending.as_mut()).is_pending());
    assert_eq!(watching.lost(), lost);
}
