//! Probes, by which the command checks a program's health from outside.

use std::{
    fs,
    io::{self, Write as _},
    process::{Command, Stdio},
};

use sam_tests::{
    Subject,
    command::{sh, words},
    lives, program, send, wait_until,
};
use serde_json::json;

#[test]
fn a_probe_that_fails_three_times_leads_to_a_warning_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    // The program is well at first, and then not. Each probe writes a line.
    let probe = format!(
        "echo $SAM_INSTANCE:$SAM_PID >> {0}; [ $SAM_INSTANCE = 2 ] || [ $(wc -l < {0}) -le 2 ]",
        count.display()
    );
    let options = ["--probe", &probe, "--probe-every", "10ms", "--probe-limit", "20s", "--probe-failures", "3"];
    let running = sh(&options, "echo $$; while :; do sleep 0.1; done").start();
    running.await_events("started", 2);
    wait_until("the second is probed", || {
        fs::read_to_string(&count).unwrap_or_default().lines().any(|line| line.starts_with("2:"))
    });
    let events = running.events();
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(names[..5], ["started", "ready", "warned", "ended", "started"]);
    assert_eq!((&events[2]["cause"], &events[3]["signal"]), (&json!("probe"), &json!(15)));
    let probes = fs::read_to_string(&count).unwrap();
    let pid = running.lines()[0].clone();
    let first: Vec<&str> = probes.lines().filter(|line| line.starts_with("1:")).collect();
    assert!(first.len() >= 5, "the first instance has two good probes and three failed ones: {probes}");
    assert!(first.iter().all(|line| *line == format!("1:{pid}")), "{probes}");
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -15);
}

#[test]
fn a_probes_group_ends_with_the_probe_and_its_output_goes_to_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let probe = format!("sleep 777 & echo $! >> {}; echo out; echo err >&2; exit 0", pids.display());
    let read = || fs::read_to_string(&pids).unwrap_or_default();
    for quiet in [false, true] {
        let _ = fs::remove_file(&pids);
        let mut command = Command::new(program("sam"));
        command.args(["run"]).args(quiet.then_some("--quiet")).args(["--probe", &probe, "--probe-every", "20ms"]);
        command.args(["--", "/bin/sh", "-c", "echo service; exec sleep 1000"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        wait_until("there were probes", || read().lines().count() > 10);
        let all = read();
        // The newest probe may still run.
        for pid in all.lines().take(9) {
            let pid = pid.parse().unwrap();
            wait_until("what a probe left is killed", || !lives(pid));
        }
        send(child.id().cast_signed(), libc::SIGTERM);
        let output = child.wait_with_output().unwrap();
        assert_eq!(words(&output.stdout), "service\n");
        let log = words(&output.stderr);
        assert_eq!(log.contains("out\n") && log.contains("err\n"), !quiet, "{log}");
    }
}

#[test]
fn a_program_is_ready_by_its_first_good_probe_and_may_be_slow_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let (up, count) = (folder.path().join("up"), folder.path().join("count"));
    let probe = format!("echo >> {}; [ -e {} ]", count.display(), up.display());
    let options = ["--probe", &probe, "--probe-every", "20ms", "--probe-failures", "1"];
    let running = sh(&options, "exec sleep 1000").start();
    wait_until("ten probes have failed", || fs::read_to_string(&count).unwrap_or_default().lines().count() > 10);
    assert_eq!(running.status()["stage"], "starting");
    fs::write(&up, "").unwrap();
    running.await_events("ready", 1);
    fs::remove_file(&up).unwrap();
    running.await_events("warned", 1);
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!(seen.names()[..3], ["started", "ready", "warned"]);
    // The start has a limit.
    let options = ["--probe", "false", "--probe-every", "20ms", "--start-limit", "300ms"];
    let seen = sh(&options, "[ $SAM_INSTANCE = 2 ] || exec sleep 1000").run();
    assert_eq!((&seen.of("warned")[0]["cause"], seen.of("ready").len(), seen.code()), (&json!("start"), 0, 0));
}

#[test]
fn a_probe_that_hangs_is_killed_and_counts_as_failed() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let probe = format!("echo $$ >> {0}; [ $(wc -l < {0}) = 1 ] || exec sleep 1000", pids.display());
    let options = [
        "--probe",
        &probe,
        "--probe-every",
        "1ms",
        "--probe-limit",
        "50ms",
        "--probe-failures",
        "1",
        "--ready-at-start",
    ];
    let seen = sh(&options, "[ $SAM_INSTANCE = 2 ] || exec sleep 1000").run();
    assert_eq!((&seen.of("warned")[0]["cause"], seen.code()), (&json!("probe"), 0));
    for pid in fs::read_to_string(&pids).unwrap_or_default().lines() {
        assert!(!lives(pid.parse().unwrap()));
    }
}

#[test]
fn without_a_shell_a_probe_is_refused_at_the_start() {
    // The command runs in a mount namespace of its own, where /bin/sh cannot be executed.
    let shell = fs::canonicalize("/bin/sh").unwrap();
    let script = "mount --bind /dev/null \"$1\" && exec \"$0\" run --probe true -- /bin/true";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "--", "/bin/bash", "-c", script]);
    let output = command.arg(program("sam")).arg(&shell).output();
    let Ok(output) = output.as_ref() else {
        let _ = writeln!(io::stderr(), "not shown here: there is no unshare");
        return;
    };
    let text = words(&output.stderr);
    if text.contains("unshare: ") || text.contains("mount: ") || text.contains("bash: ") {
        let _ = writeln!(io::stderr(), "not shown here: {text}");
        return;
    }
    assert_eq!(output.status.code(), Some(126), "{text}");
    assert!(text.contains("probes are run by /bin/sh -c, which cannot be executed here"), "{text}");
}

#[test]
fn a_program_that_says_itself_when_it_is_ready_is_not_probed_before() {
    let folder = tempfile::tempdir().unwrap();
    let (ready, early) = (folder.path().join("ready"), folder.path().join("early"));
    let probe = format!("[ -e {} ] || echo >> {}; false", ready.display(), early.display());
    let options = ["--notify", "main", "--probe", &probe, "--probe-every", "1ms", "--probe-failures", "1"];
    let script = format!("catch 10; say up; pause; record {}; notify READY=1; hang", ready.display());
    let running = Subject::by_command(&options, "speaker", &[&script, "exit 0"]).start();
    running.await_line("1 up");
    wait_until("the instance is starting", || running.status()["stage"] == "starting");
    running.signal(libc::SIGUSR1);
    running.await_events("warned", 1);
    assert!(!early.exists(), "the program was probed while it booted");
    assert_eq!(running.end().names()[..3], ["started", "ready", "warned"]);
}
