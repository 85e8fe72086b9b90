//! The server of an instance that is another program, by the protocol of `sd_notify(3)`. The supervisor
//! writes what the program says to the instance's board, as phases and beats. So there is one state
//! machine and one path of health, whichever process writes the board.
//!
//! The socket has an abstract name: it leaves nothing in a file system, and an instance in another root or
//! of another user reaches it. Every process of the network namespace can send to it. So each message
//! carries its sender's number, which the kernel writes (SO_PASSCRED), and the supervisor drops messages of
//! other processes than the instance's unread. If a helper of the instance's group has ended before the
//! supervisor reads its message, the sender's user decides.
//!
//! # Invariants
//! 1. Nothing here allocates or waits after [`NotifyServer::open`]. One turn reads at most
//!    [`TURN`] messages.
//! 2. The supervisor closes every descriptor that comes with a message at once. For `BARRIER=1`, whose
//!    sender waits for just that, this is the answer: the supervisor has read everything sent before.
//! 3. A message that was cut off, or came without credentials, says nothing.

use std::{
    ffi::{CStr, OsString},
    io,
    mem::{self, MaybeUninit},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    process::Command,
    time::Duration,
};

use nix::sys::socket::{setsockopt, sockopt};

use crate::{
    options::{Notify, Options},
    shared::{Board, Label, MAIN},
    state::Phase,
    supervisor::{
        kernel::{
            main_process::{MainProcess, Refusal},
            sys,
        },
        protocols::sd_notify::{Notification, notifications},
        text::Text,
    },
    time::Time,
};

/// How many messages are read in one turn.
const TURN: u32 = 64;

/// The longest message, the same as systemd's.
const MESSAGE: usize = 4096;

/// The slot of the check that limits how long an instance may take to end after STOPPING=1.
const STOPPING: usize = MAIN + 1;

/// The socket on which the supervisor hears the instance.
pub(crate) struct NotifyServer {
    socket: UnixDatagram,
    /// The value of `NOTIFY_SOCKET`.
    name: OsString,
    from: Notify,
    /// How long an instance may go without a beat once it is ready. Zero: beats are not checked.
    watchdog: Duration,
    /// The same, as the newest instance has said.
    own: Duration,
    /// How long an instance may take to end after it has said so.
    stop_limit: Duration,
    said: Text<160>,
}

/// The variables that tell a program where to send messages, and how often.
pub(crate) struct NotifyEnvironment {
    name: OsString,
    watchdog: Duration,
}

impl NotifyEnvironment {
    /// Gives the variables to a program that this process is about to execute.
    pub(crate) fn give(&self, command: &mut Command) {
        command.env("NOTIFY_SOCKET", &self.name);
        if !self.watchdog.is_zero() {
            command.env("WATCHDOG_USEC", self.watchdog.as_micros().to_string());
            command.env("WATCHDOG_PID", std::process::id().to_string());
        }
    }
}

/// What the messages of one turn said, apart from what is on the board now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The instance has described itself anew.
    pub(crate) said: bool,
    /// The process that the instance has named as its main one, and whether the supervisor follows it.
    pub(crate) main: Option<(i32, Result<(), Refusal>)>,
    /// How often the instance says that it is well from now on.
    pub(crate) watchdog: Option<Duration>,
    /// How much time from now the instance wants until it is ready.
    pub(crate) start: Option<Duration>,
}

/// The instance whose messages the supervisor reads.
pub(crate) struct Speaker<'a> {
    pub(crate) main: &'a mut MainProcess,
    pub(crate) board: &'a Board,
    /// The main process was reaped, so the instance names no other any more.
    pub(crate) has_ended: bool,
}

impl NotifyServer {
    pub(crate) fn open(options: &Options) -> io::Result<Option<NotifyServer>> {
        let Some(from) = options.notify else { return Ok(None) };
        let name = format!("sam-{}-{:016x}", std::process::id(), sys::random());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        setsockopt(&socket, sockopt::PassCred, &true)?;
        Ok(Some(NotifyServer {
            socket,
            name: format!("@{name}").into(),
            from,
            watchdog: options.interval.unwrap_or(Duration::ZERO),
            own: options.interval.unwrap_or(Duration::ZERO),
            stop_limit: options.stop_limit,
            said: Text::new(),
        }))
    }

