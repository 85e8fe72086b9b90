//! `sam status`: what the command shows of a supervisor and its instance.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use sam_tests::{
    Subject,
    command::{sam, sh, words},
    program, send, wait_until,
};
use serde_json::{Value, json};

/// The exit status of `sam status`, and its output.
fn status(file: &Path, options: &[&str]) -> (i32, String) {
    let output = sam(&[&["status", file.to_str().unwrap()], options].concat());
    (output.status.code().unwrap(), words(&output.stdout) + &words(&output.stderr))
}

#[test]
fn status_shows_each_stage_and_says_it_by_its_exit_status() {
    let options = ["--notify", "main", "--backoff", "1h..1h", "--watchdog", "1h", "--grace", "1h"];
    // Each SIGUSR1 leads to the next stage.
    let first = "ignore 15; catch 10; say up; pause; notify READY=1|STATUS=well; pause; \
                 notify WATCHDOG=trigger; pause; kill 9";
    let scripts = [first, "kill 6"];
    let running = Subject::by_command(&options, "speaker", &scripts).start();
    running.await_line("1 up");
    let file = running.path("status");
    let shows = |stage: &str, code: i32, texts: &[&str]| {
        wait_until(stage, || running.status()["stage"] == stage);
        let (seen, text) = status(&file, &[]);
        assert_eq!(seen, code, "{text}");
        for expected in texts {
            assert!(text.contains(expected), "{stage}: no {expected:?} in\n{text}");
        }
        text
    };
    let supervisor = format!("supervisor  {}\n", running.pid());
    shows("starting", 1, &["state       instance 1 is starting\n", &supervisor, "restarts    0\n"]);
    let pid = i32::try_from(running.status()["pid"].as_i64().unwrap()).unwrap();
    let next = || send(pid, libc::SIGUSR1);
    next();
    let text = shows(
        "running",
        0,
        &["state       instance 1 is running\n", "says        well\n", &format!("pid         {pid}\n")],
    );
    assert!(text.contains("since       20") && text.contains(" ago)"), "{text}");
    next();
    shows("warned", 1, &["is not well and was warned: it marked itself failed\n"]);
    next();
    wait_until("the second is gone", || running.status()["instance"] == 3);
    shows(
        "waiting",
        1,
        &[
            "state       instance 3 waits to be started\n",
            "last end    instance 2 died of SIGABRT",
            "; a restart follows\n",
            "next start  in ",
        ],
    );
    running.signal(libc::SIGTERM);
    wait_until("the status says that the instance has ended", || running.status()["stage"] == "left");
    let (code, text) = status(&file, &[]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("has ended, and its supervisor too\n"), "{text}");
    assert_eq!(running.end().code(), -15);
}

#[test]
fn status_shows_a_stop_that_is_under_way() {
    let running = sh(&["--stop-limit", "1h"], "trap '' TERM; echo up; while :; do sleep 0.1; done").start();
    running.await_line("up");
    running.signal(libc::SIGTERM);
    wait_until("the instance is stopping", || running.status()["stage"] == "stopping");
    let (code, text) = status(&running.path("status"), &[]);
    assert_eq!(code, 1);
    assert!(text.contains("state       instance 1 is stopping\n"), "{text}");
    send(-i32::try_from(running.status()["pid"].as_i64().unwrap()).unwrap(), libc::SIGKILL);
    assert_eq!(running.end().code(), -9);
}

#[test]
fn status_for_programs_is_one_json_object() {
    let running = sh(&[], "exec sleep 1000").start();
    wait_until("the instance is ready", || running.path("status").exists() && running.status()["stage"] == "ready");
    let (code, text) = status(&running.path("status"), &["--json"]);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, text.lines().count()), (0, 1));
    assert_eq!((&value["serves"], &value["supervisor_lives"]), (&json!(true), &json!(true)));
    assert_eq!((&value["supervisor"], &value["instance"]), (&json!(running.pid()), &json!(1)));
    running.signal(libc::SIGTERM);
    running.end();
}

