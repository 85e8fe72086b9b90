//! How instances end, and what their supervisor does about it.

use sam_tests::{Subject, lives, panics_abort, send, state_of, wait_until};

#[test]
fn a_clean_end_of_an_instance_is_the_end_of_its_supervisor() {
    let seen = Subject::new(&["say hello; exit 0"]).run();
    assert_eq!((seen.code(), seen.lines), (0, vec!["1 hello".to_owned()]));
    let seen = Subject::new(&["start; exit 0"]).run();
    assert_eq!(
        (seen.code(), seen.of("started").len()),
        (0, 1),
        "an instance that has called `start` may end cleanly, too"
    );
}

#[test]
fn a_crash_is_followed_by_the_next_instance_which_knows_of_it() {
    for (crash, previous) in [
        ("abort", "Signal { signal: 6"),
        ("segv", "Signal { signal: 11"),
        ("panic", if panics_abort() { "Signal { signal: 6" } else { "Code(101)" }),
        ("exit 7", "Code(7)"),
        ("kill 9", "Signal { signal: 9"),
        ("kill 40", "Signal { signal: 40"),
    ] {
        let seen = Subject::new(&[crash, "previous"]).run();
        assert_eq!(seen.code(), 0, "{crash}: {:?}", seen.events);
        let line = format!("2 previous {previous}");
        assert!(seen.lines[0].starts_with(&line), "{crash}: {:?}", seen.lines);
    }
}

#[test]
fn under_quit_the_supervisor_ends_as_its_instance_did() {
    for (script, code) in
        [("exit 0", 0), ("exit 7", 7), ("abort", -6), ("kill 9", -9), ("kill 15", -15), ("kill 40", -40)]
    {
        let seen = Subject::new(&[script]).set("SAM_POLICY", "quit").run();
        assert_eq!(seen.code(), code, "{script}");
    }
    // PEERS: corosync's supervisor ends with 0 after mark_failed.
    let seen = Subject::new(&["start; fail; hang"]).set("SAM_POLICY", "quit").run();
    assert_eq!(seen.code(), -15);
}

#[test]
fn a_hung_instance_is_warned_and_then_killed() {
    let seen = Subject::new(&["ignore 15; start; hang", "previous"]).set("SAM_INTERVAL", "100ms").run();
    assert_eq!(seen.names(), ["started", "ready", "warned", "killed", "ended", "started", "ended"]);
    assert_eq!(seen.of("warned")[0]["check"], "main");
    assert_eq!(seen.lines, ["2 previous Signal { signal: 9, core: false } hung Some(\"main\") failed false"]);
}

#[test]
fn an_instance_that_recovers_is_warned_again_before_it_is_killed() {
    let script = "catch 15; start; await 15; beats 200 10; await 15; beats 200 10; finalize; exit 0";
    let seen = Subject::new(&[script]).set("SAM_INTERVAL", "150ms").set("SAM_GRACE", "20s").run();
    assert_eq!(seen.names(), ["started", "ready", "warned", "recovered", "warned", "recovered", "ended"]);
    assert_eq!(seen.code(), 0);
}

#[test]
fn an_instance_that_leaves_with_0_because_it_was_warned_is_followed_by_the_next_also_if_it_beats_on_its_way_out() {
    // The instance shuts down in order at SIGTERM, whichever process sent it, with signs of life until the end.
    for end in ["exit 0", "stop; exit 0", "stop; start; beats 200 10; exit 0", "exit 7"] {
        let script = format!("catch 15; start; await 15; beats 300 10; {end}");
        let subject = Subject::new(&[&script, "previous; exit 0"]).set("SAM_INTERVAL", "150ms").set("SAM_GRACE", "20s");
        let seen = subject.run();
        assert_eq!(seen.names()[..6], ["started", "ready", "warned", "recovered", "ended", "started"], "{end}");
        assert_eq!((&seen.of("ended")[0]["cause"], seen.code()), (&"overdue".into(), 0), "{end}");
        assert!(seen.lines[1].contains("hung Some(\"main\")"), "{end}: {:?}", seen.lines);
    }
    // The same end at an operator's stop is a clean end.
    let running = Subject::new(&["catch 15; start; say up; serve 15; beats 300 10; exit 0"]).start();
    running.await_line("1 up");
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.of("started").len(), seen.code()), (1, 0));
}

#[test]
fn a_check_that_is_dropped_because_of_the_warning_is_named_to_the_next_instance() {
    let script = "catch 15; ready; check_until writer 100 15; exit 0";
    let seen = Subject::new(&[script, "previous; exit 0"]).set("SAM_GRACE", "20s").run();
    assert_eq!(seen.of("warned")[0]["check"], "writer");
    assert_eq!((&seen.of("ended")[0]["cause"], &seen.of("ended")[0]["check"]), (&"overdue".into(), &"writer".into()));
    assert!(seen.lines[0].contains("hung Some(\"writer\")"), "{:?}", seen.lines);
}

#[test]
fn health_for_long_enough_clears_an_instance_of_its_warning() {
    let script = "catch 15; start; await 15; beats 1500 10; exit 0";
    let subject = Subject::new(&[script]).set("SAM_INTERVAL", "150ms").set("SAM_GRACE", "20s");
    let seen = subject.set("SAM_HEALTHY_AFTER", "200ms").run();
    assert_eq!((seen.of("warned").len(), seen.of("started").len(), seen.code()), (1, 1, 0));
}

