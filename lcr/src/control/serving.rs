//! The loop of the control socket: one thread that waits for its sockets, and for nothing else.
//!
//! It accepts, reads, sends and closes. What the bytes mean is the business of [`Connection`]; what requests do is that
//! of the [`workers`](super::workers), who hand their answers back through an inbox and wake the loop. Every system
//! call on a connection is one that does not block.
//!
//! Only the loop's thread touches the connections, so they need no lock.

use std::{
    collections::BTreeMap,
    fmt, io,
    os::fd::AsFd as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    net::SocketFlags,
};

use crate::{Actor, Error, ErrorKind, Result, Runtime};

use super::{
    admission::Admission,
    commands,
    connection::Connection,
    descriptors::Kept,
    following::{Filled, Following},
    live::{Live, SENDING},
    peer::peer,
    protocol::{self, Request},
    signals::Mask,
    stream::Stream,
    watching,
    workers::{Takes, Workers},
};

/// How many connections there are at most.
const CONNECTIONS: usize = 32;

/// How long no connection is accepted after the system had no descriptor for one.
const PAUSE: Duration = Duration::from_millis(200);

/// What the loop, the workers and the server share.
///
/// | field | who touches it |
/// |---|---|
/// | `runtime`, `admission`, `workers` | all; they do not change |
/// | `wake` | workers and the server write, the loop reads |
/// | `inbox` | workers put answers in, the loop takes them |
/// | `has_ended` | the server sets it once |
#[derive(Debug)]
pub(super) struct Shared {
    runtime: Whose,
    admission: Admission,
    workers: Workers,
    following: Following,
    wake: Kept,
    inbox: Mutex<Vec<Reply>>,
    has_ended: AtomicBool,
}

/// The answer to a connection's request, from a worker.
#[derive(Debug)]
struct Reply {
    to: ConnectionId,
    line: Vec<u8>,
    /// What follows the answer.
    stream: Option<Box<watching::Stream>>,
}

/// How a server finds its runtime, which it does not keep alive.
pub(super) struct Whose(Box<dyn Fn() -> Option<Arc<Runtime>> + Send + Sync>);

impl Whose {
    /// `find` returns the runtime, if it is there.
    pub(super) fn new(find: impl Fn() -> Option<Arc<Runtime>> + Send + Sync + 'static) -> Whose {
        Whose(Box::new(find))
    }

    fn find(&self) -> Option<Arc<Runtime>> {
        (self.0)()
    }
}

impl fmt::Debug for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Whose")
    }
}

/// Numbers of connections are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnectionId(u64);

