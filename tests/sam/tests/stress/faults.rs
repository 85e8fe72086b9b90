//! The supervisor is killed at every system call that it makes.

use std::{
    ffi::CString,
    fs, io,
    os::unix::ffi::OsStrExt as _,
    ptr,
    time::{Duration, Instant},
};

use sam_tests::{
    in_a_process_of_its_own,
    proc::{adopt_orphans, children, reap_all},
    program, state_of,
};

/// The distance between the stops at which the supervisor is killed. A life has some hundreds of stops, and
/// each kill costs a life. With an odd distance, kills come before and after a call in turn. An optimised build
/// kills at each stop.
const STEP: usize = if cfg!(debug_assertions) { 3 } else { 1 };

/// What became of a life under a tracer.
enum Life {
    /// The supervisor was killed at its fatal stop.
    Killed,
    /// The supervisor ended before: an exit code, or the signal as a negative number.
    Ended(i32),
}

/// What the tracer's wait returned.
enum Stop {
    /// The process is at a system call: before it or after it, in turn.
    Call,
    /// A signal came to the process.
    Signal(i32),
    Ended(i32),
}

/// Waits for the traced process alone: what it forks is not traced.
fn stop(pid: i32) -> Stop {
    let mut status = 0;
    let limit = Instant::now() + Duration::from_secs(120);
    // SAFETY: `status` is writable.
    while unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) } == 0 {
        assert!(Instant::now() < limit, "the supervisor hangs: {:?}", children(pid).into_iter().map(state_of));
        std::thread::sleep(Duration::from_micros(20));
    }
    match status {
        _ if libc::WIFEXITED(status) => Stop::Ended(libc::WEXITSTATUS(status)),
        _ if libc::WIFSIGNALED(status) => Stop::Ended(-libc::WTERMSIG(status)),
        _ if libc::WSTOPSIG(status) == libc::SIGTRAP | 0x80 => Stop::Call,
        _ => Stop::Signal(libc::WSTOPSIG(status)),
    }
}

fn ptrace(request: u32, pid: i32, data: usize) {
    let none: *mut libc::c_void = ptr::null_mut();
    // SAFETY: these requests read and write no memory of this process.
    let result = unsafe { libc::ptrace(request, pid, none, ptr::without_provenance_mut::<libc::c_void>(data)) };
    assert_ne!(result, -1, "ptrace {request}: {}", io::Error::last_os_error());
}

/// The number of the system call that the traced process is at.
fn call_of(pid: i32) -> i64 {
    let text = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(-1)
}

/// Lives once and kills the supervisor at its `fatal`-th stop since it began to supervise.
fn live(arguments: &[CString], variables: &[CString], fatal: usize, calls: &mut Vec<i64>) -> Life {
    let pointers = |strings: &[CString]| {
        let mut pointers: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(ptr::null());
        pointers
    };
    let (argv, envp) = (pointers(arguments), pointers(variables));
    // SAFETY: the child makes system calls only, which is allowed beside other threads.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let none: *mut libc::c_void = ptr::null_mut();
        // SAFETY: reads and writes nothing.
        unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, none, none) };
        // SAFETY: takes no pointers.
        unsafe { libc::setpgid(0, 0) };
        // SAFETY: all strings end with a zero byte, both arrays with a null pointer.
        unsafe { libc::execve(argv[0], argv.as_ptr(), envp.as_ptr()) };
        // SAFETY: nothing of the parent's runs.
        unsafe { libc::_exit(127) };
    }
    assert!(matches!(stop(pid), Stop::Signal(libc::SIGTRAP)), "the program stops when it is executed");
    ptrace(libc::PTRACE_SETOPTIONS, pid, (libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL) as usize);
    let (mut signal, mut count, mut before) = (0, 0, false);
    loop {
        ptrace(libc::PTRACE_SYSCALL, pid, signal as usize);
        signal = 0;
        match stop(pid) {
            Stop::Ended(end) => return Life::Ended(end),
            Stop::Signal(came) => signal = came,
            Stop::Call => {
                before = !before;
                let call = call_of(pid);
                // The vault is the first memory file. Calls before it are not yet supervision.
                if count > 0 || call == libc::SYS_memfd_create {
                    count += 1;
                    calls.push(if before { call } else { -1 });
                }
                if count == fatal {
                    // SAFETY: takes no pointers; it was not reaped, so the number is its own.
                    unsafe { libc::kill(pid, libc::SIGKILL) };
                    loop {
                        match stop(pid) {
                            Stop::Ended(end) => {
                                assert_eq!(end, -libc::SIGKILL);
                                return Life::Killed;
                            }
                            _ => ptrace(libc::PTRACE_CONT, pid, 0),
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_supervisor_that_is_killed_at_any_system_call_leaves_no_process_behind() {
    in_a_process_of_its_own(|| {
        adopt_orphans();
        let text = |bytes: &[u8]| CString::new(bytes).unwrap();
        for respawn in ["fork", "exec"] {
            let mut fatal = 1;
            let most = loop {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().display();
                let arguments = [text(program("life").as_os_str().as_bytes()), text(path.to_string().as_bytes())];
                let variables = [
                    "PATH=/usr/bin:/bin".to_owned(),
                    "SAM_LOG=0".to_owned(),
                    "SAM_BACKOFF=0s..0s".to_owned(),
                    format!("SAM_RESPAWN={respawn}"),
                    format!("SAM_EVENTS={path}/events"),
                    format!("SAM_STATUS={path}/status"),
                ]
                .map(|variable| text(variable.as_bytes()));
                let mut calls = Vec::new();
                let life = live(&arguments, &variables, fatal, &mut calls);
                let call = calls.last().copied();
                let left = reap_all();
                assert!(left.is_ok(), "killed at its stop {fatal} (call {call:?}), it left {left:?}");
                if let Life::Ended(end) = life {
                    assert_eq!(end, -libc::SIGTERM, "an undisturbed life ends by the operator's stop");
                    assert_eq!(left, Ok(vec![]), "an undisturbed life left a process to reap");
                    break fatal;
                }
                fatal += STEP;
            };
            // A whole life has more calls than that.
            assert!(most > 200, "{most} stops are too few for a whole life");
            println!("{respawn}: killed at {most} stops / {STEP}");
        }
    });
}
