//! The outcome of a load.

use super::{Load, client::Client, latency::Latency, reply::Reply};

/// How many failures are printed in full.
const TOLD: usize = 10;

/// The counts of a client. The outcomes of several clients can be added.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Requests answered.
    pub(crate) requests: u64,
    /// Writes acknowledged.
    pub(crate) acknowledged: u64,
    /// Entries read back at the end.
    pub(crate) read_back: u64,
    /// Entries that differed from what was acknowledged.
    pub(crate) lost: u64,
    /// Walks through the whole keyspace.
    pub(crate) scans: u64,
    /// Replies that were errors or wrong, and broken connections.
    pub(crate) failures: u64,
    /// The first of the failures and losses.
    pub(crate) told: Vec<String>,
    /// How long requests took.
    pub(crate) latency: Latency,
    /// Additions to the shared counter that were acknowledged, and that were sent.
    pub(crate) shared: (u64, u64),
}

impl Outcome {
    /// An outcome of one failure.
    pub(crate) fn failed(why: String) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.fail(why);
        outcome
    }

    /// Notes a failure.
    pub(crate) fn fail(&mut self, why: String) {
        self.failures += 1;
        self.tell(why);
    }

    /// Notes the loss of an acknowledged write.
    pub(crate) fn lose(&mut self, what: String) {
        self.lost += 1;
        self.tell(what);
    }

    fn tell(&mut self, what: String) {
        if self.told.len() < TOLD {
            self.told.push(what);
        }
    }

    /// Nothing failed and nothing was lost.
    pub(crate) fn is_clean(&self) -> bool {
        self.failures == 0 && self.lost == 0
    }

    /// The sum of two outcomes.
    pub(crate) fn and(mut self, other: Outcome) -> Outcome {
        self.requests += other.requests;
        self.acknowledged += other.acknowledged;
        self.read_back += other.read_back;
        self.lost += other.lost;
        self.scans += other.scans;
        self.failures += other.failures;
        self.told.extend(other.told);
        self.told.truncate(TOLD);
        self.latency.add(&other.latency);
        self.shared = (self.shared.0 + other.shared.0, self.shared.1 + other.shared.1);
        self
    }

    /// Every acknowledged addition of every connection must be in the shared counter.
    pub(crate) fn check_shared_counter(&mut self, load: &Load<'_>) {
        let name = shared_counter(load.prefix);
        let asked = Client::connect(load.address).and_then(|mut client| client.ask(&[b"INCRBY", &name, b"0"]));
        self.requests += 1;
        self.read_back += 1;
        let (acknowledged, sent) = self.shared;
        match asked {
            Ok(Reply::Integer(sum)) if (acknowledged as i64..=sent as i64).contains(&sum) => {}
            Ok(Reply::Integer(sum)) => {
                self.lose(format!("the shared counter is {sum} after {acknowledged} acknowledged additions"));
            }
            Ok(other) => self.fail(format!("the shared counter: {other:?}")),
            Err(error) => self.fail(format!("the shared counter: {error}")),
        }
    }
}

/// The counter that all connections add to.
pub(crate) fn shared_counter(prefix: &str) -> Vec<u8> {
    format!("{prefix}:shared").into_bytes()
}
