//! Mocks, and components that are tested with them.

mod answers;

use std::{
    fmt::Debug,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
};

use super::*;

#[derive(lcr::Abi, Clone, PartialEq, Eq)]
struct Unshowable(u64);

#[lcr::interface(name = "mocking.journal", version = 1, mocks)]
trait Journal {
    fn append(&self, line: &str, level: u8) -> Result<u64, String>;
    fn write(&self, bytes: Vec<u8>, into: &mut [u8]) -> usize;
    fn each(&self, f: &dyn Fn(&str) -> bool) -> u64;
    fn later(&self, f: Box<dyn Fn(u64) + Send>);
    fn hide(&self, #[abi(secret)] word: &str, what: Unshowable);
    fn mixed<'a>(&'a self, part: (&'a str, u8), _: Option<&str>, r#type: f64) -> Option<Unshowable>;
    fn sync(&self);
    /// Names that the mock itself has, too.
    fn expect(&self) -> bool;
    async fn fetch(&self, key: &str, value: Vec<u8>) -> Option<String>;
    async fn lend(&self, f: &(dyn Fn(u64) -> u64 + Sync)) -> u64;
    fn with_default(&self) -> u64 {
        7
    }
}

/// What a closure panics with.
#[track_caller]
pub(crate) fn panics(closure: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(closure)).expect_err("it does not panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}

#[track_caller]
fn assert_holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

/// The output of a future that never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn a_call_gets_the_answer_of_the_first_expectation_that_fits_and_has_calls_left() {
    let journal = mock::<dyn Journal>();
    journal.expect().append().with("a", 1).times(2).returns(Ok(1));
    journal.expect().append().when(|line, level| line.len() > 1 && level > 2).returns(Err("full".to_owned()));
    journal.expect().append().times(..).then(|line, level| Ok(line.len() as u64 + u64::from(level)));
    let object = journal.object();
    assert_eq!([object.append("a", 1), object.append("a", 1), object.append("a", 1)], [Ok(1), Ok(1), Ok(2)]);
    assert_eq!((object.append("ab", 3), object.append("ab", 2)), (Err("full".to_owned()), Ok(4)));
}

#[test]
fn arguments_of_every_kind_reach_predicates_and_answers() {
    let journal = mock::<dyn Journal>();
    journal.expect().write().when(|bytes, into| bytes.len() == 2 && into.len() == 3).then(|bytes, into| {
        into[..2].copy_from_slice(&bytes);
        bytes.len()
    });
    journal.expect().write().with(vec![7_u8], [0_u8]).returns(9);
    journal.expect().each().when(|f| f("asked")).then(|f| u64::from(f("answered")));
    let called = Arc::new(AtomicU64::new(0));
    journal.expect().later().then(|f| f(40));
    journal.expect().hide().when(|word, what| word == "word" && what.0 == 1);
    journal
        .expect()
        .mixed()
        .when(|part, option, number| *part == ("a", 1) && option.is_none() && number > 0.5)
        .returns(Some(Unshowable(2)));
    journal.expect().sync();
    journal.expect().expect().returns(true);
    journal.expect().with_default().returns_once(8);
    let object = journal.object();
    let mut into = [0; 3];
    assert_eq!((object.write(vec![1, 2], &mut into), into), (2, [1, 2, 0]));
    assert_eq!(object.write(vec![7], &mut [0]), 9);
    assert_eq!((object.each(&|text| text.starts_with("asked")), object.with_default()), (0, 8));
    let count = Arc::clone(&called);
    object.later(Box::new(move |n| {
        count.fetch_add(n, Ordering::Relaxed);
    }));
    object.hide("word", Unshowable(1));
    object.sync();
    assert!(object.expect() && object.mixed(("a", 1), None, 1.0) == Some(Unshowable(2)));
    assert_eq!(called.load(Ordering::Relaxed), 40);
}

#[test]
fn async_methods_are_answered_when_they_are_polled() {
    let journal = mock::<dyn Journal>();
    journal.expect().fetch().with("a", vec![1_u8]).returns(Some("one".to_owned()));
    journal.expect().fetch().then(|key, value| Some(format!("{key}{}", value.len())));
    journal.expect().lend().then(|f| f(20));
    let object = journal.object();
    assert_eq!(ready(object.fetch("a", vec![1])), Some("one".to_owned()));
    assert_eq!(ready(object.fetch("b", vec![1, 2])), Some("b2".to_owned()));
    assert_eq!(ready(object.lend(&|n| n * 2)), 40);
}

#[test]
fn an_unexpected_call_panics_with_its_arguments_and_says_of_each_expectation_why_not() {
    let journal = mock::<dyn Journal>();
    journal.expect().append().with("a", 1).returns(Ok(1));
    journal.expect().append().with("b", 1).times(1).returns(Ok(2));
    let object = journal.object();
    object.append("a", 1).unwrap();
    object.append("b", 1).unwrap();
    let line = "l".repeat(1_000);
    let text = panics(|| drop(object.append("b", 1)));
    assert_holds(
        &text,
        &[
            "mock of mocking.journal: unexpected call append(\"b\", 1)",
            "append(\"a\", 1), expected at ",
            "mocking/tests.rs:",
            "the arguments do not fit",
            "exactly 1 call expected, and 1 came",
        ],
    );
    let text = panics(|| object.hide("very secret", Unshowable(3)));
    assert_holds(&text, &["hide(<secret>, <lcr::component::mocking::tests::Unshowable>)", "no call of this method"]);
    let text = panics(|| assert_eq!(object.each(&|_| true), 0));
    assert_holds(&text, &["each(<function>)"]);
    let text = panics(|| drop(object.append(&line, 0)));
    assert!(text.len() < 900 && text.contains("lll..., 0)"), "{text}");
    // What panicked may have been contained, so the end reports it again.
    let text = panics(|| drop(journal));
    assert_holds(&text, &["a mock of mocking.journal was not used as expected", "unexpected call append(\"b\", 1)"]);
    assert!(!text.contains("very secret"), "{text}");
}

#[derive(lcr::Abi, Clone, Debug, PartialEq, Eq)]
struct Login {
    name: String,
    #[abi(secret)]
    password: String,
}

#[lcr::interface(name = "mocking.door", version = 1, mocks)]
trait Door {
    fn open(&self, login: Login, times: u8) -> bool;
    fn r#try(&self, logins: Vec<Option<Login>>, #[abi(secret)] word: &str) -> bool;
}

#[test]
fn no_text_of_a_mock_shows_a_secret_argument_or_one_with_a_secret_in_it() {
    let door = mock::<dyn Door>();
    let login = || Login { name: "kim".to_owned(), password: "hidden".to_owned() };
    door.expect().open().with(login(), 1).returns(true);
    door.expect().r#try().with(vec![Some(login())], "hidden").times(2).returns(true);
    let object = door.object();
    assert!(object.open(login(), 1) && object.r#try(vec![Some(login())], "hidden"));
    let other = Login { name: "kim".to_owned(), password: "hidden, too".to_owned() };
    let unexpected = panics(|| assert!(object.open(other, 2)));
    assert_holds(&unexpected, &["unexpected call open(<secret>, 2)", "open(<secret>, 1), expected at"]);
    let missing = panics(|| drop(door));
    assert_holds(&missing, &["try(<secret>, <secret>), expected at", "answered: try(<secret>, <secret>)"]);
    assert!(!format!("{unexpected}{missing}").contains("hidden"), "{unexpected}{missing}");
}

#[test]
fn the_end_of_a_mock_names_each_expectation_whose_calls_are_missing() {
    let journal = mock::<dyn Journal>();
    journal.expect().append().with("a", 1).times(2..=3).returns(Ok(1));
    journal.expect().sync();
    journal.expect().expect().times(..=1).returns(true);
    drop(journal.object().append("a", 1));
    let text = panics(|| drop(journal));
    assert_holds(&text, &["append(\"a\", 1), expected at ", "2 to 3 calls expected, but 1 came"]);
    assert_holds(&text, &["sync, expected at ", "at least 1 call expected, but none came"]);
    assert!(!text.contains("expect,"), "{text}");
}

#[test]
fn a_checkpoint_checks_and_forgets() {
    let journal = mock::<dyn Journal>();
    let object = journal.object();
    journal.expect().sync().times(1);
    object.sync();
    journal.checkpoint();
    assert_holds(&panics(|| object.sync()), &["unexpected call sync()"]);
    assert_holds(&panics(|| journal.checkpoint()), &["unexpected call sync()"]);
    journal.expect().sync();
    assert_holds(&panics(|| journal.checkpoint()), &["at least 1 call expected"]);
}

#[test]
fn an_order_holds_across_mocks() {
    let (first, second) = (mock::<dyn Journal>(), mock::<dyn Journal>());
    let order = Order::new();
    first.expect().sync().times(1..=2).in_order(&order);
    second.expect().append().with("a", 1).returns(Ok(1)).in_order(&order);
    first.expect().append().returns(Ok(2)).in_order(&order).times(0..);
    second.expect().sync().in_order(&order);
    let (one, two) = (first.object(), second.object());
    let text = panics(|| drop(two.append("a", 1)));
    assert_holds(&text, &["out of order, since a call before it is missing: sync, expected at "]);
    one.sync();
    one.sync();
    two.append("a", 1).unwrap();
    let text = panics(|| one.sync());
    assert_holds(&text, &["out of order, since this call came: append(\"a\", 1)"]);
    two.sync();
    assert_holds(&panics(|| drop(one.append("", 0))), &["since this call came: sync"]);
    let texts = (panics(|| drop(first)), panics(|| drop(second)));
    assert!(texts.0.contains("unexpected call sync()") && !texts.0.contains("but none came"), "{}", texts.0);
    assert_holds(&texts.1, &["unexpected call append(\"a\", 1)"]);
}

#[test]
fn an_expectation_without_an_answer_is_one_of_unit_or_says_what_is_missing() {
    let journal = mock::<dyn Journal>();
    journal.expect().sync();
    journal.expect().append().times(..);
    journal.object().sync();
    assert_holds(&panics(|| drop(journal.object().append("", 0))), &["has no answer; add `.returns(value)`"]);
}

#[test]
fn closures_run_without_a_lock_of_the_mock_and_calls_are_taken_once() {
    let journal = mock::<dyn Journal>();
    let object = journal.object();
    journal.expect().append().times(1_000).then(move |line, level| match level {
        0 => Ok(line.len() as u64),
        level => object.append(line, level - 1),
    });
    assert_eq!(journal.object().append("abc", 199), Ok(3));
    let refused = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let object = journal.object();
                for _ in 0..250 {
                    if catch_unwind(AssertUnwindSafe(|| object.append("abc", 0))).is_err() {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(refused.load(Ordering::Relaxed), 200, "of 1,000 calls 200 were made before");
    assert_holds(&panics(|| drop(journal)), &["unexpected call append(\"abc\", 0)", "and 184 more unexpected calls"]);
}

#[test]
fn a_mock_that_goes_while_its_thread_panics_is_silent() {
    let text = panics(|| {
        let journal = mock::<dyn Journal>();
        journal.expect().sync();
        panic!("the first failure");
    });
    assert_eq!(text, "the first failure");
}

#[test]
fn what_a_mock_consists_of_is_sendable_and_shown() {
    fn is_sendable<T: Send + Sync + Debug>(_: &T) {}
    let journal = mock::<dyn Journal>();
    is_sendable(&journal);
    is_sendable(&journal.object());
    assert_eq!(format!("{:?} {:?}", journal, journal.object()), "Mock<mocking.journal> Object<mocking.journal>");
}

#[cfg(feature = "stream")]
mod streams {
    use std::pin::pin;

    use futures_core::Stream;

    use super::*;

    #[lcr::interface(name = "mocking.feed", version = 1, mocks)]
    trait Feed {
        fn watch(&self, from: u64) -> impl Stream<Item = u64> + Send;
    }

    #[test]
    fn a_method_with_a_stream_returns_all_its_items() {
        let feed = mock::<dyn Feed>();
        feed.expect().watch().with(1).returns(vec![1, 2]);
        feed.expect().watch().then(|from| vec![from]);
        let object = feed.object();
        let items = |from| {
            let mut stream = pin!(object.watch(from));
            let mut items = Vec::new();
            while let Poll::Ready(Some(item)) = stream.as_mut().poll_next(&mut Context::from_waker(Waker::noop())) {
                items.push(item);
            }
            items
        };
        assert_eq!((items(1), items(9)), (vec![1, 2], vec![9]));
    }
}

#[cfg(feature = "host")]
mod components {
    use lcr::{Fault, Handle, testing};

    use super::*;

    #[lcr::interface(name = "mocking.line", version = 1, mocks)]
    trait Line {
        fn send(&self, text: &str) -> Result<u64, Fault>;
        async fn ask(&self, text: &str) -> String;
    }

    #[lcr::interface(name = "mocking.desk", version = 1, deps(Line))]
    trait Post {
        fn post(&self, text: &str) -> Result<u64, Fault>;
        async fn query(&self, text: &str) -> String;
    }

    struct Office(Handle<dyn Line>);

    impl Office {
        fn open(context: &lcr::Context) -> Result<Office, lcr::Error> {
            Ok(Office(context.dependency::<dyn Line>()?))
        }
    }

    #[lcr::component(name = "mocking-office", version = "1.0.0", create = Self::open)]
    impl Post for Office {
        fn post(&self, text: &str) -> Result<u64, Fault> {
            self.0.send(text)
        }
        async fn query(&self, text: &str) -> String {
            self.0.ask(text).await
        }
    }

    #[test]
    fn a_component_is_tested_alone_a_hundred_times_in_parallel() {
        thread::scope(|scope| {
            for number in 0..100 {
                scope.spawn(move || {
                    let line = mock::<dyn Line>();
                    let context = testing::Context::new("office").mock(&line).unwrap();
                    let office = Office::open(&context).unwrap();
                    line.expect().send().with("a").times(2).returns(Ok(number));
                    line.expect().ask().then(move |text| format!("{text}{number}"));
                    assert_eq!((office.post("a").unwrap(), office.post("a").unwrap()), (number, number));
                    assert_eq!(ready(office.query("n")), format!("n{number}"));
                });
            }
        });
    }

    #[test]
    fn an_unexpected_call_of_a_component_is_its_fault_and_the_mock_reports_it_on_the_tests_thread() {
        let line = mock::<dyn Line>();
        let context = testing::Context::new("office").mock(&line).unwrap();
        let office = Office::open(&context).unwrap();
        let fault = office.post("b").unwrap_err();
        assert_holds(fault.message(), &["mock of mocking.line: unexpected call send(\"b\")"]);
        drop((office, context));
        assert_holds(&panics(|| drop(line)), &["unexpected call send(\"b\")"]);
    }

    #[test]
    fn a_runtime_provides_the_object_of_a_mock() {
        let line = mock::<dyn Line>();
        line.expect().send().with("c").returns(Ok(3));
        let rt = lcr::Runtime::builder().linked(false).build().unwrap();
        rt.provide::<dyn Line, _>("line", Arc::new(line.object())).unwrap();
        assert_eq!(rt.service::<dyn Line>().unwrap().send("c").unwrap(), 3);
    }
}
