//! `--on-failure`: a command that runs when an instance has failed.

use std::{fs, path::Path};

use sam_tests::{command::sh, lives, send, wait_until};

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

#[test]
fn each_failure_runs_the_failure_command_with_its_cause_and_the_end_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    let command = "echo \"$SAM_INSTANCE <$SAM_DECISION> <$SAM_EXIT_STATUS> <$SAM_EXIT_SIGNAL> <$SAM_CAUSE>\" >> TOLD; \
                   [ $SAM_INSTANCE != 3 ] || { sleep 0.3; echo done >> TOLD; }";
    let command = command.replace("TOLD", told.to_str().unwrap());
    // Each instance waits until the command of the instance before has ended, because two commands never run
    // at one time.
    let script = "n=$((SAM_INSTANCE - 1)); until [ $n = 0 ] || grep -q \"^$n \" $0; do sleep 0.01; done; sleep 0.2; \
                  case $SAM_INSTANCE in 1) exit 9;; 2) kill -9 $$;; *) exit 4;; esac";
    let options = ["--budget", "2/1h", "--backoff", "1ms..1ms", "--on-failure", &command];
    let subject = sam_tests::Subject::by_command(&options, "/bin/sh", &["-c", script, told.to_str().unwrap()]);
    assert_eq!(subject.run().code(), 4);
    let expected = "1 <restart> <9> <> <>\n2 <restart> <> <9> <>\n3 <budget spent> <4> <> <>\ndone\n";
    assert_eq!(read(&told), expected);
}

#[test]
fn an_end_that_was_wanted_runs_no_failure_command() {
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    let command = format!("echo told >> {}", told.display());
    assert_eq!(sh(&["--on-failure", &command], "exit 0").run().code(), 0);
    assert_eq!(sh(&["--on-failure", &command, "--clean-exits", "3"], "exit 3").run().code(), 3);
    let running = sh(&["--on-failure", &command], "echo up; exec sleep 1000").start();
    running.await_line("up");
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -15);
    assert_eq!(read(&told), "");
    assert_eq!(sh(&["--on-failure", &command, "--policy", "quit"], "exit 3").run().code(), 3);
    assert_eq!(read(&told), "told\n");
}

#[test]
fn a_warning_tells_the_failure_command_its_cause_and_waits_for_no_end_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (told, held) = (folder.path().join("told"), folder.path().join("held"));
    fs::write(&held, "").unwrap();
    let command =
        format!("echo \"$SAM_CAUSE $$\" >> {}; while [ -e {} ]; do sleep 0.02; done", told.display(), held.display());
    let options = ["--probe", "false", "--probe-every", "1ms", "--probe-failures", "1", "--ready-at-start"];
    let options = [&options[..], &["--on-failure", &command]].concat();
    let running = sh(&options, "exec sleep 1000").start();
    running.await_events("started", 3);
    wait_until("the command is told the cause", || read(&told).ends_with('\n'));
    let pid: i32 = read(&told).trim().strip_prefix("probe ").unwrap().parse().unwrap();
    // The command goes on, and no second command runs.
    running.await_events("started", 4);
    assert!(lives(pid));
    assert_eq!(read(&told).lines().count(), 1);
    running.signal(libc::SIGTERM);
    // A stop that comes after the end of the instance stops the command, too.
    fs::remove_file(&held).unwrap();
    running.end();
    wait_until("the command has ended", || !lives(pid));
}

#[test]
fn a_failure_command_is_killed_with_its_group_at_its_limit_and_at_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let command = format!("sleep 1000 & echo $! > {}; wait", pids.display());
    let options = ["--policy", "quit", "--on-failure", &command, "--on-failure-limit"];
    let gone = || {
        let pid = read(&pids).trim().parse().unwrap();
        wait_until("what it started is killed", || !lives(pid));
        fs::remove_file(&pids).unwrap();
    };
    assert_eq!(sh(&[&options[..], &["200ms"]].concat(), "exit 7").run().code(), 7);
    gone();
    let running = sh(&[&options[..], &["1h"]].concat(), "exit 7").start();
    wait_until("the command runs", || read(&pids).ends_with('\n'));
    send(running.pid(), libc::SIGTERM);
    assert_eq!(running.end().code(), 7);
    gone();
}
