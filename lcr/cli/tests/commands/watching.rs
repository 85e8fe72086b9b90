//! Hooks around methods of a program that sells without end.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value as Json;

use crate::{
    harness::component,
    server::{Place, Server},
};

/// Waits until the program has no thread of a watch any more: such a thread ends when its hooks are taken off.
#[track_caller]
fn wait_for_end_of_watches(server: &Server) {
    wait_for_end_of_watches_of(&server.pid());
}

/// The same of a process.
#[track_caller]
pub(crate) fn wait_for_end_of_watches_of(process: &str) {
    let tasks = format!("/proc/{process}/task");
    let is_watched = || {
        fs::read_dir(&tasks)
            .unwrap()
            .flatten()
            .any(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim_end() == "lcr-watch"))
    };
    let until = Instant::now() + Duration::from_secs(60);
    while is_watched() {
        assert!(Instant::now() < until, "the hooks of a command that has ended stay");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Ends the sales, and requires that there were some.
#[track_caller]
fn failed(server: &mut Server) -> u64 {
    let said = server.tell("rest");
    let numbers: Vec<u64> = said.split(' ').filter_map(|word| word.parse().ok()).collect();
    let &[calls, failed] = &numbers[..] else { panic!("{said}") };
    assert!(calls > 0);
    failed
}

#[test]
fn calls_of_a_busy_program_are_traced_counted_and_ranked_and_none_fails() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    server.tell("busy");
    let traced = place.run(["trace", "shop.till.*", "--args", "--count", "30"]).with(0);
    assert_eq!(traced.stdout.lines().count(), 30, "{traced:?}");
    let call = "shop.till.take(purchase: Purchase { cents: 100, paid: Card(7) }) = ";
    assert!(traced.stdout.lines().all(|line| line.contains(call)), "{traced:?}");
    let slow = place.run(["slow", "--args", "--count", "3", "--time", "300ms"]).with(0);
    assert!(slow.stdout.lines().count() == 3 && slow.stdout.contains(call), "{slow:?}");
    let stats = place.run(["--json", "stats", "*.take", "--time", "300ms"]).with(0).json();
    let [take] = &stats["stats"].as_array().unwrap()[..] else { panic!("{stats}") };
    assert!(take["calls"].as_u64() > Some(0) && take["p99_ns"].as_u64() >= take["p50_ns"].as_u64(), "{take}");
    place.run(["stats", "--time", "200ms"]).with(0).stdout.contains("shop.till.take").then_some(()).unwrap();
    wait_for_end_of_watches(&server);
    assert_eq!(failed(&mut server), 0);
}

#[test]
fn a_component_that_is_replaced_goes_on_being_traced() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    server.tell("busy");
    let mut trace = place.lcr();
    trace.args(["--json", "trace", "shop.till.take", "--args", "--per-second", "50", "--time", "10m"]);
    let mut child = trace.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || loop {
        let line: Json = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if line["method"].is_string() {
            return line;
        }
    };
    let began = |line: Json| Duration::from_micros(line["at_us"].as_u64().unwrap());
    let read = Instant::now();
    let before = began(next());
    // Another change may run at this very moment: a watch that is put in or taken off takes a turn, too.
    let until = Instant::now() + Duration::from_secs(60);
    while place.run(["replace", &component("till_2")]).status != 0 {
        assert!(Instant::now() < until);
    }
    let replaced = before + read.elapsed();
    assert_eq!(server.tell("title"), "till, with receipts");
    // What is read now may have waited in the queue; what began a second later has not. Lines come as calls end, so
    // they are in no order of their beginnings.
    while began(next()) < replaced + Duration::from_secs(1) {}
    assert_eq!(next()["outcome"], "ok");
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for_end_of_watches(&server);
    assert_eq!(failed(&mut server), 0);
}

#[test]
fn the_hooks_of_a_killed_command_are_taken_off() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    server.tell("busy");
    for command in [&["--json", "trace", "*", "--args"][..], &["fail", "shop.till.total", "--rate", "100%"]] {
        let mut child = place.lcr().args(command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        match command[0] {
            "fail" => BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap(),
            _ => BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap(),
        };
        assert!(!line.is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        wait_for_end_of_watches(&server);
    }
    assert_eq!(failed(&mut server), 0, "only `take` is called");
}

#[test]
fn a_share_of_the_calls_fails_as_long_as_the_command_runs() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    server.tell("busy");
    let ended = place.run(["--json", "fail", "shop.till.take", "--rate", "50%", "--time", "300ms"]).with(0).json();
    wait_for_end_of_watches(&server);
    assert!(failed(&mut server) >= ended["failed"].as_u64().unwrap());
    assert_eq!(server.tell("title"), "till");
    server.tell("busy");
    assert_eq!(failed(&mut server), 0);
    place.run(["fail", "shop.till.take", "--rate", "1%", "--with", "error"]).with_any().complains("no `Result`");
}

