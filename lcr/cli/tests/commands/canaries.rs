//! New versions that get a share of the calls of a running process, and their ends.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    harness::{component, end},
    server::Place,
};

#[test]
fn a_canary_that_fails_every_second_call_is_withdrawn_and_few_customers_saw_it() {
    let place = Place::new();
    let mut server = place.start(&["till_1", "clerk"]);
    let bad = component("clerk_panics");
    let canary = |options: &[&str]| place.run(["replace", bad.as_str()].into_iter().chain(options.iter().copied()));
    canary(&["--canary", "60%"]).with(64);
    canary(&["--canary", "50%"]).with(77).complains("protected");
    place.run(["replace", &component("till_2"), "--canary", "5%"]).with_any().complains("keeps state");
    canary(&["--wait"]).with(64).complains("--canary");
    let mut command = place.lcr();
    command.args(["replace", &bad, "--canary", "50%", "--override-protected", "--wait"]);
    let is_over = AtomicBool::new(false);
    let (ended, sold, failed) = thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let ended = end(&mut command);
            is_over.store(true, Ordering::Relaxed);
            ended
        });
        let (mut sold, mut failed) = (0, 0);
        while !is_over.load(Ordering::Relaxed) {
            match server.tell("sell").as_str() {
                "no" => failed += 1,
                _ => sold += 1,
            }
        }
        (waiting.join().unwrap(), sold, failed)
    });
    let ended = ended.with(70);
    assert!(ended.stdout.contains("withdrawn: 11 of its 22 calls faulted"), "{ended:?}");
    assert!(ended.stdout.contains("which gets 50 % of the calls"), "{ended:?}");
    assert_eq!(failed, 11, "of {sold}");
    // The till has every sale of both.
    assert_eq!(server.tell("sell"), format!("100 cents, {} in all", 100 * (sold + 1)));
    let listed = place.run(["quarantine"]).with(0).stdout;
    assert!(listed.contains("clerk 2.0.0") && listed.contains("as a canary"), "{listed}");
    canary(&["--override-protected"]).with(77).complains("quarantine");
}

#[test]
fn an_operator_looks_at_a_canary_and_ends_it_by_the_commands_that_end_a_trial() {
    let place = Place::new();
    let mut server = place.start(&["till_1", "clerk"]);
    let new = component("clerk_panics");
    let begin = || place.run(["replace", &new, "--canary", "50%,1000calls,1h", "--override-protected"]).with(0);
    let begun = begin();
    assert!(begun.stdout.contains("`lcr confirm` and `lcr abandon` end it"), "{begun:?}");
    let shown = place.run(["trial"]).with(0).stdout;
    assert!(
        shown.contains("canary: clerk 1.0.0 -> clerk 2.0.0") && shown.contains("1000 of 1000 calls left"),
        "{shown}"
    );
    let status = place.run(["trial", "--json"]).with(0).json();
    assert_eq!((status["canary"]["share"].as_f64(), status["canary"]["enough"].as_u64()), (Some(0.5), Some(11)));
    place.run(["replace", &new, "--override-protected"]).with_any().complains("has a canary");
    let ended = place.run(["abandon", "--reason", "ticket 83"]).with(0);
    assert!(ended.stdout.contains("withdrawn") && ended.stdout.contains("ticket 83"), "{ended:?}");
    place.run(["trial"]).with(1);
    assert_eq!(server.tell("sell"), "100 cents, 100 in all");
    begin();
    let ended = place.run(["confirm"]).with(0);
    assert!(ended.stdout.contains("promoted"), "{ended:?}");
    assert_eq!(server.tell("sell"), "100 cents, 200 in all, with a smile");
    assert_eq!(server.tell("sell"), "no");
}

