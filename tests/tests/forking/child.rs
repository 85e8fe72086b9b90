//! A child of `fork`, and what its parent learns of it.

use std::{
    fs::File,
    io::Read as _,
    os::fd::{FromRawFd as _, IntoRawFd as _, OwnedFd},
    panic, thread,
    time::{Duration, Instant},
};

/// Forks, runs `body` in the child, and waits until the child has ended.
///
/// The child has only this thread, and other threads of the parent may have held any lock. So the child
/// prints nothing, and ends at once when `body` does.
///
/// # Panics
/// With the child's message, if `body` panics there. Also if the child ends by other means, or does not end
/// within 60 s.
pub fn in_child(body: impl FnOnce()) {
    let (mut reader, writer) = pipe();
    // SAFETY: the child goes on in `run` only, which is made for it.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => run(body, writer),
        child => {
            drop(writer);
            let status = wait(child);
            let mut text = String::new();
            reader.read_to_string(&mut text).expect("the child's message can be read");
            assert!(status == Ok(0), "the child ended with {status:?}: {text}");
        }
    }
}

fn run(body: impl FnOnce(), writer: File) -> ! {
    let descriptor = writer.into_raw_fd();
    panic::set_hook(Box::new(move |info| {
        let text = format!("{info}\n");
        // SAFETY: the text's bytes are valid; the descriptor is open to the very end.
        unsafe { libc::write(descriptor, text.as_ptr().cast(), text.len()) };
    }));
    let result = panic::catch_unwind(panic::AssertUnwindSafe(body));
    // SAFETY: ends the process; nothing of the parent's is written or destroyed.
    unsafe { libc::_exit(i32::from(result.is_err())) }
}

fn pipe() -> (File, File) {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors.
    let result = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    assert_eq!(result, 0, "pipe: {}", std::io::Error::last_os_error());
    // SAFETY: the call opened them for us.
    let [reader, writer] = ends.map(|end| File::from(unsafe { OwnedFd::from_raw_fd(end) }));
    (reader, writer)
}

/// The exit status, or the signal.
fn wait(child: libc::pid_t) -> Result<i32, String> {
    let deadline = Instant::now() + 2 * lcr_tests::LONG;
    loop {
        let mut status = 0;
        // SAFETY: the pointer is valid, and the child is ours.
        if unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == child {
            return if libc::WIFEXITED(status) {
                Ok(libc::WEXITSTATUS(status))
            } else {
                Err(format!("signal {}", libc::WTERMSIG(status)))
            };
        }
        if Instant::now() >= deadline {
            // SAFETY: the child is ours and was not waited for.
            unsafe { libc::kill(child, libc::SIGKILL) };
            // SAFETY: as above.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            panic!("the child hangs");
        }
        thread::sleep(Duration::from_millis(1));
    }
}
