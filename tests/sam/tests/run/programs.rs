//! Whole programs: how they begin, how attributes combine, and what their supervisor allocates.

use std::{collections::BTreeSet, process::Stdio};

use sam_tests::{Subject, program};

#[test]
fn a_program_whose_constructor_makes_a_thread_is_refused_by_the_threads_name() {
    let output = std::process::Command::new(program("constructor")).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("(early-bird)"), "{text}");
    // The status is EX_SOFTWARE, as the table of errors says.
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(70), &b""[..]), "{text}");
}

#[test]
fn supervision_can_be_turned_off() {
    let seen = Subject::of("constructor", &[]).set("SAM_DISABLE", "1").run();
    assert_eq!((seen.code(), seen.lines, seen.events.len()), (0, vec!["instance 1".to_owned()], 0));
    let seen = Subject::of("runtime_below", &[]).set("SAM_DISABLE", "1").run();
    assert_eq!((seen.code(), seen.lines), (1, vec!["1 false".to_owned()]));
}

#[test]
fn a_runtime_is_made_in_each_instance_whichever_attribute_is_first() {
    for (name, first) in [("runtime_below", 1), ("runtime_above", 9)] {
        let seen = Subject::of(name, &[]).run();
        assert_eq!((seen.code(), seen.lines.as_slice()), (0, &["1 true", "2 true", "3 true"].map(str::to_owned)[..]));
        let ended = seen.of("ended");
        assert_eq!((&ended[0]["status"], &ended[1]["signal"]), (&first.into(), &libc::SIGABRT.into()), "{name}");
    }
}

#[test]
fn executed_instances_lie_elsewhere_and_find_what_was_kept() {
    for (respawn, signal, layouts) in [
        ("fork", libc::SIGSEGV, 1),
        ("exec", libc::SIGKILL, 4),
        ("exec-after-fault", libc::SIGABRT, 4),
        ("exec-after-fault", libc::SIGSEGV, 4),
        ("exec-after-fault", libc::SIGBUS, 4),
        ("exec-after-fault", libc::SIGKILL, 1),
    ] {
        let subject = Subject::of("layout", &[]).set("SAM_RESPAWN", respawn).set("SAM_BACKOFF", "1ms..1ms");
        let subject = subject.set("LAYOUT_SIGNAL", &signal.to_string());
        // The first instance waits until the next one stands by, so no fork happens at the fault.
        let seen = if respawn == "exec" { subject } else { subject.set("LAYOUT_AWAITS_NEXT", "1") }.run();
        assert_eq!(seen.code(), 0, "{:?}", seen.events);
        let of = |start: &str| -> Vec<&str> { seen.lines.iter().filter_map(|line| line.strip_prefix(start)).collect() };
        let code = of("code ").into_iter().map(|line| line.split(" pid").next().unwrap());
        assert_eq!(code.collect::<BTreeSet<_>>().len(), layouts, "{respawn}: {:?}", seen.lines);
        assert_eq!(of("canary ").into_iter().collect::<BTreeSet<_>>().len(), layouts, "{respawn}: {:?}", seen.lines);
        assert_eq!(of("stored "), ["", "by 1", "by 2", "by 3"]);
        assert_eq!(of("kept "), ["", "of 1", "of 2", "of 3"]);
        assert_eq!(of("previous "), ["false", "true", "true", "true"]);
        let descriptors: BTreeSet<_> = of("descriptors ").into_iter().collect();
        assert_eq!(descriptors.len(), 1, "{respawn}: an instance has other descriptors: {descriptors:?}");
    }
}

#[test]
fn a_running_supervisor_allocates_nothing_after_its_first_fork() {
    let running = Subject::of("frugal", &[]).set("SAM_LOG", "1").set("SAM_BACKOFF", "1ms..1ms").start();
    for (instance, signal) in [(6, libc::SIGHUP), (7, libc::SIGUSR1)] {
        // The instance dies, and the next one serves.
        running.await_line(&format!("{instance} serves"));
        running.signal(signal);
    }
    running.await_line("8 serves");
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!(seen.code(), -libc::SIGTERM, "{:?}", seen.events);
    let causes: Vec<_> = seen.of("ended").iter().filter_map(|event| event["cause"].as_str()).collect();
    assert_eq!(causes, ["overdue", "probe", "failed"]);
}