#[test]
fn an_operator_gives_a_new_version_a_share_of_the_calls_with_one_argument_and_others_never_reach_it() {
    let place = Place::new();
    let _server = place.start(&["till_1", "desk"]);
    let new = component("desk_2");
    let begin = |matching: &str| place.run(["replace", &new, "--canary", "50%,20calls,1h", "--matching", matching]);
    place.run(["replace", &new, "--matching", "shop.desk.price:count=1"]).with(64).complains("--canary");
    begin("shop.desk.price:article=ink").with(64).complains("'shop.desk.price:article=\"text\"'");
    begin("shop.desk.price:count=\"1\"").with_any().complains("argument 2 `count`: expected u32");
    begin("shop.desk.price:name=1").with_any().complains("it has no argument `name`: it has `article`, `count`");
    begin("shop.desk.prize:count=1").with_any().complains("means no method");
    begin("shop.desk.owner:code=\"4711\"").with_any().complains("secret");
    begin("shop.desk.later:count=1").with_any().complains("polled");
    begin("shop.desk.multiply:values.first=1").with_any().complains("`values` has no part `.first`: it has `[0]`");
    let begun = begin("shop.desk.multiply:values[0]=7").with(0).stdout;
    assert!(begun.contains("which gets 50 % of the calls with shop.desk.multiply:values[0]=7"), "{begun}");
    place.run(["call", "shop.desk.multiply", "[[8,7],2]"]).with(0);
    place.run(["call", "shop.desk.multiply", "[[7,8],2]"]).with(0);
    let canary = place.run(["trial", "--json"]).with(0).json()["canary"].take();
    let counted = canary["old"]["calls"].as_u64().unwrap() + canary["new"]["calls"].as_u64().unwrap();
    assert_eq!(counted, 1, "{canary}");
    place.run(["abandon"]).with(0);
    let begun = begin("shop.desk.*:article=\"ink\"").with(0).stdout;
    assert!(begun.contains("which gets 50 % of the calls with shop.desk.*:article=\"ink\""), "{begun}");
    assert!(begun.contains("shop.desk.multiply stays: it has no argument `article`"), "{begun}");
    let price = |article: &str, count: u32| {
        place.run(["call", "shop.desk.price", &format!("[\"{article}\",{count}]")]).with(0).stdout
    };
    let until = Instant::now() + Duration::from_secs(60);
    while price("ink", 2) != "{\"Ok\":1000}\n" {
        assert_eq!(price("pen", 2), "{\"Ok\":6}\n");
        assert!(Instant::now() < until, "the new version gets no call");
    }
    let status = place.run(["trial", "--json"]).with(0).json();
    let canary = &status["canary"];
    assert_eq!((&canary["matching"][0], canary["taken"].as_u64()), (&"shop.desk.*:article=\"ink\"".into(), Some(1)));
    assert!(canary["old"]["calls"].as_u64() >= Some(1), "{status}");
    place.run(["abandon"]).with(0);
    assert_eq!(price("ink", 2), "{\"Ok\":6}\n");
}

#[test]
fn an_operator_gives_a_new_version_a_share_of_the_requests_and_no_customer_is_served_by_both() {
    let place = Place::new();
    let mut server = place.start(&["till_1", "clerk"]);
    let new = component("clerk_panics");
    let canary = |rules: &str| place.run(["replace", &new, "--canary", rules, "--override-protected"]);
    canary("50%requests,20calls").with(64).complains("not both");
    canary("50%,5requests").with_any().complains("5 requests of a candidate with a share of 0.5");
    let matching = "shop.clerk.sell:cents=1";
    let both = place.run(["replace", &new, "--canary", "5%requests", "--matching", matching, "--override-protected"]);
    both.with_any().complains("leave `matching` or `of_requests` out");
    let begun = canary("50%requests,1h").with(0).stdout;
    assert!(begun.contains("which gets 50 % of the requests") && begun.contains("1000 requests left"), "{begun}");
    let (mut old, mut bad) = (0, 0);
    while bad < 11 {
        assert!(!server.tell("sell").contains("smile"), "no request");
        server.tell("pin");
        let answers: Vec<String> = (0..3).map(|_| server.tell("sell")).collect();
        server.tell("unpin");
        // The new version serves every second of its customers, with a smile.
        let by_new = answers.iter().filter(|answer| *answer == "no" || answer.contains("smile")).count();
        assert!(by_new == 0 || by_new == 3, "{answers:?}");
        bad += usize::from(by_new == 3);
        old += usize::from(by_new == 0);
        assert!(bad <= old && old < 1_000, "{bad} of {}", old + bad);
        if old + bad == 2 {
            let canary = place.run(["trial", "--json"]).with(0).json()["canary"].take();
            assert_eq!((&canary["of_requests"], canary["outside"].as_u64()), (&true.into(), Some(2)), "{canary}");
        }
    }
    let until = Instant::now() + Duration::from_secs(60);
    while place.run(["trial"]).status == 0 {
        assert!(Instant::now() < until, "the canary does not end");
        thread::sleep(Duration::from_millis(5));
    }
    let listed = place.run(["quarantine"]).with(0).stdout;
    assert!(listed.contains("11 of its 11 requests had a call that faulted"), "{listed}");
    server.tell("pin");
    assert!((0..6).all(|_| server.tell("sell").ends_with("in all")));
}
