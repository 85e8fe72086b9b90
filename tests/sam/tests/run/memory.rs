//! The supervisor under valgrind, and what it does to the application's memory.

use std::{
    fs,
    process::{Command, Stdio},
};

use sam_tests::{Subject, program};

#[test]
fn valgrind_finds_no_error_in_the_supervisor() {
    if let Err(error) = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status() {
        eprintln!("NOT TESTED: there is no valgrind: {error}");
        return;
    }
    let mut subject = Subject::of("subject", &[]);
    let mut command = Command::new("valgrind");
    let logs = tempfile::tempdir().unwrap();
    command.args(["--trace-children=yes", "--error-exitcode=99", "--track-fds=no"]);
    command.arg(format!("--log-file={}/%p", logs.path().display())).arg(program("subject"));
    command.args([
        "store one; fork; stray; abort",
        "stored; previous; ignore 15; start; hang",
        "catch 15; start; await 15; beats 1000 20; fail; hang",
        "start; close; exit 3",
        "start; say last; beats 2000 20; exit 0",
    ]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    for (name, value) in subject.command().get_envs() {
        command.env(name, value.unwrap());
    }
    *subject.command() = command;
    let subject = subject.set("SAM_INTERVAL", "800ms").set("SAM_BACKOFF", "1ms..1ms").set("SAM_LOG", "1");
    let running = subject.start();
    let supervisor = running.pid();
    let seen = running.end();
    assert_eq!(seen.code(), 0, "{:?}", seen.events);
    assert!(seen.lines.contains(&"2 stored one".to_owned()), "{:?}", seen.lines);
    assert_eq!(seen.of("ended").len(), 5, "{:?}", seen.events);
    let text = fs::read_to_string(logs.path().join(supervisor.to_string())).unwrap();
    assert!(text.contains("ERROR SUMMARY: 0 errors"), "{text}");
}

#[test]
fn instances_begin_with_the_memory_of_before_registration_in_huge_pages_or_not() {
    for (gathers, setting) in [(true, "1"), (false, "0")] {
        let subject = Subject::of("bulky", &[]).set("SAM_HUGE_PAGES", setting).set("SAM_BACKOFF", "0s..0s");
        let seen = subject.run();
        assert_eq!(seen.code(), 0, "{:?}", seen.events);
        assert_eq!(seen.lines.iter().filter(|line| *line == "whole true").count(), 4, "{:?}", seen.lines);
        let huge: Vec<u64> = seen.lines.iter().filter_map(|line| line.strip_prefix("huge ")?.parse().ok()).collect();
        assert_eq!(huge.len(), 4, "{:?}", seen.lines);
        if gathers && huge == [0; 4] {
            // The system's policy is `never`, or its memory is too fragmented.
            eprintln!("NOT SHOWN: the kernel gave no huge pages");
        } else if !gathers {
            let policy = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
            assert!(huge == [0; 4] || policy.contains("[always]"), "{huge:?}");
        }
    }
}
