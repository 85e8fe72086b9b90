//! The server of a program's control socket: how it is opened and how it ends.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::{Error, ErrorKind, Result, Runtime};

use super::{
    admission::Admission,
    descriptors::{self, Kept},
    directory,
    serving::{Loop, Shared, Whose},
    signals::Mask,
};

/// How long dropping a server waits for requests that are being executed.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// How many servers of one name a process may have.
const SERVERS: u32 = 64;

/// How many connections wait until the loop takes them.
const BACKLOG: i32 = 64;

/// The control socket of a runtime. Dropping it closes the socket and all connections, and removes its file.
///
/// Dropping waits for requests that are being executed, at most 10 s; a transaction that is not over by then goes on.
/// In the child of a `fork` the server's copy does nothing, and dropping that copy does nothing.
#[must_use = "dropping the server closes the socket"]
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    /// Device and number of the socket's file.
    file: (u64, u64),
    shared: Arc<Shared>,
    serving: Option<JoinHandle<()>>,
    forks: u32,
}

/// The options of a [`Server`]. [`serve`](ServerBuilder::serve) opens the socket.
#[must_use = "options open no socket until `serve` is called"]
#[derive(Clone, Debug, Default)]
pub struct ServerBuilder {
    program: Option<String>,
    path: Option<PathBuf>,
    read_only: bool,
    users: Vec<u32>,
}

/// Opens the control socket of a program, with the default options: `Server::builder().serve(runtime)`.
///
/// # Errors
/// As for [`ServerBuilder::serve`].
pub fn serve(runtime: &Arc<Runtime>) -> Result<Server> {
    Server::builder().serve(runtime)
}

impl Server {
    /// The default options.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Where the socket is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl ServerBuilder {
    /// The program's name, by which operators find it. Characters other than ASCII letters, digits, `_` and `-`
    /// become `_`; 40 bytes at most are kept. Default: the name of the executable's file, without its extension.
    pub fn program(mut self, name: impl AsRef<str>) -> ServerBuilder {
        self.program = Some(directory::clean(name.as_ref()));
        self
    }

    /// Where the socket is to be: an absolute path of 107 bytes at most, in a directory that exists. Commands that are
    /// not told the path do not find the socket there. Default: see the page
    /// [`control`](crate::guide::control#who-gets-in).
    pub fn path(mut self, path: impl Into<PathBuf>) -> ServerBuilder {
        self.path = Some(path.into());
        self
    }

    /// Whether requests that change something are refused. Default: false.
    pub fn read_only(mut self, read_only: bool) -> ServerBuilder {
        self.read_only = read_only;
        self
    }

    /// Lets a further user in, beside this program's and root. That user can do all that a request can: unless the
    /// server is [read-only](ServerBuilder::read_only), that is to run code in this program. The socket's mode is
    /// 0666 then, and the kernel's word on the peer decides; the user must be able to enter the directory, which the
    /// default one does not allow: name a [`path`](ServerBuilder::path).
    pub fn allow_uid(mut self, uid: u32) -> ServerBuilder {
        self.users.push(uid);
        self
    }

    /// Opens the socket and serves it, until the [`Server`] is dropped. Does not wait for any client.
    ///
    /// The calling thread's signal mask is that of the threads that execute requests.
    ///
    /// # Errors
    /// `Untrusted` if the default directory lets others in or is another user's; `Invalid` if a path is relative or
    /// too long, or another server listens there; `Io` if the system refuses socket, directory or thread.
    pub fn serve(self, runtime: &Arc<Runtime>) -> Result<Server> {
        let runtime = Arc::downgrade(runtime);
        self.serve_for(Whose::new(move || runtime.upgrade()))
    }

    /// Serves whatever runtime is found at the time of each request.
    pub(super) fn serve_for(self, runtime: Whose) -> Result<Server> {
        let program = self.program.unwrap_or_else(directory::program);
        let mode = if self.users.is_empty() { 0o600 } else { 0o666 };
        let (listener, path, file) = match &self.path {
            Some(path) => listen_at(path, mode)?,
            None => listen_by_name(&program, mode)?,
        };
        let admission = Admission { user: directory::user(), users: self.users, program, read_only: self.read_only };
        let shared = Shared::new(runtime, admission, Mask::current());
        let shared = shared.map_err(|error| Error::io("the control socket's loop cannot be woken", error));
        let started = shared.and_then(|shared| Ok((start(Arc::clone(&shared), listener)?, shared)));
        match started {
            Ok((serving, shared)) => {
                tracing::info!(path = %path.display(), "the control socket is open");
                Ok(Server { path, file, shared, serving: Some(serving), forks: descriptors::forks() })
            }
            Err(error) => {
                drop(fs::remove_file(&path));
                Err(error)
            }
        }
    }
}

