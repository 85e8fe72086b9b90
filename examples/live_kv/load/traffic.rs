//! Requests of every kind, each with the expected reply.

mod uncertain_writes;

use std::{collections::VecDeque, fmt::Debug, io, ops::Range, sync::atomic::Ordering, time::Instant};

use fastrand::Rng;

use uncertain_writes::UncertainWrites;

use super::{
    Load,
    client::Client,
    ledger::{COUNTERS, Ledger, PAIRS},
    outcome::{Outcome, shared_counter},
    reply::Reply,
};
use crate::trials::watch::{Answer, Moment};

/// The most requests in one pipeline.
const DEPTH: usize = 16;

/// The expected reply to a request, and what it means for the ledger.
enum Expected {
    /// `OK`: these versions of these keys are acknowledged.
    Stored(Vec<(usize, u64)>),
    /// `OK`: this version of this pair is acknowledged.
    PairStored(usize, u64),
    /// The values of these versions of these keys.
    Values(Vec<(usize, u64)>),
    /// The two keys of a pair have equal values.
    Twins,
    /// This value of this counter.
    Count(usize, u64),
    /// A larger number than the last one.
    Rising,
    /// A value that this key may have at the end.
    Lasting(usize),
    /// A value that this counter may have at the end.
    LastingCount(usize),
    /// Values that this pair may have at the end.
    LastingPair(usize),
}

/// A connection at work.
pub(crate) struct Traffic<'a> {
    load: &'a Load<'a>,
    client: Client,
    ledger: Ledger,
    number: usize,
    random: Rng,
    expected: VecDeque<Expected>,
    /// What was on trial when the pipeline was sent.
    sent: Moment,
    uncertain: UncertainWrites,
    /// The last value of the shared counter that this connection saw.
    risen: i64,
    outcome: Outcome,
}

