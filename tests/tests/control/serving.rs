//! What clients see and change.

use lcr::{
    Actor, ErrorKind,
    control::{Change, Client, Server, Streamed},
    events::{Event, EventKind},
};
use lcr_tests::{component, empty_runtime, interfaces::Counter as _, wait_until};

use super::*;

#[test]
fn a_client_sees_what_the_program_sees() {
    let seat = Seat::open();
    let counter = seat.counter();
    counter.add(3);
    let mut client = seat.client();
    let hello = client.hello().clone();
    assert_eq!((hello.pid, hello.protocol, hello.read_only), (std::process::id(), lcr::control::PROTOCOL, false));
    assert!(hello.commands.iter().any(|command| command == "commit"), "{hello:?}");
    let status = client.status().unwrap();
    assert_eq!(status["generation"], seat.rt.generation());
    assert_eq!(status["components"][0]["name"], "counter");
    assert_eq!(status["components"][0]["hash"], seat.rt.status().components[0].hash.unwrap().to_string());
    let refused: lcr::Error = client.call::<Value>("no_such_thing", &serde_json::json!({})).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound, "{refused}");
    // An error of a request does not end the connection.
    assert!(client.status().is_ok());
}

#[test]
fn a_replacement_that_a_client_asks_for_keeps_the_state_and_says_who_asked() {
    let seat = Seat::open();
    let (counter, mut events) = (seat.counter(), seat.rt.events());
    counter.add(41);
    let mut change = replacing("counter_v2");
    change.reason = Some("a test".to_owned());
    let plan = seat.client().plan(&change).unwrap();
    assert_eq!((&plan["refusals"], counter.version()), (&Value::from([Value::Null; 0].to_vec()), 1), "{plan}");
    let report = seat.client().commit(&change).unwrap();
    assert_eq!(report["generation"], seat.rt.generation(), "{report}");
    assert_eq!((counter.version(), counter.add(1)), (2, 42));
    let committed = std::iter::from_fn(|| events.next_timeout(LONG)).find_map(|event| match event.kind {
        EventKind::Committed(committed) => Some(committed),
        _ => None,
    });
    let Actor { uid, pid, .. } = committed.as_ref().unwrap().actor;
    assert_eq!((uid, pid), (Actor::this_process().uid, std::process::id()));
    assert_eq!(committed.unwrap().reason.as_deref(), Some("a test"));
}

#[test]
fn pins_and_needs_are_shown() {
    let seat = Seat::open();
    seat.rt.load(component("clock_v1")).unwrap();
    let pin = seat.rt.pin().unwrap();
    let mut client = seat.client();
    let pins: Value = client.call("pins", &serde_json::json!({})).unwrap();
    assert_eq!(pins["pins"][0]["generation"], seat.rt.generation(), "{pins}");
    drop(pin);
    let pins: Value = client.call("pins", &serde_json::json!({})).unwrap();
    assert_eq!(pins, serde_json::json!({ "pins": [] }));
    seat.rt.plan().add(component("vault_v1")).add(component("teller_v1")).add(component("branch_v1")).commit().unwrap();
    let graph: Value = client.call("graph", &serde_json::json!({})).unwrap();
    let edges: Vec<_> = graph["edges"].as_array().unwrap().iter().map(|edge| (&edge["from"], &edge["to"])).collect();
    assert_eq!(edges, [(&"branch".into(), &"teller".into()), (&"teller".into(), &"vault".into())], "{graph}");
    assert_eq!(graph["components"].as_array().unwrap().len(), 5, "{graph}");
}

