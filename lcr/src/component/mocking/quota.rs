//! How often a call is expected, and the order of several expectations.

use std::{
    fmt,
    ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive},
    panic::Location,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How many calls are expected: made of a number, or of a range of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    least: usize,
    most: usize,
}

/// At least one.
impl Default for Times {
    fn default() -> Times {
        Times { least: 1, most: usize::MAX }
    }
}

impl From<usize> for Times {
    fn from(times: usize) -> Times {
        Times { least: times, most: times }
    }
}

impl From<RangeInclusive<usize>> for Times {
    fn from(times: RangeInclusive<usize>) -> Times {
        Times { least: *times.start(), most: *times.end() }
    }
}

impl From<Range<usize>> for Times {
    fn from(times: Range<usize>) -> Times {
        Times { least: times.start, most: times.end.saturating_sub(1) }
    }
}

impl From<RangeFrom<usize>> for Times {
    fn from(times: RangeFrom<usize>) -> Times {
        Times { least: times.start, most: usize::MAX }
    }
}

impl From<RangeTo<usize>> for Times {
    fn from(times: RangeTo<usize>) -> Times {
        Times { least: 0, most: times.end.saturating_sub(1) }
    }
}

impl From<RangeToInclusive<usize>> for Times {
    fn from(times: RangeToInclusive<usize>) -> Times {
        Times { least: 0, most: times.end }
    }
}

impl From<RangeFull> for Times {
    fn from(_: RangeFull) -> Times {
        Times { least: 0, most: usize::MAX }
    }
}

/// As in "expected exactly 2 calls".
impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = |count| if count == 1 { "call" } else { "calls" };
        match (self.least, self.most) {
            (0, 0) => write!(f, "no call"),
            (least, most) if least == most => write!(f, "exactly {least} {}", noun(least)),
            (0, usize::MAX) => write!(f, "any number of calls"),
            (least, usize::MAX) => write!(f, "at least {least} {}", noun(least)),
            (0, most) => write!(f, "at most {most} {}", noun(most)),
            (least, most) => write!(f, "{least} to {most} calls"),
        }
    }
}

/// The calls of one expectation: how many are expected, and how many came.
#[derive(Debug)]
pub(super) struct Quota {
    call: String,
    at: &'static Location<'static>,
    times: Times,
    made: AtomicUsize,
}

/// As in "append("a"), expected at tests/kv.rs:7:13".
impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, expected at {}", self.call, self.at)
    }
}

impl Quota {
    pub(super) fn new(call: String, at: &'static Location<'static>, times: Times) -> Quota {
        Quota { call, at, times, made: AtomicUsize::new(0) }
    }

    /// Takes one call, if any is left.
    pub(super) fn take(&self) -> Result<(), String> {
        let more = |made| (made < self.times.most).then_some(made + 1);
        match self.made.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(()),
            Err(made) => Err(format!("{self}: {} expected, and {}", self.times, came(made))),
        }
    }

    /// What is missing.
    pub(super) fn unmet(&self) -> Option<String> {
        let made = self.made.load(Ordering::Relaxed);
        (made < self.times.least).then(|| format!("{self}: {} expected, but {}", self.times, came(made)))
    }
}

fn came(made: usize) -> String {
    match made {
        0 => "none came".to_owned(),
        1 => "1 came".to_owned(),
        made => format!("{made} came"),
    }
}

/// An order of expectations, also of several mocks: see [`Expecting::in_order`](super::Expecting::in_order).
///
/// A call may come once all expectations before its own have at least as many calls as they need; then no more calls of
/// those before it are expected. Its clones are one order.
#[derive(Clone, Debug, Default)]
pub struct Order(Arc<Mutex<Steps>>);

#[derive(Debug, Default)]
struct Steps {
    /// In their order.
    quotas: Vec<Arc<Quota>>,
    /// The place of the last call.
    now: usize,
}

/// The place of an expectation in an order.
#[derive(Debug)]
pub(super) struct Place {
    order: Order,
    number: usize,
}

impl Order {
    /// An order without expectations.
    pub fn new() -> Order {
        Order::default()
    }

    pub(super) fn append(self, quota: &Arc<Quota>) -> Place {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        steps.quotas.push(Arc::clone(quota));
        let number = steps.quotas.len() - 1;
        drop(steps);
        Place { order: self, number }
    }
}

impl Place {
    /// Takes one call of the quota at this place, if it is in order.
    pub(super) fn take(&self, quota: &Quota) -> Result<(), String> {
        let mut steps = self.order.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(later) = steps.quotas.get(steps.now).filter(|_| self.number < steps.now) {
            return Err(format!("{quota}: out of order, since this call came: {later}"));
        }
        if let Some(missing) = steps.quotas[steps.now..self.number].iter().find_map(|earlier| earlier.unmet()) {
            return Err(format!("{quota}: out of order, since a call before it is missing: {missing}"));
        }
        quota.take()?;
        steps.now = self.number;
        Ok(())
    }
}