impl<'a> Traffic<'a> {
    /// Connects.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub(crate) fn connect(load: &'a Load<'a>, ledger: Ledger, number: usize) -> io::Result<Traffic<'a>> {
        let client = Client::connect(load.address)?;
        let random = Rng::with_seed(load.seed.wrapping_add(number as u64));
        Ok(Traffic {
            load,
            client,
            ledger,
            number,
            random,
            expected: VecDeque::new(),
            sent: load.watch.now(),
            uncertain: UncertainWrites::default(),
            risen: 0,
            outcome: Outcome::default(),
        })
    }

    /// Writes every key once.
    ///
    /// # Errors
    /// The connection fails.
    pub(crate) fn fill(&mut self) -> io::Result<()> {
        let keys: Vec<usize> = (0..self.ledger.keys.len()).collect();
        for (number, group) in keys.chunks(8).enumerate() {
            if number % 4 == 0 {
                self.set_many(group);
            } else {
                group.iter().for_each(|index| self.set(*index));
            }
            self.settle_if_deep()?;
        }
        (0..PAIRS).for_each(|index| self.set_pair(index));
        self.settle()
    }

    /// Sends one pipeline of random requests.
    ///
    /// # Errors
    /// The connection fails.
    pub(crate) fn mix(&mut self) -> io::Result<()> {
        for _ in 0..self.random.usize(1..=DEPTH) {
            let key = self.random.usize(..self.ledger.keys.len().max(1));
            match self.random.u32(..100) {
                0..40 => self.get(key),
                40..65 => self.set(key),
                65..75 => self.increment(),
                75..80 => self.increment_shared(),
                80..88 => self.compare_pair(),
                88..93 => {
                    let pair = self.random.usize(..PAIRS);
                    self.set_pair(pair);
                }
                93..97 => self.get_many(key),
                _ => {
                    let keys: Vec<usize> = self.neighbours(key).collect();
                    self.set_many(&keys);
                }
            }
        }
        self.settle()
    }

    /// Reads back everything that was acknowledged.
    ///
    /// # Errors
    /// The connection fails.
    pub(crate) fn read_back(&mut self) -> io::Result<()> {
        for index in 0..self.ledger.keys.len() {
            self.client.queue(&[b"GET", &self.ledger.key(index)]);
            self.expect(Expected::Lasting(index))?;
        }
        for index in 0..COUNTERS {
            self.client.queue(&[b"GET", &self.ledger.counter(index)]);
            self.expect(Expected::LastingCount(index))?;
        }
        for index in 0..PAIRS {
            let [left, right] = self.ledger.pair(self.number, index);
            self.client.queue(&[b"MGET", &left, &right]);
            self.expect(Expected::LastingPair(index))?;
        }
        self.settle()
    }

    /// The outcome. A broken connection fails every request that it left open.
    pub(crate) fn finish(mut self, driven: io::Result<()>) -> Outcome {
        if let Err(error) = driven {
            self.outcome.fail(format!("connection {}: {error}", self.number));
            self.outcome.failures += self.expected.len() as u64;
        }
        let shared = self.ledger.shared.allowed();
        self.outcome.shared = (*shared.start(), *shared.end());
        self.outcome
    }

    fn get(&mut self, index: usize) {
        self.client.queue(&[b"GET", &self.ledger.key(index)]);
        self.expected.push_back(Expected::Values(vec![(index, self.ledger.keys[index].sent())]));
    }

    fn set(&mut self, index: usize) {
        let version = self.ledger.keys[index].send();
        self.client.queue(&[b"SET", &self.ledger.key(index), &self.ledger.value(index, version)]);
        self.expected.push_back(Expected::Stored(vec![(index, version)]));
    }

    /// Up to four keys from `index` on.
    fn neighbours(&self, index: usize) -> Range<usize> {
        index..(index + 4).min(self.ledger.keys.len())
    }

    fn get_many(&mut self, index: usize) {
        let wanted: Vec<_> = self.neighbours(index).map(|index| (index, self.ledger.keys[index].sent())).collect();
        let words: Vec<_> = wanted.iter().map(|(index, _)| self.ledger.key(*index)).collect();
        self.queue(b"MGET", &words);
        self.expected.push_back(Expected::Values(wanted));
    }

    fn set_many(&mut self, indices: &[usize]) {
        let stored: Vec<_> = indices.iter().map(|index| (*index, self.ledger.keys[*index].send())).collect();
        let words =
            stored.iter().flat_map(|(index, version)| [self.ledger.key(*index), self.ledger.value(*index, *version)]);
        let words: Vec<_> = words.collect();
        self.queue(b"MSET", &words);
        self.expected.push_back(Expected::Stored(stored));
    }

    fn set_pair(&mut self, index: usize) {
        let version = self.ledger.pairs[index].send();
        let [left, right] = self.ledger.pair(self.number, index);
        let value = version.to_string().into_bytes();
        self.client.queue(&[b"MSET", &left, &value, &right, &value]);
        self.expected.push_back(Expected::PairStored(index, version));
    }

    /// Reads a pair of any connection, which may be writing it at this moment.
    fn compare_pair(&mut self) {
        let (of, index) = (self.random.usize(..self.load.connections), self.random.usize(..PAIRS));
        let [left, right] = self.ledger.pair(of, index);
        self.client.queue(&[b"MGET", &left, &right]);
        self.expected.push_back(Expected::Twins);
    }

    fn increment(&mut self) {
        let index = self.random.usize(..COUNTERS);
        let value = self.ledger.counters[index].send();
        self.client.queue(&[b"INCR", &self.ledger.counter(index)]);
        self.expected.push_back(Expected::Count(index, value));
    }

    fn increment_shared(&mut self) {
        self.ledger.shared.send();
        self.client.queue(&[b"INCR", &shared_counter(self.load.prefix)]);
        self.expected.push_back(Expected::Rising);
    }

    fn queue(&mut self, command: &[u8], words: &[Vec<u8>]) {
        let words: Vec<&[u8]> = [command].into_iter().chain(words.iter().map(Vec::as_slice)).collect();
        self.client.queue(&words);
    }

    fn expect(&mut self, expected: Expected) -> io::Result<()> {
        self.expected.push_back(expected);
        self.settle_if_deep()
    }

    fn settle_if_deep(&mut self) -> io::Result<()> {
        if self.expected.len() < DEPTH {
            return Ok(());
        }
        self.settle()
    }

    /// Sends the pipeline and checks every reply. Writes that a version on trial failed are read back when it is gone.
    fn settle(&mut self) -> io::Result<()> {
        let (start, moment) = (Instant::now(), self.load.activity.now());
        self.sent = self.load.watch.now();
        self.client.send()?;
        let count = self.expected.len() as u64;
        while !self.expected.is_empty() {
            let reply = self.client.reply()?;
            self.outcome.latency.record(start.elapsed(), self.load.activity.touched(moment));
            self.load.watch.answered(self.sent, start.elapsed());
            if let Some(expected) = self.expected.pop_front() {
                self.check(expected, reply);
            }
        }
        self.outcome.requests += count;
        self.load.answered.fetch_add(count, Ordering::Relaxed);
        if !self.uncertain.is_empty() {
            self.load.watch.wait();
            self.make_certain()?;
        }
        Ok(())
    }

    fn check(&mut self, expected: Expected, reply: Reply) {
        match (expected, reply) {
            (expected, Reply::Error(text)) if self.load.watch.blames(self.sent, Answer::Error(&text)) => {
                self.uncertain.note(&expected);
            }
            (Expected::Stored(stored), Reply::Status(status)) if status == "OK" => {
                for (index, version) in &stored {
                    self.ledger.keys[*index].acknowledge(*version);
                }
                self.acknowledged(stored.len() as u64);
            }
            (Expected::PairStored(index, version), Reply::Status(status)) if status == "OK" => {
                self.ledger.pairs[index].acknowledge(version);
                self.acknowledged(2);
            }
            (Expected::Values(wanted), Reply::Array(Some(found))) => self.compare_values(&wanted, &found, "MGET"),
            (Expected::Values(wanted), found @ Reply::Bulk(_)) => self.compare_values(&wanted, &[found], "GET"),
            (Expected::Twins, Reply::Array(Some(found))) => {
                let equal = found.len() == 2 && found[0] == found[1];
                self.compare(&true, &equal, &format!("a pair that is written at once, {found:?}"));
            }
            (Expected::Count(index, value), Reply::Integer(found)) => {
                let value = if self.uncertain.has_counter(index) {
                    let found = found.to_string();
                    self.ledger.counter_version(index, Some(found.as_bytes())).unwrap_or(value)
                } else {
                    value
                };
                self.compare(&(value as i64), &found, "INCR");
                self.ledger.counters[index].acknowledge(value);
                self.acknowledged(1);
            }
            (Expected::Rising, Reply::Integer(found)) => {
                self.compare(&true, &(found > self.risen), "the shared counter rises");
                self.risen = found;
                let acknowledged = *self.ledger.shared.allowed().start() + 1;
                self.ledger.shared.acknowledge(acknowledged);
                self.acknowledged(1);
            }
            (Expected::Lasting(index), Reply::Bulk(found)) => {
                let kept = self.ledger.key_version(index, found.as_deref()).is_some();
                self.keep(kept, &self.ledger.key(index), &found);
            }
            (Expected::LastingCount(index), Reply::Bulk(found)) => {
                let kept = self.ledger.counter_version(index, found.as_deref()).is_some();
                self.keep(kept, &self.ledger.counter(index), &found);
            }
            (Expected::LastingPair(index), Reply::Array(Some(found))) => {
                let kept = self.ledger.pair_version(index, &found).is_some();
                let [left, _] = self.ledger.pair(self.number, index);
                self.keep(kept, &left, &found);
            }
            (_, reply) => self.outcome.fail(format!("connection {} was answered {reply:?}", self.number)),
        }
    }

    fn stored(&self, index: usize, version: u64) -> Reply {
        Reply::Bulk((version > 0).then(|| self.ledger.value(index, version)))
    }

    fn acknowledged(&mut self, writes: u64) {
        self.outcome.acknowledged += writes;
        self.load.watch.acknowledged(self.sent, writes);
    }

    /// Compares values with the versions that were sent last. What a version on trial may have failed to write is read
    /// back later.
    fn compare_values(&mut self, wanted: &[(usize, u64)], found: &[Reply], what: &str) {
        if wanted.iter().any(|(index, _)| self.uncertain.has_key(*index)) {
            return;
        }
        let wanted: Vec<_> = wanted.iter().map(|(index, version)| self.stored(*index, *version)).collect();
        if *wanted == *found || !self.load.watch.blames(self.sent, Answer::Value) {
            self.compare(&*wanted, found, what);
        }
    }

    fn compare<T: PartialEq + Debug + ?Sized>(&mut self, wanted: &T, found: &T, what: &str) {
        if wanted != found {
            self.outcome.fail(format!("{what}: expected {wanted:?}, found {found:?}"));
        }
    }

    fn keep(&mut self, kept: bool, key: &[u8], found: &impl Debug) {
        self.outcome.read_back += 1;
        if !kept {
            let key = String::from_utf8_lossy(key);
            self.outcome.lose(format!("{key} is {found:?}, which was not acknowledged last"));
        }
    }
}