#[test]
fn status_tells_when_the_supervisor_is_gone_and_another_has_its_number() {
    let running = sh(&[], "exec sleep 1000").start();
    wait_until("the instance is ready", || running.path("status").exists() && running.status()["stage"] == "ready");
    let mut value = running.status();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    fs::copy(running.path("status"), &copy).unwrap();
    assert_eq!(status(&copy, &[]).0, 0);
    running.signal(libc::SIGKILL);
    running.end();
    let (code, text) = status(&copy, &[]);
    assert_eq!(code, 3);
    assert!(text.contains("state       the supervisor has ended; when it wrote last, instance 1 is ready\n"), "{text}");
    // This process has that id and lives, but it began at another time.
    value["supervisor"] = json!(std::process::id());
    fs::write(&copy, value.to_string()).unwrap();
    assert_eq!(status(&copy, &[]).0, 3);
    // From another PID namespace the command cannot tell.
    value["namespace"] = json!(1);
    fs::write(&copy, value.to_string()).unwrap();
    let (code, text) = status(&copy, &[]);
    assert_eq!(code, 0);
    assert!(text.contains("of another process namespace"), "{text}");
    let json: Value = serde_json::from_str(&status(&copy, &["--json"]).1).unwrap();
    assert!(json["supervisor_lives"].is_null());
}

#[test]
fn status_of_a_file_that_is_no_status_file_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    for (content, text) in [
        (None, "cannot be read: No such file"),
        (Some(""), "is no status file"),
        (Some("[1]"), "is no status file"),
        (Some("{\"stage\":\"running\""), "is no status file"),
        (Some("{\"stage\":\"flying\"}"), "tells of a stage \"flying\", which this version does not know"),
    ] {
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let (code, shown) = status(&file, &[]);
        assert_eq!(code, 2, "{content:?}");
        assert!(shown.contains(text) && shown.starts_with("sam: "), "{content:?}: {shown}");
    }
    fs::write(&file, "{}").unwrap();
    assert_eq!(status(&file, &[]), (1, "state       supervision has not begun\n".to_owned()));
    // The fields may have any types.
    fs::write(
        &file,
        r#"{"stage":"running","pid":"x","since":-1,"last":{"error":"y"},"kept":[1,"a\u001b[1m"],"time":{}}"#,
    )
    .unwrap();
    let (code, text) = status(&file, &[]);
    assert_eq!(code, 0);
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn status_watches_until_the_supervisor_is_done() {
    let running = sh(&["--backoff", "1ms..1ms"], "[ $SAM_INSTANCE = 2 ] || { read line; exit 9; }; exec sleep 1000");
    let mut running = running;
    // The first instance waits for a line of its input, a pipe to which the test writes nothing.
    let (input, mut ours) = std::io::pipe().unwrap();
    running.command().stdin(input);
    let running = running.start();
    wait_until("the instance is ready", || running.path("status").exists() && running.status()["stage"] == "ready");
    let mut watch = Command::new(program("sam"));
    watch.args(["status", "--watch", "--json"]).arg(running.path("status")).stdout(Stdio::piped());
    let mut watch = watch.spawn().unwrap();
    let mut out = std::io::BufReader::new(watch.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    };
    let first = next();
    assert_eq!((&first["instance"], &first["stage"]), (&json!(1), &json!("ready")));
    ours.write_all(b"\n").unwrap();
    while next()["instance"] != 2 {}
    running.signal(libc::SIGTERM);
    while next()["stage"] != "left" {}
    assert_eq!(watch.wait().unwrap().code(), Some(1));
    assert_eq!(running.end().code(), -15);
}

/// The list may be long, and the status is written though nothing else has changed.
#[test]
fn the_status_names_kept_descriptors_as_they_are_kept_and_dropped() {
    let running = Subject::new(&["catch 10; start; say up; keep 64; serve 10; forget 63; beats 60000 20"]).start();
    running.await_line("1 up");
    let kept = || running.status()["kept"].as_array().map_or(0, Vec::len);
    wait_until("all names are in the status", || kept() == 64);
    assert_eq!(running.status()["kept"][63], format!("63{}", "\u{1}".repeat(61)));
    running.signal(10);
    wait_until("all names but one are gone from the status", || kept() == 1);
    assert_eq!(running.status()["stage"], "running");
}

#[test]
fn a_status_that_could_not_be_written_is_written_later() {
    let script = "catch 10; start; say up; serve 10; keep 2; say kept; beats 60000 20";
    let running = Subject::new(&[script]).set("SAM_INTERVAL", "200ms").start();
    running.await_line("1 up");
    wait_until("the program runs", || running.status()["stage"] == "running");
    // A folder stands in the way of the next status file.
    let next = running.path("status.next");
    fs::create_dir(&next).unwrap();
    running.signal(10);
    running.await_line("1 kept");
    fs::remove_dir(&next).unwrap();
    wait_until("the status is current again", || {
        running.status()["kept"].as_array().is_some_and(|kept| kept.len() == 2)
    });
}

