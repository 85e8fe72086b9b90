//! Supervisors with a hostile or unlucky instance, or in an unlucky environment.

use std::{io::Read as _, os::unix::process::CommandExt as _};

use sam_tests::{Subject, lives, send, state_of, wait_until};

/// Clock ticks (hundredths of a second) that a process has spent on a processor.
fn ticks(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn an_instance_that_cannot_be_made_does_not_become_a_second_supervisor() {
    let mut not_made = 0;
    for limit in 4..24 {
        let mut subject =
            Subject::new(&["exit 0"]).set("SAM_BUDGET", "3/60s").set("SAM_BACKOFF", "1ms..1ms").set("SAM_LOG", "1");
        let change = move || {
            let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
            // SAFETY: the limit is initialised.
            match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        };
        // SAFETY: one system call, on memory of its own.
        unsafe { subject.command().pre_exec(change) };
        let seen = subject.run();
        // How an instance ends is its own affair; an instance that could not be made is told by the supervisor.
        for event in seen.of("ended") {
            assert_eq!(event["status"], 0, "with {limit} descriptors: {:?}", seen.events);
        }
        not_made += seen.of("not started").len();
    }
    assert!(not_made > 0, "no limit was low enough to refuse instances and high enough to begin");
}

#[test]
fn an_instance_that_marks_itself_failed_and_leaves_with_0_has_failed() {
    for _ in 0..30 {
        let seen = Subject::new(&["start; fail; exit 0", "exit 0"]).run();
        assert_eq!(seen.of("started").len(), 2, "{:?}", seen.events);
        assert_eq!(seen.of("ended")[0]["cause"], "failed", "{:?}", seen.events);
    }
}

#[test]
fn children_of_a_wrapper_are_no_strays() {
    let mut subject = Subject::new(&[]);
    let program = subject.command().get_program().to_owned();
    let script = "sleep 600 & echo 0 child $!; exec \"$0\" 'kill 9' 'say next; beats 60000 10'";
    let mut command = std::process::Command::new("/bin/sh");
    command.arg("-c").arg(script).arg(program).process_group(0).stdout(std::process::Stdio::piped());
    for (name, value) in subject.command().get_envs() {
        command.env(name, value.unwrap());
    }
    *subject.command() = command;
    let running = subject.start();
    let child = running.await_value("0 child ").parse().unwrap();
    running.await_line("2 next");
    let survives = lives(child);
    send(child, libc::SIGKILL);
    assert!(survives, "the supervisor killed a child that was there before supervision");
    wait_until("the child is reaped", || state_of(child).is_none());
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -libc::SIGTERM);
}

#[test]
fn a_flood_of_signals_does_not_hide_a_hang() {
    let running =
        Subject::new(&["ignore 15; ignore 40; start; flood 40", "exit 0"]).set("SAM_INTERVAL", "200ms").start();
    running.await_events("killed", 1);
    assert_eq!(running.end().code(), 0);
}

#[test]
fn the_supervisor_sleeps_while_it_waits_for_the_rest_of_a_process_group() {
    // The group has a zombie whose parent has left the group and never waits for it.
    let running = Subject::new(&["zombie; kill 9", "say next; beats 60000 10"]).set("SAM_STRAYS", "keep").start();
    let parent: i32 = running.await_value("1 parent ").parse().unwrap();
    running.await_events("started", 1);
    let before = ticks(running.pid());
    running.await_line("2 next");
    let spent = ticks(running.pid()) - before;
    send(parent, libc::SIGKILL);
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), -libc::SIGTERM);
    assert!(spent < 200, "it spent {spent} ticks of some 500 that it waited");
}

#[test]
fn a_standard_error_that_is_always_full_does_not_stop_the_supervisor() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut subject = Subject::new(&["babble; babble; babble; kill 9", "say next; kill 9"])
        .set("SAM_STRAYS", "keep")
        .set("SAM_LOG", "1")
        .set("SAM_BUDGET", "64/1ns")
        .set("SAM_BACKOFF", "0s..0s");
    subject.command().stderr(writer).env_remove("SAM_EVENTS").env_remove("SAM_STATUS");
    let running = subject.start();
    wait_until("there is a second instance", || running.lines().len() > 3);
    for _ in 0..200 {
        // There is a little room now and then, for which all writers compete, and then none for a while.
        for _ in 0..10 {
            reader.read_exact(&mut [0; 4096]).unwrap();
        }
        let before = running.lines().len();
        wait_until("the supervisor goes on", || running.lines().len() > before + 2);
    }
    for babbler in running.lines().iter().filter_map(|line| line.strip_prefix("1 babbles ")) {
        send(babbler.parse().unwrap(), libc::SIGKILL);
    }
    running.signal(libc::SIGTERM);
    // The supervisor's own signal may have come first.
    let code = running.end().code();
    assert!([-libc::SIGTERM, -libc::SIGKILL].contains(&code), "{code}");
}

