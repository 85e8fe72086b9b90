//! Every signal to the supervisor, in every phase of an instance and between instances.

use std::fs;

use sam_tests::{Running, Subject, lives, proc::children, send, side_by_side, state_of, wait_until};

const STOPS: [i32; 3] = [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT];

/// The signals that a supervisor passes on: all that can be caught, except stops, SIGCHLD, and the two signals
/// that the C library keeps for itself and does not let a program block.
fn others() -> impl Iterator<Item = i32> + Clone {
    (1..=64).filter(|signal| {
        !STOPS.contains(signal) && ![libc::SIGCHLD, libc::SIGKILL, libc::SIGSTOP, 32, 33].contains(signal)
    })
}

/// A statement for each signal.
fn each(verb: &str, signals: impl Iterator<Item = i32>) -> String {
    signals.map(|signal| format!("{verb} {signal}")).collect::<Vec<_>>().join("; ")
}

/// A phase of an instance: its stage, and the statements that lead there. The instance prints `up` first.
struct Phase {
    stage: &'static str,
    script: &'static str,
    set: &'static [(&'static str, &'static str)],
}

const PHASES: [Phase; 5] = [
    Phase { stage: "starting", script: "say up", set: &[("SUBJECT_SAYS_READY", "1")] },
    Phase { stage: "ready", script: "ready; say up", set: &[("SUBJECT_SAYS_READY", "1")] },
    Phase { stage: "running", script: "start; say up", set: &[("SAM_INTERVAL", "60s")] },
    Phase { stage: "stopping", script: "start; finalize; say up", set: &[] },
    Phase {
        stage: "warned",
        script: "ignore 10; start; say up",
        set: &[("SAM_INTERVAL", "50ms"), ("SAM_GRACE", "60s"), ("SAM_WARN_SIGNAL", "USR1")],
    },
];

/// The signals that wait for a process's first thread, and for all of them.
fn pending(pid: i32) -> [u64; 2] {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    ["SigPnd:", "ShdPnd:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    })
}

/// Runs an instance up to a phase, and on by `then`.
fn in_phase(phase: &Phase, before: &str, then: &str) -> Running {
    let mut subject = Subject::new(&[&format!("{before}; pid; {}; {then}", phase.script), "say another; exit 99"]);
    for (name, value) in phase.set {
        subject = subject.set(name, value);
    }
    let running = subject.set("SAM_STOP_LIMIT", "60s").start();
    running.await_line("1 up");
    await_stage(&running, phase.stage);
    running
}

fn await_stage(running: &Running, stage: &str) {
    wait_until(stage, || running.path("status").exists() && running.status()["stage"] == stage);
}

fn instance(running: &Running) -> i32 {
    running.await_value("1 pid ").parse().unwrap()
}

/// Suspends supervisor and instance as a terminal's Ctrl-Z does.
fn suspend(running: &Running) {
    let pid = instance(running);
    running.signal(libc::SIGTSTP);
    wait_until("supervisor and instance are suspended", || {
        state_of(pid) == Some('T') && state_of(running.pid()) == Some('T')
    });
}

#[test]
fn a_signal_that_is_no_stop_reaches_the_instance_in_every_phase() {
    side_by_side(&PHASES, |phase| {
        // The warning signal is ignored, as the script says.
        let signals = others().filter(|&signal| phase.stage != "warned" || signal != libc::SIGUSR1);
        let then = format!("{}; exit 7", each("await", signals.clone()));
        let running = in_phase(phase, &each("catch", signals.clone()), &then);
        for signal in signals {
            running.signal(signal);
            running.await_line(&format!("1 caught {signal}"));
            if signal < 64 {
                assert_eq!(running.status()["stage"], phase.stage, "signal {signal}");
            }
        }
        // An instance that leaves after a warning has failed all the same.
        if ["warned", "starting", "ready", "running"].contains(&phase.stage) {
            running.await_line("2 another");
        } else {
            assert_eq!(running.end().code(), 7, "{}", phase.stage);
        }
    });
}

#[test]
fn a_signal_that_is_no_stop_reaches_an_instance_that_was_told_to_stop() {
    // The supervisor has a stop limit to keep, so SIGTSTP suspends neither process.
    let signals = others().filter(|&signal| signal != libc::SIGTSTP);
    let (catch, each) = (each("catch", signals.clone()), each("await", signals.clone()));
    let script = format!("{catch}; catch 15; start; say up; serve 15; {each}; exit 7");
    let running = Subject::new(&[&script]).set("SAM_STOP_LIMIT", "60s").start();
    running.await_line("1 up");
    running.signal(libc::SIGTERM);
    running.await_line("1 caught 15");
    await_stage(&running, "stopping");
    running.signal(libc::SIGTSTP);
    for signal in signals {
        running.signal(signal);
        running.await_line(&format!("1 caught {signal}"));
    }
    assert_eq!(running.end().code(), 7);
}

#[test]
fn signals_that_came_while_supervisor_and_instance_were_suspended_reach_the_instance_when_they_go_on() {
    // SIGCONT discards pending stops.
    let undone = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU, libc::SIGCONT];
    let signals = others().filter(|signal| !undone.contains(signal));
    let (catch, each) = (each("catch", signals.clone()), each("serve", signals.clone()));
    let running = Subject::new(&[&format!("{catch}; pid; start; {each}; exit 0")]).start();
    suspend(&running);
    signals.clone().for_each(|signal| running.signal(signal));
    running.signal(libc::SIGCONT);
    let seen = running.end();
    assert_eq!((seen.code(), seen.lines.len()), (0, 1 + signals.count()), "{:?}", seen.lines);
}

