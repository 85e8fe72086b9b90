//! Real processes for unit tests.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::app::{InstanceFds, attach};
use crate::shared::{Board, Vault};
use crate::wire::{self, Bell, Kept, Turn};

/// A process that this one forked. Killed and reaped when dropped.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) pid: libc::pid_t,
    ended: Option<WaitResult>,
}

/// How a child ended: `Ok(code)` or `Err(signal)`.
pub(crate) type WaitResult = Result<i32, i32>;

/// Runs `body` in a forked process, which ends with code 0 after it, with 101 if it panics, and by
/// SIGALRM if it is still there after two minutes: a test fails, and does not hang.
///
/// The child inherits the descriptors that other tests have open, so a test of what a close does forks first.
pub(crate) fn fork(body: impl FnOnce()) -> Child {
    say_panics_of_children();
    // SAFETY: the child runs `body` and leaves with _exit. Its threads are gone; of the locks that
    // they held, glibc resets those of the allocator, and the panic hook keeps away from stderr's.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", io::Error::last_os_error()),
        0 => {
            // SAFETY: arms a timer of this process.
            unsafe { libc::alarm(120) };
            let code = if catch_unwind(AssertUnwindSafe(body)).is_ok() { 0 } else { 101 };
            // SAFETY: ends the process without running what belongs to its parent.
            unsafe { libc::_exit(code) }
        }
        pid => Child { pid, ended: None },
    }
}

/// Has a panic in a child go to stderr by a bare write: threads that the child lacks may hold the locks that the
/// harness takes. Called before any fork, because setting a hook takes a lock, too.
fn say_panics_of_children() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let harness = std::process::id();
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::process::id() == harness {
                return usual(panic);
            }
            let text = format!("in a forked child: {panic}\n");
            // SAFETY: `text` is that long.
            unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
        }));
    });
}

impl Child {
    /// Sends SIGKILL. It is no error if the child has ended already.
    pub(crate) fn kill(&self) {
        if self.ended.is_none() {
            // SAFETY: a signal to a child that was not reaped, so that the number is still its own.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
        }
    }

    pub(crate) fn wait(&mut self) -> WaitResult {
        self.reap(0).expect("a child ends")
    }

    /// How the child ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<WaitResult> {
        self.reap(libc::WNOHANG)
    }

    fn reap(&mut self, flags: i32) -> Option<WaitResult> {
        while self.ended.is_none() {
            let mut status = 0;
            // SAFETY: `status` may be written; the child is ours.
            match unsafe { libc::waitpid(self.pid, &mut status, flags) } {
                0 => return None,
                -1 => assert_eq!(io::Error::last_os_error().kind(), io::ErrorKind::Interrupted),
                _ if libc::WIFEXITED(status) => self.ended = Some(Ok(libc::WEXITSTATUS(status))),
                _ => self.ended = Some(Err(libc::WTERMSIG(status))),
            }
        }
        self.ended
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        let _ = self.wait();
    }
}

/// Counts what the calling thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: all is the system's allocator's; the count is a thread's own, and needs no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises; `alloc` got it from there.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often `body` allocates on this thread.
pub(crate) fn allocations(body: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    body();
    ALLOCATIONS.get() - before
}

/// How many descriptors this process has open.
pub(crate) fn open_descriptors() -> usize {
    // The descriptor of the directory itself is among them each time.
    std::fs::read_dir("/proc/self/fd").expect("proc is mounted").count()
}

/// A supervisor as far as these tests need one.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) vault: Vault,
    pub(crate) kept: Kept,
    /// The policy's interval, as instances hear of it.
    pub(crate) interval: Duration,
    instances: u32,
}

/// An instance as its supervisor sees it.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) board: Board,
    pub(crate) socket: OwnedFd,
    pub(crate) bell: Bell,
    pub(crate) child: Child,
}

impl Supervisor {
    pub(crate) fn new(capacity: u64) -> Supervisor {
        Supervisor {
            vault: Vault::create(capacity).expect("a vault"),
            kept: Kept::new(),
            interval: Duration::from_secs(10),
            instances: 0,
        }
    }

    /// The next instance, which runs `body` as an attached application.
    pub(crate) fn spawn(&mut self, body: impl FnOnce()) -> Instance {
        self.spawn_after(|_| {}, body)
    }

    /// The same; `prepare` may write to its board before the fork.
    pub(crate) fn spawn_after(&mut self, prepare: impl FnOnce(&Board), body: impl FnOnce()) -> Instance {
        self.instances += 1;
        let board = Board::create(self.instances, self.interval, false).expect("a board");
        prepare(&board);
        let (socket, theirs) = wire::pair().expect("a socket pair");
        let (bell, heard) = Bell::new().expect("a bell");
        let seat = InstanceFds {
            board: board.as_fd().try_clone_to_owned().expect("a copy"),
            vault: self.vault.as_fd().try_clone_to_owned().expect("a copy"),
            socket: theirs,
            bell: heard,
        };
        let child = fork(|| {
            for ours in [socket.as_raw_fd(), bell.as_fd().as_raw_fd()] {
                // SAFETY: the supervisor's ends; this process leaves without dropping their owners.
                unsafe { libc::close(ours) };
            }
            attach(seat).expect("a seat");
            body();
        });
        Instance { board, socket, bell, child }
    }

    /// Serves `instance` until it has ended, and says how. `turn` is called after each turn.
    pub(crate) fn serve(&mut self, instance: &mut Instance, mut turn: impl FnMut(&Instance, Turn)) -> WaitResult {
        let mut closed = false;
        loop {
            // Ended first: what it sent before its end is served in this last turn.
            let ended = instance.child.ended();
            if !closed {
                let mut poll_for = [PollFd::new(instance.socket.as_fd(), PollFlags::POLLIN)];
                let _ = poll(&mut poll_for, PollTimeout::from(1_u8));
                let done = self.kept.serve(instance.socket.as_fd());
                closed = done.closed;
                turn(instance, done);
                if done.packets > 0 {
                    continue;
                }
            }
            match ended {
                Some(ended) => return ended,
                None if closed => std::thread::yield_now(),
                None => {}
            }
        }
    }
}
