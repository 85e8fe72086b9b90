//! Faults of other supervisors in recovery, which sam must not have (`sam/PEERS.md` lists them).

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use sam_tests::{Subject, command::sh, lives, wait_until};

#[test]
fn health_resets_the_backoff() {
    let crash = "exit 1";
    let well = "start; beats 1500 10; exit 1";
    let seen = Subject::new(&[crash, crash, crash, well, crash, "exit 0"])
        .set("SAM_BACKOFF", "40ms..10s")
        .set("SAM_HEALTHY_AFTER", "300ms")
        .run();
    let delays: Vec<u64> = seen.of("ended").iter().filter_map(|event| event["delay_ms"].as_u64()).collect();
    assert_eq!(delays.len(), 5, "{:?}", seen.events);
    assert!(delays[0] == 0 && 0 < delays[1] && delays[1] < delays[2], "{delays:?}");
    assert!(delays[3] == 0 && 0 < delays[4] && delays[4] < delays[2], "{delays:?}");
}

/// The last processor that this process may use.
fn processor() -> usize {
    // SAFETY: all-zero bytes are an empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is writable and as long as is said.
    assert_eq!(unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) }, 0);
    // SAFETY: the number is within the set.
    (0..libc::CPU_SETSIZE as usize).rfind(|&number| unsafe { libc::CPU_ISSET(number, &set) }).unwrap()
}

/// Has a process (0: this thread) run on this processor alone.
fn pin(pid: i32, processor: usize) {
    // SAFETY: all-zero bytes are an empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the number is within the set.
    unsafe { libc::CPU_SET(processor, &mut set) };
    // SAFETY: the set is initialised and as long as is said.
    let result = unsafe { libc::sched_setaffinity(pid, size_of_val(&set), &raw const set) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// Changes the scheduling policy of a process.
fn schedule(pid: i32, policy: i32) -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameters are initialised.
    let result = unsafe { libc::sched_setscheduler(pid, policy, &raw const parameters) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Keeps the only processor of a process busy for a time with threads of higher priority.
fn starve(pid: i32, time: Duration) {
    let processor = processor();
    schedule(pid, libc::SCHED_IDLE).unwrap();
    pin(pid, processor);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                pin(0, processor);
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        thread::sleep(time);
        is_over.store(true, Ordering::Relaxed);
    });
    // Without the right to do so, the process gets the time that other processes leave.
    let _ = schedule(pid, libc::SCHED_OTHER);
}

#[test]
fn an_instance_that_gets_no_processor_is_not_hung() {
    // The instance gets no turn for more than an interval, and says so when it has one again. The interval is
    // long, because only ten in a row are excused, and other work of the machine must not use these up.
    let running = Subject::new(&["pid; start; say up; late 1000; say late; beats 1500 5; exit 0"])
        .set("SAM_INTERVAL", "600ms")
        .start();
    let pid = running.await_value("1 pid ").parse().unwrap();
    running.await_line("1 up");
    let limit = Instant::now() + Duration::from_secs(60);
    while !running.lines().contains(&"1 late".to_owned()) && Instant::now() < limit {
        starve(pid, Duration::from_millis(3000));
        // The instance gets time to say so.
        thread::sleep(Duration::from_millis(100));
    }
    running.await_line("1 late");
    let seen = running.end();
    assert_eq!((seen.names(), seen.code()), (vec!["started", "ready", "ended"], 0));
}

#[test]
fn an_instance_that_hangs_while_it_gets_a_processor_is_hung() {
    // The instance spins: it is ready to run at every moment.
    let seen = Subject::new(&["start; beats 100 5; spin", "exit 0"]).set("SAM_INTERVAL", "300ms").run();
    assert_eq!((seen.of("warned").len(), seen.code()), (1, 0));
}

#[test]
fn a_stop_leaves_no_orphan() {
    let running = Subject::new(&["fork; stray; start; say up; beats 60000 10"]).start();
    let children = ["1 forked ", "1 strayed "].map(|start| running.await_value(start).parse().unwrap());
    running.await_line("1 up");
    assert!(children.into_iter().all(lives));
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -libc::SIGTERM);
    assert!(!children.into_iter().any(lives));
}

