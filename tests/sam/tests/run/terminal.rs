//! A supervised program at a real terminal, started by a real shell.

use std::{os::unix::process::ExitStatusExt as _, path::PathBuf, process::Command, thread, time::Duration};

use sam_tests::{lives, program, state_of, tty::Tty, wait_until};
use serde_json::Value;
use tempfile::TempDir;

const INTERRUPT: &str = "\x03";
const QUIT: &str = "\x1c";
const SUSPEND: &str = "\x1a";

/// A shell at a terminal, and the events of the supervisor in it.
struct Seat {
    tty: Tty,
    folder: TempDir,
}

impl Seat {
    fn new(interval: &str) -> Seat {
        Seat::with(interval, "1ms..1ms")
    }

    fn with(interval: &str, backoff: &str) -> Seat {
        let folder = tempfile::tempdir().unwrap();
        let file = |name| folder.path().join(name).display().to_string();
        let (events, status) = (file("events"), file("status"));
        let variables =
            [("SAM_EVENTS", &*events), ("SAM_STATUS", &*status), ("SAM_INTERVAL", interval), ("SAM_BACKOFF", backoff)];
        Seat { tty: Tty::shell(&variables), folder }
    }

    /// Types the command. `rest` may put it into the background.
    fn run(&mut self, scripts: &[&str], rest: &str) {
        let scripts: Vec<String> = scripts.iter().map(|script| format!("'{script}'")).collect();
        self.tty.types(&format!("{} {}{rest}\n", program("subject").display(), scripts.join(" ")));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn events(&self, name: &str) -> usize {
        let text = std::fs::read_to_string(self.path("events")).unwrap_or_default();
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["event"] == name).count()
    }

    /// The process ids of the supervisor and of its instance.
    fn pids(&self) -> (i32, i32) {
        let mut pids = None;
        wait_until("an instance runs", || {
            let text = std::fs::read_to_string(self.path("status")).unwrap_or_default();
            let status = serde_json::from_str::<Value>(&text).unwrap_or_default();
            pids = status["supervisor"].as_i64().zip(status["pid"].as_i64());
            pids.is_some()
        });
        let (supervisor, instance) = pids.unwrap();
        (supervisor as i32, instance as i32)
    }

    /// Waits until the shell shows this status of the last command.
    fn await_status(&mut self, status: i32) {
        self.tty.await_foreground(self.tty.leader());
        self.tty.types("echo status-$?\n");
        self.tty.await_text(&format!("status-{status}\r\n"));
    }
}

fn is_stopped(pid: i32) -> bool {
    state_of(pid) == Some('T')
}

#[test]
fn keys_that_end_a_program_end_a_supervised_one() {
    for (key, status) in [(INTERRUPT, 130), (QUIT, 131)] {
        let mut seat = Seat::new("2s");
        seat.run(&["start; say up; beats 60000 10"], "");
        seat.tty.await_text("1 up");
        let (supervisor, instance) = seat.pids();
        seat.tty.types(key);
        seat.await_status(status);
        assert!(!lives(supervisor) && !lives(instance));
        assert_eq!((seat.events("started"), seat.events("ended")), (1, 1));
    }
}

#[test]
fn a_program_that_is_suspended_and_resumed_was_not_hung() {
    let mut seat = Seat::new("150ms");
    seat.run(&["start; say up; beats 60000 10"], "");
    seat.tty.await_text("1 up");
    let (supervisor, instance) = seat.pids();
    for _ in 0..3 {
        seat.tty.types(SUSPEND);
        wait_until("supervisor and instance are suspended", || is_stopped(supervisor) && is_stopped(instance));
        seat.tty.await_text("Stopped");
        // This is longer than interval and grace.
        thread::sleep(Duration::from_millis(400));
        seat.tty.types("fg\n");
        wait_until("supervisor and instance go on", || !is_stopped(supervisor) && !is_stopped(instance));
        thread::sleep(Duration::from_millis(400));
    }
    seat.tty.types(INTERRUPT);
    seat.await_status(130);
    assert_eq!((seat.events("started"), seat.events("warned")), (1, 0));
}

#[test]
fn an_instance_that_reads_the_terminal_is_lent_it() {
    let mut seat = Seat::new("2s");
    seat.run(&["say up; read; exit 7"], "");
    seat.tty.await_text("1 up");
    let (supervisor, instance) = seat.pids();
    seat.tty.await_foreground(instance);
    seat.tty.types("hello\n");
    seat.tty.await_text("1 read hello true");
    // Exit status 7 is a failure, so a next instance begins and reads, too.
    seat.tty.await_text("2 up");
    seat.tty.await_foreground(seat.pids().1);
    seat.tty.types(INTERRUPT);
    seat.await_status(130);
    assert!(!lives(supervisor));
    assert_eq!(seat.events("started"), 2, "Ctrl-C reaches the instance alone, and counts as the operator's stop");
}

