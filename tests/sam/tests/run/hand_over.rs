//! Programs that hand over to another main process, as a server does when it upgrades itself.

use std::{fs, process::Command};

use sam_tests::{Running, Subject, lives, proc::children, program, send, wait_until};

fn speaker(options: &[&str], script: &str) -> Subject {
    let options = [&["--notify", "group", "--backoff", "1ms..1ms", "--policy", "quit"], options].concat();
    Subject::by_command(&options, "speaker", &[script])
}

fn main_process(running: &Running) -> i32 {
    i32::try_from(running.status()["pid"].as_i64().unwrap()).unwrap()
}

/// The first process of the newest instance.
fn first_process(running: &Running) -> i32 {
    let events = running.events();
    let started = events.iter().rfind(|event| event["event"] == "started").unwrap();
    i32::try_from(started["pid"].as_i64().unwrap()).unwrap()
}

/// Waits until the process that printed `heir` is the main process, and returns its id.
fn await_hand_over(running: &Running, count: usize) -> i32 {
    running.await_events("handed over", count);
    let pid = running.events().iter().rfind(|event| event["event"] == "handed over").unwrap()["pid"].as_i64();
    let pid = i32::try_from(pid.unwrap()).unwrap();
    wait_until("the status file says so", || main_process(running) == pid);
    pid
}

/// A script that says `MAINPID` and counts SIGUSR1.
const HEIR: &str = "catch 10, notify MAINPID=$$, pause, say heir, ";

#[test]
fn a_process_that_mainpid_names_is_the_main_process_and_its_end_is_that_of_the_instance() {
    let script = format!("catch 12; notify READY=1; heir {HEIR} pause, exit 9; pause; exit 0");
    let running = speaker(&[], &script).start();
    running.await_events("started", 1);
    let first = first_process(&running);
    let heir = await_hand_over(&running, 1);
    assert_ne!(heir, first);
    // The new main process gets signals that are passed on, while both live and afterwards.
    running.signal(libc::SIGUSR1);
    running.await_line("1 heir");
    send(first, libc::SIGUSR2);
    wait_until("the old one is reaped", || children(running.pid()).contains(&heir) && !lives(first));
    running.signal(libc::SIGUSR1);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len(), seen.of("killed").len()), (9, 1, 0), "{:?}", seen.events);
    assert_eq!((seen.of("ended")[0]["status"].as_i64(), seen.of("handed over").len()), (Some(9), 1));
}

#[test]
fn when_the_named_main_process_ends_first_the_earlier_one_is_the_main_process_again() {
    let script = format!("notify READY=1; heir {HEIR} exit 9; reap; say back; catch 10; say up; pause; exit 4");
    let running = speaker(&[], &script).start();
    let heir = await_hand_over(&running, 1);
    running.signal(libc::SIGUSR1);
    assert_ne!(await_hand_over(&running, 2), heir);
    running.await_line("1 up");
    running.signal(libc::SIGUSR1);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len()), (4, 1), "{:?}", seen.events);
}

#[test]
fn a_main_process_that_was_handed_over_to_may_hand_over_again() {
    let second = "catch 12, notify MAINPID=$$, say first heir, pause, exit 0";
    // The old main process forks both heirs, because scripts do not nest.
    let script = format!("catch 12; notify READY=1; heir {second}; pause; heir {HEIR} exit 6; pause; exit 0");
    let running = speaker(&[], &script).start();
    let heir = await_hand_over(&running, 1);
    let first = first_process(&running);
    send(first, libc::SIGUSR2);
    let next = await_hand_over(&running, 2);
    assert!(next != heir && next != first);
    // The first main process and the one in between end without effect.
    send(heir, libc::SIGUSR2);
    wait_until("the main process has ended", || !lives(heir));
    send(first, libc::SIGUSR2);
    wait_until("the first is gone", || !lives(first));
    assert_eq!(main_process(&running), next);
    running.signal(libc::SIGUSR1);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len()), (6, 1), "{:?}", seen.events);
}

