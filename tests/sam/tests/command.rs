//! `sam run`: what the command supervises, and how it ends.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::{
        fs::PermissionsExt as _,
        process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{Command, Stdio},
};

use sam_tests::{
    Subject,
    command::{sam, sh, words},
    lives, program, send,
    tty::Tty,
    wait_until,
};
use serde_json::json;

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
        (&[], "nothing to do; give a command: run, status, stop or signal; see `sam --help`"),
        (&["fly"], "there is no command \"fly\"; give run, status, stop or signal"),
        (&["--fly"], "there is no option --fly; see `sam --help`"),
        (&["run"], "there is no program to supervise; give one behind --; see `sam run --help`"),
        (&["run", "--fly", "true"], "there is no option --fly; see `sam run --help`"),
        (&["run", "-f", "true"], "there is no option -f"),
        (&["run", "--watchdog"], "--watchdog needs a value"),
        (&["run", "--watchdog", "soon", "true"], "--watchdog is \"soon\"; give a time such as 2s or 150ms, not zero"),
        (&["run", "--watchdog", "0s", "true"], "--watchdog is \"0s\""),
        (&["run", "--outlive=yes", "true"], "--outlive takes no value"),
        (&["run", "--policy", "hope", "true"], "--policy is \"hope\"; give restart or always or quit"),
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
fn a_probes_group_ends_with_it_and_its_output_is_the_logs() {
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
        // The newest may still run.
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
    wait_until("it was probed in vain", || fs::read_to_string(&count).unwrap_or_default().lines().count() > 10);
    assert_eq!(running.status()["stage"], "starting");
    fs::write(&up, "").unwrap();
    running.await_events("ready", 1);
    fs::remove_file(&up).unwrap();
    running.await_events("warned", 1);
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!(seen.names()[..3], ["started", "ready", "warned"]);
    // There is a limit for it.
    let options = ["--probe", "false", "--probe-every", "20ms", "--start-limit", "300ms"];
    let seen = sh(&options, "[ $SAM_INSTANCE = 2 ] || exec sleep 1000").run();
    assert_eq!((&seen.of("warned")[0]["cause"], seen.of("ready").len(), seen.code()), (&json!("start"), 0, 0));
}

#[test]
fn without_a_shell_a_probe_is_refused_at_the_start() {
    // In a mount namespace of its own, where what /bin/sh is cannot be executed.
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
fn a_program_has_signals_and_descriptors_as_without_the_command() {
    let all: Vec<i32> = (1..=64).filter(|signal| ![9, 19, 32, 33].contains(signal)).collect();
    let patterns: [fn(i32) -> bool; 4] =
        [|_| false, |_| true, |signal| signal % 2 == 1, |signal| signal == libc::SIGPIPE];
    let reader = "grep -E '^Sig(Ign|Blk)' /proc/self/status; for f in /proc/self/fd/*; do echo ${f##*/}; done";
    for is_ignored in patterns {
        for is_blocked in [|_| false, |signal| signal % 3 == 1 && signal != libc::SIGTERM] as [fn(i32) -> bool; 2] {
            let run = |supervised: bool| {
                let mut command = Command::new(if supervised { program("sam") } else { "/bin/bash".into() });
                if supervised {
                    command.args(["run", "--quiet", "--policy", "quit", "--", "/bin/bash"]);
                }
                command.args(["-c", reader]).stdin(Stdio::null());
                let signals = all.clone();
                let change = move || {
                    for &signal in &signals {
                        let default = [if is_ignored(signal) { 1_u64 } else { 0 }, 0, 0, 0];
                        // SAFETY: the kernel reads no more than that; 0 and 1 are SIG_DFL and SIG_IGN.
                        unsafe {
                            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null::<u64>(), 8)
                        };
                    }
                    let mask =
                        signals.iter().filter(|&&signal| is_blocked(signal)).fold(0_u64, |m, s| m | 1 << (s - 1));
                    // SAFETY: the mask has eight bytes.
                    unsafe {
                        libc::syscall(
                            libc::SYS_rt_sigprocmask,
                            libc::SIG_SETMASK,
                            &raw const mask,
                            std::ptr::null::<u64>(),
                            8,
                        )
                    };
                    Ok(())
                };
                // SAFETY: system calls on memory of its own.
                unsafe { command.pre_exec(change) };
                let output = command.output().unwrap();
                (words(&output.stdout), output.status.code())
            };
            assert_eq!(run(true), run(false));
        }
    }
}

