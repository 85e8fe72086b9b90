//! A terminal, and the keys that are typed at it.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::{Child, Command},
    sync::{Arc, Mutex},
    thread,
};

use crate::wait_until;

/// A pseudo terminal that controls a session of its own.
pub struct Tty {
    /// The side on which a test types.
    master: Option<File>,
    leader: Child,
    shown: Arc<Mutex<String>>,
    /// How much of the shown text was looked at.
    seen: usize,
}

fn made(fd: i32) -> OwnedFd {
    assert!(fd >= 0, "{}", io::Error::last_os_error());
    // SAFETY: the descriptor is new and has no other owner.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

impl Tty {
    /// Starts a program as the leader of a session that the terminal controls, with the
    /// terminal as its standard streams.
    ///
    /// # Panics
    /// If there are no pseudo terminals, or the program does not start.
    pub fn start(mut command: Command) -> Tty {
        // SAFETY: takes no pointers.
        let master = made(unsafe { libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC) });
        // SAFETY: takes no pointers.
        assert_eq!(unsafe { libc::unlockpt(master.as_raw_fd()) }, 0);
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        // SAFETY: takes no pointers.
        let slave = made(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) });
        let copy = || slave.try_clone().expect("the descriptor can be copied");
        command.stdin(copy()).stdout(copy()).stderr(copy());
        let lead = || {
            // SAFETY: takes no pointers.
            let session = unsafe { libc::setsid() };
            // SAFETY: takes no pointers.
            let controls = unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) };
            if session < 0 || controls < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
        };
        // SAFETY: two system calls.
        unsafe { command.pre_exec(lead) };
        let leader = command.spawn().expect("the leader of the session starts");
        let mut reader = File::from(master.try_clone().expect("a descriptor"));
        let shown = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&shown);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading ends with EIO when no process has the other side open any more.
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                into.lock().expect("no reader panics").push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        Tty { master: Some(File::from(master)), leader, shown, seen: 0 }
    }

    /// A shell with job control.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn shell(variables: &[(&str, &str)]) -> Tty {
        let mut command = Command::new("bash");
        command.args(["--norc", "--noprofile", "-i"]).env("PS1", "").env("TERM", "dumb").env_remove("PROMPT_COMMAND");
        command.env("SAM_LOG", "0").envs(variables.iter().copied());
        Tty::start(command)
    }

    /// Types a text.
    ///
    /// # Panics
    /// If the terminal is hung up.
    pub fn types(&mut self, text: &str) {
        self.master.as_mut().expect("the terminal is there").write_all(text.as_bytes()).expect("the terminal is there");
    }

    /// Waits until this text is shown after the text of the last wait, and returns all that came until then.
    ///
    /// # Panics
    /// If it is not shown within 120 s.
    pub fn await_text(&mut self, text: &str) -> String {
        let shown = || self.shown.lock().expect("no reader panics").clone();
        let begin = self.seen;
        let mut found = None;
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(120);
        while found.is_none() {
            let shown = shown();
            found = shown[begin..].find(text);
            assert!(std::time::Instant::now() < limit, "{text:?} is not shown: {shown:?}, {:?}", &shown[begin..]);
            thread::sleep(std::time::Duration::from_millis(1));
        }
        self.seen = begin + found.unwrap_or(0) + text.len();
        shown()[begin..self.seen].to_owned()
    }

    /// The process group in the terminal's foreground.
    ///
    /// # Panics
    /// If the terminal is hung up.
    pub fn foreground(&self) -> i32 {
        // SAFETY: takes no pointers.
        unsafe { libc::tcgetpgrp(self.master.as_ref().expect("the terminal is there").as_raw_fd()) }
    }

    /// Waits until this group is in the terminal's foreground.
    ///
    /// # Panics
    /// If the group is not within 120 s.
    pub fn await_foreground(&self, group: i32) {
        wait_until("the group has the foreground", || self.foreground() == group);
    }

    /// The leader of the session.
    pub fn leader(&self) -> i32 {
        self.leader.id().cast_signed()
    }

    /// Waits for the leader's end.
    ///
    /// # Panics
    /// If the leader cannot be waited for.
    pub fn end(&mut self) -> std::process::ExitStatus {
        let mut status = None;
        wait_until("the leader ends", || {
            status = self.leader.try_wait().expect("the leader can be waited for");
            status.is_some()
        });
        status.expect("the leader has ended")
    }

    /// Hangs the terminal up.
    ///
    /// # Panics
    /// Never.
    pub fn hangs_up(&mut self) {
        let master = self.master.take().expect("the terminal hangs up once");
        // The reader's copy of the descriptor would keep the terminal.
        // SAFETY: takes no pointers.
        unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCVHANGUP) };
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        // SAFETY: takes no pointers; the group is of this terminal's session.
        if let Some(group) = self.master.as_ref().map(|_| self.foreground()).filter(|group| *group > 1) {
            crate::send(-group, libc::SIGKILL);
        }
        let _ = self.leader.kill();
        let _ = self.leader.wait();
    }
}
