//! Signals to the supervisor, and what befalls it.

use sam_tests::{Subject, lives, send, state_of, wait_until};

#[test]
fn a_stop_is_the_end_of_both() {
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
fn a_stop_while_nothing_lives_ends_the_supervisor() {
    let running = Subject::new(&["exit 1"]).set("SAM_BACKOFF", "30s..30s").start();
    running.await_events("ended", 2);
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -15);
}

#[test]
fn other_signals_are_passed_on() {
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
fn an_instance_dies_with_its_supervisor() {
    let running = Subject::new(&["start; pid; beats 60000 10"]).start();
    let pid = running.await_value("1 pid ").parse().unwrap();
    running.signal(libc::SIGKILL);
    assert_eq!(running.end().code(), -9);
    wait_until("the instance is gone", || !lives(pid));
}

#[test]
fn a_stopped_supervisor_blocks_nobody_and_blames_nobody() {
    let script = "catch 10; pid; start; serve 10; burst 1000000; say through; beats 1000 1; exit 0";
    let running = Subject::new(&[script]).set("SAM_INTERVAL", "100ms").start();
    let pid = running.await_value("1 pid ").parse().unwrap();
    running.signal(libc::SIGSTOP);
    wait_until("it stops", || state_of(running.pid()) == Some('T'));
    // The instance beats on, far more often than a pipe would hold, and goes through.
    send(pid, libc::SIGUSR1);
    running.await_line("1 through");
    running.signal(libc::SIGCONT);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("warned").len()), (0, 0));
}

#[test]
fn a_terminals_stop_halts_both_and_is_no_hang() {
    let running = Subject::new(&["start; pid; beats 60000 10"]).set("SAM_INTERVAL", "100ms").start();
    let pid = running.await_value("1 pid ").parse().unwrap();
    running.signal(libc::SIGTSTP);
    wait_until("both stop", || state_of(pid) == Some('T') && state_of(running.pid()) == Some('T'));
    std::thread::sleep(std::time::Duration::from_millis(400));
    running.signal(libc::SIGCONT);
    wait_until("both go on", || state_of(pid) != Some('T') && state_of(running.pid()) != Some('T'));
    std::thread::sleep(std::time::Duration::from_millis(400));
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("warned").len()), (-15, 0), "{:?}", seen.events);
}

#[test]
fn a_signal_to_the_instance_is_between_it_and_its_sender() {
    let running = Subject::new(&["start; pid; beats 60000 10", "exit 0"]).start();
    let pid = running.await_value("1 pid ").parse().unwrap();
    send(pid, libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len()), (0, 2), "nobody stopped the service");
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
    wait_until("it runs", || running.status()["stage"] == "running");
    let status = running.status();
    assert_eq!((&status["instance"], &status["restarts"]), (&4.into(), &3.into()));
    assert_eq!(status["supervisor"], running.pid());
    running.signal(libc::SIGTERM);
    running.end();
}
