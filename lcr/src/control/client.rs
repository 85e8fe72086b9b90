//! The other end of a control socket, for commands and dashboards.

use std::{
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{RecvFlags, SendFlags},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};

use crate::{Actor, Error, ErrorKind, Result, events::Refused};

use super::{
    changes::Change,
    finding::Socket,
    peer::peer,
    protocol::{self, Hello, PROTOCOL, Received, What},
};

/// How long a line of a server may be, in bytes.
const LINE_LIMIT: usize = 2 * protocol::ANSWER_LIMIT;

/// How long a request takes before the client gives up, unless it is told otherwise. A transaction ends within the
/// limits of its plan: 31 s by default, and what the staging takes.
const TIMEOUT: Duration = Duration::from_secs(120);

/// What counts as for ever.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A connection to the control socket of a program.
///
/// Its methods block until the program has answered, at most for the [timeout](Client::timeout). An error of the
/// program is returned as the program had it: kind, text and sources. After an error of the connection itself (`Io`,
/// `Closed`, `Deadline` by the client) the connection is of no further use; a request that was sent may yet be
/// executed.
///
/// ```no_run
/// for socket in lcr::control::sockets() {
///     let mut client = lcr::control::Client::connect_to(&socket)?;
///     println!("{} {}: {}", socket.program, socket.pid, client.status()?["generation"]);
/// }
/// # Ok::<(), lcr::Error>(())
/// ```
#[derive(Debug)]
pub struct Client {
    socket: OwnedFd,
    path: PathBuf,
    hello: Hello,
    server: Actor,
    timeout: Duration,
    last: u64,
    input: Vec<u8>,
    searched: usize,
    is_broken: bool,
}

impl Client {
    /// Connects to the socket at `path`, and agrees on the protocol, within 10 s.
    ///
    /// # Errors
    /// `NotFound` if there is no socket; `Closed` if nobody listens on it; `Untrusted` if the program does not let
    /// this user in; `Mismatch` if it speaks another protocol; `Busy` if it serves too many clients; `Deadline` if it
    /// does not answer; `Io`.
    pub fn connect(path: impl AsRef<Path>) -> Result<Client> {
        Client::connect_if(path.as_ref(), |_| Ok(()))
    }

    /// Connects as [`connect`](Client::connect) does to a socket that [`sockets`](super::sockets) found, and speaks to
    /// it only if the kernel says that it is of the process and the user whose names it has. A file in a directory of
    /// another user may have any name.
    ///
    /// # Errors
    /// `Untrusted` if it is of another user or process, or of one that this process cannot see, in another namespace of
    /// processes; those of [`connect`](Client::connect).
    pub fn connect_to(socket: &Socket) -> Result<Client> {
        Client::connect_if(&socket.path, |server| {
            if (server.uid, server.pid) == (socket.uid, socket.pid) {
                return Ok(());
            }
            let text = format!(
                "the socket {} is to be that of process {} of user {}, and process {} of user {} listens there; if \
                 that is meant, name the socket by its path",
                socket.path.display(),
                socket.pid,
                socket.uid,
                server.pid,
                server.uid
            );
            Err(Error::new(ErrorKind::Untrusted, text))
        })
    }

    fn connect_if(path: &Path, is_trusted: impl FnOnce(&Actor) -> Result<()>) -> Result<Client> {
        // A socket whose queue is full answers at once instead of blocking for ever.
        let socket = connect(path, Instant::now() + Duration::from_secs(10)).map_err(|error| {
            let (kind, what) = match error.kind() {
                io::ErrorKind::NotFound => (ErrorKind::NotFound, "there is no control socket"),
                io::ErrorKind::ConnectionRefused => (ErrorKind::Closed, "no process listens on the control socket"),
                io::ErrorKind::WouldBlock => (ErrorKind::Deadline, "the program does not answer at the control socket"),
                io::ErrorKind::PermissionDenied => (ErrorKind::Untrusted, "this user may not use the control socket"),
                _ => (ErrorKind::Io, "no connection to the control socket"),
            };
            Error::new(kind, format!("{what} {}", path.display())).with_source(error)
        })?;
        let server = peer(socket.as_fd()).map_err(|error| Error::io("the kernel does not say who listens", error))?;
        is_trusted(&server)?;
        let nobody = Hello {
            protocol: PROTOCOL,
            lcr: String::new(),
            program: String::new(),
            pid: 0,
            uid: 0,
            read_only: true,
            generation: 0,
            commands: Vec::new(),
        };
        let mut client = Client {
            socket,
            path: path.to_owned(),
            hello: nobody,
            server,
            timeout: Duration::from_secs(10),
            last: 0,
            input: Vec::new(),
            searched: 0,
            is_broken: false,
        };
        client.hello = client.call("hello", &json!({ "protocol": PROTOCOL }))?;
        client.timeout = TIMEOUT;
        Ok(client)
    }

