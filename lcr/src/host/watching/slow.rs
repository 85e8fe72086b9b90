//! The slowest calls.

use std::{
    sync::{
        Arc, Mutex, PoisonError, TryLockError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    layer::{Call, Ended, Observer},
    signature::Signature,
    trace::{arguments, outcome},
};

/// The slowest calls of a watch.
#[derive(Debug)]
pub(crate) struct Slowest {
    count: usize,
    /// Below this, in nanoseconds, a call is not among them.
    least: AtomicU64,
    /// The slowest first.
    calls: Mutex<Vec<SlowCall>>,
    missed: AtomicU64,
}

/// One of the slowest calls.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct SlowCall {
    /// How long it took, in nanoseconds.
    pub took_ns: u64,
    /// `kv.store.get`
    pub method: String,
    /// The component, with the version that it had when the watch began.
    pub component: String,
    /// `ok`, `err` or `fault`.
    pub outcome: &'static str,
    /// The result, or what the fault says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Of each argument its name, if that is known, and its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
}

impl Slowest {
    /// A list of that many calls.
    pub(crate) fn new(count: usize) -> Arc<Slowest> {
        Arc::new(Slowest { count, least: AtomicU64::new(0), calls: Mutex::default(), missed: AtomicU64::new(0) })
    }

    /// The list at this moment.
    pub(crate) fn now(&self) -> Vec<SlowCall> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many calls may be missing, because the list was being changed when they ended.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    fn note(&self, call: SlowCall) {
        let mut calls = match self.calls.try_lock() {
            Ok(calls) => calls,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.missed.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        let at = calls.partition_point(|other| other.took_ns >= call.took_ns);
        calls.insert(at, call);
        calls.truncate(self.count);
        if let Some(last) = calls.get(self.count - 1) {
            self.least.store(last.took_ns, Ordering::Relaxed);
        }
    }
}

/// The slow calls of one method.
pub(crate) struct Slow {
    pub(crate) slowest: Arc<Slowest>,
    pub(crate) values: bool,
    pub(crate) width: usize,
}

impl Observer for Slow {
    type Noted = (Instant, Option<Value>);

    fn begin(&self, call: Call<'_>) -> Option<(Instant, Option<Value>)> {
        // Whether the call is slow shows when its arguments are gone.
        let arguments = self.values.then(|| arguments(call, self.width));
        Some((Instant::now(), arguments))
    }

    fn end(&self, (since, arguments): (Instant, Option<Value>), signature: &Signature, ended: &Ended<'_>) {
        let took_ns = nanos(since.elapsed());
        if took_ns <= self.slowest.least.load(Ordering::Relaxed) {
            return;
        }
        let (outcome, result) = outcome(signature, ended, self.values, self.width);
        let (method, component) = (signature.name().to_owned(), signature.component().to_owned());
        self.slowest.note(SlowCall { took_ns, method, component, outcome, result, arguments });
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