#[test]
fn failed_probes_of_an_instance_do_not_count_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let file = |instance: &str| format!("{}/{instance}", folder.path().display());
    let count = format!("$(wc -l <{})", file("$SAM_INSTANCE"));
    // The first two probes of each instance fail. The third probe of the first instance never ends, so the
    // supervisor has judged the two before it when the instance crashes. The third probe of the second instance
    // is good.
    let probe = format!(
        "echo >>{}; [ {count} -gt 2 ] || exit 1; [ $SAM_INSTANCE = 2 ] || exec sleep 1000",
        file("$SAM_INSTANCE")
    );
    let options = ["--probe", &probe, "--probe-every", "10ms", "--probe-limit", "20s", "--probe-failures", "3"];
    let script = format!(
        "[ $SAM_INSTANCE = 2 ] && exec sleep 1000; while [ \"$(cat {0} 2>/dev/null | wc -l)\" -lt 3 ]; \
         do sleep 0.01; done; kill -9 $$",
        file("1")
    );
    let running = sh(&options, &script).start();
    let probes = || std::fs::read_to_string(file("2")).unwrap_or_default().lines().count();
    wait_until("the second instance is well", || probes() > 4);
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.of("warned").len(), seen.of("started").len()), (0, 2), "{:?}", seen.events);
    assert_eq!(seen.of("ended")[0]["signal"], 9);
}

#[test]
fn a_failure_of_an_instance_does_not_count_for_the_next() {
    let seen = Subject::new(&["start; fail; kill 9", "start; beats 500 10; exit 0"]).set("SAM_INTERVAL", "200ms").run();
    assert_eq!((seen.of("ended")[0]["cause"].as_str(), seen.of("ended").len()), (Some("failed"), 2));
    assert!(seen.of("warned").iter().all(|event| event["instance"] == 1), "{:?}", seen.events);
    assert_eq!(seen.code(), 0);
}

#[test]
fn an_instance_that_catches_the_warning_and_beats_on_is_killed_if_it_is_not_well() {
    let seen = Subject::new(&["catch 15; start; fail; beats 60000 10", "exit 0"]).set("SAM_INTERVAL", "100ms").run();
    assert_eq!((seen.of("warned").len(), seen.of("killed").len()), (1, 1), "{:?}", seen.events);
    assert_eq!((&seen.of("warned")[0]["cause"], seen.code()), (&"failed".into(), 0));
}

#[test]
fn with_interval_zero_a_failed_instance_is_warned_and_killed() {
    for interval in ["0s", "100ms"] {
        let subject = Subject::new(&["ignore 15; start; fail; hang", "exit 0"]).set("SAM_INTERVAL", interval);
        let seen = subject.run();
        assert_eq!((seen.of("warned").len(), seen.of("killed").len()), (1, 1), "{interval}: {:?}", seen.events);
        assert_eq!((seen.of("ended")[0]["signal"].as_i64(), seen.code()), (Some(9), 0));
    }
}

#[test]
fn a_main_thread_that_hangs_is_seen_behind_a_callback_that_answers() {
    let script = "callback; start; answers 1 1000; check worker 200; hang";
    let seen = Subject::new(&[script, "exit 0"]).set("SAM_INTERVAL", "1s").run();
    assert_eq!((&seen.of("warned")[0]["check"], seen.code()), (&"worker".into(), 0));
}

#[test]
fn a_callback_is_asked_once_an_interval_however_short() {
    let script = "ignore 15; callback; start; answers 50 2; exit 0";
    let subject = Subject::new(&[script]).set("SAM_INTERVAL", "2ms").set("SAM_GRACE", "60s");
    let seen = subject.set("SAM_POLICY", "quit").run();
    assert_eq!((seen.code(), seen.lines), (0, vec!["1 asked in measure".to_owned()]));
}
