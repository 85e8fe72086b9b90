//! Signals to the supervisor, and its own suspension and death.

use std::{io::Write as _, os::unix::process::CommandExt as _, process::Command};

use sam_tests::{Subject, command::sh, lives, send, state_of, wait_until};

#[test]
fn a_stop_ends_supervisor_and_instance() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT] {
        let running = Subject::new(&["start; pid; beats 60000 10"]).start();
        let pid = running.await_value("1 pid ").parse().unwrap();
        running.signal(signal);
        let seen = running.end();
        assert_eq!(seen.code(), -signal);
        assert!(!lives(pid), "the instance outlived its supervisor");
    }
}

#[test]
fn a_stop_may_be_answered_with_a_clean_end() {
    let running = Subject::new(&["catch 15; start; say up; serve 15; exit 5"]).start();
    running.await_line("1 up");
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!(seen.code(), 5, "the operator asked for it, so it is no failure");
    assert_eq!(seen.of("started").len(), 1);
}

#[test]
fn a_stop_that_is_ignored_ends_in_a_kill() {
    let running = Subject::new(&["ignore 15; start; say up; beats 60000 10"]).set("SAM_STOP_LIMIT", "100ms").start();
    running.await_line("1 up");
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!(seen.code(), -9);
    assert_eq!(seen.of("killed").len(), 1);
}

#[test]
fn a_stop_while_no_instance_lives_ends_the_supervisor() {
    let running = Subject::new(&["exit 1"]).set("SAM_BACKOFF", "30s..30s").start();
    running.await_events("ended", 2);
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -15);
}

#[test]
fn signals_that_are_no_stop_are_passed_on_to_the_instance() {
    for signal in [libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2, libc::SIGALRM, libc::SIGWINCH, libc::SIGRTMIN() + 3] {
        let script = format!("catch {signal}; start; say up; serve {signal}; exit 0");
        let running = Subject::new(&[&script]).start();
        running.await_line("1 up");
        running.signal(signal);
        let seen = running.end();
        assert_eq!((seen.code(), seen.lines[1].clone()), (0, format!("1 caught {signal}")));
    }
}

#[test]
fn a_stop_gives_the_whole_group_the_whole_stop_limit() {
    // The main process ends at once. Its helper needs more time, and the stop limit allows that.
    let folder = tempfile::tempdir().unwrap();
    let done = folder.path().join("done");
    let helper = format!("trap '' TERM; sleep 0.7; echo done > {}", done.display());
    let script = format!("sh -c '{}' & echo $!; wait", helper.replace('\'', "'\\''"));
    let running = sh(&[], &script).start();
    wait_until("the program runs", || !running.lines().is_empty());
    let pid: i32 = running.lines()[0].parse().unwrap();
    wait_until("the helper ignores the signal", || {
        let ignored = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = ignored.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0").trim().to_owned();
        u64::from_str_radix(&line, 16).unwrap() & (1 << 14) != 0
    });
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -15);
    assert_eq!(std::fs::read_to_string(&done).unwrap_or_default(), "done\n", "the helper was killed before");
    assert!(!lives(pid));
}

#[test]
fn processes_that_a_stop_does_not_end_within_its_limit_are_killed_though_the_main_process_is_gone() {
    let script = "sh -c 'trap \"\" TERM; echo $$; exec sleep 1000' & wait";
    let running = sh(&["--stop-limit", "300ms"], script).start();
    wait_until("the program runs", || !running.lines().is_empty());
    let pid: i32 = running.lines()[0].parse().unwrap();
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!(seen.code(), -15, "the supervisor ends as the main process did");
    assert!(!lives(pid));
    assert_eq!(seen.of("killed").len(), 1);
}

#[test]
fn an_interrupt_that_was_ignored_before_supervision_is_no_stop() {
    // A shell starts programs behind `&` with these signals ignored.
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        let mut subject = sh(&[], "trap 'echo next' USR1; echo up; while :; do sleep 0.05; done");
        let ignore = move || {
            // SAFETY: ignoring needs no handler.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
            Ok(())
        };
        // SAFETY: one system call.
        unsafe { subject.command().pre_exec(ignore) };
        let running = subject.start();
        running.await_line("up");
        running.signal(signal);
        running.signal(libc::SIGUSR1);
        running.await_line("next");
        assert_eq!(running.status()["stage"], "ready");
        running.signal(libc::SIGTERM);
        assert_eq!(running.end().code(), -15);
    }
}