fn start(shared: Arc<Shared>, listener: Kept) -> Result<JoinHandle<()>> {
    let own = Mask::current();
    // The new thread inherits the mask, so no signal finds it before it has blocked them.
    Mask::all().set();
    let serving =
        thread::Builder::new().name("lcr-control".to_owned()).spawn(move || Loop::new(shared, listener).run());
    own.set();
    serving.map_err(|error| Error::io("the control socket's thread cannot be started", error))
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.forks != descriptors::forks() {
            // The parent's socket, and threads that this process does not have.
            std::mem::forget(self.serving.take());
            return;
        }
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            drop(fs::remove_file(&self.path));
        }
        self.shared.end();
        if let Some(serving) = self.serving.take() {
            drop(serving.join());
        }
        if !self.shared.workers().wait_idle(SHUTDOWN) {
            tracing::warn!("requests of the control socket are still being executed after {SHUTDOWN:?}; they go on");
        }
    }
}

type Listening = (Kept, PathBuf, (u64, u64));

/// Listens under the first free name of this process in the user's directory.
fn listen_by_name(program: &str, mode: u32) -> Result<Listening> {
    let directory = directory::default_directory();
    directory::make_private(&directory)?;
    directory::remove_left_overs(&directory);
    for number in 1..=SERVERS {
        let path = directory.join(directory::file_name(program, number));
        if let Some(listening) = try_listen(&path, mode)? {
            return Ok(listening);
        }
    }
    let text = format!("this process has {SERVERS} control sockets of the name `{program}` already; name a path");
    Err(Error::new(ErrorKind::Invalid, text))
}

fn listen_at(path: &Path, mode: u32) -> Result<Listening> {
    if !path.is_absolute() {
        let text = format!("the path {} of the control socket is relative; give an absolute one", path.display());
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    try_listen(path, mode)?.ok_or_else(|| {
        let text = format!("another process listens on {}, or it is no socket; name another path", path.display());
        Error::new(ErrorKind::Invalid, text)
    })
}

/// Listens at `path`. Replaces a socket on which nobody listens; returns `None` if there is anything else.
fn try_listen(path: &Path, mode: u32) -> Result<Option<Listening>> {
    let refused = |error: io::Error| Error::io(format!("no socket can be opened at {}", path.display()), error);
    // Bound under a name that no client looks for, and which the left-overs of a dead process have, too.
    static ATTEMPTS: AtomicU32 = AtomicU32::new(1);
    let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
    let first = path.with_file_name(format!(".new.{}-{attempt}.sock", std::process::id()));
    let long = |_| {
        let text = format!("the path {} is too long for a socket; name a shorter one", path.display());
        Error::new(ErrorKind::Invalid, text)
    };
    SocketAddrUnix::new(path).map_err(long)?;
    let address = SocketAddrUnix::new(&first).map_err(long)?;
    let listener = Kept::open(|| {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        // The file gets the mode of its socket, less what the process's mask takes away: unix(7), fchmod before bind.
        rustix::fs::fchmod(&socket, rustix::fs::Mode::from_raw_mode(mode))?;
        rustix::net::bind(&socket, &address)?;
        Ok(socket)
    })
    .map_err(refused)?;
    let listening = (|| {
        if mode != 0o600 {
            // The process's mask may have taken something away.
            rustix::fs::chmod(&first, rustix::fs::Mode::from_raw_mode(mode))?;
        }
        rustix::net::listen(&listener, BACKLOG)?;
        let is_linked = match rustix::fs::link(&first, path) {
            Err(rustix::io::Errno::EXIST) if is_left_socket(path) => {
                fs::remove_file(path)?;
                rustix::fs::link(&first, path)
            }
            linked => linked,
        };
        match is_linked {
            Ok(()) => Ok(Some(identity(path)?)),
            Err(rustix::io::Errno::EXIST) => Ok(None),
            Err(error) => Err(io::Error::from(error)),
        }
    })();
    drop(fs::remove_file(&first));
    let file = listening.map_err(refused)?;
    Ok(file.map(|file| (listener, path.to_owned(), file)))
}

fn is_left_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|is| is.file_type().is_socket()) && directory::is_left(path)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let is = fs::symlink_metadata(path)?;
    Ok((is.dev(), is.ino()))
}
