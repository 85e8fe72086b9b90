//! What a mock and its objects share: the expectations that were written, and the calls that came.

use std::{
    any::Any,
    fmt, mem,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::quota::Quota;
use crate::abi::{
    interface::{Interface, Method},
    shape::Part,
};

/// How many unexpected calls a mock remembers, and how many others of each method; it counts the rest.
const REMEMBERED: usize = 16;

/// An expectation of any method.
pub(super) trait Stored: Any + Send + Sync + fmt::Debug {
    /// Its method.
    fn method(&self) -> &'static str;
    /// Its calls.
    fn quota(&self) -> &Quota;
}

/// What a mock and its objects share. All locks are leaves, and no code of the test runs under one.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) interface: &'static str,
    methods: &'static [Method],
    /// In the order in which they were written.
    expectations: Mutex<Vec<Arc<dyn Stored>>>,
    /// By method.
    answered: Mutex<Vec<(&'static str, Calls)>>,
    unexpected: Mutex<Calls>,
    /// The methods around which the mock stands; unset if it stands around no running component.
    around: OnceLock<Vec<String>>,
    /// Whether the mock of a running component answers calls of methods of which none is expected, too.
    is_strict: AtomicBool,
    /// Why the mock of a running component rests.
    resting: Mutex<Option<String>>,
}

/// The first of some calls, and how many there were.
#[derive(Debug, Default)]
struct Calls {
    texts: Vec<String>,
    count: usize,
}

impl Calls {
    fn more(&self) -> usize {
        self.count.saturating_sub(self.texts.len())
    }
}

impl Script {
    pub(super) fn new<I: ?Sized + Interface>() -> Script {
        Script {
            interface: I::NAME,
            methods: I::METHODS,
            expectations: Mutex::default(),
            answered: Mutex::default(),
            unexpected: Mutex::default(),
            around: OnceLock::new(),
            is_strict: AtomicBool::new(false),
            resting: Mutex::default(),
        }
    }

    /// The call of a method with these arguments, each as text, without those in which something is secret: what a type
    /// itself writes of its fields does not know of that.
    pub(super) fn call(&self, method: &str, arguments: &[String]) -> String {
        let known = self.methods.iter().find(|known| known.shape.name == method);
        let parts = known.map_or(&[][..], |known| known.shape.parts);
        let shown = arguments.iter().enumerate().map(|(place, text)| match parts.get(place) {
            Some(part) if is_secret(part) => "<secret>",
            _ => text,
        });
        format!("{method}({})", shown.collect::<Vec<_>>().join(", "))
    }

    pub(super) fn add(&self, expectation: Arc<dyn Stored>) {
        lock(&self.expectations).push(expectation);
    }

    /// Counts a call that is answered. Returns whether it is to be remembered.
    pub(super) fn count(&self, method: &'static str) -> bool {
        let mut answered = lock(&self.answered);
        let at = answered.iter().position(|(name, _)| *name == method).unwrap_or_else(|| {
            answered.push((method, Calls::default()));
            answered.len() - 1
        });
        let calls = &mut answered[at].1;
        calls.count += 1;
        calls.texts.len() < REMEMBERED
    }

    pub(super) fn remember(&self, method: &'static str, text: String) {
        let mut answered = lock(&self.answered);
        // The mock may have been concluded meanwhile.
        if let Some((_, calls)) = answered.iter_mut().find(|(name, _)| *name == method) {
            calls.texts.push(text);
        }
    }

    pub(super) fn note_unexpected(&self, text: &str) {
        let mut unexpected = lock(&self.unexpected);
        unexpected.count += 1;
        if unexpected.texts.len() < REMEMBERED {
            unexpected.texts.push(text.to_owned());
        }
    }

    /// What was not as expected; forgets it, and what was.
    pub(super) fn conclude(&self) -> Option<String> {
        let written = mem::take(&mut *lock(&self.expectations));
        let answered = mem::take(&mut *lock(&self.answered));
        let unexpected = mem::take(&mut *lock(&self.unexpected));
        let unmet = written.iter().filter_map(|expectation| {
            let unmet = expectation.quota().unmet()?;
            let calls = answered.iter().find(|(name, _)| *name == expectation.method()).map(|(_, calls)| calls);
            Some(format!("{unmet}\n    {}", came(expectation.method(), calls)))
        });
        let more = unexpected.more();
        let calls = unexpected.texts.into_iter().map(|call| format!("unexpected call {call}"));
        let more = (more > 0).then(|| format!("and {more} more unexpected calls"));
        let mut lines: Vec<_> = unmet.chain(calls).chain(more).map(|line| format!("\n  {line}")).collect();
        let resting = lock(&self.resting).clone().filter(|_| !lines.is_empty());
        lines.extend(resting.map(|why| format!("\n  it rests, and answers no call: {why}")));
        (!lines.is_empty()).then(|| format!("a mock of {} was not used as expected:{}", self.interface, lines.concat()))
    }

    /// The expectations as they stand, in their order.
    pub(super) fn expectations(&self) -> Vec<Arc<dyn Stored>> {
        lock(&self.expectations).clone()
    }

    /// The mock stands around these methods of a running component.
    #[cfg(feature = "host")]
    pub(super) fn stand_around(&self, methods: Vec<String>) {
        // A mock is put around one component, once.
        drop(self.around.set(methods));
    }

    /// Whether calls of a method come to the mock.
    pub(super) fn gets(&self, method: &str) -> bool {
        self.around.get().is_none_or(|around| around.iter().any(|name| name == method))
    }

    #[cfg(feature = "host")]
    pub(super) fn set_strict(&self, is_strict: bool) {
        self.is_strict.store(is_strict, Ordering::Relaxed);
    }

    #[cfg(feature = "host")]
    pub(super) fn set_resting(&self, why: Option<String>) {
        *lock(&self.resting) = why;
    }

    pub(super) fn is_strict(&self) -> bool {
        self.is_strict.load(Ordering::Relaxed)
    }
}

/// Whether a value, or a part of it, must not be shown.
fn is_secret(part: &Part) -> bool {
    part.is_secret || part.shape.parts.iter().any(is_secret)
}

/// The calls of a method that were answered.
fn came(method: &str, calls: Option<&Calls>) -> String {
    let Some(calls) = calls.filter(|calls| calls.count > 0) else {
        return format!("no call of {method} was answered");
    };
    let more = match calls.more() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("answered: {}{more}", calls.texts.join(", "))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