    /// How long a request may take before the client gives up. Default: 120 s. A change whose own limits are longer
    /// needs more.
    pub fn timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// What the server said of itself when the client connected.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The user whose process listens, by the kernel's word.
    pub fn server_uid(&self) -> u32 {
        self.server.uid
    }

    /// Where the socket is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Has the program execute `command`, and returns its answer.
    ///
    /// # Errors
    /// Those of the command, as the program has them; `Deadline` if the answer does not come in time; `Closed` if the
    /// program hangs up; `Invalid` if request or answer cannot be written or read; `Io`.
    pub fn call<R: DeserializeOwned>(&mut self, command: &str, arguments: &impl Serialize) -> Result<R> {
        protocol::read(&self.ask(command, arguments)?)
    }

    /// The program's [`Status`](crate::Status).
    ///
    /// # Errors
    /// As for [`Client::call`].
    pub fn status(&mut self) -> Result<Value> {
        self.call("status", &json!({}))
    }

    /// What the program would make of a change; nothing is changed.
    ///
    /// # Errors
    /// As for [`Client::call`].
    pub fn plan(&mut self, change: &Change) -> Result<Value> {
        self.call("plan", change)
    }

    /// Changes the program. Returns the [`Report`](crate::Report).
    ///
    /// # Errors
    /// As for [`Client::call`], and for [`Plan::commit`](crate::Plan::commit).
    pub fn commit(&mut self, change: &Change) -> Result<Value> {
        self.call("commit", change)
    }

    /// The program's last 64 refusals, the oldest first: see [`Runtime::last_refusals`](crate::Runtime::last_refusals).
    ///
    /// # Errors
    /// As for [`Client::call`].
    pub fn refusals(&mut self) -> Result<Vec<Refused>> {
        #[derive(Deserialize)]
        struct Answer {
            refusals: Vec<Refused>,
        }
        let Answer { refusals } = self.call("refusals", &json!({}))?;
        Ok(refusals)
    }

    /// Follows the program's [events](crate::Runtime::events). The connection serves nothing else from now on.
    ///
    /// # Errors
    /// As for [`Client::call`].
    pub fn events(mut self) -> Result<EventStream> {
        let _: Value = self.call("events", &json!({}))?;
        Ok(EventStream { client: self })
    }

    /// Watches calls of the program's components, with the arguments of `watch` that the page
    /// [`control`](crate::guide::control#commands) lists. Returns the answer, and what follows it. The watch ends when
    /// the stream is dropped. The connection serves nothing else from now on.
    ///
    /// # Errors
    /// As for [`Client::call`], and for [`Runtime::watch`](crate::Runtime::watch).
    pub fn watch(mut self, arguments: &impl Serialize) -> Result<(Value, EventStream)> {
        let answer = self.call("watch", arguments)?;
        Ok((answer, EventStream { client: self }))
    }

    fn ask(&mut self, command: &str, arguments: &impl Serialize) -> Result<Box<RawValue>> {
        if self.is_broken {
            return Err(Error::new(ErrorKind::Closed, "the connection has failed already; connect anew"));
        }
        self.last += 1;
        let line = protocol::request(self.last, command, arguments)?;
        // Set until a whole answer has come.
        self.is_broken = true;
        let deadline = after(self.timeout);
        let sent = self.send(&line, deadline);
        loop {
            let received = match self.receive(deadline) {
                Ok(Some(received)) => received,
                Ok(None) => return Err(late(command, self.timeout)),
                // The server may have said why before it closed the connection; if not, the first error counts.
                Err(error) => return Err(sent.err().unwrap_or(error)),
            };
            match received.what {
                What::Refused(error) if received.id.is_none() => return Err(error),
                What::Ok(value) if received.id == Some(self.last) => {
                    self.is_broken = false;
                    return Ok(value);
                }
                What::Refused(error) if received.id == Some(self.last) => {
                    self.is_broken = false;
                    return Err(error);
                }
                // Of a stream that was given up, whose lines may come faster than they are read.
                _ if Instant::now() >= deadline => return Err(late(command, self.timeout)),
                _ => {}
            }
        }
    }

