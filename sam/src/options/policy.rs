//! From options to the policy of the state machine: which values are in their range, and what follows from
//! several of them.

use std::time::Duration;

use super::{Cgroup, KillMode, SignalTarget, defaults::Options};
use crate::{
    error::{Error, ErrorKind, Result},
    shared::can_warn,
    state::{Backoff, Budget, Codes, Policy, Probing},
};

/// The first delay of a backoff that is not given, and its longest.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// The backoff where none is given: from 100 ms to 30 s. The delays are shorter where those before the
/// restarts of a whole budget would take more than half of its window, so that a program that fails at
/// once, or soon, spends the budget.
fn fitting(budget: Budget) -> (Duration, Duration) {
    let share = budget.window.checked_div(2 * u32::from(budget.restarts)).filter(|share| !share.is_zero());
    let longest = share.map_or(LONGEST_DELAY, |share| share.min(LONGEST_DELAY));
    (FIRST_DELAY.min(longest), longest)
}

impl Options {
    /// The policy of the state machine. `seed` is that of its random numbers.
    ///
    /// # Errors
    /// `Invalid`: a value is out of its range, or two options contradict each other.
    pub(crate) fn policy(&self, seed: u64) -> Result<Policy> {
        let refuse = |text: String| Error::new(ErrorKind::Invalid, text);
        if !can_warn(self.warn_signal) {
            return Err(refuse(format!("signal {} cannot warn; give a signal that can be caught", self.warn_signal)));
        }
        if let Some(signal) = self.stop_signal.filter(|signal| !can_warn(*signal)) {
            return Err(refuse(format!("signal {signal} cannot stop; give a signal that can be caught")));
        }
        if self.cgroup == Cgroup::Need && self.keeps_strays() {
            let text = "cgroup is need, so that all of an instance is killed, but strays or kill-mode say that some of it \
                        lives on; drop one of these options";
            return Err(refuse(text.to_owned()));
        }
        for (option, command) in [("probe", &self.probe), ("on-failure", &self.on_failure)] {
            if command.as_ref().is_some_and(String::is_empty) {
                return Err(refuse(format!("the command of {option} is empty; give one for /bin/sh -c")));
            }
        }
        if self.probe.is_some() && self.probe_failures == 0 {
            return Err(refuse("probe-failures is 0; give a number from 1 on".to_owned()));
        }
        if self.interval.is_some_and(|interval| interval.is_zero()) {
            return Err(refuse(
                "an interval of zero leaves no time for a beat; give a longer one, or None for no beats".to_owned(),
            ));
        }
        let interval = self.interval.unwrap_or(Duration::ZERO);
        // Without a budget any number of restarts is allowed, which is what a window of zero is to the machine.
        let (restarts, window) = self.budget.unwrap_or((1, Duration::ZERO));
        if self.budget.is_some() && window.is_zero() {
            return Err(refuse(format!("a budget of {restarts} restarts in no time is no bound; give a longer time")));
        }
        let restarts =
            u8::try_from(restarts).ok().filter(|restarts| *restarts <= Budget::MAX_RESTARTS).ok_or_else(|| {
                refuse(format!(
                    "a budget of {restarts} restarts is too large; give {} at most, in a shorter time",
                    Budget::MAX_RESTARTS
                ))
            })?;
        let budget = Budget { restarts, window };
        let (first, max) = self.backoff.unwrap_or_else(|| fitting(budget));
        if first > max {
            return Err(refuse(format!(
                "the longest delay of the backoff, {max:?}, is below its first, {first:?}; give the shorter delay first"
            )));
        }
        let codes = |codes: &[u8]| {
            let text = || refuse(format!("{} exit codes are too many; give {} at most", codes.len(), Codes::CAPACITY));
            Codes::new(codes).ok_or_else(text)
        };
        let probe = self.probe.is_some().then_some(Probing {
            every: self.probe_every,
            limit: self.probe_limit,
            failures: self.probe_failures,
            tells_ready: self.ready_by_probe,
        });
        Ok(Policy {
            interval,
            recovery: self.recovery,
            warn: self.warn_signal,
            stop_signal: self.stop_signal,
            stop_to: match self.kill_mode {
                KillMode::Group => SignalTarget::Group,
                KillMode::Mixed | KillMode::Main => SignalTarget::Main,
            },
            pass_to: self.pass_signals,
            grace: self.grace.unwrap_or(interval),
            start_limit: self.start_limit,
            says_ready: !self.ready_at_start && !self.ready_by_probe,
            stop_limit: self.stop_limit,
            checks: self.checks,
            probe,
            backoff: Backoff { at_once: self.at_once, first, max, ..Policy::default().backoff },
            healthy_after: self.healthy_after,
            budget,
            clean: codes(&self.clean)?,
            fatal: codes(&self.fatal)?,
            terminal: false,
            finalizes: self.program.is_none(),
            tells_failures: self.on_failure.is_some(),
            passes_exits: self.passes_exits,
            ignored: Policy::default().ignored,
            seed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        state::{Event, Exit, Stage, State, step},
        time::Time,
    };

    /// For how long a program that fails at once is restarted, on a virtual clock; `None` if it still is after
    /// a thousand restarts.
    fn time_until_spent(policy: Policy) -> Option<Duration> {
        let began = Time(1_000_000_000_000);
        let (mut state, mut now) = (State::new(policy, began), began);
        for _ in 0..2000 {
            let tell = |state: &mut State, event| *state = step(state, event, now).0;
            match state.stage() {
                Stage::Waiting { at } => {
                    now = now.max(at);
                    state = step(&state, Event::Tick, now).0;
                }
                Stage::Spawning => tell(&mut state, Event::Spawned),
                Stage::Left { .. } => return Some(now.since(began)),
                _ => tell(&mut state, Event::Ended(Exit::Code(1))),
            }
        }
        assert!(matches!(state.last().map(|end| end.exit), Some(Ok(_))));
        None
    }

    #[test]
    fn every_budget_ends_a_program_that_fails_at_once_unless_a_backoff_that_is_given_is_too_slow_for_it() {
        let seconds = [1, 10, 60, 300, 3600, 86_400];
        let given = [None, Some((100, 30_000)), Some((1, 1)), Some((0, 0)), Some((1000, 1000)), Some((500, 20_000))];
        let (mut spent, mut never) = (0, 0);
        for restarts in [0, 1, 2, 3, 5, 10, 20, 64] {
            for window in seconds.map(Duration::from_secs) {
                for backoff in given {
                    let millis = |(first, longest)| (Duration::from_millis(first), Duration::from_millis(longest));
                    let backoff = backoff.map(millis);
                    for seed in 0..4 {
                        let options = Options { budget: Some((restarts, window)), backoff, ..Options::default() };
                        let mut policy = options.policy(seed).unwrap();
                        if seed == 0 {
                            policy.backoff.jitter = 0;
                        }
                        let time = time_until_spent(policy);
                        let can = policy.backoff.can_spend(policy.budget);
                        // Chance shortens delays, so one that the longest cannot spend may be spent.
                        assert!(time.is_some() || !can, "{restarts} in {window:?}, {:?}", policy.backoff);
                        assert!(time.is_none() || can || seed != 0, "{restarts} in {window:?}, {:?}", policy.backoff);
                        assert!(can || backoff.is_some(), "the default of {restarts} in {window:?}");
                        assert!(time.is_none_or(|time| time <= window), "{time:?} for {restarts} in {window:?}");
                        if can { spent += 1 } else { never += 1 }
                    }
                }
            }
        }
        assert!(spent > 500 && never > 50, "{spent} {never}");
    }

    #[test]
    fn a_budget_in_no_time_is_refused_and_without_a_budget_no_restart_is_the_last() {
        let with = |budget| Options { budget, ..Options::default() }.policy(0);
        let refusal = with(Some((10, Duration::ZERO))).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::Invalid);
        assert!(refusal.to_string().contains("give a longer time"), "{refusal}");
        assert_eq!(time_until_spent(with(None).unwrap()), None);
    }

    #[test]
    fn an_interval_of_zero_is_refused_and_without_an_interval_beats_are_not_checked() {
        let with = |interval| Options { interval, ..Options::default() }.policy(0);
        let refusal = with(Some(Duration::ZERO)).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::Invalid);
        assert!(refusal.to_string().contains("None for no beats"), "{refusal}");
        assert_eq!(with(None).unwrap().interval, Duration::ZERO);
    }

    #[test]
    fn the_options_without_a_word_make_the_default_policy() {
        assert_eq!(Options::default().policy(0).unwrap(), Policy::default());
    }

    #[test]
    fn the_defaults_end_a_program_that_fails_at_once_within_half_a_minute() {
        let time = time_until_spent(Options::default().policy(7).unwrap()).unwrap();
        assert!(time < Duration::from_secs(30), "{time:?}");
    }

    #[test]
    fn a_program_that_fails_within_seconds_of_its_start_spends_the_default_budget_too() {
        let policy = Options::default().policy(0).unwrap();
        let began = Time(1_000_000_000_000);
        let (mut state, mut now) = (State::new(policy, began), began);
        let mut instances = 0;
        while !matches!(state.stage(), Stage::Left { .. }) {
            assert!(instances < 100, "it is restarted for ever");
            if let Stage::Waiting { at } = state.stage() {
                now = now.max(at);
            }
            state = step(&state, Event::Tick, now).0;
            state = step(&state, Event::Spawned, now).0;
            now = now.after(Duration::from_secs(2));
            state = step(&state, Event::Ended(Exit::Code(1)), now).0;
            instances += 1;
        }
        assert_eq!(instances, 11);
    }
}
