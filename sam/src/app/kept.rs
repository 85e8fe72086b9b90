//! Named descriptors, from the instance's side: one question at a time over the socket.
//!
//! Names are kept by the supervisor, so that an instance that is killed between two instructions
//! has lost none: a keep is done when its reply comes, and a take copies.

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
        0 => Error::new(ErrorKind::Invalid, "a descriptor's name is empty"),
        len => Error::new(
            ErrorKind::NameTooLong,
            format!("a descriptor's name of {len} bytes is too long: the limit is {NAME}"),
        ),
    })
}

/// Named descriptors.
impl App {
    /// Has the supervisor keep a copy of `fd` under `name` (1 to 63 bytes), for this instance and later ones. It
    /// takes the place of an earlier descriptor of that name. 64 descriptors can be kept.
    ///
    /// When the call returns, the copy is kept, and no end of this process closes it. A socket that has a
    /// linger time (SO_LINGER) loses it when the supervisor drops the copy.
    ///
    /// # Errors
    /// [`NameTooLong`](ErrorKind::NameTooLong); [`Invalid`](ErrorKind::Invalid): the name is empty;
    /// [`Full`](ErrorKind::Full): 64 are kept, or all that the supervisor may have open;
    /// [`Timeout`](ErrorKind::Timeout): the supervisor has not answered for 5 s, so whether the copy is kept
    /// is unknown; [`Gone`](ErrorKind::Gone): the supervisor has ended;
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

    /// A copy of the descriptor that is kept under `name`, or `None`. The supervisor goes on keeping it, until
    /// [`drop_fd`](Self::drop_fd).
    ///
    /// # Errors
    /// As [`keep_fd`](Self::keep_fd); [`Io`](ErrorKind::Io): this process has no room for another
    /// descriptor.
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
            // The kernel takes the lowest number that is free.
            (Message { status: Status::Done, .. }, Some(fd)) if fd.as_raw_fd() <= libc::STDERR_FILENO => {
                fd.try_clone().map(Some).map_err(|error| Error::io("cannot move the descriptor that was kept", error))
            }
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

    /// The names under which descriptors are kept. Names that other threads keep or drop during the call may be
    /// in the list or not.
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

    /// A listening TCP socket on `address` that outlives this instance: the kept socket, or a new one that is
    /// kept from now on. Connections that come while no instance lives wait in the socket's queue, and none
    /// is refused.
    ///
    /// Its name is `tcp:` and the address; port 0 stays the port that the system chose first. A kept
    /// descriptor of that name that is no listening socket is replaced.
    ///
    /// # Errors
    /// As [`keep_fd`](Self::keep_fd); [`Invalid`](ErrorKind::Invalid): `address` names no address;
    /// [`Io`](ErrorKind::Io): the address cannot be bound.
    pub fn listener(&self, address: impl ToSocketAddrs) -> Result<TcpListener> {
        let addresses: Vec<SocketAddr> = address
            .to_socket_addrs()
            .map_err(|error| Error::new(ErrorKind::Invalid, "this is no address to listen on").with_source(error))?
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
        Err(refusal.unwrap_or_else(|| Error::new(ErrorKind::Invalid, "there is no address to listen on")))
    }
}

#[cold]
fn full(name: &str) -> Error {
    let limit = wire::KEPT;
    Error::new(
        ErrorKind::Full,
        format!("no room to keep {name:?}: {limit} descriptors, or all that the supervisor may have open, are kept"),
    )
}

#[cold]
fn refused() -> Error {
    Error::new(ErrorKind::Damaged, "the supervisor refused a question as senseless")
}