#[test]
fn a_main_process_that_was_handed_over_to_is_watched_restarted_and_dies_with_its_supervisor() {
    let script = format!("catch 12; notify READY=1; heir {HEIR} say beats, beats 60000 20; pause; exit 0");
    let options = ["--policy", "restart", "--watchdog", "300ms", "--grace", "20s"];
    let running = speaker(&options, &script).start();
    // The old main process ends as soon as there is a new one.
    let await_heir = |count| {
        let heir = await_hand_over(&running, count);
        let old = first_process(&running);
        send(old, libc::SIGUSR2);
        wait_until("the old one is gone", || !lives(old));
        heir
    };
    let heir = await_heir(1);
    running.signal(libc::SIGUSR1);
    running.await_line("1 beats");
    send(heir, libc::SIGKILL);
    let heir = await_heir(2);
    let ended = running.events().into_iter().find(|event| event["event"] == "ended").unwrap();
    assert_eq!((ended["signal"].as_i64(), ended["decision"].as_str()), (Some(9), Some("restart")));
    // The new main process hangs, and gets the warning.
    running.await_events("warned", 1);
    let third = await_heir(3);
    assert!(!lives(heir));
    running.signal(libc::SIGUSR1);
    running.await_line("3 beats");
    wait_until("another stands by", || children(running.pid()).iter().any(|pid| *pid != third));
    running.signal(libc::SIGKILL);
    wait_until("the main process has ended", || !lives(third));
}

#[test]
fn a_stop_in_a_hand_over_ends_the_old_and_the_new_main_process() {
    let script = format!("catch 12; notify READY=1; heir {HEIR} hang; hang");
    let running = speaker(&[], &script).start();
    let heir = await_hand_over(&running, 1);
    let first = first_process(&running);
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -15);
    assert!(!lives(heir) && !lives(first));
}

#[test]
fn a_named_process_outside_of_the_instance_is_not_followed_and_one_line_says_so() {
    let run = |script: &str| {
        let mut command = Command::new(program("sam"));
        command.args(["run", "--notify", "group", "--"]).arg(program("speaker")).arg(script);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = run("notify READY=1|MAINPID=1; barrier; exit 0");
    assert_eq!((code, text.lines().count()), (Some(0), 1), "{text}");
    assert!(text.contains("instance 1 said MAINPID=1: that process is not of the process group"), "{text}");
    let (_, text) = run("notify MAINPID=4194304; barrier; exit 0");
    assert!(text.contains("MAINPID=4194304: there is no such process"), "{text}");
    // A value that is no process id says nothing, and neither does the id of the main process.
    let script = "notify READY=1|MAINPID=0|MAINPID=x|MAINPID=|MAINPID=$$; barrier; exit 0";
    assert_eq!(run(script), (Some(0), String::new()));
}

#[test]
fn a_process_that_a_pid_file_names_follows_a_main_process_that_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let file = file.to_str().unwrap();
    let script = format!("catch 12; record {file}; heir catch 10, record {file}, say up, pause, exit 5; pause; exit 0");
    let options = ["--policy", "quit", "--pid-file", file];
    let running = Subject::by_command(&options, "speaker", &[&script]).start();
    running.await_line("1 up");
    let first = main_process(&running);
    send(first, libc::SIGUSR2);
    let heir = await_hand_over(&running, 1);
    assert_eq!(fs::read_to_string(file).unwrap(), format!("{heir}\n"));
    running.signal(libc::SIGUSR1);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len()), (5, 1), "{:?}", seen.events);
    // With any other content of the file, the end of the main process is the end of the instance.
    for text in ["", "x", "1", "-1", "99999999999"] {
        let script = "heir hang; catch 10; say up; pause; exit 3";
        let running = Subject::by_command(&options, "speaker", &[script]).start();
        running.await_line("1 up");
        fs::write(file, text).unwrap();
        running.signal(libc::SIGUSR1);
        assert_eq!(running.end().code(), 3, "{text}");
    }
}
