//! What a mock and its objects share: the expectations that were written, and the calls that met none.

use std::{
    any::Any,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::quota::Quota;

/// How many unexpected calls a mock remembers; it counts the others.
const REMEMBERED: usize = 16;

/// An expectation of any method.
pub(super) trait Stored: Any + Send + Sync + fmt::Debug {
    /// Its calls.
    fn quota(&self) -> &Quota;
}

/// What a mock and its objects share.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) interface: &'static str,
    /// In the order in which they were written.
    expectations: Mutex<Vec<Arc<dyn Stored>>>,
    unexpected: Mutex<Unexpected>,
}

#[derive(Debug, Default)]
struct Unexpected {
    calls: Vec<String>,
    count: usize,
}

impl Script {
    pub(super) fn new(interface: &'static str) -> Script {
        Script { interface, expectations: Mutex::default(), unexpected: Mutex::default() }
    }

    pub(super) fn add(&self, expectation: Arc<dyn Stored>) {
        self.expectations().push(expectation);
    }

    pub(super) fn note_unexpected(&self, text: &str) {
        let mut unexpected = self.unexpected.lock().unwrap_or_else(PoisonError::into_inner);
        unexpected.count += 1;
        if unexpected.calls.len() < REMEMBERED {
            unexpected.calls.push(text.to_owned());
        }
    }

    /// What was not as expected; forgets it, and what was.
    pub(super) fn conclude(&self) -> Option<String> {
        let written = mem::take(&mut *self.expectations());
        let Unexpected { calls, count } =
            mem::take(&mut *self.unexpected.lock().unwrap_or_else(PoisonError::into_inner));
        let unmet = written.iter().filter_map(|expectation| expectation.quota().unmet());
        let more = count - calls.len();
        let calls = calls.into_iter().map(|call| format!("unexpected call {call}"));
        let more = (more > 0).then(|| format!("and {more} more unexpected calls"));
        let lines: Vec<_> = unmet.chain(calls).chain(more).map(|line| format!("\n  {line}")).collect();
        (!lines.is_empty()).then(|| format!("a mock of {} was not used as expected:{}", self.interface, lines.concat()))
    }

    /// The expectation of that place.
    pub(super) fn expectation(&self, at: usize) -> Option<Arc<dyn Stored>> {
        self.expectations().get(at).map(Arc::clone)
    }

    fn expectations(&self) -> MutexGuard<'_, Vec<Arc<dyn Stored>>> {
        self.expectations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