#[test]
fn signals_to_the_standby_child_do_not_reach_the_instance_that_it_becomes() {
    for respawn in ["fork", "exec"] {
        let life = "start; say up; beats 60000 10";
        let running = Subject::new(&[life, life]).set("SAM_RESPAWN", respawn).set("SAM_INTERVAL", "60s").start();
        running.await_line("1 up");
        wait_until("the next stands by", || children(running.pid()).len() == 2);
        let first = running.status()["pid"].as_i64().unwrap() as i32;
        let next = children(running.pid()).into_iter().find(|&child| child != first).unwrap();
        // `killall -HUP` would do this.
        others().for_each(|signal| (0..3).for_each(|_| send(next, signal)));
        wait_until("the standby child has dropped the signals", || pending(next) == [0, 0]);
        send(first, libc::SIGKILL);
        running.await_line("2 up");
        assert_eq!(running.status()["pid"].as_i64(), Some(next.into()), "{respawn}");
        running.signal(libc::SIGTERM);
        let seen = running.end();
        assert_eq!((seen.code(), seen.of("started").len()), (-libc::SIGTERM, 2), "{respawn}: {:?}", seen.events);
    }
}

#[test]
fn a_signal_that_is_sent_as_soon_as_an_instances_number_is_told_reaches_the_instance() {
    const TIMES: usize = 8;
    let running = Subject::new(&["start; beats 60000 10"; TIMES + 1]);
    let running = running.set("SAM_BUDGET", "64/1s").set("SAM_BACKOFF", "0s..0s").start();
    let newest = |name| running.events().into_iter().rfind(|event| event["event"] == name).unwrap();
    for time in 1..=TIMES {
        running.await_events("started", time);
        send(newest("started")["pid"].as_i64().unwrap() as i32, libc::SIGUSR1);
        running.await_events("ended", time);
        assert_eq!(newest("ended")["signal"], libc::SIGUSR1, "{:?}", running.events());
    }
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -libc::SIGTERM);
}

#[test]
fn a_standby_child_that_is_suspended_becomes_no_instance() {
    let life = "start; say up; beats 60000 10";
    let running = Subject::new(&[life, life]).start();
    running.await_line("1 up");
    wait_until("the next stands by", || children(running.pid()).len() == 2);
    let first = running.status()["pid"].as_i64().unwrap() as i32;
    let next = children(running.pid()).into_iter().find(|&child| child != first).unwrap();
    send(next, libc::SIGSTOP);
    wait_until("the standby child is given up", || !lives(next));
    send(first, libc::SIGKILL);
    running.await_line("2 up");
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().of("started").len(), 2);
}