#[test]
fn an_instance_that_has_the_terminal_is_suspended_and_resumed() {
    let mut seat = Seat::new("150ms");
    seat.run(&["start; say up; stop; read; exit 0"], "");
    seat.tty.await_text("1 up");
    let (supervisor, instance) = seat.pids();
    for _ in 0..3 {
        seat.tty.await_foreground(instance);
        seat.tty.types(SUSPEND);
        wait_until("supervisor and instance are suspended", || is_stopped(supervisor) && is_stopped(instance));
        seat.tty.await_text("Stopped");
        // The supervisor suspends itself by SIGSTOP.
        seat.await_status(147);
        seat.tty.types("fg\n");
    }
    seat.tty.await_foreground(instance);
    seat.tty.types("hello\n");
    seat.tty.await_text("1 read hello true");
    seat.await_status(0);
    assert_eq!((seat.events("started"), seat.events("warned")), (1, 0));
}

#[test]
fn between_instances_the_terminal_is_the_supervisors() {
    // The instance ends in different ways while it has the terminal. A delay follows the second end.
    for end in ["exit 7", "kill 9", "delegate; kill 9", "abort"] {
        let mut seat = Seat::with("2s", "60s..60s");
        seat.run(&[&format!("say up; read; {end}")], "");
        let mut supervisor = 0;
        for instance in 1..=2 {
            seat.tty.await_text(&format!("{instance} up"));
            // The status file may name the instance a moment later.
            wait_until("the instance has the foreground", || seat.tty.foreground() == seat.pids().1);
            supervisor = seat.pids().0;
            seat.tty.types("hello\n");
            seat.tty.await_text(&format!("{instance} read hello true"));
        }
        seat.tty.await_foreground(supervisor);
        wait_until("no instance is left", || seat.events("ended") == 2);
        assert_eq!(seat.tty.foreground(), supervisor, "{end}");
        // A key reaches the supervisor.
        seat.tty.types(INTERRUPT);
        seat.await_status(130);
        assert_eq!(seat.events("started"), 2, "{end}");
    }
}

#[test]
fn a_program_in_the_background_that_reads_the_terminal_waits_for_the_foreground() {
    let mut seat = Seat::new("150ms");
    seat.run(&["start; say up; stop; read; exit 0"], " &");
    seat.tty.await_text("1 up");
    let (supervisor, instance) = seat.pids();
    wait_until("supervisor and instance are suspended", || is_stopped(supervisor) && is_stopped(instance));
    seat.tty.types("fg\n");
    seat.tty.await_foreground(instance);
    seat.tty.types("hello\n");
    seat.tty.await_text("1 read hello true");
    seat.await_status(0);
    assert_eq!((seat.events("started"), seat.events("warned")), (1, 0));
}

#[test]
fn an_instance_that_gives_the_terminal_away_and_reads_is_suspended_as_by_a_shell() {
    let mut seat = Seat::new("2s");
    seat.run(&["say up; read; delegate; read; exit 0"], "");
    seat.tty.await_text("1 up");
    let (supervisor, instance) = seat.pids();
    seat.tty.await_foreground(instance);
    seat.tty.types("hello\n");
    seat.tty.await_text("1 read hello true");
    wait_until("supervisor and instance are suspended", || is_stopped(supervisor) && is_stopped(instance));
    seat.tty.types("fg\n");
    seat.tty.await_foreground(instance);
    seat.tty.types("again\n");
    seat.tty.await_text("1 read again true");
    seat.await_status(0);
}

#[test]
fn a_supervisor_that_no_shell_could_resume_suspends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("subject"));
    command.arg("start; say up; beats 1000 10; say through; beats 60000 10").env("SAM_LOG", "0");
    command.env("SAM_EVENTS", folder.path().join("events"));
    // Process 1 of a container with a terminal has no shell that could resume it.
    let mut tty = Tty::start(command);
    tty.await_text("1 up");
    tty.types(SUSPEND);
    tty.await_text("1 through");
    tty.types(INTERRUPT);
    assert_eq!(tty.end().signal(), Some(libc::SIGINT));
}

#[test]
fn a_hangup_ends_a_supervised_program_as_it_would_end_an_unsupervised_one() {
    let mut seat = Seat::new("2s");
    seat.run(&["start; say up; beats 60000 10"], "");
    seat.tty.await_text("1 up");
    let (supervisor, instance) = seat.pids();
    seat.tty.hangs_up();
    wait_until("supervisor and instance end", || !lives(supervisor) && !lives(instance));
    assert_eq!(seat.events("started"), 1);
}