#[test]
fn a_probe_that_hangs_is_killed_and_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let probe = format!("echo $$ >> {0}; [ $(wc -l < {0}) = 1 ] || exec sleep 1000", pids.display());
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
        wait_until("the next stands by", || sam_tests::proc::children(running.pid()).len() == 2);
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
    wait_until("the next stands by", || sam_tests::proc::children(running.pid()).len() == 2);
    wait_until("it sleeps", || sam_tests::state_of(running.pid()) == Some('S'));
    let before = switches();
    std::thread::sleep(std::time::Duration::from_millis(600));
    assert!(switches() - before <= 1, "it woke up without an occasion");
    running.signal(libc::SIGTERM);
    running.end();
}

#[test]
fn ctrl_c_stops_the_program_once_and_the_command_with_it() {
    for (script, code, signal) in
        [("catch 2; say up; pause; say done; exit 5", Some(5), None), ("say up; hang", None, Some(libc::SIGINT))]
    {
        let mut command = Command::new(program("sam"));
        command.args(["run", "--quiet", "--"]).arg(program("speaker")).arg(script);
        let mut tty = Tty::start(command);
        tty.await_text("up");
        tty.types("\x03");
        if code.is_some() {
            let text = tty.await_text("1 done");
            assert_eq!(text.matches("caught").count(), 1, "{text}");
        }
        let status = tty.end();
        assert_eq!((status.code(), status.signal()), (code, signal));
    }
}

#[test]
fn a_program_that_reads_from_the_terminal_may() {
    let script = "echo up; read line; echo \"<$line>\"; exit 3";
    let mut command = Command::new(program("sam"));
    command.args(["run", "--quiet", "--policy", "quit", "--", "/bin/sh", "-c", script]);
    let mut tty = Tty::start(command);
    tty.await_text("up");
    tty.types("hello\n");
    tty.await_text("<hello>");
    assert_eq!(tty.end().code(), Some(3));
}

/// A shell that counts a signal, and a helper of its that dies of it.
#[test]
fn a_signal_that_is_passed_on_goes_to_the_main_process_and_by_option_to_its_group() {
    let script = "trap 'echo reloaded; [ $SAM_INSTANCE = 1 ] || exit 7' HUP; sleep 1000 & echo helper $!; echo up; \
                  while :; do wait $!; [ $? -gt 128 ] && kill -0 $! && continue; echo helper gone; exit 3; done";
    for (options, is_spared) in [(&[][..], true), (&["--pass-signals", "group"], false)] {
        let options = [&["--policy", "quit"], options].concat();
        let running = sh(&options, script).start();
        running.await_line("up");
        let helper = running.await_value("helper ").parse().unwrap();
        running.signal(libc::SIGHUP);
        running.await_line("reloaded");
        if is_spared {
            assert!(lives(helper), "the helper got the signal");
            running.signal(libc::SIGTERM);
            assert_eq!(running.end().code(), -15);
        } else {
            wait_until("the helper is gone", || !lives(helper));
            assert_eq!(running.end().code(), 3);
        }
    }
}

/// As a service manager starts it: the variable names the process that it made.
#[test]
fn sockets_of_a_service_manager_are_the_programs_in_each_instance() {
    let script = "[ \"$LISTEN_PID\" = $$ ] && [ \"$SYSTEMD_EXEC_PID\" = $$ ] && echo mine $LISTEN_FDS$LISTEN_PIDFDID; \
                  [ -e /proc/self/fd/3 ] && echo open; [ $SAM_INSTANCE = 1 ] && exit 9; exit 0";
    let manager = "exec 3</dev/null; LISTEN_PID=$$ SYSTEMD_EXEC_PID=$$ LISTEN_PIDFDID=5 LISTEN_FDS=1 exec \"$@\"";
    let output = Command::new("/bin/sh")
        .args(["-c", manager, "sh"])
        .arg(program("sam"))
        .args(["run", "--quiet", "--", "/bin/sh", "-c", script])
        .output()
        .unwrap();
    assert_eq!(words(&output.stdout), "mine 1\nopen\nmine 1\nopen\n");
    // What was meant for another process is not the program's either.
    let other = Command::new(program("sam"))
        .args(["run", "--quiet", "--", "/bin/sh", "-c", "echo $LISTEN_PID"])
        .env("LISTEN_PID", "1")
        .output()
        .unwrap();
    assert_eq!(words(&other.stdout), "1\n");
}