#[test]
fn a_signal_that_is_no_stop_is_dropped_while_no_instance_lives() {
    let scripts = ["exit 1", "exit 1", "start; say up; beats 60000 10"];
    let running = Subject::new(&scripts).set("SAM_BACKOFF", "3s..3s").start();
    running.await_events("ended", 2);
    await_stage(&running, "waiting");
    // All signals come at once, before the supervisor can make the next instance.
    running.signal(libc::SIGSTOP);
    wait_until("the supervisor is suspended", || state_of(running.pid()) == Some('T'));
    others().filter(|&signal| signal != libc::SIGCONT).for_each(|signal| running.signal(signal));
    running.signal(libc::SIGCONT);
    running.await_line("3 up");
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len()), (-libc::SIGTERM, 3), "{:?}", seen.events);
}

#[test]
fn a_terminals_stop_between_instances_suspends_the_supervisor() {
    let running = Subject::new(&["exit 1"]).set("SAM_BACKOFF", "60s..60s").start();
    running.await_events("ended", 2);
    running.signal(libc::SIGTSTP);
    wait_until("the supervisor is suspended", || state_of(running.pid()) == Some('T'));
    running.signal(libc::SIGCONT);
    wait_until("the supervisor goes on", || state_of(running.pid()) != Some('T'));
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -libc::SIGTERM);
}

#[test]
fn a_stop_in_any_phase_ends_supervisor_and_instance() {
    side_by_side(PHASES.iter().flat_map(|phase| STOPS.map(|stop| (phase, stop))), |(phase, stop)| {
        let running = in_phase(phase, "", "hang");
        running.signal(stop);
        gone(running, stop, phase.stage);
    });
}

/// Checks that the supervisor ends by that signal, after one instance.
fn gone(running: Running, stop: i32, stage: &str) {
    let pid = instance(&running);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len()), (-stop, 1), "{stage}: {:?}", seen.events);
    assert!(!lives(pid), "{stage}: the instance outlived its supervisor");
}

#[test]
fn a_second_stop_reaches_an_instance_that_ignores_the_first() {
    side_by_side(STOPS, |stop| {
        let first = if stop == libc::SIGTERM { libc::SIGINT } else { libc::SIGTERM };
        let running = in_phase(&PHASES[2], &format!("ignore {first}"), "hang");
        running.signal(first);
        await_stage(&running, "stopping");
        running.signal(stop);
        gone(running, stop, "stopping");
    });
}

#[test]
fn a_stop_ends_a_suspended_supervisor_and_its_instance() {
    side_by_side(STOPS, |stop| {
        let running = in_phase(&PHASES[2], "", "hang");
        suspend(&running);
        running.signal(stop);
        running.signal(libc::SIGCONT);
        gone(running, stop, "suspended");
    });
}

#[test]
fn a_stop_between_instances_ends_the_supervisor() {
    side_by_side(STOPS, |stop| {
        let running = Subject::new(&["exit 1"]).set("SAM_BACKOFF", "60s..60s").start();
        running.await_events("ended", 2);
        running.signal(stop);
        let seen = running.end();
        assert_eq!((seen.code(), seen.of("started").len()), (-stop, 2));
    });
}

#[test]
fn sigchld_to_the_supervisor_is_not_passed_on() {
    let running = Subject::new(&["catch 17; start; say up; await 17; exit 7"]).set("SAM_INTERVAL", "60s").start();
    running.await_line("1 up");
    (0..100).for_each(|_| running.signal(libc::SIGCHLD));
    // SIGTERM, which comes later, is handled, so SIGCHLD is not merely still in the queue.
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.code(), seen.lines), (-libc::SIGTERM, vec!["1 up".to_owned()]));
}