    fn send(&self, mut line: &[u8], deadline: Instant) -> Result<()> {
        while !line.is_empty() {
            // Without SIGPIPE, whatever the program has made of that signal.
            match rustix::net::send(&self.socket, line, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(count) => line = &line[count..],
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) if self.wait(PollFlags::OUT, deadline)? => {}
                Err(rustix::io::Errno::AGAIN) => return Err(late("the request", self.timeout)),
                Err(rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET) => return Err(self.hung_up()),
                Err(error) => return Err(Error::io("the request cannot be sent", error.into())),
            }
        }
        Ok(())
    }

    /// The next line; `None` if none comes in time.
    pub(super) fn receive(&mut self, deadline: Instant) -> Result<Option<Received>> {
        loop {
            if let Some(at) = self.input[self.searched..].iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.input.drain(..=self.searched + at).collect();
                self.searched = 0;
                return Received::read(&line).map(Some);
            }
            self.searched = self.input.len();
            if self.input.len() >= LINE_LIMIT {
                let text = format!("the server's line has more than {LINE_LIMIT} bytes");
                return Err(Error::new(ErrorKind::Invalid, text));
            }
            let mut bytes = [0; 16 << 10];
            match rustix::net::recv(&self.socket, &mut bytes[..], RecvFlags::DONTWAIT) {
                Ok((_, 0)) | Err(rustix::io::Errno::CONNRESET) => return Err(self.hung_up()),
                Ok((_, count)) => self.input.extend_from_slice(&bytes[..count]),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) if self.wait(PollFlags::IN, deadline)? => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(None),
                Err(error) => return Err(Error::io("the answer cannot be read", error.into())),
            }
        }
    }

    /// Waits until the socket is ready; returns whether it is, or may be, before `deadline`.
    fn wait(&self, flags: PollFlags, deadline: Instant) -> Result<bool> {
        let Some(left) = deadline.checked_duration_since(Instant::now()) else { return Ok(false) };
        let timeout = Timespec::try_from(left).ok();
        match poll(&mut [PollFd::new(&self.socket, flags)], timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(true),
            Err(error) => Err(Error::io("the control socket cannot be waited for", error.into())),
        }
    }

    fn hung_up(&self) -> Error {
        let text = format!("process {} has closed the connection at {}", self.hello.pid, self.path.display());
        Error::new(ErrorKind::Closed, text)
    }
}

/// The events of a program, as they happen: see [`Client::events`].
#[derive(Debug)]
pub struct EventStream {
    client: Client,
}

/// A line of an [`EventStream`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Streamed<E> {
    /// An event.
    Event(E),
    /// So many events were left out here, because they came faster than they were taken.
    Lost(u64),
}

impl EventStream {
    /// The next line, as it was sent or as an [`Event`](crate::events::Event); `None` if none comes within `timeout`.
    /// A program of a later version may send events that this version does not know, which only a
    /// `serde_json::Value` takes.
    ///
    /// # Errors
    /// `Closed` when the program has ended or closed the connection; `Invalid` if the event is no `E`; `Io`.
    pub fn next<E: DeserializeOwned>(&mut self, timeout: Duration) -> Result<Option<Streamed<E>>> {
        let deadline = after(timeout);
        loop {
            let Some(received) = self.client.receive(deadline)? else { return Ok(None) };
            match received.what {
                What::Event(event) => return protocol::read(&event).map(|event| Some(Streamed::Event(event))),
                What::Lost(count) => return Ok(Some(Streamed::Lost(count))),
                What::Refused(error) => return Err(error),
                What::Ok(_) | What::Unknown if Instant::now() >= deadline => return Ok(None),
                What::Ok(_) | What::Unknown => {}
            }
        }
    }

    /// What the server said of itself when the client connected.
    pub fn hello(&self) -> &Hello {
        self.client.hello()
    }
}

fn after(time: Duration) -> Instant {
    Instant::now() + time.min(LONGEST)
}

fn late(what: &str, timeout: Duration) -> Error {
    let text = format!("no answer to `{what}` within {timeout:?}; the program may yet execute it");
    Error::new(ErrorKind::Deadline, text)
}

/// Connects, and waits for room in the queue of the listener if there is none.
fn connect(path: &Path, deadline: Instant) -> io::Result<OwnedFd> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

    let address = SocketAddrUnix::new(path)?;
    loop {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        match connect(&socket, &address) {
            Ok(()) => return Ok(UnixStream::from(socket).into()),
            Err(rustix::io::Errno::AGAIN) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(error.into()),
        }
    }
}
