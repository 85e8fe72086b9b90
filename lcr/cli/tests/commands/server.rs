//! A running program with a control socket, in a runtime directory of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::harness::{Ended, built, component, end, lcr};

/// A place for control sockets that only one test uses.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Place { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The command, which looks for processes here.
    pub(crate) fn lcr(&self) -> Command {
        let mut command = lcr();
        command.env("XDG_RUNTIME_DIR", self.path());
        command
    }

    /// Runs the command.
    pub(crate) fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Ended {
        end(self.lcr().args(arguments))
    }

    /// Starts a program that has loaded these components.
    pub(crate) fn start(&self, components: &[&str]) -> Server {
        self.start_by(Command::new(built("shop_server")), components)
    }

    /// Starts a program that keeps a history on disk.
    pub(crate) fn start_with_history(&self) -> Server {
        self.start_with_history_of(&["till_1"])
    }

    /// Starts a program that keeps a history on disk, and has loaded these components unless that brings some back.
    pub(crate) fn start_with_history_of(&self, components: &[&str]) -> Server {
        let mut command = Command::new(built("shop_server"));
        command.env("SHOP_HISTORY", self.path().join("history"));
        self.start_by(command, components)
    }

    /// Starts a program with its socket at a path, which lets in another user, if any.
    pub(crate) fn start_at(&self, socket: &Path, lets_in: Option<u32>) -> Server {
        let mut command = Command::new(built("shop_server"));
        command.env("SHOP_SOCKET", socket).envs(lets_in.map(|user| ("SHOP_LETS_IN", user.to_string())));
        self.start_by(command, &["till_1"])
    }

    /// Starts a program whose socket is for reading only.
    pub(crate) fn start_read_only(&self, components: &[&str]) -> Server {
        let mut command = Command::new(built("shop_server"));
        command.env("SHOP_READ_ONLY", "1");
        self.start_by(command, components)
    }

    fn start_by(&self, mut command: Command, components: &[&str]) -> Server {
        command.args(components.iter().map(|name| component(name))).env("XDG_RUNTIME_DIR", self.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut server = Server { child, input, output: BufReader::new(output), socket: PathBuf::new() };
        server.socket = server.line().into();
        server
    }
}

/// The program. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub(crate) socket: PathBuf,
}

impl Server {
    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Has the program do something, and returns what it says.
    pub(crate) fn tell(&mut self, word: &str) -> String {
        writeln!(self.input, "{word}").unwrap();
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the program has ended: {:?}", self.child.try_wait());
        line.trim_end().to_owned()
    }

    /// Kills the program, and waits for its end.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
