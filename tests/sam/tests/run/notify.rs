//! The protocol of `sd_notify(3)`: between `sam run` and its program, and between `sam run` and a service
//! manager.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    path::Path,
    time::Duration,
};

use sam_tests::{Subject, wait_until};

fn speaker(options: &[&str], scripts: &[&str]) -> Subject {
    Subject::by_command(options, "speaker", scripts)
}

#[test]
fn a_program_finds_the_notify_protocol_in_its_environment() {
    let seen = speaker(&["--watchdog", "2500ms"], &["env WATCHDOG_USEC; mine; env SAM_INSTANCE; notify READY=1"]).run();
    assert_eq!(seen.lines, ["1 WATCHDOG_USEC Some(\"2500000\")", "1 mine true", "1 SAM_INSTANCE Some(\"1\")"]);
    assert_eq!(seen.code(), 0);
}

#[test]
fn without_a_watchdog_there_is_no_watchdog_to_feed() {
    let seen = speaker(&["--notify", "main"], &["env WATCHDOG_USEC; notify READY=1; barrier; exit 0"]).run();
    assert_eq!(seen.lines, ["1 WATCHDOG_USEC None"]);
    assert_eq!(seen.names(), ["started", "ready", "ended"]);
    let seen = speaker(&[], &["env NOTIFY_SOCKET"]).run();
    assert_eq!(seen.lines, ["1 NOTIFY_SOCKET None"]);
}

#[test]
fn a_program_is_ready_when_it_says_so_and_not_before() {
    let running = speaker(&["--notify", "main"], &["catch 10; say up; pause; notify READY=1; hang"]).start();
    running.await_line("1 up");
    wait_until("the instance is starting", || running.status()["stage"] == "starting");
    running.signal(libc::SIGUSR1);
    wait_until("the instance is ready", || running.status()["stage"] == "ready");
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -15);
}

#[test]
fn a_program_that_beats_lives_and_one_that_falls_silent_is_warned_and_replaced() {
    let seen = speaker(&["--watchdog", "300ms"], &["notify READY=1; beats 900 20; hang", "exit 0"]).run();
    assert_eq!(seen.names(), ["started", "ready", "warned", "ended", "started", "ended"]);
    let (warned, ended) = (seen.of("warned")[0], seen.of("ended")[0]);
    assert_eq!((&warned["cause"], &warned["check"]), (&"overdue".into(), &"main".into()));
    assert_eq!(ended["signal"], 15);
    assert!(ended["lived_ms"].as_u64().unwrap() >= 900, "the program was taken for hung while it beat: {ended}");
    assert_eq!(seen.code(), 0);
}

#[test]
fn a_program_that_ignores_the_warning_is_killed() {
    let options = ["--watchdog", "100ms", "--grace", "50ms"];
    let seen = speaker(&options, &["ignore 15; notify READY=1; hang", "exit 0"]).run();
    assert_eq!(seen.names()[2..5], ["warned", "killed", "ended"]);
    assert_eq!((seen.of("ended")[0]["signal"].as_i64(), seen.code()), (Some(9), 0));
}

#[test]
fn a_program_may_change_its_watchdogs_interval_and_the_next_instance_has_that_of_the_options() {
    // The program asks for a longer interval, then for no watchdog, and then for an interval in which it hangs.
    let script = "notify READY=1|WATCHDOG_USEC=60000000; sleep 500; notify WATCHDOG_USEC=0; sleep 500; say well; \
                  notify WATCHDOG_USEC=100000; hang";
    let seen = speaker(&["--watchdog", "200ms"], &[script, "notify READY=1; say up; hang", "exit 0"]).run();
    let names = ["started", "ready", "warned", "ended"];
    assert_eq!(seen.names()[..8], [names, names].concat(), "{:?}", seen.events);
    assert!(seen.lines.contains(&"1 well".to_owned()) && seen.lines.contains(&"2 up".to_owned()));
    // A program without a watchdog may ask for one, also before it is ready.
    let script = "notify WATCHDOG_USEC=100000; sleep 300; notify READY=1; hang";
    let seen = speaker(&["--notify", "main"], &[script, "exit 0"]).run();
    assert_eq!(seen.names()[..4], names);
}

#[test]
fn the_watchdog_waits_for_readiness() {
    let seen = speaker(&["--watchdog", "100ms"], &["sleep 500; exit 0"]).run();
    assert_eq!((seen.of("warned").len(), seen.code()), (0, 0));
    // A beat before readiness does not start the watchdog.
    let seen = speaker(&["--watchdog", "100ms"], &["notify WATCHDOG=1; sleep 500; exit 0"]).run();
    assert_eq!((seen.of("warned").len(), seen.code()), (0, 0));
    let seen = speaker(&["--watchdog", "100ms", "--ready-at-start"], &["hang", "exit 0"]).run();
    assert_eq!(seen.names()[..4], ["started", "ready", "warned", "ended"]);
}