#[test]
fn a_trial_is_begun_seen_and_ended_from_outside() {
    let seat = Seat::open();
    let counter = seat.counter();
    let mut client = seat.client();
    let nothing = serde_json::json!({});
    assert_eq!(client.call::<Value>("trial", &nothing).unwrap()["trial"], Value::Null);
    assert_eq!(client.call::<Value>("confirm", &nothing).unwrap_err().kind(), ErrorKind::NotFound);
    let mut change = replacing("counter_v2");
    let mut rules = lcr::control::TrialRules::default();
    rules.time_ms = Some(3_600_000);
    change.trial = Some(rules);
    let generation = client.commit(&change).unwrap()["generation"].clone();
    let trial = client.call::<Value>("trial", &nothing).unwrap()["trial"].clone();
    assert_eq!((&trial["generation"], &trial["members"][0]["after"]["version"]), (&generation, &"2.0.0".into()));
    let on_trial = |client: &mut Client| client.status().unwrap()["components"][0]["on_trial"].clone();
    assert_eq!(on_trial(&mut client), true);
    let wait = |of: &Value| serde_json::json!({ "generation": of, "timeout_ms": 1 });
    assert_eq!(client.call::<Value>("wait_trial", &wait(&generation)).unwrap()["end"], Value::Null);
    let other = client.call::<Value>("wait_trial", &wait(&99.into())).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::NotFound, "{other}");
    let confirmed: Value = client.call("confirm", &nothing).unwrap();
    assert_eq!(confirmed["end"]["outcome"], "confirmed", "{confirmed}");
    assert_eq!(client.call::<Value>("wait_trial", &wait(&generation)).unwrap()["end"]["outcome"], "confirmed");
    assert_eq!((on_trial(&mut client), counter.version()), (false.into(), 2));
    assert_eq!(client.call::<Value>("quarantine", &nothing).unwrap(), serde_json::json!({ "quarantine": [] }));
    let hash = serde_json::json!({ "hash": "0".repeat(64) });
    assert_eq!(client.call::<Value>("release", &hash).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_socket_that_opens_with_the_runtime_closes_with_it_and_keeps_it_from_no_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seat.sock");
    let build = || Runtime::builder().linked(false).control(Server::builder().path(&path)).build();
    let rt = build().unwrap();
    assert_eq!(rt.control_socket(), Some(&*path));
    assert_eq!(build().map(drop).unwrap_err().kind(), ErrorKind::Invalid, "somebody listens there");
    let twice = Runtime::builder().linked(false).control(Server::builder().path(directory.path().join("a")));
    let twice = twice.control(Server::builder().path(directory.path().join("b"))).build();
    assert_eq!(twice.map(drop).unwrap_err().kind(), ErrorKind::Invalid, "one runtime opens one");
    assert!(!directory.path().join("a").exists() && !directory.path().join("b").exists());
    rt.load(component("counter_v1")).unwrap();
    let mut client = Client::connect(&path).unwrap();
    let mut change = replacing("counter_v2");
    change.trial = Some(lcr::control::TrialRules::default());
    let generation = client.commit(&change).unwrap()["generation"].clone();
    assert_eq!((&client.status().unwrap()["generation"], &rt.generation().into()), (&generation, &generation));
    let mut waiting = Client::connect(&path).unwrap();
    let waiter =
        std::thread::spawn(move || waiting.call::<Value>("wait_trial", &serde_json::json!({ "timeout_ms": 60_000 })));
    // It may be asked before or behind that, and the end waits for neither.
    drop(rt);
    assert!(!path.exists() && client.status().is_err());
    drop(waiter.join().unwrap());
    // The place is free again.
    drop(build().unwrap());
}

