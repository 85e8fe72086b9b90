//! The command `sam`: what it supervises, how it ends, and what it shows.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::{
            fs::PermissionsExt as _,
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    path::Path,
    process::{Command, Output, Stdio},
};

use sam_tests::{Subject, lives, program, send, wait_until};
use serde_json::{Value, json};

fn sh(options: &[&str], script: &str) -> Subject {
    Subject::by_command(options, "/bin/sh", &["-c", script])
}

fn sam(arguments: &[&str]) -> Output {
    Command::new(program("sam")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The exit status of `sam status` and what it shows.
fn status(file: &Path, options: &[&str]) -> (i32, String) {
    let output = sam(&[&["status", file.to_str().unwrap()], options].concat());
    (output.status.code().unwrap(), words(&output.stdout) + &words(&output.stderr))
}

#[test]
fn every_exit_status_is_passed_on() {
    for code in [0, 1, 2, 63, 64, 71, 126, 127, 128, 255] {
        let seen = sh(&["--policy", "quit"], &format!("exit {code}")).run();
        assert_eq!(seen.code(), code);
    }
    for signal in [1, 2, 3, 4, 6, 8, 9, 11, 13, 15, 31, 34, 64] {
        let seen = sh(&["--policy", "quit"], &format!("kill -{signal} $$")).run();
        assert_eq!(seen.code(), -signal);
    }
}

#[test]
fn a_clean_end_is_an_end_and_others_are_followed_by_the_next_instance() {
    let seen = sh(&[], "echo $SAM_INSTANCE; exit 0").run();
    assert_eq!((seen.code(), seen.lines), (0, vec!["1".to_owned()]));
    let seen = sh(&[], "echo $SAM_INSTANCE; [ $SAM_INSTANCE -lt 3 ] && exit 9; exit 0").run();
    assert_eq!((seen.code(), seen.lines), (0, ["1", "2", "3"].map(str::to_owned).to_vec()));
    let seen = sh(&["--clean-exits", "3,4"], "exit 4").run();
    assert_eq!((seen.code(), seen.of("started").len()), (4, 1));
    let seen = sh(&["--fatal-exits", "78"], "exit 78").run();
    assert_eq!((seen.code(), seen.of("ended")[0]["decision"].as_str()), (78, Some("fatal")));
}

#[test]
fn the_budget_is_what_it_was_told() {
    let seen = sh(&["--budget", "2/1h", "--backoff", "1ms..2ms"], "exit 9").run();
    assert_eq!((seen.code(), seen.of("started").len()), (9, 3));
    assert_eq!(seen.of("ended")[2]["decision"], "budget spent");
}

#[test]
fn the_arguments_of_a_program_are_its_own() {
    let script = "for a; do echo \"<$a>\"; done";
    let seen = Subject::by_command(&[], "/bin/sh", &["-c", script, "sh", "--quiet", "", "-h", "a b", "--"]).run();
    assert_eq!(seen.lines, ["<--quiet>", "<>", "<-h>", "<a b>", "<-->"]);
    let output = sam(&["run", "--quiet", "echo", "--help", "-x"]);
    assert_eq!((output.status.code(), words(&output.stdout)), (Some(0), "--help -x\n".to_owned()), "without --");
}

#[test]
fn a_program_that_cannot_be_executed_is_refused_before_anything_begins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plain");
    fs::write(&file, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (file, events) = (file.to_str().unwrap(), folder.path().join("events"));
    let cases = [
        ("no-such-program-anywhere", 127, "there is no program no-such-program-anywhere in PATH; give its path"),
        ("./no/such/file", 127, "there is no file ./no/such/file; give"),
        ("", 127, "has no name"),
        (file, 126, "cannot be executed; give a file that is executable (chmod +x)"),
        ("/", 126, "cannot be executed"),
    ];
    for (program, code, text) in cases {
        let output = sam(&["run", "--events", events.to_str().unwrap(), "--", program]);
        assert_eq!(output.status.code(), Some(code), "{program}");
        assert!(words(&output.stderr).contains(text), "{program}: {}", words(&output.stderr));
        assert!(!events.exists(), "{program}: something began");
    }
}

#[test]
fn a_program_that_vanishes_is_tried_within_the_budget_and_ends_in_its_status() {
    for (undo, code) in [("rm \"$0\"", 127), ("chmod -x \"$0\"", 126)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("once");
        fs::write(&file, format!("#!/bin/sh\n{undo}; exit 9\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let options = ["--budget", "2/1h", "--backoff", "1ms..1ms"];
        let mut subject = Subject::by_command(&options, file.to_str().unwrap(), &[]);
        subject.command().stderr(Stdio::null());
        let seen = subject.run();
        assert_eq!((seen.code(), seen.of("started").len()), (code, 3), "{:?}", seen.events);
    }
}

#[test]
fn wrong_arguments_are_refused_with_what_to_do() {
    let cases: [(&[&str], &str); 21] = [
        (&[], "nothing to do; give a command, run or status; see `sam --help`"),
        (&["fly"], "there is no command \"fly\"; give run or status"),
        (&["--fly"], "there is no option --fly; see `sam --help`"),
        (&["run"], "there is no program to supervise; give one behind --; see `sam run --help`"),
        (&["run", "--fly", "true"], "there is no option --fly; see `sam run --help`"),
        (&["run", "-f", "true"], "there is no option -f"),
        (&["run", "--watchdog"], "--watchdog needs a value"),
        (&["run", "--watchdog", "soon", "true"], "--watchdog is \"soon\"; give a time such as 2s or 150ms, not zero"),
        (&["run", "--watchdog", "0s", "true"], "--watchdog is \"0s\""),
        (&["run", "--outlive=yes", "true"], "--outlive takes no value"),
        (&["run", "--policy", "hope", "true"], "--policy is \"hope\"; give restart or quit"),
        (&["run", "--budget", "10", "true"], "--budget is \"10\"; give restarts and a time, as 10/60s"),
        (&["run", "--budget", "65/1s", "true"], "a budget of 65 restarts; give 64 at most"),
        (&["run", "--backoff", "2s..1s", "true"], "give the shorter delay first"),
        (&["run", "--clean-exits", "256", "true"], "give exit codes from 0 to 255, as 3,4"),
        (&["run", "--warn-signal", "STOP", "true"], "signal 19 cannot warn"),
        (&["run", "--probe-every", "1s", "true"], "there is no command to probe with; give --probe COMMAND"),
        (&["run", "--start-limit", "1s", "true"], "--start-limit is for a program that says READY=1; give --notify"),
        (&["run", "--ready-at-start", "true"], "every program is ready at its start"),
        (&["status"], "no status file; give the one of `sam run --status FILE`; see `sam status --help`"),
        (&["status", "a", "b"], "\"b\" is one argument too many"),
    ];
    for (arguments, text) in cases {
        let output = sam(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        let line = words(&output.stderr);
        assert!(line.contains(text), "{arguments:?}: {line}");
        assert!(line.starts_with("sam: ") && line.trim_end().lines().count() == 1, "{line}");
    }
    let output = sam(&["run", "--status", "/no/such/folder/status", "true"]);
    assert_eq!(output.status.code(), Some(71));
    assert!(words(&output.stderr).contains("/no/such/folder/status: No such file"), "{}", words(&output.stderr));
}

#[test]
fn the_manual_names_every_option_and_no_other() {
    for (arguments, first) in [
        (&["--help"][..], "Keeps"),
        (&["help"], "Keeps"),
        (&["run", "-h"], "Supervises"),
        (&["status", "--help"], "Shows"),
    ] {
        let output = sam(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(words(&output.stdout).starts_with(first), "{arguments:?}");
    }
    let version = words(&sam(&["--version"]).stdout);
    assert_eq!(version, format!("sam {}\n", env!("CARGO_PKG_VERSION")));
    let manual = words(&sam(&["run", "--help"]).stdout);
    let options = manual.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    let options: Vec<&str> = options.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(options.len() >= 22, "{options:?}");
    for option in options {
        // Whatever is wrong with this, it is not that the option is unknown.
        let output = sam(&["run", &format!("--{option}")]);
        assert_eq!(output.status.code(), Some(64));
        assert!(!words(&output.stderr).contains("no option"), "{option}");
    }
    let source = include_str!("../../../sam/src/bin/sam/run.rs");
    let known = source.lines().filter_map(|line| line.trim_start().strip_prefix('"')?.split_once("\" => "));
    for (option, _) in known {
        assert!(manual.contains(&format!("--{option} ")) || manual.contains(&format!("--{option}\n")), "{option}");
    }
}

#[test]
fn a_probe_that_fails_three_times_leads_to_a_warning_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    // Well at first, then not; each probe leaves a line.
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
    assert!(first.len() >= 5, "two that are well, three that are not: {probes}");
    assert!(first.iter().all(|line| *line == format!("1:{pid}")), "{probes}");
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -15);
}

#[test]
fn a_probe_that_hangs_is_killed_and_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let probe = format!("echo $$ >> {}; exec sleep 1000", pids.display());
    let options = ["--probe", &probe, "--probe-every", "1ms", "--probe-limit", "50ms", "--probe-failures", "1"];
    let seen = sh(&options, "[ $SAM_INSTANCE = 2 ] || exec sleep 1000").run();
    assert_eq!((&seen.of("warned")[0]["cause"], seen.code()), (&json!("probe"), 0));
    for pid in fs::read_to_string(&pids).unwrap_or_default().lines() {
        assert!(!lives(pid.parse().unwrap()));
    }
}

#[test]
fn an_instance_dies_with_its_supervisor_unless_it_may_outlive_it() {
    for (options, outlives) in [(&[][..], false), (&["--outlive"], true)] {
        let running = sh(options, "echo $$; exec sleep 1000").start();
        wait_until("it runs", || !running.lines().is_empty());
        let pid = running.lines()[0].parse().unwrap();
        wait_until("it is ready", || running.status()["stage"] == "ready");
        running.signal(libc::SIGKILL);
        if outlives {
            wait_until("the supervisor is gone", || !lives(running.pid()));
            assert!(lives(pid));
            send(pid, libc::SIGKILL);
        } else {
            wait_until("the instance is gone", || !lives(pid));
        }
        assert_eq!(running.end().code(), -9);
    }
}

#[test]
fn variables_for_linked_programs_do_not_change_the_command() {
    let subject = sh(&["--policy", "quit"], "echo $SAM_POLICY; exit 7");
    let seen = subject.set("SAM_POLICY", "nonsense").set("SAM_DISABLE", "1").run();
    assert_eq!((seen.code(), seen.lines), (7, vec!["nonsense".to_owned()]));
    assert_eq!(seen.events.len(), 3, "it was supervised");
}

#[test]
fn an_idle_supervisor_sleeps() {
    let running = sh(&[], "echo up; exec sleep 1000").start();
    running.await_line("up");
    wait_until("it is ready", || running.status()["stage"] == "ready");
    let switches = || {
        let text = fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
        let line =
            text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap().trim().to_owned();
        line.parse::<u64>().unwrap()
    };
    wait_until("it sleeps", || sam_tests::state_of(running.pid()) == Some('S'));
    let before = switches();
    std::thread::sleep(std::time::Duration::from_millis(600));
    assert!(switches() - before <= 1, "it woke up without an occasion");
    running.signal(libc::SIGTERM);
    running.end();
}

#[test]
fn status_shows_each_stage_and_says_it_by_its_exit_status() {
    let options = ["--notify", "main", "--backoff", "1h..1h", "--watchdog", "1h", "--grace", "1h"];
    // Each SIGUSR1 goes a stage on.
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
    wait_until("it has ended", || running.status()["stage"] == "left");
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
    wait_until("it is stopping", || running.status()["stage"] == "stopping");
    let (code, text) = status(&running.path("status"), &[]);
    assert_eq!(code, 1);
    assert!(text.contains("state       instance 1 is stopping\n"), "{text}");
    send(-i32::try_from(running.status()["pid"].as_i64().unwrap()).unwrap(), libc::SIGKILL);
    assert_eq!(running.end().code(), -9);
}

#[test]
fn status_for_programs_is_one_object() {
    let running = sh(&[], "exec sleep 1000").start();
    wait_until("it is ready", || running.path("status").exists() && running.status()["stage"] == "ready");
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
    wait_until("it is ready", || running.path("status").exists() && running.status()["stage"] == "ready");
    let mut value = running.status();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    fs::copy(running.path("status"), &copy).unwrap();
    assert_eq!(status(&copy, &[]).0, 0);
    running.signal(libc::SIGKILL);
    running.end();
    let (code, text) = status(&copy, &[]);
    assert_eq!(code, 3);
    assert!(text.contains("state       the supervisor is gone; when it wrote last, instance 1 is ready\n"), "{text}");
    // This process lives, but began at another time.
    value["supervisor"] = json!(std::process::id());
    fs::write(&copy, value.to_string()).unwrap();
    assert_eq!(status(&copy, &[]).0, 3);
    // In another namespace nobody can tell.
    value["namespace"] = json!(1);
    fs::write(&copy, value.to_string()).unwrap();
    let (code, text) = status(&copy, &[]);
    assert_eq!(code, 0);
    assert!(text.contains("of another process namespace"), "{text}");
    let json: Value = serde_json::from_str(&status(&copy, &["--json"]).1).unwrap();
    assert!(json["supervisor_lives"].is_null());
}

#[test]
fn status_of_what_is_no_status_file_says_so() {
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
    // Whatever types its fields have.
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
    // The first instance waits for a line that never comes: its input is a pipe of ours.
    let (input, mut ours) = std::io::pipe().unwrap();
    running.command().stdin(input);
    let running = running.start();
    wait_until("it is ready", || running.path("status").exists() && running.status()["stage"] == "ready");
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

/// A terminal of a test's own.
struct Terminal {
    master: fs::File,
}

impl Terminal {
    /// Starts a command as the foreground of a new session of a new terminal.
    fn start(command: &mut Command) -> (Terminal, std::process::Child) {
        let (mut master, mut slave) = (-1, -1);
        let none = std::ptr::null_mut();
        // SAFETY: both numbers are writable; the name and the settings may be null.
        let result = unsafe { libc::openpty(&raw mut master, &raw mut slave, none, none.cast(), none.cast()) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        // SAFETY: it is new and nobody else's.
        let master = unsafe { OwnedFd::from_raw_fd(master) };
        // SAFETY: as above.
        let slave = unsafe { OwnedFd::from_raw_fd(slave) };
        // SAFETY: takes no pointers.
        unsafe { libc::fcntl(master.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
        command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave.try_clone().unwrap());
        let become_leader = || {
            // SAFETY: takes no pointers.
            unsafe { libc::setsid() };
            // SAFETY: takes a number; standard input is the terminal by now.
            unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) };
            Ok(())
        };
        // SAFETY: it makes two system calls.
        unsafe { command.pre_exec(become_leader) };
        let child = command.spawn().unwrap();
        (Terminal { master: master.into() }, child)
    }

    /// Reads until this text has come.
    fn await_text(&mut self, text: &str) -> String {
        let mut seen = String::new();
        let mut bytes = [0; 256];
        while !seen.contains(text) {
            let mut one = libc::pollfd { fd: self.master.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one entry, writable.
            let ready = unsafe { libc::poll(&raw mut one, 1, 30_000) };
            assert!(ready > 0, "nothing came within 30 s, after {seen:?}");
            let len = self.master.read(&mut bytes).unwrap_or_else(|error| panic!("{error}, after {seen:?}"));
            seen.push_str(&String::from_utf8_lossy(&bytes[..len]));
        }
        seen
    }
}

#[test]
fn ctrl_c_stops_the_program_once_and_the_command_with_it() {
    for (script, code, signal) in
        [("catch 2; say up; pause; say done; exit 5", Some(5), None), ("say up; hang", None, Some(libc::SIGINT))]
    {
        let mut command = Command::new(program("sam"));
        command.args(["run", "--quiet", "--"]).arg(program("speaker")).arg(script);
        let (mut terminal, mut child) = Terminal::start(&mut command);
        terminal.await_text("up\r\n");
        terminal.master.write_all(b"\x03").unwrap();
        if code.is_some() {
            let text = terminal.await_text("1 done");
            assert_eq!(text.matches("caught").count(), 1, "{text}");
        }
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (code, signal));
    }
}

#[test]
fn a_program_that_reads_from_the_terminal_may() {
    let mut command = Command::new(program("sam"));
    command.args([
        "run",
        "--quiet",
        "--policy",
        "quit",
        "--",
        "/bin/sh",
        "-c",
        "echo up; read line; echo \"<$line>\"; exit 3",
    ]);
    let (mut terminal, mut child) = Terminal::start(&mut command);
    terminal.await_text("up");
    terminal.master.write_all(b"hello\n").unwrap();
    terminal.await_text("<hello>");
    assert_eq!(child.wait().unwrap().code(), Some(3));
}