#[test]
fn a_status_that_cannot_be_written_says_that_it_is_old_and_the_log_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = (folder.path().join("status"), folder.path().join("log"));
    let shown = file.to_str().unwrap();
    let mut supervisor = Command::new(program("sam"))
        .args(["run", "--status", shown, "--backoff", "1ms..1ms", "--", "/bin/sh", "-c", "exec sleep 1000"])
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let read =
        || -> Value { serde_json::from_str(&fs::read_to_string(&file).unwrap_or_default()).unwrap_or(Value::Null) };
    wait_until("the instance is ready", || read()["stage"] == "ready");
    assert_eq!((&read()["current"], status(&file, &[]).0), (&json!(true), 0));
    // A folder stands in the way of each next status file.
    let next = folder.path().join("status.next");
    fs::create_dir(&next).unwrap();
    for _ in 0..4 {
        let children = || sam_tests::proc::children(supervisor.id().cast_signed());
        wait_until("an instance runs and a child stands by", || children().len() == 2);
        let before = children();
        send(before[0], libc::SIGKILL);
        wait_until("the next instance runs", || children().first() != before.first());
    }
    wait_until("the log tells", || fs::read_to_string(&log).unwrap().contains("cannot write the status file"));
    let (code, text) = status(&file, &[]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("state       unknown; instance 1 is ready when the file was written, 20"), "{text}");
    assert!(text.contains("the supervisor cannot write this file"), "{text}");
    let (code, text) = status(&file, &["--json"]);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &value["current"], &value["serves"]), (4, &json!(false), &json!(false)));
    // The supervisor tries again by itself, without an event.
    fs::remove_dir(&next).unwrap();
    wait_until("the status is current again", || read()["current"] == true && read()["stage"] == "ready");
    assert_eq!(status(&file, &[]).0, 0);
    send(supervisor.id().cast_signed(), libc::SIGTERM);
    supervisor.wait().unwrap();
    let log = fs::read_to_string(&log).unwrap();
    assert_eq!(log.matches("cannot write the status file").count(), 1, "{log}");
}

/// The supervisor cannot even mark the present file.
#[test]
fn a_status_of_an_instance_that_is_gone_is_old_whatever_it_says() {
    let running = sh(&[], "exec sleep 1000").start();
    wait_until("the instance is ready", || running.path("status").exists() && running.status()["stage"] == "ready");
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    fs::copy(running.path("status"), &copy).unwrap();
    assert_eq!(status(&copy, &[]).0, 0);
    send(i32::try_from(running.status()["pid"].as_i64().unwrap()).unwrap(), libc::SIGKILL);
    wait_until("the second runs", || running.status()["instance"] == 2 && running.status()["stage"] == "ready");
    assert_eq!(status(&copy, &[]).0, 4);
    assert_eq!(status(&running.path("status"), &[]).0, 0);
    running.signal(libc::SIGTERM);
    running.end();
}

#[test]
fn a_second_supervisor_of_a_status_file_is_refused_and_one_after_the_first_was_killed_is_not() {
    let running = sh(&[], "exec sleep 1000").start();
    wait_until("the instance is ready", || running.path("status").exists() && running.status()["stage"] == "ready");
    let file = running.path("status");
    let shown = file.to_str().unwrap();
    let output = sam(&["run", "--status", shown, "--", "true"]);
    let text = words(&output.stderr);
    assert_eq!(output.status.code(), Some(70), "{text}");
    let expected = format!("is kept by another supervisor, process {}; give another file", running.pid());
    assert!(text.contains(&expected), "{text}");
    assert_eq!(running.status()["stage"], "ready");
    // A linked program is refused the same way.
    let output = Command::new(program("subject")).arg("exit 0").env("SAM_STATUS", shown).output().unwrap();
    assert_eq!(output.status.code(), Some(70), "{}", words(&output.stderr));
    running.signal(libc::SIGKILL);
    wait_until("the status says that the supervisor is gone", || status(&file, &[]).0 == 3);
    assert!(file.with_extension("lock").exists());
    let output = sam(&["run", "--status", shown, "--", "true"]);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output.stderr));
    assert!(!file.with_extension("lock").exists(), "the supervisor leaves nothing but the status file");
    running.end();
}

