//! Watches of components that are linked in.

mod more_secret;
mod polled;

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use serde_json::Value as Json;

use super::*;
use crate::{Fault, FaultKind, Handle, change::fixtures::wait, watch::Failing};

#[derive(Clone, Debug, PartialEq, lcr::Abi)]
enum Refusal {
    Unserved(Fault),
    Full(u64),
    Closed,
}

#[lcr::interface(name = "watch.shop", version = 1)]
trait Shop {
    fn price(&self, article: &str, count: u64) -> Result<u64, Refusal>;
    fn login(&self, name: &str, #[abi(secret)] word: String) -> bool;
    fn take(&self, goods: Vec<String>) -> u64;
    fn fail(&self, text: String) -> Result<u64, Fault>;
    async fn later(&self) -> u64;
}

#[derive(Default)]
struct Corner(AtomicU64);

#[lcr::component(name = "watch-corner", version = "1.0.0")]
impl Shop for Corner {
    fn price(&self, article: &str, count: u64) -> Result<u64, Refusal> {
        if count > 100 { Err(Refusal::Full(100)) } else { Ok(article.len() as u64 * count) }
    }
    fn login(&self, name: &str, word: String) -> bool {
        name == word
    }
    fn take(&self, goods: Vec<String>) -> u64 {
        self.0.fetch_add(goods.len() as u64, Ordering::Relaxed)
    }
    fn fail(&self, text: String) -> Result<u64, Fault> {
        panic!("{text}")
    }
    async fn later(&self) -> u64 {
        3
    }
}

#[lcr::interface(name = "watch.guarded", version = 1)]
trait Guarded {
    fn open(&self) -> bool;
}

#[derive(Default)]
struct Door;

#[lcr::component(name = "watch-door", version = "1.0.0", protected)]
impl Guarded for Door {
    fn open(&self) -> bool {
        false
    }
}

fn shop() -> (Runtime, Handle<dyn Shop>) {
    let rt = Runtime::new().unwrap();
    let shop = rt.service::<dyn Shop>().unwrap();
    (rt, shop)
}

fn lines(watching: &Watching) -> Vec<Json> {
    let lines = std::iter::from_fn(|| watching.next_line());
    lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
}

/// How many hooks of watches stand.
fn standing(rt: &Runtime) -> usize {
    rt.inner().state().objects().patches().stack().len()
}

#[test]
fn the_number_of_a_watchs_layer_is_that_of_no_patch() {
    let (rt, shop) = shop();
    let watching = rt.watch(Watch::trace("watch.shop.price")).unwrap();
    let number = rt.inner().state().objects().patches().stack()[0].number;
    assert_eq!(rt.unpatch(number).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!((shop.price("paper", 2), lines(&watching).len(), standing(&rt)), (Ok(10), 1, 1));
}

#[test]
fn a_trace_shows_calls_with_arguments_and_results_and_without_secrets() {
    let (rt, shop) = shop();
    let generation = rt.generation();
    let watching = rt.watch(Watch::trace("watch.shop.*").values()).unwrap();
    assert_eq!(shop.price("paper", 2), Ok(10));
    assert!(shop.price("paper", 101).is_err());
    assert!(shop.login("ann", "ann".to_owned()));
    assert_eq!(shop.fail("out of ink".to_owned()).unwrap_err().message(), "out of ink");
    let lines = lines(&watching);
    let said: Vec<String> = lines
        .iter()
        .map(|line| {
            let shown = |argument: &Json| format!("{}={}", argument["name"], argument["value"]).replace('"', "");
            let arguments: Vec<_> = line["arguments"].as_array().unwrap().iter().map(shown).collect();
            let word = |name: &str| line[name].as_str().unwrap().to_owned();
            format!("{}({}) {} {}", word("method"), arguments.join(" "), word("outcome"), word("result"))
        })
        .collect();
    assert_eq!(
        said,
        [
            "watch.shop.price(article=\\paper\\ count=2) ok Ok(10)",
            "watch.shop.price(article=\\paper\\ count=101) err Err(Full(100))",
            "watch.shop.login(name=\\ann\\ word=***) ok true",
            "watch.shop.fail(text=\\out of ink\\) fault panic: out of ink",
        ]
    );
    assert!(watching.left_out().is_empty(), "{:?}", watching.left_out());
    assert_eq!((watching.lost(), rt.generation(), rt.patches()), (0, generation, Vec::new()));
    drop(watching);
    wait(|| standing(&rt) == 0);
    assert_eq!(shop.price("paper", 2), Ok(10));
}

#[test]
fn a_trace_shows_only_what_is_wanted() {
    let (rt, shop) = shop();
    let errors = rt.watch(Watch::trace("*.price").errors().count(2)).unwrap();
    let slow = rt.watch(Watch::trace("*.price").slower(Duration::from_secs(3600))).unwrap();
    let limited = rt.watch(Watch::trace("*.price").per_second(1)).unwrap();
    for count in (0..10).chain(200..203) {
        let _ = shop.price("ink", count);
    }
    let shown = lines(&errors);
    assert!(shown.iter().all(|line| line["outcome"] == "err" && line["arguments"].is_null()), "{shown:?}");
    assert_eq!((shown.len(), errors.is_over(), lines(&slow).len()), (2, true, 0));
    let taken = lines(&limited).len() as u64;
    assert!(taken >= 1 && limited.lost() == 13 - taken, "{taken} and {} lost", limited.lost());
}

#[test]
fn statistics_count_calls_faults_and_errors() {
    let (rt, shop) = shop();
    let watching = rt.watch(Watch::stats("watch.shop.price").and("watch.shop.fail")).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let shop = Handle::clone(&shop);
            thread::spawn(move || (0..250).for_each(|count| drop(shop.price("a", count))))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop(shop.fail("no".to_owned()));
    let [price, fail] = &watching.stats()[..] else { panic!() };
    assert_eq!((&*price.method, price.calls, price.errors, price.faults), ("watch.shop.price", 1000, 4 * 149, 0));
    assert!(price.timed >= 64 && price.p50_ns <= price.p99_ns && price.p99_ns <= price.longest_ns, "{price:?}");
    assert_eq!((fail.calls, fail.errors, fail.faults), (1, 0, 1));
    // Most of these are not timed.
    (0..200).for_each(|_| drop(shop.fail("again".to_owned())));
    let fail = &watching.stats()[1];
    assert_eq!((fail.calls, fail.errors, fail.faults, fail.timed), (201, 0, 201, 64));
}

#[test]
fn the_slowest_calls_are_kept_with_their_arguments() {
    let (rt, shop) = shop();
    let watching = rt.watch(Watch::slow("watch.shop.take").keep(3).values()).unwrap();
    for count in 0..50 {
        shop.take(vec!["x".to_owned(); count]);
    }
    let slowest = watching.slowest();
    assert_eq!(slowest.len(), 3);
    assert!(slowest.is_sorted_by(|one, next| one.took_ns >= next.took_ns), "{slowest:?}");
    assert!(slowest[0].arguments.as_ref().unwrap()[0]["value"].as_str().unwrap().starts_with('['));
}

#[test]
fn a_watch_is_no_change_of_the_component() {
    let (rt, shop) = shop();
    let number = || {
        let status = rt.status();
        let corner = status.components.iter().find(|component| component.id.name == "watch-corner").unwrap();
        (rt.generation(), corner.patch_number, rt.revisions().len())
    };
    let before = number();
    for watch in [Watch::trace("watch.shop.*"), Watch::fail("watch.shop.price").failing(Failing::Error).share(1.0)] {
        let watching = rt.watch(watch).unwrap();
        drop(shop.price("pen", 1));
        assert_eq!(number(), before);
        drop(watching);
        wait(|| standing(&rt) == 0);
    }
    assert_eq!(number(), before);
}

#[test]
fn a_share_of_the_calls_fails_as_asked_and_the_same_ones_for_the_same_seed() {
    let (rt, shop) = shop();
    let failing = |failing, seed| Watch::fail("watch.shop.price").failing(failing).share(0.5).seed(seed);
    let outcomes = |seed| {
        let watching = rt.watch(failing(Failing::Error, seed)).unwrap();
        let outcomes: Vec<_> = (0..64).map(|_| shop.price("ab", 1)).collect();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(2) | Err(Refusal::Full(0)))), "{outcomes:?}");
        let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count() as u64;
        assert_eq!(watching.failed(), (64, failed));
        assert!((16..=48).contains(&failed), "{failed} of 64");
        drop(watching);
        wait(|| standing(&rt) == 0);
        outcomes
    };
    assert_eq!(outcomes(1), outcomes(1));
    assert_ne!(outcomes(1), outcomes(2));
    let refused = rt.watch(Watch::fail("watch.shop.take").failing(Failing::Error)).unwrap_err();
    assert!(refused.to_string().contains("no `Result`"), "{refused}");
    let all = |how| Watch::fail("watch.shop.fail").and("watch.shop.take").failing(how).share(1.0);
    for (how, kind) in [(Failing::Fault, FaultKind::Withdrawn), (Failing::Panic, FaultKind::Panic)] {
        let watching = rt.watch(all(how)).unwrap();
        let fault = shop.fail("unused".to_owned()).unwrap_err();
        assert_eq!((fault.kind(), &*fault.origin().unwrap().component().name), (kind, "lcr-fail"));
        let goods = vec!["released".to_owned(); 3];
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| shop.take(goods))).is_err());
        drop(watching);
        wait(|| standing(&rt) == 0);
    }
    assert_eq!(shop.take(Vec::new()), 0, "nothing was taken");
    let status = rt.status();
    let corner = status.components.iter().find(|component| component.id.name == "watch-corner").unwrap();
    assert_eq!(corner.faults, 0, "the component is not charged");
}