#[test]
fn a_record_has_a_head_and_a_line_for_each_call() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    server.tell("busy");
    let file = place.path().join("sales.jsonl");
    let name = file.to_str().unwrap();
    place.run(["record", name, "shop.till.*", "--count", "20"]).with(0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let head = lines.next().unwrap();
    assert_eq!(head["lcr_record"], 1);
    let methods = head["methods"].as_array().unwrap();
    assert!(methods.iter().any(|method| method["method"] == "shop.till.take" && method["hash"].is_string()), "{head}");
    let calls: Vec<Json> = lines.collect();
    assert_eq!(calls.len(), 20);
    assert_eq!(calls[0]["arguments"][0]["cents"], 100);
    assert!(calls[0]["outcome"]["value"].is_u64(), "{}", calls[0]);
    place.run(["record", name, "shop.till.*"]).with(74).complains("exists");
    assert_eq!(failed(&mut server), 0);
}

#[test]
fn what_cannot_be_watched_is_refused_and_leaves_no_file() {
    let place = Place::new();
    let server = place.start(&["till_1", "kinds"]);
    place.run(["trace", "shop.tills.*"]).with(66).complains("means no method");
    let plain = ["fail", "shop.kinds.plain", "--rate", "1", "--time", "10m", "--with", "error"];
    place.run(plain).with_any().complains("no `Result`");
    place.run(["trace", "shop.till.take", "--time", "100ms"]).with(1);
    place.run(["trace", "shop.kinds.waits", "--time", "100ms"]).with(1);
    let partly = place.run(["fail", "shop.kinds.*", "--rate", "1", "--time", "100ms", "--with", "error"]).with(1);
    assert!(partly.stderr.contains("shop.kinds.plain is left out"), "{partly:?}");
    let file = place.path().join("nothing.jsonl");
    place.run(["record", file.to_str().unwrap(), "shop.tills.*"]).with(66);
    assert!(!file.exists());
    place.run(["fail", "shop.till.take", "--rate", "2"]).with(64);
    wait_for_end_of_watches(&server);
}

#[test]
fn a_record_is_replayed_against_a_library_and_differences_are_told() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    // Each on a server of its own, so that the sums of the record begin at 0.
    let file = place.path().join("sales.jsonl");
    let name = file.to_str().unwrap();
    let mut record = place.lcr();
    let record = record.args(["record", name, "shop.till.*", "--count", "3", "--time", "10m"]);
    let mut record = record.stdout(Stdio::null()).spawn().unwrap();
    wait_until_recorded(&mut server, &mut record);
    let (same, other) = (component("till_1"), component("till_2"));
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.lines().skip(1).all(|line| line.contains("\"component\":\"till 1.0.0\"")), "{text}");
    place
        .run(["replay", name, "--library", &component("till_other")])
        .with(65)
        .complains("its types changed")
        .complains("struct Purchase { cents: u32 }");
    place.run(["replay", name, "--library", &same, "--component", "safe"]).with(66).complains("no component `safe`");
    let sold = place.run(["replay", name, "--library", &same]);
    // The first call that was recorded may not have been the first sale.
    let first: Json = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(sold.status, i32::from(first["outcome"]["value"] != 100), "{sold:?}");
    fs::write(
        &file,
        format!(
            "{}\n{}\n{}\n{}",
            text.lines().next().unwrap(),
            r#"{"method":"shop.till.title","arguments":[],"outcome":{"value":"till"}}"#,
            r#"{"method":"shop.till.total","arguments":[],"outcome":{"value":0}}"#,
            r#"{"method":"shop.till.tot"#
        ),
    )
    .unwrap();
    place.run(["replay", name, "--library", &same]).with(0);
    let differs = place.run(["replay", name, "--library", &other]).with(1);
    assert!(
        differs.stdout.contains("line 2: shop.till.title[]: result: \"till\" became \"till, with receipts\""),
        "{differs:?}"
    );
    assert!(differs.stdout.contains("2 calls: 1 differ"), "{differs:?}");
    place.run(["replay", name]).with(64).complains("--yes");
    let differs = place.run(["--json", "replay", name, "--yes"]).with(1);
    assert!(differs.stdout.contains("\"path\":\"\""), "{differs:?}");
    fs::write(&file, "{\"lcr_record\":9}\n").unwrap();
    place.run(["replay", name, "--library", &same]).with(65).complains("form is 9");
}