#[test]
fn a_status_file_does_not_replace_what_is_no_regular_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = sam(&["run", "--status", folder.path().to_str().unwrap(), "--", "true"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(words(&output.stderr).contains("is no regular file"), "{}", words(&output.stderr));
    let file = folder.path().join("both");
    let file = file.to_str().unwrap();
    let output = sam(&["run", "--status", file, "--events", file, "--", "true"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(words(&output.stderr).contains("events and status are one file"), "{}", words(&output.stderr));
}

#[test]
fn the_file_of_events_is_opened_anew_at_a_signal_that_the_program_gets_as_well() {
    let running = sh(&[], "trap 'echo reloaded' HUP; echo up; while :; do sleep 0.05; done").start();
    running.await_line("up");
    running.await_events("ready", 1);
    let (events, aside) = (running.path("events"), running.path("events.1"));
    fs::rename(&events, &aside).unwrap();
    running.signal(libc::SIGHUP);
    running.await_line("reloaded");
    running.signal(libc::SIGTERM);
    running.await_events("ended", 1);
    assert_eq!(fs::read_to_string(&aside).unwrap().lines().count(), 2);
    assert_eq!(running.end().names(), ["stopping", "ended"]);
}

#[test]
fn stop_and_signal_reach_a_supervisor_by_its_status_file_and_no_other_process() {
    let running = sh(&[], "trap 'echo reloaded' HUP; echo up; while :; do sleep 0.05; done").start();
    running.await_line("up");
    wait_until("the instance is ready", || running.path("status").exists() && running.status()["stage"] == "ready");
    let file = running.path("status");
    let shown = file.to_str().unwrap();
    assert_eq!(sam(&["signal", shown, "HUP"]).status.code(), Some(0));
    running.await_line("reloaded");
    // The file names this test's process id with another start time, so the process must not be signalled.
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    let mut value = running.status();
    value["supervisor"] = json!(std::process::id());
    fs::write(&other, value.to_string()).unwrap();
    let output = sam(&["stop", other.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3), "{}", words(&output.stderr));
    assert!(words(&output.stderr).contains("its supervisor has ended"), "{}", words(&output.stderr));
    fs::write(&other, "{}").unwrap();
    assert_eq!(sam(&["stop", other.to_str().unwrap()]).status.code(), Some(2));
    assert_eq!(sam(&["signal", shown]).status.code(), Some(64));
    assert_eq!(sam(&["signal", shown, "SIGNONE"]).status.code(), Some(64));
    assert_eq!(sam(&["stop", shown]).status.code(), Some(0));
    assert_eq!(status(&file, &[]).0, 1, "the supervisor has ended when the command ends");
    assert_eq!(running.end().code(), -15);
    assert_eq!(sam(&["stop", "/no/such/file"]).status.code(), Some(2));
}

#[test]
fn a_restart_is_followed_by_the_next_instance_and_no_budget_counts_it() {
    let script = "catch 10; say up; ignore 10; hang";
    let options = ["--budget", "0/1h", "--policy", "quit", "--stop-signal", "TERM"];
    let running = Subject::by_command(&options, "speaker", &[script]).start();
    running.await_line("1 up");
    let file = running.path("status");
    let restart = || sam(&["restart", file.to_str().unwrap()]);
    for next in 2..5 {
        let output = restart();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        running.await_line(&format!("{next} up"));
    }
    let status = running.status();
    assert_eq!((status["instance"].as_u64(), status["restarts"].as_u64()), (Some(4), Some(3)));
    // The same signal from another sender is passed on like any other signal.
    running.signal(libc::SIGRTMAX());
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len(), seen.of("restarting").len()), (-libc::SIGRTMAX(), 4, 3));
    let output = sam(&["restart", "/no/such/file"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_restart_of_an_instance_that_is_being_stopped_says_that_its_supervisor_ends() {
    let options = ["--stop-limit", "1h"];
    let running =
        Subject::by_command(&options, "speaker", &["catch 15; catch 10; say up; pause; pause; exit 0"]).start();
    running.await_line("1 up");
    running.signal(libc::SIGTERM);
    wait_until("the instance is stopping", || running.status()["stage"] == "stopping");
    let file = running.path("status");
    let child = Command::new(program("sam")).arg("restart").arg(&file).stderr(Stdio::piped()).spawn().unwrap();
    // The file is gone with the supervisor.
    let descriptors = format!("/proc/{}/fd", child.id());
    wait_until("the command has read the file, and has its supervisor", || {
        let mut open = fs::read_dir(&descriptors).into_iter().flatten().flatten();
        open.any(|one| fs::read_link(one.path()).is_ok_and(|what| what.to_string_lossy().contains("pidfd")))
    });
    running.signal(libc::SIGUSR1);
    assert_eq!(running.end().code(), 0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}