#[test]
fn a_watchdog_trigger_is_a_failure_at_once() {
    let seen = speaker(&["--watchdog", "1h"], &["notify READY=1; notify WATCHDOG=trigger; hang", "exit 0"]).run();
    assert_eq!(seen.of("warned")[0]["cause"], "failed");
    assert_eq!(seen.code(), 0);
}

#[test]
fn a_program_that_is_not_ready_in_time_is_replaced_unless_it_asks_for_more_time() {
    let options = ["--notify", "main", "--start-limit", "200ms"];
    let seen = speaker(&options, &["hang", "exit 0"]).run();
    assert_eq!((&seen.of("warned")[0]["cause"], seen.code()), (&"start".into(), 0));
    // The first limit is long enough for the request, and the program takes longer than that.
    let script = "notify EXTEND_TIMEOUT_USEC=60000000; sleep 4000; notify READY=1; barrier; exit 0";
    let seen = speaker(&["--notify", "main", "--start-limit", "3s"], &[script]).run();
    assert_eq!(seen.names(), ["started", "ready", "ended"]);
}

#[test]
fn a_program_that_says_that_it_stops_may_take_the_stop_limit_and_no_longer() {
    // The program takes longer than the watchdog's interval, which no longer counts.
    let seen = speaker(&["--watchdog", "100ms"], &["notify READY=1|STOPPING=1; sleep 500; exit 0"]).run();
    assert_eq!((seen.of("warned").len(), seen.code()), (0, 0));
    let options = ["--watchdog", "100ms", "--stop-limit", "150ms"];
    let seen = speaker(&options, &["notify READY=1; notify STOPPING=1; hang", "exit 0"]).run();
    assert_eq!((&seen.of("warned")[0]["check"], seen.code()), (&"stopping".into(), 0));
    let options = ["--watchdog", "100ms", "--stop-limit", "2s"];
    let script = "notify STOPPING=1; notify EXTEND_TIMEOUT_USEC=60000000; sleep 3000; exit 0";
    let seen = speaker(&options, &[script]).run();
    assert_eq!((seen.of("warned").len(), seen.code()), (0, 0));
}

#[test]
fn the_status_text_of_a_program_is_in_the_status_file_and_in_the_event_of_its_end() {
    let script = "catch 10; notify READY=1|STATUS=seeking a \u{1b}[1m\"port\"; say up; pause; \
                  notify STATUS=no port is free; exit 3";
    let running = speaker(&["--notify", "main", "--policy", "quit"], &[script]).start();
    running.await_line("1 up");
    wait_until("the status has the text", || running.status()["said"] == "seeking a \u{fffd}[1m\"port\"");
    running.signal(libc::SIGUSR1);
    let seen = running.end();
    assert_eq!((&seen.of("ended")[0]["said"], seen.code()), (&"no port is free".into(), 3));
}

#[test]
fn only_the_main_process_is_heard_unless_its_group_may_speak() {
    for (who, verb, is_heard) in [
        ("main", "helper", false),
        ("main", "stranger", false),
        ("group", "helper", true),
        ("group", "stranger", false),
    ] {
        let seen = speaker(&["--notify", who], &[&format!("{verb} READY=1|STATUS=it is I; barrier; exit 0")]).run();
        assert_eq!(seen.of("ready").len(), usize::from(is_heard), "{who}, {verb}: {:?}", seen.events);
        assert_eq!(seen.of("ended")[0]["said"].is_string(), is_heard, "{who}, {verb}");
    }
}

#[test]
fn a_program_that_stops_because_it_was_warned_is_followed_by_the_next_instance() {
    let script = "catch 15; notify READY=1; pause; notify WATCHDOG=1|STOPPING=1; sleep 200; exit 0";
    let seen = speaker(&["--watchdog", "100ms", "--grace", "20s"], &[script, "exit 0"]).run();
    assert_eq!(seen.names()[..6], ["started", "ready", "warned", "recovered", "ended", "started"]);
    assert_eq!((&seen.of("ended")[0]["cause"], seen.code()), (&"overdue".into(), 0));
    // A program that stops of its own accord is done.
    let seen = speaker(&["--watchdog", "20s"], &["notify READY=1|STOPPING=1; exit 3", "exit 0"]).run();
    assert_eq!((seen.of("started").len(), seen.code()), (1, 3));
}