#[test]
fn a_program_that_goes_into_the_background_ends_with_a_line_that_says_what_to_do() {
    let run = |script: &str| {
        let output = sam(&["run", "--", "/bin/sh", "-c", script]);
        (output.status.code(), words(&output.stderr))
    };
    for script in ["sleep 1000 & exit 0", "setsid sleep 1000 & exit 0", "(sleep 1000 & sleep 1000) & exit 0"] {
        let (code, text) = run(script);
        assert_eq!((code, text.lines().count()), (Some(0), 1), "{script}: {text}");
        for part in ["sam: the main process of instance 1 (pid ", "ended with status 0 while others", "`daemon off;`"] {
            assert!(text.contains(part), "{script}: {text}");
        }
    }
    // One that takes all with it, whatever is left of that.
    assert_eq!(run("sleep 1000 & kill -9 $!; wait; exit 0"), (Some(0), String::new()));
    assert_eq!(run("true & wait; exit 0"), (Some(0), String::new()));
}

#[test]
fn an_instance_that_cannot_be_made_is_told_with_its_reason() {
    let limited = "ulimit -n $0; exec \"$@\"";
    let told = (8..40).filter_map(|limit| {
        let output = Command::new("/bin/sh")
            .args(["-c", limited, &limit.to_string()])
            .arg(program("sam"))
            .args(["run", "--cgroup", "off", "--budget", "1/1h", "--no-standby", "--", "true"])
            .output()
            .unwrap();
        Some(words(&output.stderr)).filter(|text| text.contains("could not be made"))
    });
    let told: Vec<String> = told.collect();
    assert!(!told.is_empty(), "none of the limits has the effect");
    for text in told {
        assert!(text.contains("instance 1 could not be made: Too many open files; the next begins"), "{text}");
        assert!(!text.contains("error 24") && !text.contains("0.000ns"), "{text}");
    }
}

#[test]
fn a_stop_sends_the_signal_that_the_program_wants_and_a_second_ctrl_c_kills() {
    let running = sh(&["--stop-signal", "USR2"], "trap 'exit 5' USR2; echo up; while :; do sleep 0.05; done").start();
    running.await_line("up");
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), 5);
    let options = ["--stop-limit", "1h"];
    let running = sh(&options, "trap 'echo no' INT TERM; echo up; while :; do sleep 0.05; done").start();
    running.await_line("up");
    running.signal(libc::SIGINT);
    running.await_line("no");
    // Each a press of the key; the first of them may come too soon to be another.
    wait_until("it is killed", || {
        running.signal(libc::SIGINT);
        running.events().iter().any(|event| event["event"] == "killed")
    });
    assert_eq!(running.end().code(), -9);
}

#[test]
fn always_restarts_after_a_clean_end_within_the_budget() {
    let seen = sh(&["--policy", "always", "--budget", "2/1h", "--backoff", "1ms..1ms"], "exit 0").run();
    // Who gives up did not succeed.
    assert_eq!((seen.code(), seen.of("started").len()), (1, 3));
}

#[test]
fn every_exit_status_of_its_own_is_in_the_manual() {
    let manual = words(&sam(&["run", "--help"]).stdout);
    for kind in sam::ErrorKind::ALL {
        let status = format!("\n    {:<5}", kind.exit_status());
        assert!(manual.contains(&status), "{kind}: {}", kind.exit_status());
    }
}

#[test]
fn a_misspelt_variable_of_a_linked_program_is_named_with_the_nearest() {
    let run = |name: &str| {
        let output = Command::new(program("subject")).arg("exit 0").env(name, "1s").output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        words(&output.stderr)
    };
    let text = run("SAM_INTERVALL");
    assert!(text.contains("sam: SAM_INTERVALL in the environment is no option"), "{text}");
    assert!(text.contains("the nearest is SAM_INTERVAL\n"), "{text}");
    assert_eq!(run("SAM_INTERVAL"), "");
}
