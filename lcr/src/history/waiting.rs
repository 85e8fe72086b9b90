//! Records that wait for a disk which takes none.
//!
//! They wait in the order in which they came. Where there are too many, refusals of plans are dropped, the oldest
//! first, since anybody may ask for those as often as they like. Of all others there are as many as there were
//! transactions.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::change::trial::quarantine::Quarantined;

use super::record::Record;

/// How many records wait before refusals are dropped.
pub(super) const MOST_WAITING: usize = 256;

/// The records.
#[derive(Default)]
pub(super) struct Waiting {
    records: Mutex<VecDeque<Record>>,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a record wait. Returns whether a refusal was dropped.
    #[must_use]
    pub(super) fn put(&self, record: Record) -> bool {
        let mut records = self.lock();
        records.push_back(record);
        if records.len() <= MOST_WAITING {
            return false;
        }
        let refusal = records.iter().position(|record| matches!(record, Record::Refusal(_)));
        refusal.and_then(|at| records.remove(at)).is_some()
    }

    /// Takes the first record out.
    pub(super) fn take(&self) -> Option<Record> {
        self.lock().pop_front()
    }

    /// Puts the first record back.
    pub(super) fn put_back(&self, record: Record) {
        self.lock().push_front(record);
    }

    /// Whether the release of a file is among them.
    pub(super) fn releases(&self, file: &Quarantined) -> bool {
        self.lock().iter().any(|record| matches!(record, Record::Released { hash } if file.has(hash)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Actor, ErrorKind,
        history::record::{End, Intended, Refusal, TrialEnd, What},
    };

    fn refusal(number: usize) -> Record {
        let plan = Intended {
            is_patch: false,
            by: Actor::new(1, 2, "kv"),
            reason: None,
            what: What::Plan,
            generation: 1,
            members: Vec::new(),
            bindings: Default::default(),
            configurations: Default::default(),
            override_protected: false,
            trial: None,
        };
        Record::Refusal(Refusal { plan, error: ErrorKind::Invalid, text: number.to_string() })
    }

    #[test]
    fn what_happened_waits_however_much_it_is_and_the_oldest_refusals_make_room() {
        let end = TrialEnd { of: 7, end: End::Confirmed, why: String::new(), quarantined: Vec::new() };
        let end = Record::TrialEnd(end);
        let waiting = Waiting::default();
        for number in 0..MOST_WAITING {
            assert!(!waiting.put(refusal(number)));
        }
        assert!(waiting.put(end.clone()), "a refusal has made room");
        assert_eq!(waiting.take(), Some(refusal(1)));
        waiting.put_back(refusal(1));
        for _ in 0..2 * MOST_WAITING {
            let _ = waiting.put(end.clone());
        }
        assert!(waiting.put(refusal(0)), "there is no room for it");
        let left: Vec<Record> = std::iter::from_fn(|| waiting.take()).collect();
        assert_eq!(left, vec![end; 2 * MOST_WAITING + 1]);
    }
}
