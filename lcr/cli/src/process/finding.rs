//! Which process a command speaks to: the one that is named, else the only one of this user.
//!
//! Another user may give a socket of its own any name in its own directory. So root, who sees the sockets of all, means
//! its own ones unless `--uid` or `--socket` says otherwise, and the kernel has to confirm whose process listens.

use std::{env, path::PathBuf};

use lcr::{
    ErrorKind,
    control::{Client, Socket, sockets},
};

use crate::{
    arguments::Target,
    exit::{Failure, Status},
};

/// The variable that names a socket.
pub(crate) const SOCKET: &str = "LCR_SOCKET";

/// How to open a socket, for whoever has no process to ask.
pub(crate) const HOW_TO_OPEN: &str = "\
a program opens its control socket with
    let _server = lcr::control::serve(&runtime)?;   // feature \"control\" of lcr
or name the socket: --socket PATH, or LCR_SOCKET";

/// The connection to the process that the arguments, or the environment, mean.
pub(super) fn connect(target: &Target) -> Result<Client, Failure> {
    if let Some(path) = &target.socket {
        return open(path.clone());
    }
    let named = target.pid.is_some() || target.name.is_some() || target.uid.is_some();
    if !named && let Some(path) = env::var_os(SOCKET).filter(|path| !path.is_empty()) {
        return open(PathBuf::from(path));
    }
    let is_named = |socket: &Socket| {
        target.pid.is_none_or(|pid| pid == socket.pid)
            && target.name.as_ref().is_none_or(|name| *name == socket.program)
    };
    let uid = target.uid.unwrap_or_else(user);
    let (meant, others): (Vec<Socket>, Vec<Socket>) =
        sockets().into_iter().filter(is_named).partition(|socket| socket.uid == uid);
    if let [only] = &meant[..] {
        return Client::connect_to(only).map_err(unreached);
    }
    // Sockets may be left of processes that have ended.
    let mut clients = Vec::new();
    let mut refused = None;
    for socket in meant {
        match Client::connect_to(&socket) {
            Ok(client) => clients.push((socket, client)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Closed) => {}
            Err(error) => refused = Some(error),
        }
    }
    match (clients.len(), refused) {
        (0, Some(error)) => Err(unreached(error)),
        (0, None) => {
            let mut text = format!("{}; {HOW_TO_OPEN}", nobody(target));
            if let Some(other) = others.first().filter(|_| named) {
                text += &format!("\na socket of user {} has that name: --uid {}, if it is meant", other.uid, other.uid);
            }
            Err(Failure::new(Status::Unavailable, "no-process", text))
        }
        (1, _) => Ok(clients.swap_remove(0).1),
        _ => {
            let list: Vec<String> =
                clients.iter().map(|(socket, _)| format!("  --pid {}    {}", socket.pid, socket.program)).collect();
            let text = format!("several processes can be asked; name one:\n{}", list.join("\n"));
            Err(Failure::new(Status::Usage, "several-processes", text))
        }
    }
}

fn nobody(target: &Target) -> String {
    match (target.pid, &target.name) {
        (None, None) => "no process of this user has a control socket".to_owned(),
        (Some(pid), None) => format!("process {pid} has no control socket that this user can see"),
        (None, Some(name)) => format!("no process called `{name}` has a control socket that this user can see"),
        (Some(pid), Some(name)) => format!("process {pid} is no `{name}` with a control socket"),
    }
}

fn open(path: PathBuf) -> Result<Client, Failure> {
    Client::connect(path).map_err(unreached)
}

/// The failure of a connection.
pub(super) fn unreached(error: lcr::Error) -> Failure {
    let status = match error.kind() {
        ErrorKind::NotFound | ErrorKind::Closed | ErrorKind::Io => Status::Unavailable,
        ErrorKind::Mismatch | ErrorKind::Invalid => Status::Version,
        ErrorKind::Deadline | ErrorKind::Busy => Status::Later,
        ErrorKind::Untrusted | ErrorKind::Protected => Status::Forbidden,
        _ => Status::Failed,
    };
    Failure::from(error).ending_with(status)
}

/// The user whose processes are meant where none is named.
pub(crate) fn user() -> u32 {
    nix::unistd::geteuid().as_raw()
}
