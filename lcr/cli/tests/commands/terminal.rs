//! Runs a command in a terminal: a pseudo-terminal, whose other end this reads as a terminal shows it.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    num::NonZero,
    os::fd::OwnedFd,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use nix::pty::{Winsize, openpty};

/// How long a test waits for what a loaded machine does late, such as to build a component with all that it needs.
const LIMIT: Duration = Duration::from_secs(300);

const ROWS: NonZero<u16> = NonZero::new(30).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(110).unwrap();

/// A command in a terminal of 110 columns and 30 rows.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    shown: Arc<Mutex<Shown>>,
}

struct Shown {
    screen: vt100::Parser,
    /// All bytes that were written.
    bytes: Vec<u8>,
}

impl Terminal {
    pub(crate) fn run(command: &mut Command) -> Terminal {
        let size = Winsize { ws_row: ROWS.get(), ws_col: COLUMNS.get(), ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let end = |fd: &OwnedFd| fd.try_clone().unwrap();
        command.stdin(end(&pty.slave)).stdout(end(&pty.slave)).stderr(end(&pty.slave)).env("TERM", "xterm-256color");
        let child = command.spawn().unwrap();
        // The ends for the child are this process's too until the command goes.
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        drop(pty.slave);
        let shown = Arc::new(Mutex::new(Shown { screen: vt100::Parser::new(ROWS, COLUMNS, 0), bytes: Vec::new() }));
        let (mut from, keyboard) = (File::from(end(&pty.master)), File::from(pty.master));
        let shows = Arc::clone(&shown);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading fails when the last writer has gone.
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                let mut shown = shows.lock().unwrap();
                shown.screen.process(&bytes[..count]);
                shown.bytes.extend_from_slice(&bytes[..count]);
            }
        });
        Terminal { child, keyboard, shown }
    }

    /// What is shown now.
    pub(crate) fn screen(&self) -> String {
        self.shown.lock().unwrap().screen.screen().contents()
    }

    /// All that was written, colours included.
    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap().bytes).into_owned()
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until something is shown.
    #[track_caller]
    pub(crate) fn wait_for(&self, part: &str) {
        let begun = Instant::now();
        while !self.screen().contains(part) {
            assert!(begun.elapsed() < LIMIT, "{part:?} is not shown:\n{}\n{:?}", self.screen(), self.written());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end of the command.
    #[track_caller]
    pub(crate) fn end(mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < LIMIT, "the command does not end:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
