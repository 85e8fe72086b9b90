//! Kill modes: which processes a stop reaches, and which are killed.

use sam_tests::{Running, command::sh, lives, send, wait_until};

/// The process id of a worker, which is killed at the end of its test.
struct Worker(i32);

impl Drop for Worker {
    fn drop(&mut self) {
        send(self.0, libc::SIGKILL);
    }
}

/// A shell with a worker. The worker prints a line when it is told to end; the shell has a reaction of its own.
fn with_worker(options: &[&str], reaction: &str) -> (Running, Worker) {
    let worker = r"trap 'echo worker told; exit 0' TERM; echo worker \$\$; while :; do sleep 0.02; done";
    let script = format!("{reaction}; sh -c \"{worker}\" & echo up; while :; do sleep 0.02; done");
    let running = sh(&[&["--policy", "quit"], options].concat(), &script).start();
    let worker = Worker(running.await_value("worker ").parse().unwrap());
    running.await_line("up");
    (running, worker)
}

#[test]
fn by_kill_mode_a_stop_reaches_the_group_or_the_main_process_alone() {
    for mode in ["group", "mixed", "main"] {
        let (running, worker) = with_worker(&["--kill-mode", mode], "trap 'echo told; exit 5' TERM");
        running.signal(libc::SIGTERM);
        running.await_line("told");
        // A worker that goes on keeps the program's output open.
        let seen = if mode == "main" { running.end_before_its_output() } else { running.end() };
        assert_eq!(seen.code(), 5, "{mode}");
        // A worker that is not told is killed or goes on, by kill mode.
        let is_told = seen.lines.iter().any(|line| line == "worker told");
        assert_eq!((is_told, lives(worker.0)), (mode == "group", mode == "main"), "{mode}");
    }
}

#[test]
fn a_main_process_that_ignores_its_stop_is_killed_with_the_others_or_alone() {
    for mode in ["group", "mixed", "main"] {
        let options = ["--kill-mode", mode, "--stop-limit", "100ms"];
        let (running, worker) = with_worker(&options, "trap '' TERM");
        running.signal(libc::SIGTERM);
        let seen = running.end_before_its_output();
        assert_eq!((seen.code(), seen.of("killed").len()), (-9, 1), "{mode}");
        assert_eq!(lives(worker.0), mode == "main", "{mode}");
    }
}

#[test]
fn processes_that_a_crash_leaves_are_killed_before_the_next_instance_or_go_on_beside_it() {
    for mode in ["group", "mixed", "main"] {
        let options = ["--kill-mode", mode, "--policy", "restart"];
        let (running, worker) = with_worker(&options, "[ $SAM_INSTANCE = 1 ] || { echo next; exec sleep 1000; }");
        let shell = i32::try_from(running.status()["pid"].as_i64().unwrap()).unwrap();
        send(shell, libc::SIGKILL);
        running.await_line("next");
        assert_eq!(lives(worker.0), mode == "main", "{mode}");
        running.signal(libc::SIGTERM);
        running.end_before_its_output();
    }
}

#[test]
fn processes_that_may_go_on_outlive_a_supervisor_that_is_killed_too() {
    let (running, worker) = with_worker(&["--kill-mode", "main", "--policy", "restart"], "true");
    let shell = i32::try_from(running.status()["pid"].as_i64().unwrap()).unwrap();
    wait_until("another stands by", || sam_tests::proc::children(running.pid()).len() == 2);
    let both = sam_tests::proc::children(running.pid());
    running.signal(libc::SIGKILL);
    wait_until("the main process is gone, and the one that stood by", || both.iter().all(|pid| !lives(*pid)));
    assert!(both.contains(&shell) && lives(worker.0));
}
