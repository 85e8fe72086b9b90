//! Connecting again after the server's process ended.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{client::Client, reply::Reply};

/// How long a client tries.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The counts of all clients' connections.
#[derive(Default)]
pub(crate) struct Recovery {
    /// Connections that broke and were replaced.
    reconnects: AtomicU64,
    /// Tries to connect that failed.
    refused: AtomicU64,
    /// When the last new connection of each client had its first answer.
    answered: Mutex<BTreeMap<usize, Instant>>,
}

impl Recovery {
    /// A connection that answers, after `error` broke that of `client`.
    ///
    /// # Errors
    /// `error` does not come from the end of the server, or no server answers for long.
    pub(crate) fn connect(&self, address: SocketAddr, client: usize, error: io::Error) -> io::Result<Client> {
        let (start, mut error) = (Instant::now(), error);
        while start.elapsed() < TIMEOUT && is_broken(&error) {
            let Ok(mut connection) = Client::connect(address) else {
                self.refused.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
                continue;
            };
            match connection.ask(&[b"PING"]) {
                Ok(Reply::Status(status)) if status == "PONG" => {
                    self.reconnects.fetch_add(1, Ordering::Relaxed);
                    self.lock().insert(client, Instant::now());
                    return Ok(connection);
                }
                Ok(other) => return Err(io::Error::other(format!("PING was answered {other:?}"))),
                Err(broken) => error = broken,
            }
        }
        Err(error)
    }

    /// Forgets when each client was answered.
    pub(crate) fn begin(&self) {
        self.lock().clear();
    }

    /// The times of the first and the last answer on the new connections of `clients` clients; `None`
    /// while a client has none.
    pub(crate) fn answered(&self, clients: usize) -> Option<(Instant, Instant)> {
        let answered = self.lock();
        let all = answered.len() >= clients;
        answered.values().min().copied().zip(answered.values().max().copied()).filter(|_| all)
    }

    /// Connections that replaced broken ones.
    pub(crate) fn reconnects(&self) -> u64 {
        self.reconnects.load(Ordering::Relaxed)
    }

    /// Failed tries to connect.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, Instant>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the peer is gone. A peer that is silent for long is not gone.
fn is_broken(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}
