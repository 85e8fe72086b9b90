//! Sends and receives one packet, with at most one descriptor. Nothing here allocates.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use super::message::{Message, PACKET};

/// How many descriptors a strange packet may bring before the kernel itself drops the rest (and says
/// MSG_CTRUNC). `receive` closes every one that arrives.
const STRANGE: usize = 4;

/// Room for control messages, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; CONTROL]);

const CONTROL: usize = 64;

// A descriptor's control message is a header and four bytes; credentials, which neither side turns on
// at our end, would be cut off.
// SAFETY: CMSG_SPACE only computes.
const ROOM: usize = unsafe { libc::CMSG_SPACE((STRANGE * size_of::<RawFd>()) as u32) } as usize;
const _: () = assert!(ROOM <= size_of::<Control>());

/// The two ends: the supervisor's and the instance's. Each end is an open file of its own, whose
/// flags the other cannot change.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

/// What was received.
#[derive(Debug)]
pub(crate) enum Received {
    /// A message, and the descriptor that came with it.
    Message(Message, Option<OwnedFd>),
    /// A message whose descriptor the kernel could not deliver, because this process has too many.
    Stripped(Message),
    /// Something else, which was dropped.
    Garbage,
    /// Nothing yet.
    Empty,
    /// Nothing any more: the other end is closed.
    Closed,
}

/// Sends a message without waiting: `WouldBlock` if there is no room. Never raises SIGPIPE.
pub(crate) fn send(socket: BorrowedFd<'_>, message: &Message, fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut packet = message.encode();
    let mut iov = libc::iovec { iov_base: packet.as_mut_ptr().cast(), iov_len: PACKET };
    let mut control = Control([MaybeUninit::zeroed(); CONTROL]);
    let mut header = header(&mut iov);
    if let Some(fd) = fd {
        header.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: CMSG_SPACE only computes.
        header.msg_controllen = unsafe { libc::CMSG_SPACE(4) } as _;
        // SAFETY: as above.
        let len = unsafe { libc::CMSG_LEN(4) };
        // SAFETY: msg_control has room for one header, as `ROOM` says.
        let first = unsafe { libc::CMSG_FIRSTHDR(&header) };
        // SAFETY: zeros are a valid cmsghdr. (musl's has padding fields that cannot be
        // named here, so that it cannot be written as a literal.)
        let mut cmsg: libc::cmsghdr = unsafe { std::mem::zeroed() };
        cmsg.cmsg_len = len as _;
        cmsg.cmsg_level = libc::SOL_SOCKET;
        cmsg.cmsg_type = libc::SCM_RIGHTS;
        // SAFETY: `first` points to aligned room for a cmsghdr in `control`.
        unsafe { first.write(cmsg) };
        // SAFETY: as above; the data follows the header.
        let data = unsafe { libc::CMSG_DATA(first) };
        // SAFETY: CMSG_SPACE(4) left four bytes there.
        unsafe { data.cast::<RawFd>().write_unaligned(fd.as_raw_fd()) };
    }
    loop {
        // SAFETY: `header` points to `packet` and `control`, which outlive the call.
        let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &header, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
        if sent >= 0 {
            return Ok(());
        }
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => {}
            error => return Err(error),
        }
    }
}