#[test]
fn a_record_has_what_is_needed_to_make_a_call_again() {
    let (rt, shop) = shop();
    let watching = rt.watch(Watch::record("watch.shop.*").line_limit(200)).unwrap();
    drop(shop.price("pen", 3));
    shop.login("ann", "hidden".to_owned());
    drop(shop.fail("no ink".to_owned()));
    shop.take(vec!["too long".to_owned(); 1000]);
    let line = |method: &str, arguments: Json, outcome: Json| {
        let method = format!("watch.shop.{method}");
        serde_json::json!({
            "method": method, "component": "watch-corner 1.0.0", "arguments": arguments, "outcome": outcome
        })
    };
    let json = |text: &str| -> Json { serde_json::from_str(text).unwrap() };
    assert_eq!(
        lines(&watching),
        [
            line("price", json(r#"["pen", 3]"#), json(r#"{ "value": { "Ok": 9 } }"#)),
            line("login", json(r#"["ann", "***"]"#), json(r#"{ "value": false }"#)),
            line("fail", json(r#"["no ink"]"#), json(r#"{ "fault": "panic", "text": "no ink" }"#)),
        ]
    );
    assert_eq!(watching.lost(), 1);
    let why = |name: &str| {
        let method = watching.methods().iter().find(|method| method.method.ends_with(name)).unwrap();
        method.cannot_be_replayed.clone()
    };
    assert_eq!(why("price"), None);
    assert!(why("login").unwrap().contains("argument 2 is secret"));
}

#[test]
fn what_cannot_be_watched_is_refused_by_name() {
    let (rt, _shop) = shop();
    let door = rt.service::<dyn Guarded>().unwrap();
    let refused = |watch: Watch| {
        let error = rt.watch(watch).unwrap_err();
        (error.kind(), error.to_string())
    };
    let (kind, text) = refused(Watch::trace("watch.shop.*").and("watch.shops.*"));
    assert!(kind == ErrorKind::NotFound && text.contains("`watch.shops.*`"), "{text}");
    for watch in [Watch::fail("*").share(1.5), Watch::slow("*").keep(0), Watch::trace("*").lasts(Duration::ZERO)] {
        assert_eq!(refused(watch).0, ErrorKind::Invalid);
    }
    let (kind, text) = refused(Watch::slow("*").values().keep(1000).width(1000));
    assert!(kind == ErrorKind::Invalid && text.contains("keep fewer calls"), "{text}");
    assert_eq!(refused(Watch::fail("watch.guarded.open").share(1.0)).0, ErrorKind::Protected);
    let observed = rt.watch(Watch::trace("watch.guarded.open")).unwrap();
    assert!(!door.open());
    assert_eq!(lines(&observed).len(), 1, "protection does not keep from looking");
    let _failing = rt.watch(Watch::fail("watch.guarded.open").share(1.0).override_protected()).unwrap();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| door.open())).is_err());
}

#[test]
fn a_watch_ends_by_itself_when_its_time_is_over_and_when_a_transaction_runs() {
    let (rt, shop) = shop();
    let watching = rt.watch(Watch::trace("watch.shop.*").lasts(Duration::from_millis(20))).unwrap();
    wait(|| standing(&rt) == 0);
    assert!(watching.is_over());
    assert_eq!((shop.price("a", 1), watching.next_line()), (Ok(1), None));
    let watching = rt.watch(Watch::fail("watch.shop.price").failing(Failing::Error).share(1.0)).unwrap();
    in_turn(&rt, || {
        drop(watching);
        wait(|| shop.price("a", 1) == Ok(1));
        assert_eq!(standing(&rt), 1, "it cannot be taken off yet");
    });
    wait(|| standing(&rt) == 0);
}

/// Runs `body` in the turn of a transaction.
fn in_turn(rt: &Runtime, body: impl FnOnce()) {
    crate::change::transaction::in_turn(rt.inner(), false, 0, || {
        body();
        Ok(())
    })
    .unwrap();
}

#[test]
fn calls_are_made_while_watches_come_and_go_and_none_is_lost_or_fails() {
    let (rt, shop) = shop();
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut calls = 0_u64;
                    loop {
                        assert_eq!(shop.price("abc", 2), Ok(6));
                        assert!(shop.login("ann", "ann".to_owned()));
                        calls += 1;
                        if end.load(Ordering::Relaxed) {
                            return calls;
                        }
                    }
                })
            })
            .collect();
        for round in 0..if cfg!(miri) { 2 } else { 40 } {
            let trace = rt.watch(Watch::trace("watch.shop.*").values().per_second(1_000_000)).unwrap();
            let _stats = rt.watch(Watch::stats("watch.shop.*")).unwrap();
            wait(|| trace.next_line().is_some());
            if round % 2 == 0 {
                wait(|| rt.unpatch(0).unwrap_err().kind() == ErrorKind::NotFound);
            }
        }
        end.store(true, Ordering::Relaxed);
        assert!(callers.into_iter().all(|caller| caller.join().unwrap() > 0));
    });
    wait(|| standing(&rt) == 0);
}