#[test]
fn an_instance_that_the_kernel_does_not_kill_dies_with_its_supervisor_and_so_do_its_processes_that_can_be_found() {
    // The kernel does not kill a process that has changed its user. It has two children, one of which has left
    // its group.
    let script = "immune; pid; fork; stray; start; beats 60000 10";
    let running = Subject::new(&[script]).set("SAM_CGROUP", "off").start();
    let mut pids = ["1 pid ", "1 forked ", "1 strayed "].map(|start| running.await_value(start).parse().unwrap());
    wait_until("the next stands by", || sam_tests::proc::children(running.pid()).len() == 2);
    running.signal(libc::SIGKILL);
    for pid in &mut pids {
        wait_until("the process is killed", || !lives(*pid));
    }
    assert_eq!(running.end().code(), -9);
}

#[test]
fn a_program_that_has_changed_its_user_dies_with_its_supervisor() {
    // SAFETY: takes nothing.
    if unsafe { libc::geteuid() } != 0 || Command::new("setpriv").arg("--version").output().is_err() {
        let _ = writeln!(std::io::stderr(), "not shown here: this process may not change its user, or has no setpriv");
        return;
    }
    let change = ["--reuid=65534", "--regid=65534", "--clear-groups", "/bin/sh", "-c"];
    let script = "echo $$; sleep 1000 & echo $!; exec sleep 1000";
    let arguments: Vec<&str> = change.into_iter().chain([script]).collect();
    let running = Subject::by_command(&["--cgroup", "off"], "/usr/bin/setpriv", &arguments).start();
    wait_until("the program runs", || running.lines().len() == 2);
    wait_until("the next stands by", || sam_tests::proc::children(running.pid()).len() == 2);
    running.signal(libc::SIGKILL);
    for line in running.lines() {
        let pid = line.parse().unwrap();
        wait_until("the process is killed", || !lives(pid));
    }
    assert_eq!(running.end().code(), -9);
}

#[test]
fn an_instance_dies_with_its_supervisor() {
    let running = Subject::new(&["start; pid; beats 60000 10"]).start();
    let pid = running.await_value("1 pid ").parse().unwrap();
    running.signal(libc::SIGKILL);
    assert_eq!(running.end().code(), -9);
    wait_until("the instance is gone", || !lives(pid));
}

#[test]
fn a_suspended_supervisor_blocks_no_instance_and_takes_none_for_hung() {
    let script = "catch 10; pid; start; serve 10; burst 1000000; say through; beats 1000 1; exit 0";
    let running = Subject::new(&[script]).set("SAM_INTERVAL", "100ms").start();
    let pid = running.await_value("1 pid ").parse().unwrap();
    running.signal(libc::SIGSTOP);
    wait_until("the supervisor is suspended", || state_of(running.pid()) == Some('T'));
    // The instance makes more beats than a pipe would hold, and is not blocked.
    send(pid, libc::SIGUSR1);
    running.await_line("1 through");
    running.signal(libc::SIGCONT);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("warned").len()), (0, 0));
}

#[test]
fn a_terminals_stop_suspends_supervisor_and_instance_and_is_no_hang() {
    let running = Subject::new(&["start; pid; beats 60000 10"]).set("SAM_INTERVAL", "100ms").start();
    let pid = running.await_value("1 pid ").parse().unwrap();
    running.signal(libc::SIGTSTP);
    wait_until("supervisor and instance are suspended", || {
        state_of(pid) == Some('T') && state_of(running.pid()) == Some('T')
    });
    std::thread::sleep(std::time::Duration::from_millis(400));
    running.signal(libc::SIGCONT);
    wait_until("supervisor and instance go on", || state_of(pid) != Some('T') && state_of(running.pid()) != Some('T'));
    std::thread::sleep(std::time::Duration::from_millis(400));
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("warned").len()), (-15, 0), "{:?}", seen.events);
}

#[test]
fn a_stop_signal_that_is_sent_to_the_instance_itself_does_not_stop_the_service() {
    let running = Subject::new(&["start; pid; beats 60000 10", "exit 0"]).start();
    let pid = running.await_value("1 pid ").parse().unwrap();
    send(pid, libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len()), (0, 2), "a signal to the instance does not stop the service");
}

#[test]
fn the_status_file_is_whole_at_every_moment() {
    let running = Subject::new(&["kill 9", "kill 9", "kill 9", "start; say up; beats 60000 10"])
        .set("SAM_BACKOFF", "1ms..2ms")
        .start();
    let mut stages = Vec::new();
    while !running.lines().contains(&"4 up".to_owned()) {
        if running.path("status").exists() {
            stages.push(running.status()["stage"].clone());
        }
    }
    wait_until("the program runs", || running.status()["stage"] == "running");
    let status = running.status();
    assert_eq!((&status["instance"], &status["restarts"]), (&4.into(), &3.into()));
    assert_eq!(status["supervisor"], running.pid());
    running.signal(libc::SIGTERM);
    running.end();
}
