//! Signals, descriptors and the terminal, as a program has them.

use std::{
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Command, Stdio},
};

use sam_tests::{
    command::{sh, words},
    lives, program,
    tty::Tty,
    wait_until,
};

#[test]
fn a_program_has_signals_and_descriptors_as_without_the_command() {
    let all: Vec<i32> = (1..=64).filter(|signal| ![9, 19, 32, 33].contains(signal)).collect();
    let patterns: [fn(i32) -> bool; 4] =
        [|_| false, |_| true, |signal| signal % 2 == 1, |signal| signal == libc::SIGPIPE];
    let reader = "grep -E '^Sig(Ign|Blk)' /proc/self/status; for f in /proc/self/fd/*; do echo ${f##*/}; done";
    for is_ignored in patterns {
        for is_blocked in [|_| false, |signal| signal % 3 == 1 && signal != libc::SIGTERM] as [fn(i32) -> bool; 2] {
            let run = |supervised: bool| {
                let mut command = Command::new(if supervised { program("sam") } else { "/bin/bash".into() });
                if supervised {
                    command.args(["run", "--quiet", "--policy", "quit", "--", "/bin/bash"]);
                }
                command.args(["-c", reader]).stdin(Stdio::null());
                let signals = all.clone();
                let change = move || {
                    for &signal in &signals {
                        let default = [if is_ignored(signal) { 1_u64 } else { 0 }, 0, 0, 0];
                        // SAFETY: the kernel reads no more than that; 0 and 1 are SIG_DFL and SIG_IGN.
                        unsafe {
                            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null::<u64>(), 8)
                        };
                    }
                    let mask =
                        signals.iter().filter(|&&signal| is_blocked(signal)).fold(0_u64, |m, s| m | 1 << (s - 1));
                    // SAFETY: the mask has eight bytes.
                    unsafe {
                        libc::syscall(
                            libc::SYS_rt_sigprocmask,
                            libc::SIG_SETMASK,
                            &raw const mask,
                            std::ptr::null::<u64>(),
                            8,
                        )
                    };
                    Ok(())
                };
                // SAFETY: system calls on memory of its own.
                unsafe { command.pre_exec(change) };
                let output = command.output().unwrap();
                (words(&output.stdout), output.status.code())
            };
            assert_eq!(run(true), run(false));
        }
    }
}

/// The program is a shell that counts a signal, with a helper that dies of the signal.
#[test]
fn a_signal_that_is_passed_on_goes_to_the_main_process_and_by_option_to_its_group() {
    let script = "trap 'echo reloaded; [ $SAM_INSTANCE = 1 ] || exit 7' HUP; sleep 1000 & echo helper $!; echo up; \
                  while :; do wait $!; [ $? -gt 128 ] && kill -0 $! && continue; echo helper gone; exit 3; done";
    for (options, is_spared) in [(&[][..], true), (&["--pass-signals", "group"], false)] {
        let options = [&["--policy", "quit"], options].concat();
        let running = sh(&options, script).start();
        running.await_line("up");
        let helper = running.await_value("helper ").parse().unwrap();
        // Until then it is the shell, which has the trap of the one that it was forked from.
        let comm = || std::fs::read_to_string(format!("/proc/{helper}/comm")).unwrap_or_default();
        wait_until("the helper is a program of its own", || comm().trim() == "sleep");
        running.signal(libc::SIGHUP);
        running.await_line("reloaded");
        if is_spared {
            assert!(lives(helper), "the helper got the signal");
            running.signal(libc::SIGTERM);
            assert_eq!(running.end().code(), -15);
        } else {
            wait_until("the helper is gone", || !lives(helper));
            assert_eq!(running.end().code(), 3);
        }
    }
}

#[test]
fn a_stop_sends_the_signal_that_the_program_wants_and_a_second_ctrl_c_kills() {
    let running = sh(&["--stop-signal", "USR2"], "trap 'exit 5' USR2; echo up; while :; do sleep 0.05; done").start();
    running.await_line("up");
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), 5);
    let options = ["--stop-limit", "1h"];
    let running = sh(&options, "trap 'echo no' INT TERM; echo up; while :; do sleep 0.05; done").start();
    running.await_line("up");
    running.signal(libc::SIGINT);
    running.await_line("no");
    // Each is a press of the key. One that comes too soon after the first does not count as another.
    wait_until("the program is killed", || {
        running.signal(libc::SIGINT);
        running.events().iter().any(|event| event["event"] == "killed")
    });
    assert_eq!(running.end().code(), -9);
}

#[test]
fn ctrl_c_stops_the_program_once_and_the_command_with_it() {
    for (script, code, signal) in
        [("catch 2; say up; pause; say done; exit 5", Some(5), None), ("say up; hang", None, Some(libc::SIGINT))]
    {
        let mut command = Command::new(program("sam"));
        command.args(["run", "--quiet", "--"]).arg(program("speaker")).arg(script);
        let mut tty = Tty::start(command);
        tty.await_text("up");
        tty.types("\x03");
        if code.is_some() {
            let text = tty.await_text("1 done");
            assert_eq!(text.matches("caught").count(), 1, "{text}");
        }
        let status = tty.end();
        assert_eq!((status.code(), status.signal()), (code, signal));
    }
}

#[test]
fn a_program_may_read_from_the_terminal() {
    let script = "echo up; read line; echo \"<$line>\"; exit 3";
    let mut command = Command::new(program("sam"));
    command.args(["run", "--quiet", "--policy", "quit", "--", "/bin/sh", "-c", script]);
    let mut tty = Tty::start(command);
    tty.await_text("up");
    tty.types("hello\n");
    tty.await_text("<hello>");
    assert_eq!(tty.end().code(), Some(3));
}

/// The command is started as a service manager starts it: the variable names the process that it made.
#[test]
fn sockets_of_a_service_manager_reach_the_program_in_each_instance() {
    let script = "[ \"$LISTEN_PID\" = $$ ] && [ \"$SYSTEMD_EXEC_PID\" = $$ ] && echo mine $LISTEN_FDS$LISTEN_PIDFDID; \
                  [ -e /proc/self/fd/3 ] && echo open; [ $SAM_INSTANCE = 1 ] && exit 9; exit 0";
    let manager = "exec 3</dev/null; LISTEN_PID=$$ SYSTEMD_EXEC_PID=$$ LISTEN_PIDFDID=5 LISTEN_FDS=1 exec \"$@\"";
    let output = Command::new("/bin/sh")
        .args(["-c", manager, "sh"])
        .arg(program("sam"))
        .args(["run", "--quiet", "--", "/bin/sh", "-c", script])
        .output()
        .unwrap();
    assert_eq!(words(&output.stdout), "mine 1\nopen\nmine 1\nopen\n");
    // Sockets that were meant for another process do not reach the program.
    let other = Command::new(program("sam"))
        .args(["run", "--quiet", "--", "/bin/sh", "-c", "echo $LISTEN_PID"])
        .env("LISTEN_PID", "1")
        .output()
        .unwrap();
    assert_eq!(words(&other.stdout), "1\n");
}