#[test]
fn neither_a_record_nor_its_replay_rounds_a_number() {
    let place = Place::new();
    let _server = place.start(&["till_1", "desk"]);
    let file = place.path().join("calls.jsonl");
    let name = file.to_str().unwrap();
    let mut record = place.lcr();
    let record = record.args(["record", name, "shop.desk.multiply", "--count", "1", "--time", "10m"]);
    let mut record = record.stdout(Stdio::null()).spawn().unwrap();
    wait_until_it_records(&file);
    place.run(["call", "shop.desk.multiply", "[[1],2]"]).with(0);
    assert!(record.wait().unwrap().success());
    let (text, large) = (fs::read_to_string(&file).unwrap(), u128::MAX.to_string());
    assert!(text.contains(&large), "{text}");
    let desk = component("desk");
    let replay = |status: i32| {
        place.run(["replay", name]).with(status);
        place.run(["replay", name, "--library", &desk]).with(status);
    };
    replay(0);
    fs::write(&file, text.replace(&large, &(u128::MAX - 1).to_string())).unwrap();
    replay(1);
}

#[test]
fn calls_of_async_methods_are_recorded_replayed_and_made_to_fail() {
    let place = Place::new();
    let server = place.start(&["till_1", "kinds"]);
    let file = place.path().join("calls.jsonl");
    let name = file.to_str().unwrap();
    let mut record = place.lcr();
    let record = record.args(["record", name, "shop.kinds.waits", "--count", "2", "--time", "10m"]);
    let mut record = record.stdout(Stdio::null()).spawn().unwrap();
    wait_until_it_records(&file);
    let call = |count: &str| place.run(["call", "shop.kinds.waits", count, "--yes"]);
    assert_eq!(call("[41]").with(0).stdout, "{\"Ok\":42}\n");
    call("[18446744073709551615]").with(1);
    assert!(record.wait().unwrap().success());
    let kinds = component("kinds");
    place.run(["replay", name, "--library", &kinds]).with(0);
    let text = fs::read_to_string(&file).unwrap();
    let dropped = r#"{"method":"shop.kinds.waits","arguments":[7],"outcome":{"dropped":true}}"#;
    fs::write(&file, format!("{}{dropped}\n", text.replace("\"Ok\":42", "\"Ok\":43"))).unwrap();
    let differs = place.run(["replay", name, "--library", &kinds]).with(1);
    assert!(differs.stdout.contains("2 calls: 1 differs, 1 had been dropped or cancelled"), "{differs:?}");
    // That nothing was compared is neither a difference nor none.
    let head = text.lines().next().unwrap();
    fs::write(&file, format!("{head}\n{dropped}\n{dropped}\n")).unwrap();
    let said = "the record has 2 calls, all of which their callers dropped";
    place.run(["replay", name, "--library", &kinds]).with(69).complains(said).complains("nothing to compare");
    let lines = place.run(["--json", "replay", name, "--library", &kinds]).with(69).stdout;
    assert!(lines.contains("\"dropped\":2") && lines.contains("\"kind\":\"nothing-to-compare\""), "{lines}");
    fs::write(&file, format!("{head}\n")).unwrap();
    place.run(["replay", name, "--library", &kinds]).with(69).complains("the record has no call;");
    let mut fail = place.lcr();
    let fail = fail.args(["fail", "shop.kinds.waits", "--rate", "1", "--with", "error", "--time", "10m"]);
    let mut fail = fail.stdout(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while call("[41]").stdout != "{\"Err\":\"\"}\n" {
        assert!(Instant::now() < until, "no call fails");
    }
    fail.kill().unwrap();
    fail.wait().unwrap();
    wait_for_end_of_watches(&server);
    assert_eq!(call("[41]").with(0).stdout, "{\"Ok\":42}\n");
}

/// Waits until the hooks of a record stand: its head is written then.
#[track_caller]
pub(crate) fn wait_until_it_records(file: &Path) {
    let until = Instant::now() + Duration::from_secs(60);
    while !fs::metadata(file).is_ok_and(|file| file.len() > 0) {
        assert!(Instant::now() < until, "it does not begin to record");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Has the program sell until the command that records has ended.
#[track_caller]
fn wait_until_recorded(server: &mut Server, record: &mut std::process::Child) {
    let until = Instant::now() + Duration::from_secs(60);
    while record.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "it records no calls");
        server.tell("sell");
        thread::sleep(Duration::from_millis(5));
    }
}
