//! How programs end, what follows each end, and how the command ends.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use sam_tests::{
    Subject,
    command::{sam, sh, words},
    lives, program, send, wait_until,
};

#[test]
fn the_command_ends_with_every_exit_status_of_its_program() {
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
fn a_clean_end_ends_the_command_and_any_other_is_followed_by_the_next_instance() {
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
fn the_restart_budget_is_what_the_options_say() {
    let seen = sh(&["--budget", "2/1h", "--backoff", "1ms..2ms"], "exit 9").run();
    assert_eq!((seen.code(), seen.of("started").len()), (9, 3));
    assert_eq!(seen.of("ended")[2]["decision"], "budget spent");
}

#[test]
fn the_policy_always_restarts_after_a_clean_end_within_the_budget() {
    let seen = sh(&["--policy", "always", "--budget", "2/1h", "--backoff", "1ms..1ms"], "exit 0").run();
    // A supervisor that gives up has not succeeded.
    assert_eq!((seen.code(), seen.of("started").len()), (1, 3));
}

#[test]
fn a_program_whose_file_vanishes_is_tried_within_the_budget_and_ends_in_the_status_for_that() {
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
    assert!(!told.is_empty(), "none of the limits keeps an instance from being made");
    for text in told {
        assert!(text.contains("instance 1 could not be made: Too many open files; the next begins"), "{text}");
        assert!(!text.contains("error 24") && !text.contains("0.000ns"), "{text}");
    }
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
    // A program whose helpers have ended gets no such line.
    assert_eq!(run("sleep 1000 & kill -9 $!; wait; exit 0"), (Some(0), String::new()));
    assert_eq!(run("true & wait; exit 0"), (Some(0), String::new()));
}

#[test]
fn an_instance_dies_with_its_supervisor_unless_it_may_outlive_it() {
    for (options, outlives) in [(&[][..], false), (&["--outlive"], true)] {
        let running = sh(options, "echo $$; exec sleep 1000").start();
        wait_until("the program runs", || !running.lines().is_empty());
        let pid = running.lines()[0].parse().unwrap();
        wait_until("the next child stands by", || sam_tests::proc::children(running.pid()).len() == 2);
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
fn an_idle_supervisor_sleeps() {
    let running = sh(&[], "echo up; exec sleep 1000").start();
    running.await_line("up");
    wait_until("the instance is ready", || running.status()["stage"] == "ready");
    let switches = || {
        let text = fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
        let line =
            text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap().trim().to_owned();
        line.parse::<u64>().unwrap()
    };
    wait_until("the next child stands by", || sam_tests::proc::children(running.pid()).len() == 2);
    let pause = |millis| std::thread::sleep(std::time::Duration::from_millis(millis));
    wait_until("what belongs to the start is done", || {
        let before = switches();
        pause(200);
        switches() == before
    });
    let before = switches();
    pause(600);
    assert!(switches() - before <= 1, "the supervisor woke up without an occasion");
    running.signal(libc::SIGTERM);
    running.end();
}
