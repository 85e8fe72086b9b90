//! Named descriptors, from the instance's side: one question at a time over the socket.
//!
//! The supervisor keeps the names, so an instance that is killed between two instructions loses none: a
//! descriptor is kept when the reply comes, and a take gives a copy.

use std::{
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
};

use nix::sys::socket::{getsockopt, sockopt};

use super::{
    attach::{self, Supervision},
    calls::App,
    lock::lock,
};
use crate::{
    error::{Error, ErrorKind, Result},
    wire::{self, Kind, Message, NAME, Name, Status},
};

fn parse(name: &str) -> Result<Name> {
    Name::new(name.as_bytes()).ok_or_else(|| match name.len() {
        0 => Error::new(ErrorKind::Invalid, format!("a descriptor's name is empty; give 1 to {NAME} bytes")),
        len => Error::new(
            ErrorKind::NameTooLong,
            format!("a descriptor's name of {len} bytes is too long; give {NAME} bytes at most"),
        ),
    })
}

/// Named descriptors.
impl App {
    /// Has the supervisor keep a copy of `fd` under `name` (1 to 63 bytes), for this instance and later ones. The
    /// copy takes the place of an earlier descriptor of that name. The supervisor keeps 64 descriptors at most.
    ///
    /// Once the call has returned, the copy is kept, and no end of this process closes it. When the supervisor
    /// drops the copy of a socket with a linger time (SO_LINGER), the socket loses that time.
    ///
    /// # Errors
    /// [`NameTooLong`](ErrorKind::NameTooLong); [`Invalid`](ErrorKind::Invalid): the name is empty;
    /// [`Full`](ErrorKind::Full): the supervisor keeps 64, or as many as it may have open;
    /// [`Timeout`](ErrorKind::Timeout): the supervisor has not answered for 5 s, and may or may not keep the
    /// copy; [`Gone`](ErrorKind::Gone): the supervisor has ended;
    /// [`BadState`](ErrorKind::BadState): this is a forked child.
    pub fn keep_fd(&self, name: &str, fd: impl AsFd) -> Result<()> {
        let key = parse(name)?;
        let fd = fd.as_fd();
        let client = match attach::supervision() {
            Supervision::Attached(attached) => &attached.client,
            Supervision::ForkedChild => return Err(attach::detached()),
            Supervision::Unsupervised => {
                let copy =
                    fd.try_clone_to_owned().map_err(|error| Error::io("cannot copy the descriptor to keep", error))?;
                let mut kept = lock(&self.local_fds.0);
                if kept.len() >= wire::KEPT && !kept.contains_key(key.as_bytes()) {
                    return Err(full(name));
                }
                kept.insert(key.as_bytes().to_vec(), copy);
                return Ok(());
            }
        };
        match client.ask(Kind::Keep, Some(key), 0, Some(fd))?.0.status {
            Status::Done => Ok(()),
            Status::Full => Err(full(name)),
            _ => Err(refused()),
        }
    }

    /// A copy of the descriptor that the supervisor keeps under `name`; `None` if it keeps none. The supervisor
    /// goes on keeping the descriptor until [`drop_fd`](Self::drop_fd).
    ///
    /// # Errors
    /// As [`keep_fd`](Self::keep_fd); [`Io`](ErrorKind::Io): this process may open no further descriptor.
    pub fn take_fd(&self, name: &str) -> Result<Option<OwnedFd>> {
        let key = parse(name)?;
        let client = match attach::supervision() {
            Supervision::Attached(attached) => &attached.client,
            Supervision::ForkedChild => return Err(attach::detached()),
            Supervision::Unsupervised => {
                let kept = lock(&self.local_fds.0);
                let copy = kept.get(key.as_bytes()).map(OwnedFd::try_clone).transpose();
                return copy.map_err(|error| Error::io("cannot copy the kept descriptor", error));
            }
        };
        match client.ask(Kind::Take, Some(key), 0, None)? {
            // The kernel gives the lowest free number, which may be that of a closed standard stream.
            (Message { status: Status::Done, .. }, Some(fd)) if fd.as_raw_fd() <= libc::STDERR_FILENO => fd
                .try_clone()
                .map(Some)
                .map_err(|error| Error::io("cannot move the kept descriptor above the standard streams", error)),
            (Message { status: Status::Done, .. }, Some(fd)) => Ok(Some(fd)),
            (Message { status: Status::NotFound, .. }, _) => Ok(None),
            _ => Err(refused()),
        }
    }

