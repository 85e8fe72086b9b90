//! Real clients over TCP that know the expected replies, and report every other one.
//!
//! [`run`] opens several connections, each with a thread, a share of the keys and a
//! [`ledger`] of its own. All write their keys, then all send [`traffic`] of every kind
//! until the load stops, then all read back what was acknowledged. One connection more walks
//! the keyspace meanwhile ([`scanner`]). [`latency`] is measured at the client, separately for
//! requests that a replacement may have held. With a
//! [`recovery`] a client connects again after a broken connection; without, that is a failure. What a version on
//! trial answers badly is charged to it ([`Watch`]); a write that failed so is read back when the version is gone.

pub(crate) mod client;
pub(crate) mod latency;
mod ledger;
mod outcome;
pub(crate) mod recovery;
pub(crate) mod reply;
mod scanner;
mod traffic;

use std::{
    net::SocketAddr,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use latency::Activity;
use ledger::Ledger;
pub(crate) use outcome::Outcome;
use recovery::Recovery;
use traffic::Traffic;

use crate::trials::watch::Watch;

/// The load: what to send, and where to.
pub(crate) struct Load<'a> {
    /// The server.
    pub(crate) address: SocketAddr,
    /// Connections beside the scanner's.
    pub(crate) connections: usize,
    /// Keys of all connections together.
    pub(crate) keys: usize,
    /// The least length of a value.
    pub(crate) least: usize,
    /// The prefix of all keys.
    pub(crate) prefix: &'a str,
    /// The seed of the random choices.
    pub(crate) seed: u64,
    /// Whether a replacement is going on.
    pub(crate) activity: &'a Activity,
    /// Which version is on trial.
    pub(crate) watch: &'a Watch,
    /// Set when all keys are written and the traffic begins.
    pub(crate) filled: &'a AtomicBool,
    /// Set by the caller to end the traffic.
    pub(crate) stop: &'a AtomicBool,
    /// Present if the server's process may end.
    pub(crate) recovery: Option<&'a Recovery>,
    /// Requests answered until now.
    pub(crate) answered: &'a AtomicU64,
}

/// Runs the load, and returns its outcome.
pub(crate) fn run(load: &Load<'_>) -> Outcome {
    let barrier = Barrier::new(load.connections + 1);
    thread::scope(|scope| {
        let drivers: Vec<_> = (0..load.connections)
            .map(|number| {
                let barrier = &barrier;
                scope.spawn(move || drive(load, number, barrier))
            })
            .collect();
        barrier.wait();
        load.filled.store(true, Ordering::Release);
        let scanner = scope.spawn(|| scanner::walk(load));
        let outcomes = drivers
            .into_iter()
            .chain([scanner])
            .map(|thread| thread.join().unwrap_or_else(|_| Outcome::failed("a client's thread panicked".to_owned())));
        let mut outcome = outcomes.fold(Outcome::default(), Outcome::and);
        outcome.check_shared_counter(load);
        outcome
    })
}

/// Runs one connection, from its first write to its last read.
fn drive(load: &Load<'_>, number: usize, barrier: &Barrier) -> Outcome {
    let ledger = Ledger::new(load, number);
    let mut traffic = match Traffic::connect(load, ledger, number) {
        Ok(traffic) => traffic,
        Err(error) => {
            barrier.wait();
            return Outcome::failed(format!("connecting to {}: {error}", load.address));
        }
    };
    let filled = traffic.fill();
    barrier.wait();
    let driven = filled.and_then(|()| {
        while !load.stop.load(Ordering::Acquire) {
            traffic.mix().or_else(|error| traffic.recover(error))?;
        }
        traffic.read_back()
    });
    traffic.finish(driven)
}