#[test]
fn a_notification_by_a_helper_that_ends_at_once_is_heard() {
    for _ in 0..40 {
        let script = "catch 10; say up; pause; brief READY=1|STATUS=it is I; say sent; pause; exit 0";
        let running = speaker(&["--notify", "group"], &[script]).start();
        running.await_line("1 up");
        // The helper has ended before the supervisor reads its message.
        let child = sam_tests::proc::children(running.pid())[0];
        running.signal(libc::SIGSTOP);
        wait_until("the supervisor is suspended", || sam_tests::state_of(running.pid()) == Some('T'));
        sam_tests::send(child, libc::SIGUSR1);
        running.await_line("1 sent");
        running.signal(libc::SIGCONT);
        running.await_events("ready", 1);
        running.signal(libc::SIGUSR1);
        assert_eq!(running.end().code(), 0);
    }
}

#[test]
fn a_spoofed_notification_is_ignored() {
    let options = ["--watchdog", "1h", "--notify", "group"];
    let running = speaker(&options, &["env NOTIFY_SOCKET; catch 10; say up; pause; notify READY=1; hang"]).start();
    let name = running.await_value("1 NOTIFY_SOCKET Some(\"@");
    let address = SocketAddr::from_abstract_name(name.trim_end_matches("\")")).unwrap();
    running.await_line("1 up");
    let spoof = UnixDatagram::unbound().unwrap();
    // These are more messages than a queue or a turn holds, so the supervisor has read some when all are sent.
    for _ in 0..1000 {
        spoof.send_to_addr(b"READY=1\nWATCHDOG=trigger\nSTATUS=spoofed", &address).unwrap();
    }
    assert_eq!(running.status()["stage"], "starting");
    running.signal(libc::SIGUSR1);
    running.await_events("ready", 1);
    assert!(running.status()["said"].is_null());
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.of("warned").len(), seen.code()), (0, -15));
}

#[test]
fn garbage_in_a_notification_says_nothing_and_its_descriptors_are_closed() {
    let long = format!("notify READY=1|{}", "x".repeat(5000));
    // Each barrier sends a descriptor, and returns when the supervisor has closed it.
    let barriers = "barrier; ".repeat(200);
    let script = format!("notify READY=2; notify =; notify |||; {long}; {barriers} say through; catch 10; pause");
    let running = speaker(&["--notify", "main"], &[&script]).start();
    running.await_line("1 through");
    let open = std::fs::read_dir(format!("/proc/{}/fd", running.pid())).unwrap().count();
    assert!(open < 20, "{open} descriptors are open");
    assert_eq!(running.status()["stage"], "starting");
    running.signal(libc::SIGUSR1);
    assert_eq!(running.end().code(), 0);
}

#[test]
fn notifications_of_an_instance_do_not_count_for_the_next() {
    let scripts = ["notify READY=1|STATUS=first; kill 9", "catch 10; say up; pause; exit 0"];
    let running = speaker(&["--notify", "main"], &scripts).start();
    running.await_line("2 up");
    wait_until("the instance is starting", || running.status()["stage"] == "starting");
    assert!(running.status()["said"].is_null());
    running.signal(libc::SIGUSR1);
    assert_eq!(running.end().code(), 0);
}

/// The service manager's side of the protocol.
struct Manager {
    socket: UnixDatagram,
}

impl Manager {
    fn at(file: &Path) -> Manager {
        let socket = UnixDatagram::bind(file).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        Manager { socket }
    }

    /// Waits for the next message.
    fn hear(&self) -> String {
        let mut bytes = [0; 4096];
        let len = self.socket.recv(&mut bytes).expect("a message comes within 120 s");
        String::from_utf8(bytes[..len].to_vec()).unwrap()
    }

    /// Returns all messages up to the first that has this line.
    fn hear_until(&self, line: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while !lines.iter().any(|other| other == line) {
            lines.extend(self.hear().lines().map(str::to_owned));
        }
        lines
    }