impl Shared {
    /// What a server begins with. Requests will be executed by threads with the signal mask `mask`.
    pub(super) fn new(runtime: Whose, admission: Admission, mask: Mask) -> io::Result<Arc<Shared>> {
        let wake = Kept::open(|| Ok(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))?;
        let workers = Workers::new(mask);
        let (inbox, has_ended) = (Mutex::default(), AtomicBool::new(false));
        let following = Following::default();
        Ok(Arc::new(Shared { runtime, admission, workers, following, wake, inbox, has_ended }))
    }

    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Has the loop end, and the workers when they have executed what they have begun.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
        self.workers.end();
        self.wake();
    }

    /// Hands the answer to a connection's request to the loop.
    fn reply(&self, reply: Reply) {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).push(reply);
        self.wake();
    }

    fn wake(&self) {
        // If the counter is full, the loop is woken already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}

/// The loop and its connections.
pub(super) struct Loop {
    shared: Arc<Shared>,
    listener: Kept,
    connections: BTreeMap<ConnectionId, Live>,
    last: u64,
    /// Until when no connection is accepted.
    paused_until: Option<Instant>,
}

impl Loop {
    pub(super) fn new(shared: Arc<Shared>, listener: Kept) -> Loop {
        Loop { shared, listener, connections: BTreeMap::new(), last: 0, paused_until: None }
    }

    /// Serves until the server ends.
    pub(super) fn run(mut self) {
        while !self.shared.has_ended.load(Ordering::Acquire) {
            let (is_listener_ready, ready) = self.wait();
            let mut counter = [0; 8];
            let _ = rustix::io::read(&self.shared.wake, &mut counter);
            let now = Instant::now();
            self.take_replies(now);
            self.follow(now);
            for (id, flags) in ready {
                self.move_bytes(id, flags, now);
            }
            self.connections.retain(|_, live| !live.connection.is_over(now));
            if is_listener_ready {
                self.accept(now);
            }
        }
    }

    /// Waits until there is something to do. Returns whether there is a new connection, and what may be done with
    /// which of the others.
    fn wait(&mut self) -> (bool, Vec<(ConnectionId, PollFlags)>) {
        let now = Instant::now();
        self.paused_until = self.paused_until.filter(|&until| until > now);
        let of_listener = if self.paused_until.is_some() { PollFlags::empty() } else { PollFlags::IN };
        let mut asked = vec![
            PollFd::from_borrowed_fd(self.shared.wake.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.listener.as_fd(), of_listener),
        ];
        let mut limit = self.paused_until;
        for Live { socket, connection, stream, .. } in self.connections.values() {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, connection.room() > 0);
            flags.set(PollFlags::OUT, !connection.output().is_empty());
            asked.push(PollFd::from_borrowed_fd(socket.as_fd(), flags));
            let of_stream = stream.as_ref().and_then(|stream| stream.limit(now));
            limit = limit.into_iter().chain(connection.limit()).chain(of_stream).min();
        }
        let timeout = limit.map(|limit| limit.saturating_duration_since(now) + Duration::from_millis(1));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        if poll(&mut asked, timeout.as_ref()).is_err() {
            // A signal cannot be the reason, since the thread blocks them; memory may be.
            std::thread::sleep(Duration::from_millis(10));
            return (false, Vec::new());
        }
        let is_listener_ready = asked[1].revents().contains(PollFlags::IN);
        let ready = self.connections.keys().zip(&asked[2..]).filter(|(_, fd)| !fd.revents().is_empty());
        (is_listener_ready, ready.map(|(&id, fd)| (id, fd.revents())).collect())
    }

    fn take_replies(&mut self, now: Instant) {
        let replies = std::mem::take(&mut *self.shared.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        for Reply { to, line, stream } in replies {
            // The client may have gone; what it was to follow ends then.
            if let Some(live) = self.connections.get_mut(&to) {
                match stream {
                    None => live.connection.answer(&line, now),
                    Some(stream) => {
                        live.connection.stream(&line, now);
                        live.stream = Some(Stream::Watch(stream));
                    }
                }
                self.go_on(to, now);
            }
        }
    }

    /// Moves what has happened to those who follow.
    fn follow(&mut self, now: Instant) {
        let following = self.connections.iter().filter(|(_, live)| live.stream.is_some());
        let following: Vec<ConnectionId> = following.map(|(&id, _)| id).collect();
        following.into_iter().for_each(|id| self.go_on(id, now));
    }

    fn move_bytes(&mut self, id: ConnectionId, flags: PollFlags, now: Instant) {
        let Some(live) = self.connections.get_mut(&id) else { return };
        let is_broken = flags.intersects(PollFlags::ERR | PollFlags::NVAL);
        // With nothing to be read, nobody is left who would read an answer.
        let is_left = flags.contains(PollFlags::HUP) && live.connection.room() == 0;
        if is_broken || is_left || (flags.contains(PollFlags::IN) && live.receive(now).is_err()) {
            self.connections.remove(&id);
            return;
        }
        self.go_on(id, now);
    }

    /// Sends what can be sent, and begins the next request if there is one.
    fn go_on(&mut self, id: ConnectionId, now: Instant) {
        loop {
            let Some(live) = self.connections.get_mut(&id) else { return };
            let filled = live.stream.as_mut().map(|stream| stream.fill(&mut live.connection, now));
            if filled == Some(Filled::Over) {
                let error = Error::new(ErrorKind::Closed, "the program has dropped its runtime");
                live.connection.refuse(None, error, now);
                live.stream = None;
            }
            if live.send(now).is_err() {
                self.connections.remove(&id);
                return;
            }
            if filled == Some(Filled::AllItTakes) && live.connection.output().is_empty() {
                continue;
            }
            let Some(request) = live.connection.next(now) else {
                // A line that is no request was answered.
                if live.send(now).is_err() {
                    self.connections.remove(&id);
                }
                return;
            };
            match begin(&self.shared, id, &live.actor, request) {
                Begun::AtWork => return,
                Begun::Answered(line) => live.connection.answer(&line, now),
                Begun::Follows(line, stream) => {
                    live.connection.stream(&line, now);
                    live.stream = Some(stream);
                }
                Begun::Refused(of, error) => live.connection.refuse(Some(of), error, now),
            }
        }
    }

    fn accept(&mut self, now: Instant) {
        // As many as fit; those that wait longer find the next round.
        for _ in 0..CONNECTIONS {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = Kept::open(|| Ok(rustix::net::accept_with(&self.listener, flags)?));
            let socket = match socket {
                Ok(socket) => socket,
                Err(error) => {
                    match error.kind() {
                        io::ErrorKind::WouldBlock => {}
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => continue,
                        // Descriptors or memory; the listener would be ready again at once.
                        _ => self.paused_until = Some(now + PAUSE),
                    }
                    return;
                }
            };
            let Ok(actor) = peer(socket.as_fd()) else { continue };
            if let Err(error) = self.admit(&actor) {
                // If that does not fit into the socket at once, nobody reads there.
                let _ = rustix::net::send(&socket, &protocol::answer(None, &Err(error)), SENDING);
                continue;
            }
            self.last += 1;
            let live = Live { socket, actor, connection: Connection::new(now), stream: None };
            self.connections.insert(ConnectionId(self.last), live);
        }
    }

    /// Checks who a new client is, and makes room for it.
    fn admit(&mut self, peer: &Actor) -> Result<()> {
        self.shared.admission.admit(peer)?;
        if self.connections.len() < CONNECTIONS {
            return Ok(());
        }
        let silent = self.connections.iter().filter_map(|(&id, live)| Some((live.connection.may_make_room()?, id)));
        let Some((_, longest)) = silent.min() else {
            let text = format!("{CONNECTIONS} clients are being served already; try again");
            return Err(Error::new(ErrorKind::Busy, text));
        };
        self.connections.remove(&longest);
        Ok(())
    }
}

/// What became of a request.
enum Begun {
    /// A worker answers.
    AtWork,
    Answered(Vec<u8>),
    /// Events follow the answer.
    Follows(Vec<u8>, Stream),
    /// Nothing more is taken from the client.
    Refused(u64, Error),
}

/// Answers a request, or has a worker execute it.
fn begin(shared: &Arc<Shared>, id: ConnectionId, actor: &Actor, request: Request) -> Begun {
    let admission = &shared.admission;
    let of = request.id;
    let Some(runtime) = shared.runtime.find() else {
        return Begun::Refused(of, Error::new(ErrorKind::Closed, "the program has dropped its runtime"));
    };
    if request.command == "hello" {
        return match commands::hello(&runtime, &request, admission) {
            Ok(hello) => Begun::Answered(protocol::answer(Some(of), &Ok(hello))),
            Err(error) => Begun::Refused(of, error),
        };
    }
    let refused = |error| Begun::Answered(protocol::answer(Some(of), &Err(error)));
    if request.command == "events" {
        let events = runtime.events();
        let waker = Arc::clone(shared);
        let begun = commands::events(&request)
            .and_then(|answer| Ok((answer, shared.following.begin(of, events, move || waker.wake())?)));
        return match begun {
            Ok((answer, stream)) => Begun::Follows(protocol::answer(Some(of), &Ok(answer)), Stream::Events(stream)),
            Err(error) => refused(error),
        };
    }
    if request.command == watching::COMMAND {
        return match begin_watch(shared, id, actor, runtime, request) {
            Ok(()) => Begun::AtWork,
            Err(error) => refused(error),
        };
    }
    let command = match commands::find(&request.command, admission.read_only) {
        Ok(command) => command,
        Err(error) => return refused(error),
    };
    let (to, actor) = (Arc::clone(shared), actor.clone());
    let job = Box::new(move || {
        let answer = commands::execute(command, runtime, &request, &actor, to.admission.read_only);
        to.reply(Reply { to: id, line: protocol::answer(Some(request.id), &answer), stream: None });
    });
    match shared.workers.execute(command.takes, job) {
        Ok(()) => Begun::AtWork,
        Err(error) => refused(error),
    }
}

/// Has a worker put a watch in.
fn begin_watch(
    shared: &Arc<Shared>,
    id: ConnectionId,
    actor: &Actor,
    runtime: Arc<Runtime>,
    request: Request,
) -> Result<()> {
    commands::refuse_change(watching::COMMAND, shared.admission.read_only)?;
    let (to, actor) = (Arc::clone(shared), actor.clone());
    let job = Box::new(move || {
        let begun = commands::watch(&runtime, &request, &actor);
        drop(runtime);
        let (answer, stream) = match begun {
            Ok((answer, stream)) => (Ok(answer), Some(Box::new(stream))),
            Err(error) => (Err(error), None),
        };
        to.reply(Reply { to: id, line: protocol::answer(Some(request.id), &answer), stream });
    });
    shared.workers.execute(Takes::Long, job)
}
