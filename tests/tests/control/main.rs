//! The control socket: what clients see and change through it, whom it lets in, and what hostile clients cannot do.

mod calls;
#[path = "../forking/child.rs"]
mod child;
mod hostile;
mod meanwhile;
mod places;
mod serving;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lcr::{
    Runtime,
    control::{Change, Client, Replacement, Server},
};
use lcr_tests::{component, empty_runtime, interfaces::Counter};
use serde_json::Value;

/// How long a test waits for what must come.
const LONG: Duration = Duration::from_secs(120);

/// A runtime with a counter, and its control socket in a directory of the test's own.
struct Seat {
    rt: Arc<Runtime>,
    server: Server,
    _directory: tempfile::TempDir,
}

impl Seat {
    fn open() -> Seat {
        Seat::with(|server| server)
    }

    fn with(options: impl FnOnce(lcr::control::ServerBuilder) -> lcr::control::ServerBuilder) -> Seat {
        let directory = tempfile::tempdir().unwrap();
        let rt = Arc::new(empty_runtime());
        rt.load(component("counter_v1")).unwrap();
        let server = options(Server::builder().path(directory.path().join("seat.sock"))).serve(&rt).unwrap();
        Seat { rt, server, _directory: directory }
    }

    fn path(&self) -> &Path {
        self.server.path()
    }

    fn client(&self) -> Client {
        Client::connect(self.path()).unwrap()
    }

    fn counter(&self) -> lcr::Handle<dyn Counter> {
        self.rt.service::<dyn Counter>().unwrap()
    }

    /// A connection that speaks whatever the test sends.
    fn raw(&self) -> Raw {
        let stream = UnixStream::connect(self.path()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        Raw { lines: BufReader::new(stream.try_clone().unwrap()), stream }
    }

    /// Whether the socket still serves: a new client gets its status.
    fn assert_serves(&self) {
        assert_eq!(self.client().status().unwrap()["generation"], self.rt.generation());
    }
}

/// A client that sends bytes and reads lines.
struct Raw {
    stream: UnixStream,
    lines: BufReader<UnixStream>,
}

impl Raw {
    fn send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    fn hello(mut self) -> Raw {
        let answer = self.ask("{\"id\":0,\"command\":\"hello\",\"arguments\":{\"protocol\":1}}");
        assert_eq!(answer["ok"]["protocol"], 1, "{answer}");
        self
    }

    /// The next line; `None` if the server has closed the connection.
    fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).expect("a line of the server is JSON")),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("no line within {LONG:?}: {error}"),
        }
    }

    fn ask(&mut self, request: &str) -> Value {
        self.send(format!("{request}\n")).unwrap();
        self.line().expect("the server answers")
    }

    /// Asserts that the server says `kind` and closes the connection.
    #[track_caller]
    fn assert_refused(&mut self, kind: &str) {
        let answer = self.line().expect("the server says why");
        assert_eq!(answer["error"]["kind"], kind, "{answer}");
        assert_eq!(self.line(), None, "the connection is closed");
    }
}

/// A change that replaces the counter by another build of it.
fn replacing(name: &str) -> Change {
    let mut change = Change::default();
    change.replace.push(Replacement::new(component(name)));
    change
}

/// A directory with copies of components.
fn directory_of(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        std::fs::copy(component(name), directory.path().join(format!("lib{name}.so"))).unwrap();
    }
    let path = directory.path().to_owned();
    (directory, path)
}
