//! How many restarts lie within a window.

use super::policy::Budget;
use crate::time::Time;

/// The newest restarts, and how many there were in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Restarts {
    ring: [Time; Budget::MAX_RESTARTS as usize],
    total: u64,
    /// How many restarts an operator asked for. No budget counts these.
    asked: u64,
}

impl Default for Restarts {
    fn default() -> Restarts {
        Restarts { ring: [Time(0); Budget::MAX_RESTARTS as usize], total: 0, asked: 0 }
    }
}

impl Restarts {
    pub(super) fn total(&self) -> u64 {
        self.total + self.asked
    }

    /// Records a restart that an operator asked for.
    pub(super) fn record_asked(&mut self) {
        self.asked += 1;
    }

    /// Records a restart that the budget counts.
    pub(super) fn record(&mut self, now: Time) {
        self.ring[(self.total % u64::from(Budget::MAX_RESTARTS)) as usize] = now;
        self.total += 1;
    }

    /// Whether the budget allows one more restart at that time, which is not before the newest restart.
    /// Only the restart `budget.restarts` ago matters: those before it are older.
    pub(super) fn allows(&self, budget: Budget, at: Time) -> bool {
        let most = u64::from(budget.restarts.min(Budget::MAX_RESTARTS));
        if most == 0 {
            return false;
        }
        if self.total < most {
            return true;
        }
        let oldest = self.ring[((self.total - most) % u64::from(Budget::MAX_RESTARTS)) as usize];
        at.since(oldest) >= budget.window
    }
}
