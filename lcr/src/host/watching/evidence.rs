//! Whether a new version does worse than an old one: a sequential test over calls that were shared out at random.
//!
//! # The test
//!
//! Each call goes to the candidate by a draw, with a chance of at most `s`, the share, whatever was drawn before. A
//! *bad* call is one that faults, returns an `Err` or is slow, each kind for itself. If the candidate does no worse
//! than the old version, then of the bad calls, too, each is the candidate's with a chance of at most `s`: that the
//! call goes wrong does not depend on the draw. If the candidate goes wrong `r` times as often, the chance is
//! `rs / (rs + 1 - s)`. So each bad call of the candidate speaks for the ratio `r` by the factor `r / (rs + 1 - s)`,
//! which is greater than 1, and each bad call of the old version against it by `1 / (rs + 1 - s)`. The product over all
//! bad calls is Wald's likelihood ratio (A. Wald, "Sequential Tests of Statistical Hypotheses", Annals of Mathematical
//! Statistics 16, 1945). This file takes the mean of the products for two ratios: 2, which finds a version that is a
//! little worse among many bad calls, and 10, which finds one that is much worse soon.
//!
//! Where the candidate does no worse, the mean is a nonnegative supermartingale that begins at 1. By Ville's inequality
//! the chance that it *ever* reaches `1/a` is at most `a`, however often it is looked at, and whenever the canary ends.
//! How often calls go wrong in the first place is not in it, and may change with the hour and the load: both versions
//! see the same hours. The same test of counts of errors finds bad deployments at Netflix (M. Lindon, C. Sanden, V.
//! Shirikian, "Rapid Regression Detection in Software Deployments through Sequential Testing", KDD 2022).
//!
//! # How many calls it needs
//!
//! The three kinds together raise a false alarm in one canary of a hundred at most, each in one of 300. The less the
//! share, the more one bad call of the candidate says, since it might as well have been any of the many that the old
//! version served. Beside an old version of which no call goes wrong, [`Evidence::fewest`] bad calls are enough: 3 at a
//! share of 1 %, 4 at 5 % and 10 %, 11 at 50 %. Of `n` calls of a candidate that goes wrong in a part `p` of them,
//! `np` do, in the mean; fewer than 4 with a chance of less than 1 % once `np` is 10.05 (Poisson). So at a share of 5 %
//! a version that fails one call in ten is withdrawn after 40 of its own calls in the mean, and after 100 with 99 %;
//! one that fails one in a hundred is found within the 1,000 calls of a default canary, with about 99 %.
//!
//! # What it takes for granted
//!
//! Calls are counted as they end. A bad call of the old version that takes longer to go wrong than one of the candidate
//! counts later, so as many bad calls of the old version may be missing at a moment as are under way then.
//!
//! What is drawn for is what is counted. Where one draw is for a whole [request](super::requests), a request stands
//! for a call in all of this: of ten calls that go wrong in one request, nine say nothing more.

/// How many times as often calls go wrong in a version that is to be found.
const RATIOS: [f64; 2] = [2.0, 10.0];

/// The chance of a false alarm, of all kinds together.
const FALSE_ALARM: f64 = 0.01;

/// The kinds of bad calls.
const KINDS: f64 = 3.0;

/// What bad calls say, where the candidate gets this share of the calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    share: f64,
}

impl Evidence {
    /// For a share that is more than 0 and at most a half.
    pub(crate) fn new(share: f64) -> Evidence {
        Evidence { share }
    }

    /// Whether so many bad calls of one kind, of the old version and of the candidate, are enough to say that the
    /// candidate does worse.
    pub(crate) fn is_enough(self, old: u64, new: u64) -> bool {
        self.ln(old, new) >= (KINDS / FALSE_ALARM).ln()
    }

    /// How many bad calls of one kind are enough, where the old version has none.
    pub(crate) fn fewest(self) -> u64 {
        (1..).find(|&new| self.is_enough(0, new)).unwrap_or(u64::MAX)
    }

    /// The logarithm of the mean of the likelihood ratios.
    fn ln(self, old: u64, new: u64) -> f64 {
        let one = |ratio: f64| {
            let rest = ratio * self.share + (1.0 - self.share);
            new as f64 * (ratio / rest).ln() - old as f64 * rest.ln()
        };
        let [little, much] = RATIOS.map(one);
        let greater = little.max(much);
        // So that neither power overflows.
        greater + (((little - greater).exp() + (much - greater).exp()) / 2.0).ln()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::host::watching::fail::scatter;

    #[test]
    fn so_many_bad_calls_are_enough_as_the_documentation_says() {
        for (share, fewest) in [(0.01, 3), (0.05, 4), (0.1, 4), (0.5, 11)] {
            assert_eq!(Evidence::new(share).fewest(), fewest, "at a share of {share}");
        }
        let evidence = Evidence::new(0.05);
        assert!(!evidence.is_enough(0, 3) && !evidence.is_enough(1_000, 50) && evidence.is_enough(1_000, 100));
        assert!(evidence.is_enough(0, u64::MAX) && !evidence.is_enough(u64::MAX, 0));
    }

    /// One canary: calls of both versions go wrong in these parts, of a million. Returns how many calls of the
    /// candidate it took to find that, at most `calls`.
    fn canary(seed: &mut u64, share: f64, parts: [u64; 2], calls: u64) -> Option<u64> {
        let mut draw = || {
            *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            scatter(*seed) % 1_000_000
        };
        let (mut bad, mut taken) = ([0, 0], 0);
        while taken < calls {
            let candidate = usize::from((draw() as f64) < share * 1e6);
            taken += candidate as u64;
            bad[candidate] += u64::from(draw() < parts[candidate]);
            if Evidence::new(share).is_enough(bad[0], bad[1]) {
                return Some(taken);
            }
        }
        None
    }

    #[test]
    fn equal_versions_are_rarely_told_apart_and_a_bad_one_is_found_within_the_calls_that_it_needs() {
        let (mut seed, rounds) = (1, 600);
        let alarms = (0..rounds).filter(|_| canary(&mut seed, 0.1, [20_000; 2], 100).is_some()).count();
        // One in 300 at most, in the mean; 8 of 600 come by chance in one of a thousand tests.
        assert!(alarms < 8, "{alarms} false alarms in {rounds}");
        let found: Vec<u64> = (0..rounds).filter_map(|_| canary(&mut seed, 0.05, [0, 100_000], 100)).collect();
        assert!(found.len() as u64 > rounds * 96 / 100, "{} of {rounds} were found", found.len());
        let mean = found.iter().sum::<u64>() as f64 / found.len() as f64;
        assert!((33.0..45.0).contains(&mean), "after {mean} calls");
    }
}