/// Has the subject begin with a limit.
fn limited(subject: &mut Subject, resource: libc::__rlimit_resource_t, limit: u64) {
    let change = move || {
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        // SAFETY: the limit is initialised.
        match unsafe { libc::setrlimit(resource, &raw const limit) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: one system call, on memory of its own.
    unsafe { subject.command().pre_exec(change) };
}

#[test]
fn a_file_size_limit_that_leaves_no_room_is_refused_with_the_reason() {
    for limit in [0, 1, 20_000, 65_536, 196_607] {
        for by_command in [false, true] {
            let mut subject =
                if by_command { Subject::by_command(&[], "/bin/true", &[]) } else { Subject::new(&["exit 0"]) };
            limited(&mut subject, libc::RLIMIT_FSIZE, limit);
            let output = subject.command().stderr(std::process::Stdio::piped()).output().unwrap();
            let text = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(69), "{limit}: {text}");
            assert!(text.contains(&format!("{limit} bytes (RLIMIT_FSIZE)")), "{text}");
        }
    }
    let mut subject = Subject::new(&["store some; kill 9", "stored; exit 0"]);
    limited(&mut subject, libc::RLIMIT_FSIZE, 1 << 20);
    let seen = subject.run();
    assert_eq!((seen.code(), seen.lines), (0, vec!["2 stored some".to_owned()]));
}

#[test]
fn the_number_of_a_closed_standard_stream_never_becomes_a_descriptor_of_sam() {
    for closed in ["0", "1", "2", "0 1", "0 2", "1 2", "0 1 2"] {
        for respawn in ["fork", "exec"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("stored");
            let script = format!("scribble; stored {}; exit 0", file.display());
            let mut subject = Subject::new(&["store kept; scribble; keep 3; scribble; kill 9", &script]);
            let log = std::fs::File::create(subject.path("log")).unwrap();
            subject.command().stdout(log.try_clone().unwrap()).stderr(log);
            let seen = subject.set("SUBJECT_CLOSES", closed).set("SAM_RESPAWN", respawn).set("SAM_LOG", "1").run();
            assert_eq!((seen.code(), seen.of("started").len()), (0, 2), "{closed}, {respawn}: {:?}", seen.events);
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept", "{closed}, {respawn}");
        }
    }
}

#[test]
fn forked_and_executed_instances_have_the_signal_settings_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let script = |name: &str, end| format!("inventory {}; {end}", file(name).display());
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    let mut subject = Subject::new(&[&script("fork", "kill 9"), &script("exec", "exit 0")]);
    let change = || {
        for signal in [libc::SIGHUP, libc::SIGCHLD, libc::SIGUSR2] {
            // SAFETY: ignoring needs no handler.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
        }
        let mask = 1_u64 << (libc::SIGWINCH - 1);
        // SAFETY: the mask has eight bytes.
        unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const mask, 0, 8) };
        Ok(())
    };
    // SAFETY: system calls on memory of its own.
    unsafe { subject.command().pre_exec(change) };
    assert_eq!(subject.set("SAM_RESPAWN", "exec").run().code(), 0);
    assert_eq!(read("fork"), read("exec"));
    let bits = |name: &str| {
        let text = read("fork");
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        u64::from_str_radix(&line, 16).unwrap()
    };
    let is_in = |set: u64, signal: i32| set & (1 << (signal - 1)) != 0;
    assert!([libc::SIGHUP, libc::SIGCHLD, libc::SIGUSR2].into_iter().all(|signal| is_in(bits("SigIgn:"), signal)));
    assert!(!is_in(bits("SigIgn:"), libc::SIGUSR1));
    assert_eq!(bits("SigBlk:"), 1 << (libc::SIGWINCH - 1));
}

#[test]
fn a_descriptor_that_an_instance_takes_back_never_becomes_a_standard_stream() {
    for closed in ["0", "2", "0 1 2"] {
        let subject = Subject::new(&["keep 1; kill 9", &format!("close_too {closed}; take; exit 0")]);
        assert_eq!(subject.run().code(), 0, "{closed}");
    }
}