    pub(crate) fn socket(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// How the newest instance last described itself, in one line.
    pub(crate) fn said(&self) -> &[u8] {
        self.said.as_bytes()
    }

    /// Forgets what the instance before has said.
    pub(crate) fn begin(&mut self) {
        (self.said, self.own) = (Text::new(), self.watchdog);
    }

    /// The variables for the program of an instance. Called in the instance.
    pub(crate) fn environment(&self) -> NotifyEnvironment {
        NotifyEnvironment { name: self.name.clone(), watchdog: self.watchdog }
    }

    /// Reads the messages that have come, and writes what the instance says to its board.
    pub(crate) fn serve(&mut self, mut speaker: Option<Speaker<'_>>, now: Time) -> Heard {
        let mut heard = Heard::default();
        let mut buffer = [0; MESSAGE];
        for _ in 0..TURN {
            let Some((len, sender)) = receive(self.socket(), &mut buffer) else { break };
            let Some(speaker) = speaker.as_mut().filter(|speaker| self.may_speak(sender, speaker.main)) else {
                continue;
            };
            for notice in notifications(&buffer[..len]) {
                if let (Notification::Main(pid), false) = (notice, speaker.has_ended) {
                    match speaker.main.name(pid) {
                        Ok(false) => {}
                        named => heard.main = Some((pid, named.map(drop))),
                    }
                }
                self.take_in(notice, speaker.board, now, &mut heard);
            }
        }
        heard
    }

    /// Whether the sender of a message speaks for the instance.
    ///
    /// A helper may have ended before the supervisor reads its message, and its group is unknown then. What
    /// is left is its user, which the kernel wrote down when the message was sent. A message of another user
    /// never counts as one of the instance's. A process of the same user knows the socket's name only from the
    /// instance, or because it has looked for the name; it could kill the instance as well.
    fn may_speak(&self, sender: Option<Sender>, main: &MainProcess) -> bool {
        let Some(Sender { pid, user }) = sender else { return false };
        if pid == main.pid() {
            return true;
        }
        // SAFETY: takes no pointers; fails for processes that are gone.
        self.from == Notify::Group
            && match sys::checked(unsafe { libc::getpgid(pid) }) {
                Ok(group) => Some(group) == main.group(),
                Err(_) => user == 0 || Some(user) == user_of(main.pid()),
            }
    }

    fn take_in(&mut self, notice: Notification<'_>, board: &Board, now: Time, heard: &mut Heard) {
        match notice {
            Notification::Ready if board.phase() == Phase::Starting => begin_to_serve(board, self.own, now),
            Notification::Stopping if board.phase() != Phase::Stopping => {
                board.set_phase(Phase::Stopping);
                board.park(MAIN);
                limit_stop(board, self.stop_limit, now);
            }
            Notification::Ready | Notification::Stopping | Notification::Main(_) => {}
            Notification::Alive => board.beat_at(MAIN, now),
            Notification::Watchdog(own) => {
                (self.own, heard.watchdog) = (own, Some(own));
                if matches!(board.phase(), Phase::Ready | Phase::Running) {
                    board.park(MAIN);
                    begin_to_serve(board, own, now);
                }
            }
            Notification::Failed => board.set_failed(),
            Notification::Extend(by) if board.phase() == Phase::Starting => heard.start = Some(by),
            Notification::Extend(by) => {
                // An extension never takes time away.
                let left = board.check(STOPPING, now).map(|check| check.deadline.saturating_sub(check.silent));
                if left.is_some_and(|left| left < by) {
                    limit_stop(board, by, now);
                }
            }
            Notification::Status(text) => {
                self.said = Text::plain(text);
                heard.said = true;
            }
        }
    }
}

/// Notes on the board that the program serves from now on.
pub(crate) fn begin_to_serve(board: &Board, watchdog: Duration, now: Time) {
    if watchdog.is_zero() {
        board.set_phase(Phase::Ready);
    } else {
        board.unpark(MAIN, now);
        board.set_phase(Phase::Running);
    }
}

fn limit_stop(board: &Board, limit: Duration, now: Time) {
    if let Some(label) = Label::new("stopping") {
        board.claim(STOPPING, &label, limit, now);
    }
}

/// Room for the credentials and a few descriptors; the kernel itself drops further ones.
#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; CONTROL]);

const CONTROL: usize = 96;

// SAFETY: CMSG_SPACE only computes.
const CREDENTIALS: usize = unsafe { libc::CMSG_SPACE(size_of::<libc::ucred>() as u32) } as usize;
const _: () = assert!(CREDENTIALS < size_of::<Control>());

/// The sender of a message, as the kernel wrote it down when the message was sent.
#[derive(Clone, Copy)]
struct Sender {
    pid: i32,
    user: u32,
}

/// The effective user of a process, by `proc_pid_status(5)`.
fn user_of(pid: i32) -> Option<u32> {
    let path = Text::<40>::of(format_args!("/proc/{pid}/status\0"));
    let mut buffer = [0; 1024];
    let status = sys::read_proc(CStr::from_bytes_with_nul(path.as_bytes()).ok()?, &mut buffer);
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    str::from_utf8(line).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The length and the sender of the next message. The length of a message that was cut off is 0. `None` if
/// there is no message.
fn receive(socket: RawFd, buffer: &mut [u8]) -> Option<(usize, Option<Sender>)> {
    let mut iov = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut control = Control([MaybeUninit::zeroed(); CONTROL]);
    // SAFETY: zeros are a valid msghdr: null pointers with lengths of 0.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_iov = &raw mut iov;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = size_of::<Control>() as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: `header` points to `buffer` and `control`, which outlive the call, with their sizes.
    let len = usize::try_from(unsafe { libc::recvmsg(socket, &raw mut header, flags) }).ok()?;
    let sender = sender_of(&header);
    Some((if header.msg_flags & libc::MSG_TRUNC == 0 { len } else { 0 }, sender))
}

/// The sender of a message. Closes every descriptor that came with the message.
fn sender_of(header: &libc::msghdr) -> Option<Sender> {
    let mut sender = None;
    // SAFETY: recvmsg filled `header`; the walk below stays in what it says.
    let mut cmsg = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !cmsg.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give null or a whole, aligned cmsghdr.
        let this = unsafe { cmsg.read() };
        // SAFETY: the data follows the header.
        let data = unsafe { libc::CMSG_DATA(cmsg) };
        // SAFETY: CMSG_LEN only computes.
        let bare = unsafe { libc::CMSG_LEN(0) } as usize;
        let len = (this.cmsg_len as usize).saturating_sub(bare);
        match (this.cmsg_level, this.cmsg_type) {
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) if len >= size_of::<libc::ucred>() => {
                // SAFETY: the kernel wrote a ucred there, aligned or not.
                let credentials = unsafe { data.cast::<libc::ucred>().read_unaligned() };
                // Zero is the number of a process that this process's namespace does not show.
                sender = (credentials.pid > 0).then_some(Sender { pid: credentials.pid, user: credentials.uid });
            }
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                for index in 0..len / size_of::<RawFd>() {
                    // SAFETY: cmsg_len says that so many numbers are there.
                    let at = unsafe { data.cast::<RawFd>().add(index) };
                    // SAFETY: as above; nothing is said about their alignment.
                    let fd = unsafe { at.read_unaligned() };
                    // SAFETY: the kernel has just made this descriptor for us, and nothing else owns it.
                    crate::wire::close(unsafe { OwnedFd::from_raw_fd(fd) });
                }
            }
            _ => {}
        }
        // SAFETY: as with CMSG_FIRSTHDR.
        cmsg = unsafe { libc::CMSG_NXTHDR(header, cmsg) };
    }
    sender
}