#[test]
fn a_change_is_taken_back_from_outside_and_that_too() {
    let seat = Seat::open();
    let counter = seat.counter();
    let mut client = seat.client();
    let first = seat.rt.generation();
    client.commit(&replacing("counter_v2")).unwrap();
    counter.add(5);
    let revisions: Value = client.call("revisions", &serde_json::json!({})).unwrap();
    let generations: Vec<_> =
        revisions["revisions"].as_array().unwrap().iter().filter_map(|each| each["generation"].as_u64()).collect();
    assert_eq!(generations.last_chunk(), Some(&[first, first + 1]), "{revisions}");
    let back = |to: Value| serde_json::json!({ "rollback": to });
    client.call::<Value>("commit", &back(serde_json::json!({ "to": first }))).unwrap();
    assert_eq!((counter.version(), counter.add(0)), (1, 5));
    client.call::<Value>("commit", &back(serde_json::json!({ "steps": 1 }))).unwrap();
    assert_eq!((counter.version(), counter.add(0)), (2, 5));
    client.call::<Value>("commit", &back(serde_json::json!({ "original": true }))).unwrap();
    assert_eq!((counter.version(), counter.add(0)), (1, 5));
    for refused in [serde_json::json!({ "to": 999 }), serde_json::json!({ "original": false })] {
        assert!(client.call::<Value>("commit", &back(refused)).is_err());
    }
    for invalid in [serde_json::json!({ "to": 1, "steps": 1 }), serde_json::json!({}), serde_json::json!("to")] {
        assert_eq!(client.call::<Value>("commit", &back(invalid)).unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert_eq!(counter.version(), 1);
}

#[test]
fn a_rehearsal_says_what_it_found_and_leaves_everything_as_it_is() {
    let seat = Seat::open();
    let counter = seat.counter();
    counter.add(5);
    let before = seat.rt.generation();
    let mut client = seat.client();
    let found: Value = client.call("rehearse", &replacing("counter_v2")).unwrap();
    assert!(found["text"].as_str().is_some_and(|text| text.contains("counter")), "{found}");
    assert_eq!((seat.rt.generation(), counter.version(), counter.add(0)), (before, 1, 5));
    let mut absent = Change::default();
    absent.remove.push("no such component".to_owned());
    assert!(client.call::<Value>("rehearse", &absent).is_err());
    assert_eq!(counter.add(0), 5);
}

#[test]
fn the_past_is_shown_with_and_without_a_history_on_disk() {
    let seat = Seat::open();
    let mut client = seat.client();
    client.commit(&replacing("counter_v2")).unwrap();
    let shown: Value = client.call("history", &serde_json::json!({ "count": 1 })).unwrap();
    assert_eq!((&shown["on_disk"], shown["entries"].as_array().unwrap().len()), (&false.into(), 1), "{shown}");
    assert_eq!(shown["entries"][0]["generation"], seat.rt.generation());

    let directory = tempfile::tempdir().unwrap();
    let history = lcr::history::History::at(directory.path().join("history"));
    let rt = Arc::new(Runtime::builder().linked(false).history(history).build().unwrap());
    let server = Server::builder().path(directory.path().join("seat.sock")).serve(&rt).unwrap();
    let mut client = Client::connect(server.path()).unwrap();
    let mut change = Change::default();
    change.add.push(component("counter_v1"));
    change.reason = Some("the first".to_owned());
    client.commit(&change).unwrap();
    client.commit(&change).unwrap_err();
    let shown: Value = client.call("history", &serde_json::json!({})).unwrap();
    let outcomes: Vec<_> = shown["entries"].as_array().unwrap().iter().map(|entry| &entry["outcome"]).collect();
    assert_eq!(outcomes, ["committed", "refused"], "{shown}");
    assert_eq!(shown["on_disk"], true);
    assert_eq!(
        (&shown["entries"][0]["reason"], &shown["entries"][0]["actor"]["pid"]),
        (&"the first".into(), &std::process::id().into())
    );
    let options: Value = client.call("options", &serde_json::json!({ "keep": 7 })).unwrap();
    assert_eq!((&options["keep"], rt.history().unwrap().options().keep), (&7.into(), 7), "{options}");
    let kept_for = |client: &mut Client, time: Value| {
        let options: Value = client.call("options", &serde_json::json!({ "keep_for_s": time })).unwrap();
        assert_eq!((&options["keep_for_s"], &options["keep"]), (&time, &7.into()), "{options}");
        rt.history().unwrap().options().keep_for
    };
    assert_eq!(kept_for(&mut client, 90.into()), Some(Duration::from_secs(90)));
    client.call::<Value>("options", &serde_json::json!({})).unwrap();
    assert_eq!(rt.history().unwrap().options().keep_for, Some(Duration::from_secs(90)), "absent is as it was");
    assert_eq!(kept_for(&mut client, Value::Null), None);
    let refused = client.call::<Value>("options", &serde_json::json!({ "keep": 0 })).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
}

#[test]
fn a_refusal_reaches_the_client_as_the_program_had_it_and_can_be_asked_for_again() {
    let seat = Seat::open();
    let _held = seat.counter();
    let mut change = Change::default();
    change.remove.push("counter".to_owned());
    let mut client = seat.client();
    let here = seat.rt.plan().remove("counter").commit().unwrap_err();
    let there = client.commit(&change).unwrap_err();
    assert_eq!((there.kind(), there.to_string()), (here.kind(), here.to_string()));
    let refusals = client.refusals().unwrap();
    assert_eq!(refusals.len(), 2);
    assert_eq!(refusals[1].actor.pid, std::process::id());
    let mut absent = Change::default();
    absent.add.push("/no/such/file.so".into());
    let error = client.commit(&absent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[test]
fn a_relative_path_and_a_time_beyond_an_hour_are_refused() {
    let seat = Seat::open();
    let mut client = seat.client();
    let mut change = Change::default();
    change.add.push("libcounter.so".into());
    let error = client.commit(&change).unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("relative"), "{error}");
    let mut change = replacing("counter_v2");
    change.timeout_ms = Some(3_600_001);
    let error = client.commit(&change).unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("timeout_ms"), "{error}");
    assert_eq!(seat.counter().version(), 1);
}

#[test]
fn a_directory_brings_what_is_new_and_what_differs_and_nothing_twice() {
    let seat = Seat::open();
    let counter = seat.counter();
    let (_directory, path) = directory_of(&["counter_v2", "clock_v1"]);
    std::fs::write(path.join("readme.txt"), "no library").unwrap();
    let mut change = Change::default();
    change.sync = Some(path.clone());
    let report = seat.client().commit(&change).unwrap();
    assert_eq!((report["members"].as_array().unwrap().len(), counter.version()), (2, 2), "{report}");
    // Nothing differs now.
    let generation = seat.rt.generation();
    for answer in [seat.client().plan(&change).unwrap(), seat.client().commit(&change).unwrap()] {
        assert_eq!((&answer["unchanged"], &answer["generation"]), (&true.into(), &generation.into()), "{answer}");
    }
    assert_eq!(seat.rt.generation(), generation);
    // A damaged library refuses all of it.
    std::fs::write(path.join("libdamaged.so"), "damaged").unwrap();
    std::fs::copy(component("counter_v1"), path.join("libcounter_v2.so")).unwrap();
    let error = seat.client().commit(&change).unwrap_err();
    assert_eq!((error.kind(), counter.version()), (ErrorKind::NotALibrary, 2), "{error}");
}

#[test]
fn whoever_follows_sees_commits_as_they_happen() {
    let seat = Seat::open();
    let mut streams = [seat.client().events().unwrap(), seat.client().events().unwrap()];
    seat.client().commit(&replacing("counter_v2")).unwrap();
    for stream in &mut streams {
        let mut committed = || match stream.next::<Event>(LONG).unwrap() {
            Some(Streamed::Event(event)) => matches!(event.kind, EventKind::Committed(_)),
            other => panic!("{other:?}"),
        };
        wait_until("the commit is among the events", &mut committed);
    }
}

#[test]
fn a_server_that_is_read_only_shows_and_does_not_change() {
    let seat = Seat::with(|server| server.read_only(true));
    let mut client = seat.client();
    assert!(client.hello().read_only);
    client.status().unwrap();
    let change = replacing("counter_v2");
    for command in ["commit", "plan", "rehearse"] {
        assert_eq!(client.call::<Value>(command, &change).unwrap_err().kind(), ErrorKind::Protected, "{command}");
    }
    let options = client.call::<Value>("options", &serde_json::json!({}));
    assert_eq!(options.unwrap_err().kind(), ErrorKind::Protected);
    assert_eq!(seat.counter().version(), 1);
}

#[test]
fn another_protocol_is_refused_with_both_numbers() {
    let seat = Seat::open();
    let mut raw = seat.raw();
    let answer = raw.ask("{\"id\":5,\"command\":\"hello\",\"arguments\":{\"protocol\":2}}");
    assert_eq!((&answer["id"], &answer["error"]["kind"]), (&5.into(), &"mismatch".into()), "{answer}");
    let text = answer["error"]["text"].as_str().unwrap();
    assert!(text.contains('2') && text.contains('1'), "{text}");
    assert_eq!(raw.line(), None);
    let mut raw = seat.raw();
    raw.send("{\"id\":1,\"command\":\"status\"}\n").unwrap();
    raw.assert_refused("invalid");
}

#[test]
fn the_socket_is_gone_when_its_server_is_dropped() {
    let seat = Seat::open();
    let mut client = seat.client();
    let path = seat.path().to_owned();
    let Seat { rt, server, _directory } = seat;
    drop(server);
    assert!(!path.exists());
    assert_eq!(client.status().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(Client::connect(&path).unwrap_err().kind(), ErrorKind::NotFound);
    // Another one may begin, and does not keep the runtime alive.
    let server = Server::builder().path(&path).serve(&rt).unwrap();
    let mut client = Client::connect(&path).unwrap();
    drop(rt);
    assert_eq!(client.status().unwrap_err().kind(), ErrorKind::Closed);
    drop(server);
}

#[test]
fn two_servers_of_a_process_do_not_know_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("one.sock");
    let rt = Arc::new(empty_runtime());
    let server = Server::builder().path(&path).serve(&rt).unwrap();
    let error = Server::builder().path(&path).serve(&rt).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    Client::connect(&path).unwrap().status().unwrap();
    drop(server);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left");
}