#[test]
fn a_suspended_instance_counts_as_hung() {
    let running = Subject::new(&["start; pid; beats 60000 20", "exit 0"]).set("SAM_INTERVAL", "200ms").start();
    let pid = running.await_value("1 pid ").parse().unwrap();
    send(pid, libc::SIGSTOP);
    let seen = running.end();
    assert_eq!(seen.of("warned")[0]["check"], "main");
    assert_eq!((seen.code(), seen.of("started").len()), (0, 2));
}

#[test]
fn an_instance_that_is_suspended_while_it_stores_counts_as_hung() {
    let running = Subject::new(&["start; pid; stores 60000 0", "exit 0"]).set("SAM_INTERVAL", "200ms").start();
    let pid = running.await_value("1 pid ").parse().unwrap();
    send(pid, libc::SIGSTOP);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("warned").len()), (0, 1));
}

#[test]
fn no_other_message_of_an_instance_counts_as_a_beat() {
    let seen = Subject::new(&["start; stores 60000 10", "exit 0"]).set("SAM_INTERVAL", "200ms").run();
    assert_eq!((seen.code(), seen.of("warned")[0]["check"].as_str()), (0, Some("main")));
}

#[test]
fn an_instance_that_closes_its_descriptors_is_still_watched() {
    let seen = Subject::new(&["start; close; beats 300 10; hang", "exit 0"]).set("SAM_INTERVAL", "200ms").run();
    assert_eq!(seen.of("warned")[0]["check"], "main");
    let lived = seen.of("ended")[0]["lived_ms"].as_u64().unwrap();
    assert!(lived >= 300, "the instance was taken for dead after {lived} ms, while it beat");
    assert_eq!(seen.code(), 0);
}

#[test]
fn children_of_an_instance_do_not_hide_its_end_and_do_not_outlive_it() {
    for verb in ["fork", "stray"] {
        let running = Subject::new(&[&format!("{verb}; kill 9"), "say next; exit 0"]).start();
        let child = running.await_value(if verb == "fork" { "1 forked " } else { "1 strayed " }).parse().unwrap();
        running.await_line("2 next");
        assert!(!lives(child), "{verb}");
        assert_eq!(running.end().code(), 0);
    }
}

#[test]
fn strays_are_kept_where_the_options_keep_them() {
    let running = Subject::new(&["stray; kill 9", "say next; beats 60000 10"]).set("SAM_STRAYS", "keep").start();
    let child = running.await_value("1 strayed ").parse().unwrap();
    running.await_line("2 next");
    assert!(lives(child));
    send(child, libc::SIGKILL);
    wait_until("the child is reaped", || state_of(child).is_none());
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -15);
}

#[test]
fn an_interval_timer_of_the_application_does_not_hide_a_hang() {
    let script = "catch 14; timer 50; start; hang";
    let seen = Subject::new(&[script, "exit 0"]).set("SAM_INTERVAL", "200ms").run();
    assert_eq!((seen.code(), seen.of("warned").len()), (0, 1));
}

#[test]
fn a_program_that_cannot_live_is_not_restarted_for_ever() {
    let seen = Subject::new(&["exit 3"]).set("SAM_BUDGET", "4/60s").set("SAM_BACKOFF", "1ms..20ms").run();
    assert_eq!(seen.code(), 3);
    assert_eq!(seen.of("started").len(), 5, "the first, and four restarts");
    assert_eq!(seen.of("ended").last().unwrap()["decision"], "budget spent");
    let delays: Vec<u64> = seen.of("ended").iter().filter_map(|event| event["delay_ms"].as_u64()).collect();
    assert_eq!((delays[0], delays.len()), (0, 4));
}

#[test]
fn no_zombie_is_left_between_instances() {
    let running = Subject::new(&["fork; kill 9", "fork; kill 9", "pid; beats 60000 10"]).start();
    let third: i32 = running.await_value("3 pid ").parse().unwrap();
    for line in running.lines() {
        if let Some((_, pid)) = line.split_once("forked ") {
            assert_eq!(state_of(pid.parse().unwrap()), None, "{line}");
        }
    }
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -15);
    assert!(!lives(third));
}

#[test]
fn the_last_message_of_an_instance_is_heard() {
    // The end and the last message arrive together, and the supervisor may see either first.
    for script in ["start; finalize; exit 3", "finalize; kill 9", "catch 15; start; await 15; finalize; exit 3"] {
        for _ in 0..20 {
            let seen = Subject::new(&[script]).set("SAM_INTERVAL", "60ms").set("SAM_GRACE", "20s").run();
            assert_eq!(seen.of("started").len(), 1, "{script}: {:?}", seen.events);
            assert_eq!(seen.code(), if script.contains('3') { 3 } else { -9 }, "{script}");
            assert_eq!(seen.of("ended")[0]["decision"], "finished");
        }
    }
    let seen = Subject::new(&["fail; exit 0", "exit 0"]).run();
    assert_eq!((seen.code(), seen.of("started").len()), (0, 2), "an instance that has failed is not done");
}

#[test]
fn an_instance_that_is_not_ready_in_time_is_warned_however_it_beats() {
    let subject = |script| Subject::new(&[script]).set("SUBJECT_SAYS_READY", "1").set("SAM_START_LIMIT", "200ms");
    let seen = subject("start; beats 60000 10").set("SAM_BUDGET", "0/60s").run();
    assert_eq!((seen.of("ready").len(), seen.of("warned")[0]["cause"].as_str()), (0, Some("start")));
    let seen = subject("start; beats 50 10; ready; beats 400 10").run();
    assert_eq!((seen.names(), seen.code()), (vec!["started", "ready", "ended"], 0));
}