    /// Has the supervisor drop the descriptor of that name. Returns whether there was one.
    ///
    /// # Errors
    /// As [`keep_fd`](Self::keep_fd).
    pub fn drop_fd(&self, name: &str) -> Result<bool> {
        let key = parse(name)?;
        let client = match attach::supervision() {
            Supervision::Attached(attached) => &attached.client,
            Supervision::ForkedChild => return Err(attach::detached()),
            Supervision::Unsupervised => return Ok(lock(&self.local_fds.0).remove(key.as_bytes()).is_some()),
        };
        match client.ask(Kind::Drop, Some(key), 0, None)?.0.status {
            Status::Done => Ok(true),
            Status::NotFound => Ok(false),
            _ => Err(refused()),
        }
    }

    /// The names under which the supervisor keeps descriptors. A name that another thread keeps or drops during
    /// the call may be in the list or not.
    ///
    /// # Errors
    /// As [`keep_fd`](Self::keep_fd).
    pub fn kept_fds(&self) -> Result<Vec<String>> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let client = match attach::supervision() {
            Supervision::Attached(attached) => &attached.client,
            Supervision::ForkedChild => return Err(attach::detached()),
            Supervision::Unsupervised => return Ok(lock(&self.local_fds.0).keys().map(|name| text(name)).collect()),
        };
        let (mut names, mut cursor) = (Vec::new(), 0);
        loop {
            match client.ask(Kind::List, None, cursor, None)?.0 {
                Message { status: Status::Done, name: Some(name), cursor: next, .. } if next > cursor => {
                    names.push(text(name.as_bytes()));
                    cursor = next;
                }
                _ => return Ok(names),
            }
        }
    }

    /// A listening TCP socket on `address` that outlives this instance: the socket that the supervisor keeps, or
    /// a new one, which it keeps from now on. Connections that come while no instance lives wait in the
    /// socket's queue, and none is refused.
    ///
    /// The socket's name is `tcp:` and the address. Port 0 stays the port that the system chose first. If the
    /// kept descriptor of that name is no listening socket, a new socket replaces it.
    ///
    /// # Errors
    /// As [`keep_fd`](Self::keep_fd); [`Invalid`](ErrorKind::Invalid): `address` is not one that can be looked up;
    /// [`Io`](ErrorKind::Io): the address cannot be bound.
    pub fn listener(&self, address: impl ToSocketAddrs) -> Result<TcpListener> {
        let addresses: Vec<SocketAddr> = address
            .to_socket_addrs()
            .map_err(|error| {
                Error::new(
                    ErrorKind::Invalid,
                    "the address to listen on cannot be looked up; give one such as 127.0.0.1:8080",
                )
                .with_source(error)
            })?
            .collect();
        for address in &addresses {
            if let Some(fd) = self.take_fd(&format!("tcp:{address}"))?
                && getsockopt(&fd, sockopt::AcceptConn).unwrap_or(false)
            {
                return Ok(TcpListener::from(fd));
            }
        }
        let mut refusal = None;
        for address in &addresses {
            match TcpListener::bind(address) {
                Ok(listener) => {
                    self.keep_fd(&format!("tcp:{address}"), &listener)?;
                    return Ok(listener);
                }
                Err(error) => refusal = Some(Error::io(format!("cannot listen on {address}"), error)),
            }
        }
        Err(refusal.unwrap_or_else(|| {
            Error::new(ErrorKind::Invalid, "the address to listen on is empty; give one such as 127.0.0.1:8080")
        }))
    }
}

#[cold]
fn full(name: &str) -> Error {
    let limit = wire::KEPT;
    Error::new(
        ErrorKind::Full,
        format!(
            "no room to keep {name:?}: the supervisor keeps {limit} descriptors, or as many as it may open; drop one first"
        ),
    )
}

#[cold]
fn refused() -> Error {
    Error::new(ErrorKind::Damaged, "the supervisor could not read the question; another process may use its socket")
}
