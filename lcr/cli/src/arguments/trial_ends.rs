//! What ends a trial, as `--trial` takes it: `10s`, `1000calls`, or `1000calls,10m`.

use std::{str::FromStr, time::Duration};

/// What ends a trial by confirmation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TrialEnds {
    /// Its time.
    Time(Duration),
    /// A number of calls, and how long the trial waits for them.
    Calls(u64, Option<Duration>),
}

impl FromStr for TrialEnds {
    type Err = String;

    fn from_str(text: &str) -> Result<TrialEnds, String> {
        let (mut time, mut calls) = (None, None);
        for part in text.split(',').map(str::trim) {
            let number = part.strip_suffix("calls").or_else(|| part.strip_suffix("call"));
            let is_second = match number {
                Some(number) => calls.replace(count(number)?).is_some(),
                None => time.replace(humantime::parse_duration(part).map_err(|error| error.to_string())?).is_some(),
            };
            if is_second {
                return Err("say one time, one number of calls, or one of each".to_owned());
            }
        }
        match (time, calls) {
            (within, Some(calls)) => Ok(TrialEnds::Calls(calls, within)),
            (Some(time), None) => Ok(TrialEnds::Time(time)),
            (None, None) => Err("say a time such as 10s, or a number of calls such as 1000calls".to_owned()),
        }
    }
}

fn count(number: &str) -> Result<u64, String> {
    match number.trim_end().parse() {
        Ok(0) => Err("a trial by calls waits for one at least".to_owned()),
        Ok(calls) => Ok(calls),
        Err(_) => Err(format!("`{number}` is no number of calls; write it as in 1000calls")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_ends_by_time_by_calls_or_by_calls_within_a_time() {
        let parsed = |text: &str| text.parse::<TrialEnds>();
        let seconds = Duration::from_secs;
        assert_eq!(parsed("10s"), Ok(TrialEnds::Time(seconds(10))));
        assert_eq!(parsed("1h 5m"), Ok(TrialEnds::Time(seconds(3_900))));
        assert_eq!(parsed("1000calls"), Ok(TrialEnds::Calls(1_000, None)));
        assert_eq!(parsed("1 call"), Ok(TrialEnds::Calls(1, None)));
        assert_eq!(parsed("1000calls,10m"), Ok(TrialEnds::Calls(1_000, Some(seconds(600)))));
        assert_eq!(parsed("10m, 20 calls"), Ok(TrialEnds::Calls(20, Some(seconds(600)))));
        for wrong in ["", "calls", "0calls", "-1calls", "10", "1calls,2calls", "1s,2s", "99999999999999999999calls"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
