//! A supervisor that is process 1 of a PID namespace, as in a container.
//!
//! This is a binary of its own because its 10,000 orphans may use up the process ids of the machine.

use std::process::{Command, Stdio};

use sam_tests::{Running, Subject, proc::children, program, send, state_of, wait_until};

/// Whether this process may make a PID namespace. Prints a line if it may not.
fn may_make_namespaces() -> bool {
    let output = Command::new("unshare").args(["--pid", "--fork", "--mount-proc", "true"]).output();
    let may = output.as_ref().is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("NOT TESTED: this user may not make a PID namespace: {output:?}");
    }
    may
}

/// Runs the subject as process 1, and returns that process's id outside of the namespace.
fn start(script: &[&str], set: &[(&str, &str)]) -> (Running, i32) {
    let mut subject = Subject::of("subject", &[]);
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc"]).arg(program("subject")).args(script);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).envs(set.iter().copied());
    for (name, value) in subject.command().get_envs() {
        command.env(name, value.unwrap());
    }
    *subject.command() = command;
    let running = subject.start();
    let mut first = None;
    wait_until("process 1 is there", || {
        first = children(running.pid()).first().copied();
        first.is_some()
    });
    (running, first.unwrap())
}

#[test]
fn process_1_reaps_ten_thousand_orphans() {
    if !may_make_namespaces() {
        return;
    }
    let (running, first) = start(&["start; stop; orphans 10000; start; say up; beats 60000 10"], &[]);
    running.await_line("1 orphaned");
    running.await_line("1 up");
    let instance = running.status()["pid"].clone();
    // One instance lives, and perhaps one child stands by.
    wait_until("all orphans are reaped", || children(first).len() <= 2);
    assert!(children(first).into_iter().all(|child| state_of(child) != Some('Z')));
    assert_eq!((running.status()["pid"].clone(), running.status()["supervisor"].as_i64()), (instance, Some(1)));
    send(first, libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len()), (128 + libc::SIGTERM, 1), "process 1 cannot die of a signal");
}

#[test]
fn a_pid_namespace_that_sees_the_proc_of_another_is_refused_for_that_reason() {
    if !may_make_namespaces() {
        return;
    }
    let mut command = Command::new("unshare");
    let output = command.args(["--pid", "--fork"]).arg(program("sam")).args(["run", "--", "true"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains("/proc is that of another PID namespace"), "{said}");
}

#[test]
fn the_status_of_process_1_is_that_of_its_instance() {
    if !may_make_namespaces() {
        return;
    }
    for (script, policy, code) in
        [("exit 0", "restart", 0), ("exit 7", "quit", 7), ("abort", "quit", 134), ("kill 9", "quit", 137)]
    {
        let (running, _) = start(&[script], &[("SAM_POLICY", policy)]);
        assert_eq!(running.end().code(), code, "{script}");
    }
    let (running, first) = start(&["catch 15; start; say up; serve 15; exit 0"], &[]);
    running.await_line("1 up");
    send(first, libc::SIGTERM);
    assert_eq!(running.end().code(), 0);
}

/// A process's number in the innermost of its PID namespaces.
fn number_inside(process: i32) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix("NSpid:"))?.split_whitespace().last()?.to_owned())
}

#[test]
fn orphans_of_an_instance_that_crashes_stay_with_process_1() {
    if !may_make_namespaces() {
        return;
    }
    let (running, first) = start(&["stray; kill 9", "start; say next; beats 60000 10"], &[]);
    running.await_line("2 next");
    let (stray, next) = (running.await_value("1 strayed "), running.status()["pid"].as_i64());
    let next = next.unwrap().to_string();
    // The kernel's list may lack a child while another one ends.
    wait_until("the stray process and the next instance are children of process 1", || {
        let inside: Vec<String> = children(first).into_iter().filter_map(number_inside).collect();
        inside.contains(&stray) && inside.contains(&next)
    });
    send(first, libc::SIGTERM);
    assert_eq!(running.end().code(), 128 + libc::SIGTERM);
}
