//! Every exit status and every signal, through both policies.

use sam_tests::{Seen, Subject, side_by_side};

/// Signals that a process ignores by default.
const IGNORED: [i32; 4] = [libc::SIGCHLD, libc::SIGCONT, libc::SIGURG, libc::SIGWINCH];
/// Signals that suspend a process by default.
const STOPS: [i32; 4] = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

/// All other signals, those of real time included, which kill a process by default.
fn deadly() -> impl Iterator<Item = i32> {
    (1..=64).filter(|signal| !IGNORED.contains(signal) && !STOPS.contains(signal))
}

/// The statuses that the supervisor may have: it dies of the same signal. It cannot restore the default action
/// of the two signals that the C library keeps for itself, so for these it may exit instead.
fn of_same(signal: i32) -> [i32; 2] {
    if [32, 33].contains(&signal) { [-signal, 128 + signal] } else { [-signal; 2] }
}

/// Runs a supervisor without restarts, whose instance follows the script.
fn ends(script: &str, policy: &str) -> Seen {
    Subject::new(&[script, "say another; exit 99"]).set("SAM_POLICY", policy).set("SAM_BUDGET", "0/60s").run()
}

/// Runs a supervisor whose instances follow these scripts, one after the other.
fn all(scripts: &[String]) -> Seen {
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    Subject::new(&scripts).set("SAM_BUDGET", "64/1ns").set("SAM_BACKOFF", "0s..0s").run()
}

#[test]
fn without_restarts_the_supervisor_ends_with_every_exit_status_of_its_instance() {
    let jobs = (0..=255).flat_map(|code| [(code, "quit"), (code, "restart")]);
    side_by_side(jobs, |(code, policy)| {
        let seen = ends(&format!("exit {code}"), policy);
        assert_eq!((seen.code(), seen.of("started").len(), seen.lines.len()), (code, 1, 0), "{policy}");
        let decision = match (policy, code) {
            ("quit", _) => "quit",
            (_, 0) => "clean",
            _ => "budget spent",
        };
        assert_eq!(
            (&seen.of("ended")[0]["status"], &seen.of("ended")[0]["decision"]),
            (&code.into(), &decision.into())
        );
    });
}

#[test]
fn every_exit_status_but_0_is_followed_by_an_instance_that_knows_of_it() {
    let seen = all(&(1..=256).map(|code| format!("previous; exit {}", code % 256)).collect::<Vec<_>>());
    assert_eq!((seen.code(), seen.lines.len(), seen.of("ended").len()), (0, 256, 256));
    for (code, (line, event)) in seen.lines.iter().zip(seen.of("ended")).enumerate() {
        let previous = if code == 0 { "none".to_owned() } else { format!("Code({code}) hung None failed false") };
        assert_eq!(line, &format!("{} previous {previous}", code + 1));
        assert_eq!(event["status"], (code + 1) % 256);
    }
}

#[test]
fn without_restarts_the_supervisor_ends_by_every_signal_that_kills_its_instance() {
    side_by_side(deadly().flat_map(|signal| [(signal, "quit"), (signal, "restart")]), |(signal, policy)| {
        let seen = ends(&format!("default {signal}; kill {signal}; exit 98"), policy);
        assert!(of_same(signal).contains(&seen.code()), "{policy}, {signal}: {}", seen.code());
        assert_eq!((seen.of("started").len(), seen.lines.len()), (1, 0), "{policy}, {signal}");
        assert_eq!(seen.of("ended")[0]["signal"], signal);
    });
}

#[test]
fn every_signal_that_kills_is_followed_by_an_instance_that_knows_of_it() {
    let last = std::iter::once("previous; exit 0".to_owned());
    let scripts = deadly().map(|signal| format!("default {signal}; previous; kill {signal}; exit 98"));
    let seen = all(&scripts.chain(last).collect::<Vec<_>>());
    assert_eq!((seen.code(), seen.lines.len()), (0, deadly().count() + 1));
    for (signal, line) in deadly().zip(&seen.lines[1..]) {
        assert!(line.contains(&format!(" previous Signal {{ signal: {signal}, ")), "{signal}: {line}");
    }
}

#[test]
fn a_signal_that_does_not_kill_ends_no_instance() {
    side_by_side(IGNORED.iter().flat_map(|signal| [(signal, "quit"), (signal, "restart")]), |(signal, policy)| {
        let seen = ends(&format!("start; kill {signal}; say on; exit 7"), policy);
        assert_eq!((seen.code(), seen.lines), (7, vec!["1 on".to_owned()]), "{signal}, {policy}");
    });
}

#[test]
fn a_signal_that_suspends_an_instance_makes_it_hung() {
    side_by_side(STOPS.iter().flat_map(|signal| [(signal, "quit"), (signal, "restart")]), |(signal, policy)| {
        // The warning resumes the instance and kills it.
        let subject = Subject::new(&[&format!("start; kill {signal}; hang"), "exit 0"]).set("SAM_POLICY", policy);
        let seen = subject.set("SAM_INTERVAL", "100ms").run();
        let (end, started) = if policy == "quit" { (-libc::SIGTERM, 1) } else { (0, 2) };
        assert_eq!((seen.code(), seen.of("started").len()), (end, started), "{signal}, {policy}");
        assert_eq!(seen.of("warned")[0]["cause"], "overdue", "{signal}, {policy}");
    });
}
