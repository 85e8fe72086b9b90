//! New versions that get copies of calls of a running process, and that no client sees.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    harness::{component, end},
    server::Place,
};

#[test]
fn a_shadow_of_a_version_that_answers_wrongly_is_found_and_clients_at_the_socket_see_nothing_of_it() {
    let place = Place::new();
    let _server = place.start(&["till_1", "desk"]);
    let mut command = place.lcr();
    command.args(["replace", &component("desk_2"), "--shadow", "shop.desk.price,shop.desk.owner,9calls,5m", "--wait"]);
    let is_over = AtomicBool::new(false);
    let mut answers = BTreeSet::new();
    let ended = thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let ended = end(&mut command);
            is_over.store(true, Ordering::Relaxed);
            ended
        });
        while !is_over.load(Ordering::Relaxed) {
            answers.insert(place.run(["call", "shop.desk.price", r#"["ink",2]"#]).stdout);
            answers.insert(place.run(["call", "shop.desk.owner", r#"["4711"]"#]).stdout);
        }
        waiting.join().unwrap()
    });
    let ended = ended.with(70);
    let old = ["{\"Ok\":6}\n", "{\"name\":\"Ada\",\"code\":\"***\"}\n"].map(str::to_owned);
    assert_eq!(answers, BTreeSet::from(old));
    let said = &ended.stdout;
    assert!(
        said.contains("shadow: desk 1.0.0 -> desk 2.0.0, which gets copies of the calls of shop.desk.price"),
        "{said}"
    );
    assert!(said.contains("shadow desk 1.0.0 -> desk 2.0.0 withdrawn: 9 of 9 calls came out differently"), "{said}");
    let price = "shop.desk.price(article: \"ink\", count: 2) was Ok(6), is Ok(1000): the result: Ok: 6 became 1000";
    assert!(said.contains(price), "{said}");
    assert!(
        said.contains("shop.desk.owner(code: ***)") && said.contains("\"Grace\"") && !said.contains("4711"),
        "{said}"
    );
    let listed = place.run(["quarantine"]).with(0).stdout;
    assert!(listed.contains("desk 2.0.0") && listed.contains("came out differently"), "{listed}");
}

#[test]
fn a_shadow_is_looked_at_and_ended_by_the_commands_that_end_a_trial() {
    let place = Place::new();
    let _server = place.start(&["till_1", "desk"]);
    let new = component("desk_2");
    let begin = |methods: &str| place.run(["replace", &new, "--shadow", methods]);
    begin("shop.desk.price,0calls").with(64);
    begin("500calls").with(64).complains("methods");
    place.run(["replace", &new, "--shadow", "*", "--canary", "5%"]).with(64);
    begin("shop.desk.later").with_any().complains("polled");
    begin("shop.desk.ask").with_any().complains("code of its caller");
    begin("shop.desk.prize").with_any().complains("means no method");
    place.run(["replace", &component("till_2"), "--shadow", "*"]).with_any().complains("keeps state");
    let begun = begin("*,1000calls,1h").with(0);
    assert!(begun.stdout.contains("`lcr confirm` and `lcr abandon` end it"), "{begun:?}");
    place.run(["call", "shop.desk.price", r#"["pen",0]"#]).with(1);
    let compared = || place.run(["trial", "--json"]).with(0).json()["canary"]["new"]["calls"] == 1;
    let until = Instant::now() + Duration::from_secs(60);
    while !compared() {
        assert!(Instant::now() < until, "the copy is not compared");
    }
    let shown = place.run(["trial"]).with(0).stdout;
    assert!(shown.contains("999 of 1000 calls left") && shown.contains("a value became a fault"), "{shown}");
    assert!(shown.contains("shop.desk.release stays: it is not declared #[lcr(pure)]"), "{shown}");
    place.run(["replace", &new]).with_any().complains("has a canary");
    place.run(["remove", "desk"]).with_any().complains("has a canary");
    let ended = place.run(["abandon", "--reason", "ticket 84"]).with(0);
    assert!(ended.stdout.contains("shadow desk") && ended.stdout.contains("ticket 84"), "{ended:?}");
    place.run(["trial"]).with(1);
    begin("shop.desk.price").with(0);
    let ended = place.run(["confirm"]).with(0);
    assert!(ended.stdout.contains("promoted"), "{ended:?}");
    assert_eq!(place.run(["call", "shop.desk.price", r#"["ink",2]"#]).with(0).stdout, "{\"Ok\":1000}\n");
}

#[test]
fn a_process_that_is_killed_during_a_shadow_starts_again_with_the_version_that_served() {
    let place = Place::new();
    let mut server = place.start_with_history_of(&["till_1", "desk"]);
    place.run(["replace", &component("desk_2"), "--shadow", "shop.desk.wait"]).with(0);
    server.kill();
    let _server = place.start_with_history_of(&[]);
    place.run(["trial"]).with(1);
    assert_eq!(place.run(["call", "shop.desk.price", r#"["ink",2]"#]).with(0).stdout, "{\"Ok\":6}\n");
    place.run(["replace", &component("desk_2")]).with(0);
}
