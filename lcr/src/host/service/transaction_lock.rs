//! The lock that lets one transaction run at a time. Taking it never waits.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Whether a transaction runs, and how many have begun.
#[derive(Default)]
pub(crate) struct TransactionLock(AtomicU8, AtomicU64);

/// What came of [`TransactionLock::begin`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Begin {
    /// The transaction may run. Its caller must call [`TransactionLock::end`].
    Begun,
    /// Another transaction runs.
    Busy,
    /// A fork cut a transaction off: this process must run no transaction.
    Lost,
}

impl TransactionLock {
    const IDLE: u8 = 0;
    const RUNNING: u8 = 1;
    const LOST: u8 = 2;

    pub(super) fn begin(&self) -> Begin {
        match self.0.compare_exchange(Self::IDLE, Self::RUNNING, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                self.1.fetch_add(1, Ordering::Relaxed);
                Begin::Begun
            }
            Err(Self::RUNNING) => Begin::Busy,
            Err(_) => Begin::Lost,
        }
    }

    pub(super) fn end(&self) {
        self.0.store(Self::IDLE, Ordering::Release);
    }

    /// The number of the transaction that began last; the first is 1.
    pub(super) fn number(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }

    /// In the child of a fork: marks the lock as lost if a transaction was running, and returns whether one
    /// was.
    pub(super) fn lose(&self) -> bool {
        self.0.compare_exchange(Self::RUNNING, Self::LOST, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
