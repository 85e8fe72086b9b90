//! How long a restart waits.

use std::time::Duration;

use super::policy::Backoff;

/// How many restarts there were without health between them, and the random numbers of the jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delays {
    streak: u32,
    random: u64,
}

impl Delays {
    pub(super) fn new(seed: u64) -> Delays {
        Delays { streak: 0, random: seed }
    }

    /// The instance was healthy: the next restart is at once.
    pub(super) fn reset(&mut self) {
        self.streak = 0;
    }

    /// The delay of the next restart.
    pub(super) fn next(&mut self, backoff: &Backoff) -> Duration {
        let streak = self.streak;
        self.streak = streak.saturating_add(1);
        let Some(doublings) = streak.checked_sub(backoff.at_once.max(1)) else { return Duration::ZERO };
        let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let whole = backoff.first.saturating_mul(factor).min(backoff.max);
        let percent = u64::from(backoff.jitter.min(100));
        // Parts of 2^16 keep the product of nanoseconds and random number within 128 bits.
        let less = self.random() % (percent * 65_536 / 100 + 1);
        let nanos = whole.as_nanos().min(u128::from(u64::MAX));
        whole.saturating_sub(Duration::from_nanos((nanos * u128::from(less) / 65_536) as u64))
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    pub(super) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