    fn hear_the_rest(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).unwrap();
        let mut lines = Vec::new();
        let mut bytes = [0; 4096];
        loop {
            match self.socket.recv(&mut bytes) {
                Ok(len) => lines.extend(String::from_utf8_lossy(&bytes[..len]).lines().map(str::to_owned)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return lines,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn has(lines: &[String], line: &str) -> bool {
    lines.iter().any(|other| other == line)
}

fn managed(subject: Subject) -> (Subject, Manager) {
    let file = subject.path("manager");
    let manager = Manager::at(&file);
    (subject.set("NOTIFY_SOCKET", file.to_str().unwrap()), manager)
}

#[test]
fn a_service_manager_hears_of_readiness_when_the_application_is_ready() {
    let (subject, manager) = managed(Subject::new(&["catch 10; say up; await 10; start; beats 60000 20"]));
    let running = subject.start();
    running.await_line("1 up");
    wait_until("the instance is starting", || running.status()["stage"] == "starting");
    let before = manager.hear_until("STATUS=instance 1 is starting");
    assert!(!has(&before, "READY=1"), "{before:?}");
    running.signal(libc::SIGUSR1);
    manager.hear_until("READY=1");
    running.signal(libc::SIGTERM);
    manager.hear_until("STOPPING=1");
    assert_eq!(running.end().code(), -15);
    assert!(!has(&manager.hear_the_rest(), "STOPPING=1"), "STOPPING=1 is said once");
}

#[test]
fn a_service_manager_sees_signs_of_life_while_the_application_is_well_and_none_while_it_is_not() {
    let script = "ignore 15; start; beats 1500 10; hang";
    let (subject, manager) = managed(Subject::new(&[script, "start; beats 60000 10"]));
    let running = subject.set("WATCHDOG_USEC", "40000").set("SAM_INTERVAL", "300ms").set("SAM_GRACE", "400ms").start();
    let lines = manager.hear_until("STATUS=instance 1 is warned");
    assert!(has(&lines, "WATCHDOG=1"));
    let warned = lines.len() - 1;
    assert!(lines[..warned].iter().filter(|line| *line == "WATCHDOG=1").count() >= 5, "{lines:?}");
    // The supervisor sends no sign of life until the next instance begins.
    let grace = manager.hear_until("STATUS=instance 1 is killing");
    assert!(!has(&grace, "WATCHDOG=1"), "{grace:?}");
    manager.hear_until("STATUS=instance 2 is running");
    manager.hear_until("WATCHDOG=1");
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -15);
}

#[test]
fn a_service_managers_watchdog_for_another_process_is_not_fed() {
    let (subject, manager) = managed(Subject::new(&["start; beats 300 10; exit 0"]));
    let seen = subject.set("WATCHDOG_USEC", "20000").set("WATCHDOG_PID", "1").run();
    assert_eq!(seen.code(), 0);
    let lines = manager.hear_the_rest();
    assert!(has(&lines, "READY=1") && !has(&lines, "WATCHDOG=1"), "{lines:?}");
}

#[test]
fn a_service_manager_that_is_busy_hears_of_readiness_later() {
    let (subject, manager) = managed(Subject::new(&["say up; start; beats 60000 20"]));
    // Fills the manager's queue.
    let noise = UnixDatagram::unbound().unwrap();
    noise.set_nonblocking(true).unwrap();
    while noise.send_to(b"NOISE=1", subject.path("manager")).is_ok() {}
    let running = subject.start();
    running.await_events("ready", 1);
    manager.hear_until("READY=1");
    running.signal(libc::SIGTERM);
    manager.hear_until("STOPPING=1");
    assert_eq!(running.end().code(), -15);
}

#[test]
fn a_service_manager_that_restarts_at_the_same_address_is_found() {
    let (subject, manager) = managed(Subject::new(&["start; say up; beats 60000 20"]));
    let file = subject.path("manager");
    let running = subject.start();
    manager.hear_until("READY=1");
    drop(manager);
    std::fs::remove_file(&file).unwrap();
    let manager = Manager::at(&file);
    running.signal(libc::SIGTERM);
    manager.hear_until("STOPPING=1");
    assert_eq!(running.end().code(), -15);
}

#[test]
fn neither_instances_nor_probes_see_the_service_manager() {
    let out = tempfile::tempdir().unwrap();
    let seen_by_probe = out.path().join("probe");
    let probe = format!("echo \"<$NOTIFY_SOCKET$WATCHDOG_USEC$WATCHDOG_PID>\" > {}", seen_by_probe.display());
    let script = "env NOTIFY_SOCKET; env WATCHDOG_USEC; env WATCHDOG_PID; catch 10; pause; exit 0";
    let (subject, manager) = managed(speaker(&["--probe", &probe, "--probe-every", "1ms"], &[script]));
    let running = subject.set("WATCHDOG_USEC", "60000000").start();
    wait_until("a probe has run", || std::fs::read_to_string(&seen_by_probe).is_ok_and(|text| text.ends_with('\n')));
    assert_eq!(std::fs::read_to_string(&seen_by_probe).unwrap(), "<>\n");
    running.await_line("1 WATCHDOG_PID None");
    assert_eq!(running.lines()[..2], ["1 NOTIFY_SOCKET None", "1 WATCHDOG_USEC None"]);
    manager.hear_until("READY=1");
    running.signal(libc::SIGUSR1);
    assert_eq!(running.end().code(), 0);
}

#[test]
fn the_status_text_of_a_program_reaches_the_service_manager() {
    let (subject, manager) = managed(speaker(&["--notify", "main"], &["notify READY=1|STATUS=3 clients; hang"]));
    let running = subject.start();
    let lines = manager.hear_until("STATUS=instance 1 is ready: 3 clients");
    assert!(has(&lines, "READY=1"), "{lines:?}");
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -15);
}
