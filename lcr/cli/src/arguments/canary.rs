//! The share of a canary, as `--canary` takes it: `5%`, `5%,500calls`, or `5%,500calls,10m`.

use std::{str::FromStr, time::Duration};

/// Which calls a new version gets, and until when.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct CanaryShare {
    /// The share, from 0 to 1.
    pub(crate) share: f64,
    /// After how many of its own calls the new version takes the old one's place.
    pub(crate) calls: Option<u64>,
    /// How long it waits for them.
    pub(crate) within: Option<Duration>,
}

impl FromStr for CanaryShare {
    type Err = String;

    fn from_str(text: &str) -> Result<CanaryShare, String> {
        let (mut share, mut calls, mut within) = (None, None, None);
        for part in text.split(',').map(str::trim) {
            let number = part.strip_suffix("calls").or_else(|| part.strip_suffix("call"));
            let is_second = match (part.strip_suffix('%'), number) {
                (Some(percent), _) => share.replace(percentage(percent)?).is_some(),
                (None, Some(number)) => calls.replace(count(number)?).is_some(),
                (None, None) => {
                    let time = humantime::parse_duration(part).map_err(|error| error.to_string())?;
                    within.replace(time).is_some()
                }
            };
            if is_second {
                return Err("say one share, and at most one number of calls and one time".to_owned());
            }
        }
        let Some(share) = share else {
            return Err("say a share of the calls such as 5%".to_owned());
        };
        Ok(CanaryShare { share, calls, within })
    }
}

fn percentage(percent: &str) -> Result<f64, String> {
    match percent.trim_end().parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 50.0 => Ok(percent / 100.0),
        Ok(_) => Err("a canary gets more than 0% of the calls, and 50% at most".to_owned()),
        Err(_) => Err(format!("`{percent}` is no percentage; write it as in 5%")),
    }
}

fn count(number: &str) -> Result<u64, String> {
    match number.trim_end().parse() {
        Ok(0) => Err("a canary gets one call at least".to_owned()),
        Ok(calls) => Ok(calls),
        Err(_) => Err(format!("`{number}` is no number of calls; write it as in 500calls")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_has_a_share_and_may_have_a_number_of_calls_and_a_time() {
        let parsed = |text: &str| text.parse::<CanaryShare>();
        let canary = |share, calls, within| Ok(CanaryShare { share, calls, within });
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        assert_eq!(parsed("5%"), canary(0.05, None, None));
        assert_eq!(parsed("0.5 %,500calls"), canary(0.005, Some(500), None));
        assert_eq!(parsed("10m, 50%, 11 calls"), canary(0.5, Some(11), minutes(10)));
        for wrong in ["", "5", "0%", "51%", "-1%", "nan%", "500calls", "5%,0calls", "5%,6%", "5%,1m,2m", "5%,x"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
