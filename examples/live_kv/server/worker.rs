//! A thread that serves many connections.
//!
//! It waits for all of them at once, and gives a turn to each that has something to do. Calls
//! into components are made on this thread: a replacement that holds callers holds the thread,
//! and the requests of its other connections wait. Requests are queued nowhere else, so none
//! can be lost or overtaken.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use kv::Commands;
use mio::{Events, Interest, Poll, Token, Waker, net::TcpStream};
use slab::Slab;

use super::{
    Seat, Shared,
    connection::{Connection, Turn},
    heartbeat::Heartbeat,
    tally::Batch,
};

const WAKER: Token = Token(usize::MAX);

/// How many bytes are read at once.
const SCRATCH: usize = 64 << 10;

/// The acceptor's end of a worker.
pub(crate) struct Worker {
    inbound: Sender<(TcpStream, Seat)>,
    waker: Waker,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    /// The operating system gives no poll instance or no thread.
    pub(crate) fn start(number: usize, shared: Arc<Shared>) -> io::Result<Worker> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let (inbound, connections) = mpsc::channel();
        let desk = Desk {
            poll,
            inbound: connections,
            seats: Slab::new(),
            due: VecDeque::new(),
            scratch: vec![0; SCRATCH],
            shared,
        };
        let thread = thread::Builder::new().name(format!("kv-worker-{number}")).spawn(move || desk.serve(number))?;
        Ok(Worker { inbound, waker, thread })
    }

    /// Hands a connection over.
    pub(crate) fn take(&self, stream: TcpStream, seat: Seat) {
        // A worker that is gone drops the connection, which the peer notices.
        let _ = self.inbound.send((stream, seat));
        let _ = self.waker.wake();
    }

    /// Waits for the end of the thread, which must have been told to stop.
    pub(crate) fn join(self) {
        let _ = self.waker.wake();
        let _ = self.thread.join();
    }
}

/// The thread's own end.
struct Desk {
    poll: Poll,
    inbound: Receiver<(TcpStream, Seat)>,
    seats: Slab<Client>,
    /// The connections that get a turn, in order; each at most once.
    due: VecDeque<usize>,
    scratch: Vec<u8>,
    shared: Arc<Shared>,
}

struct Client {
    connection: Connection,
    is_due: bool,
    /// Counts this connection as open until it is dropped.
    _seat: Seat,
}

impl Desk {
    fn serve(mut self, number: usize) {
        let mut events = Events::with_capacity(1024);
        let heartbeat = Heartbeat::begin(&format!("worker-{number}"));
        while !self.shared.stop.load(Ordering::Acquire) {
            heartbeat.beat();
            match self.wait(&mut events, &heartbeat) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("polling failed: {error}"),
                Ok(()) => {}
            }
            for event in &events {
                match event.token() {
                    WAKER => self.welcome(),
                    Token(seat) => self.notice(seat, event),
                }
            }
            self.give_turns();
        }
    }

    /// Waits for events: without a limit only while the heartbeat is idle.
    fn wait(&mut self, events: &mut Events, heartbeat: &Heartbeat) -> io::Result<()> {
        if !self.due.is_empty() {
            return self.poll.poll(events, Some(Duration::ZERO));
        }
        self.poll.poll(events, Some(heartbeat.longest_wait()))?;
        if events.is_empty() && !self.shared.stop.load(Ordering::Acquire) {
            let _idle = heartbeat.idle();
            self.poll.poll(events, None)?;
        }
        Ok(())
    }

    fn welcome(&mut self) {
        while let Ok((mut stream, seat)) = self.inbound.try_recv() {
            let entry = self.seats.vacant_entry();
            let number = entry.key();
            let interest = Interest::READABLE | Interest::WRITABLE;
            if self.poll.registry().register(&mut stream, Token(number), interest).is_err() {
                continue;
            }
            let connection = Connection::new(stream, self.shared.limits);
            entry.insert(Client { connection, is_due: true, _seat: seat });
            self.due.push_back(number);
        }
    }

    /// An event may belong to a connection that is gone. The next connection in its seat then finds nothing to
    /// read, which is harmless.
    fn notice(&mut self, seat: usize, event: &mio::event::Event) {
        let Some(client) = self.seats.get_mut(seat) else { return };
        client.connection.notice(event);
        if !client.is_due {
            client.is_due = true;
            self.due.push_back(seat);
        }
    }

    fn give_turns(&mut self) {
        let commands: &dyn Commands = &*self.shared.commands;
        let mut batch = Batch::default();
        for _ in 0..self.due.len() {
            let Some(seat) = self.due.pop_front() else { break };
            let Some(client) = self.seats.get_mut(seat) else { continue };
            client.is_due = false;
            match client.connection.turn(commands, &mut self.scratch, &mut batch) {
                Turn::Wait => {}
                Turn::Again => {
                    client.is_due = true;
                    self.due.push_back(seat);
                }
                Turn::Closed => drop(self.seats.remove(seat)),
            }
        }
        self.shared.tally.add(&batch);
    }
}