/// Receives one packet without waiting. Closes descriptors that do not belong to a message.
pub(crate) fn receive(socket: BorrowedFd<'_>) -> io::Result<Received> {
    // One byte more than a message has, so that a longer packet is not cut to a valid one.
    let mut packet = [0; PACKET + 1];
    let mut iov = libc::iovec { iov_base: packet.as_mut_ptr().cast(), iov_len: packet.len() };
    let mut control = Control([MaybeUninit::zeroed(); CONTROL]);
    let mut header = header(&mut iov);
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = ROOM as _;
    let len = loop {
        let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
        // SAFETY: `header` points to `packet` and `control`, which outlive the call, with their sizes.
        let len = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, flags) };
        if let Ok(len) = usize::try_from(len) {
            break len;
        }
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => {}
            error if error.kind() == io::ErrorKind::WouldBlock => return Ok(Received::Empty),
            error if error.raw_os_error() == Some(libc::ECONNRESET) => return Ok(Received::Closed),
            error => return Err(error),
        }
    };
    let mut fds: [Option<OwnedFd>; STRANGE] = [const { None }; STRANGE];
    let strange = take_fds(&header, &mut fds) || header.msg_flags & libc::MSG_TRUNC != 0;
    let stripped = header.msg_flags & libc::MSG_CTRUNC != 0;
    if len == 0 && !strange && !stripped && fds.iter().all(Option::is_none) {
        // This is an empty packet or the end. Only at the end does poll say so.
        return Ok(if hung_up(socket) { Received::Closed } else { Received::Garbage });
    }
    let [mut fd, rest @ ..] = fds;
    let strange = strange || rest.iter().any(Option::is_some);
    let received = match Message::decode(&packet[..len.min(packet.len())]) {
        Some(message) if !strange && !stripped => Received::Message(message, fd.take()),
        Some(message) if !strange && fd.is_none() => Received::Stripped(message),
        _ => Received::Garbage,
    };
    fd.into_iter().chain(rest.into_iter().flatten()).for_each(close);
    Ok(received)
}

fn header(iov: &mut libc::iovec) -> libc::msghdr {
    // SAFETY: zeros are a valid msghdr: null pointers with lengths of 0.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = iov;
    header.msg_iovlen = 1;
    header
}

/// Takes ownership of every descriptor that came with `header`, and closes those that do not fit. True if there
/// was anything else than one control message of at most `fds.len()` descriptors.
fn take_fds(header: &libc::msghdr, fds: &mut [Option<OwnedFd>]) -> bool {
    let mut strange = false;
    let mut slots = fds.iter_mut();
    // SAFETY: recvmsg filled `header`; the walk below stays in what it says.
    let mut cmsg = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !cmsg.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give null or a whole, aligned cmsghdr.
        let this = unsafe { cmsg.read() };
        if this.cmsg_level == libc::SOL_SOCKET && this.cmsg_type == libc::SCM_RIGHTS {
            // SAFETY: CMSG_LEN only computes.
            let bare = unsafe { libc::CMSG_LEN(0) } as usize;
            let count = (this.cmsg_len as usize).saturating_sub(bare) / size_of::<RawFd>();
            // SAFETY: the data follows the header.
            let data = unsafe { libc::CMSG_DATA(cmsg) }.cast::<RawFd>();
            for index in 0..count {
                // SAFETY: cmsg_len says that `count` numbers are there.
                let at = unsafe { data.add(index) };
                // SAFETY: as above; the kernel aligns nothing that we rely on.
                let raw = unsafe { at.read_unaligned() };
                // SAFETY: the kernel has just made this descriptor for us, and nothing else owns it.
                let fd = unsafe { OwnedFd::from_raw_fd(raw) };
                match slots.next() {
                    Some(slot) => *slot = Some(fd),
                    None => {
                        close(fd);
                        strange = true;
                    }
                }
            }
        } else {
            strange = true;
        }
        // SAFETY: as with CMSG_FIRSTHDR.
        cmsg = unsafe { libc::CMSG_NXTHDR(header, cmsg) };
    }
    strange
}

fn hung_up(socket: BorrowedFd<'_>) -> bool {
    let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLRDHUP, revents: 0 };
    // SAFETY: one pollfd, and a time of 0: it does not wait.
    let ready = unsafe { libc::poll(&mut poll, 1, 0) };
    ready < 0 || poll.revents & (libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0
}

/// Closes a descriptor without waiting. The last close of a socket with SO_LINGER would wait for the peer; this
/// takes the linger time away, also from copies that the application still has.
pub(crate) fn close(fd: OwnedFd) {
    let mut linger = libc::linger { l_onoff: 0, l_linger: 0 };
    let mut len = size_of::<libc::linger>() as libc::socklen_t;
    let (raw, level, option) = (fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER);
    // SAFETY: `linger` has the size that `len` says. Fails on what is no socket.
    let got = unsafe { libc::getsockopt(raw, level, option, (&raw mut linger).cast(), &mut len) };
    if got == 0 && linger.l_onoff != 0 && linger.l_linger != 0 {
        linger.l_onoff = 0;
        // SAFETY: as above.
        unsafe { libc::setsockopt(raw, level, option, (&raw const linger).cast(), len) };
    }
    drop(fd);
}
