//! The faults of an implementation: how many panics came out of it, by method.
//!
//! Whoever calls asks the host for the name of the component behind a fault (`component_at` of the host's table),
//! and there the fault is noted: a call that gives none costs nothing. The total is an atomic, so no burst of faults
//! of others can push one of this implementation out, as a log of the last faults would. The text of the last fault
//! of each method is kept beside it; there are as many of them as the interface has methods.
//!
//! A fault is noted with one implementation, however many components it passes on its way: the one in whose code
//! the panic began.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{error::MethodId, host::serial::cut};

/// How much of a panic's text is kept, in bytes.
const TEXT: usize = 512;

/// The faults of one implementation.
#[derive(Default)]
pub(crate) struct Faults {
    total: AtomicU64,
    in_callbacks: AtomicU64,
    /// Taken with the state lock held, so a fork finds it free.
    by_method: Mutex<BTreeMap<MethodId, OfMethod>>,
}

/// The faults of one method: how many, and the text of the last panic, cut at [`TEXT`] bytes.
#[derive(Default)]
struct OfMethod {
    count: u64,
    last: String,
}

impl Faults {
    /// Notes a panic in a method, or in a callback, which has no method. Returns how many of these there were by now.
    pub(in crate::host) fn note(&self, method: Option<MethodId>, message: &str) -> u64 {
        let count = match method {
            Some(method) => {
                let mut by_method = self.by_method.lock().unwrap_or_else(PoisonError::into_inner);
                let faults = by_method.entry(method).or_default();
                faults.count += 1;
                message.clone_into(&mut faults.last);
                cut(&mut faults.last, TEXT);
                faults.count
            }
            None => self.in_callbacks.fetch_add(1, Ordering::Relaxed) + 1,
        };
        self.total.fetch_add(1, Ordering::Release);
        count
    }

    /// How many there were. Takes no lock.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Acquire)
    }

    /// Each method that had one, how many it had, and the text of the last one. The caller has the state lock.
    pub(crate) fn by_method<T>(&self, one: impl Fn(&MethodId, u64, &str) -> T) -> Vec<T> {
        let by_method = self.by_method.lock().unwrap_or_else(PoisonError::into_inner);
        by_method.iter().map(|(method, faults)| one(method, faults.count, &faults.last)).collect()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn method(name: &str) -> MethodId {
        MethodId { interface: "kv.store".to_owned(), method: name.to_owned() }
    }

    #[test]
    fn faults_are_counted_by_method_and_in_all_and_the_last_text_is_kept_within_its_bound() {
        let faults = Faults::default();
        faults.note(Some(method("get")), "first");
        faults.note(Some(method("get")), &"é".repeat(TEXT));
        faults.note(Some(method("put")), "other");
        assert_eq!([faults.note(None, "in a callback"), faults.note(Some(method("put")), "other")], [1, 2]);
        let last = "é".repeat(TEXT / 2);
        let expected = [(method("get"), 2, last), (method("put"), 2, "other".to_owned())];
        assert_eq!(faults.by_method(|method, count, last| (method.clone(), count, last.to_owned())), expected);
        assert_eq!(faults.total(), 5);
    }
}
