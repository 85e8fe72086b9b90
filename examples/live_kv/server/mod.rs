//! The host's network side: sockets, framing, what a client says of its connection
//! ([`session`], [`dialect`]), and no other knowledge of commands.
//!
//! [`Server`] accepts on a thread of its own and deals connections out to [`worker`]s,
//! one thread each. A [`connection`] turns bytes into requests with [`request`] (and
//! [`inline`]), asks the command layer, and sends the replies.
//!
//! Polling threads (`mio`) rather than async tasks: a call into a component may be held
//! for the moment of a replacement, by parking its thread. Under an executor that would
//! silently stall the executor's other tasks; here it stalls one thread.

mod connection;
mod dialect;
pub(crate) mod heartbeat;
mod inline;
pub(crate) mod request;
mod session;
mod tally;
mod worker;

use std::{
    io::{self, ErrorKind, Write},
    net::{self, SocketAddr, ToSocketAddrs},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use kv::Commands;
use mio::{Events, Interest, Poll, Token, Waker, net::TcpListener, net::TcpStream};

use heartbeat::Heartbeat;
use request::Limits;
pub(crate) use tally::Tally;
use worker::Worker;

/// Concurrent connections. A further one gets an error and is closed, as Redis does.
const MOST_CLIENTS: usize = 10_000;

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);

/// What the threads of a server share.
struct Shared {
    commands: Arc<dyn Commands>,
    limits: Limits,
    tally: Tally,
    clients: Arc<AtomicUsize>,
    stop: AtomicBool,
}

/// A running server.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    waker: Waker,
    acceptor: JoinHandle<()>,
}

impl Server {
    /// Listens on `address` (port 0: any free port) and serves with `threads` threads.
    ///
    /// # Errors
    /// The address is invalid or taken, or the operating system gives no more threads.
    pub(crate) fn start(
        address: &str,
        threads: usize,
        commands: Arc<dyn Commands>,
        limits: Limits,
    ) -> io::Result<Server> {
        Server::on(bind(address)?, threads, commands, limits)
    }

    /// Serves the connections of `listener`.
    ///
    /// # Errors
    /// The operating system gives no more threads.
    pub(crate) fn on(
        listener: net::TcpListener,
        threads: usize,
        commands: Arc<dyn Commands>,
        limits: Limits,
    ) -> io::Result<Server> {
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener);
        let address = listener.local_addr()?;
        let clients = Arc::default();
        let shared =
            Arc::new(Shared { commands, limits, tally: Tally::default(), clients, stop: AtomicBool::new(false) });
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let workers: io::Result<_> = (0..threads).map(|number| Worker::start(number, Arc::clone(&shared))).collect();
        let desk = Acceptor { poll, listener, workers: workers?, next: 0, shared: Arc::clone(&shared) };
        let acceptor = thread::Builder::new().name("kv-acceptor".into()).spawn(move || desk.serve())?;
        Ok(Server { address, shared, waker, acceptor })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it counted.
    pub(crate) fn tally(&self) -> &Tally {
        &self.shared.tally
    }

    /// Stops all threads after their present turn, and closes open connections.
    pub(crate) fn stop(self) {
        self.shared.stop.store(true, Ordering::Release);
        let _ = self.waker.wake();
        let _ = self.acceptor.join();
    }
}

fn bind(address: &str) -> io::Result<net::TcpListener> {
    let mut last = io::Error::new(ErrorKind::AddrNotAvailable, "the name has no address");
    for address in address.to_socket_addrs()? {
        match net::TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Deals connections out.
struct Acceptor {
    poll: Poll,
    listener: TcpListener,
    workers: Vec<Worker>,
    next: usize,
    shared: Arc<Shared>,
}

impl Acceptor {
    fn serve(mut self) {
        let mut events = Events::with_capacity(8);
        let heartbeat = Heartbeat::begin("acceptor");
        let mut timeout = None;
        while !self.shared.stop.load(Ordering::Acquire) {
            heartbeat.beat();
            let idle = timeout.is_none().then(|| heartbeat.idle());
            let polled = self.poll.poll(&mut events, timeout);
            drop(idle);
            match polled {
                Err(error) if error.kind() != ErrorKind::Interrupted => panic!("polling failed: {error}"),
                _ => timeout = self.accept(),
            }
        }
        self.workers.into_iter().for_each(Worker::join);
    }

    /// Accepts all waiting connections. Without free descriptors the next try comes soon, because
    /// the operating system reports each connection once.
    fn accept(&mut self) -> Option<Duration> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.deal(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(_) => return Some(Duration::from_millis(20)),
            }
        }
    }

    fn deal(&mut self, mut stream: TcpStream) {
        let Some(seat) = Seat::take(&self.shared.clients) else {
            let _ = stream.write(b"-ERR max number of clients reached\r\n");
            return;
        };
        let _ = stream.set_nodelay(true);
        self.shared.tally.connected();
        self.workers[self.next].take(stream, seat);
        self.next = (self.next + 1) % self.workers.len();
    }
}

/// One of the connections that there may be; given back on drop.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(clients: &Arc<AtomicUsize>) -> Option<Seat> {
        let seat = Seat(Arc::clone(clients));
        (clients.fetch_add(1, Ordering::Relaxed) < MOST_CLIENTS).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
