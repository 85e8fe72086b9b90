//! Values from the environment, which win over those of the program; the crate's page lists
//! them.

use std::{
    env,
    ffi::{OsStr, OsString},
};

use crate::{
    error::{Error, ErrorKind, Result},
    options::Options,
    settings::SETTINGS,
};

/// `1`: no supervision at all.
const DISABLE: &str = "SAM_DISABLE";

/// Puts the environment's values in; `None` if it forbids supervision.
pub(crate) fn apply(options: Options) -> Result<Option<Options>> {
    apply_from(options, |name| env::var_os(name))
}

fn apply_from(mut options: Options, look: impl Fn(&str) -> Option<OsString>) -> Result<Option<Options>> {
    let value = |name: &str| look(name).filter(|value| !value.is_empty());
    if let Some(disabled) = value(DISABLE) {
        match disabled.to_str() {
            Some("0") => {}
            Some("1") => return Ok(None),
            _ => return Err(refused(DISABLE, &disabled, "0 or 1")),
        }
    }
    for setting in SETTINGS {
        let name = setting.variable();
        if let Some(value) = value(&name) {
            (setting.set)(&mut options, &value).ok_or_else(|| refused(&name, &value, setting.expected))?;
        }
    }
    Ok(Some(options))
}

fn refused(name: &str, value: &OsStr, expected: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("{name} is {value:?} in the environment; give {expected}, or unset it"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        options::{Cgroup, Respawn, SignalTarget, Strays},
        state::{Checks, Recovery},
    };

    fn apply(values: &[(&str, &str)]) -> Result<Option<Options>> {
        apply_from(Options::default(), |name| {
            values.iter().find(|(other, _)| *other == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn every_option_of_the_table_is_tested_here() {
        let source = include_str!("environment.rs");
        for setting in SETTINGS {
            assert!(source.contains(&format!("(\"{}\"", setting.variable())), "{}", setting.word);
        }
    }

    #[test]
    fn what_is_not_given_stays_as_it_was() {
        let options = apply(&[("SAM_INTERVAL", "")]).unwrap().unwrap();
        assert_eq!(format!("{options:?}"), format!("{:?}", Options::default()));
    }

    #[test]
    fn every_variable_wins() {
        let values = [
            ("SAM_INTERVAL", "150ms"),
            ("SAM_GRACE", "1m 30s"),
            ("SAM_START_LIMIT", "4s"),
            ("SAM_STOP_LIMIT", "5s"),
            ("SAM_HEALTHY_AFTER", "6s"),
            ("SAM_POLICY", "quit"),
            ("SAM_CHECKS", "asks"),
            ("SAM_RESPAWN", "exec"),
            ("SAM_STRAYS", "keep"),
            ("SAM_CGROUP", "off"),
            ("SAM_HUGE_PAGES", "0"),
            ("SAM_STANDBY", "0"),
            ("SAM_LOG", "0"),
            ("SAM_WARN_SIGNAL", "USR1"),
            ("SAM_PASS_SIGNALS", "group"),
            ("SAM_CLEAN_EXITS", "3,4"),
            ("SAM_FATAL_EXITS", "78"),
            ("SAM_BUDGET", "3/7s"),
            ("SAM_BACKOFF", "1ms..8s"),
            ("SAM_EVENTS", "events"),
            ("SAM_STATUS", "status"),
        ];
        let options = apply(&values).unwrap().unwrap();
        let expected = Options {
            interval: Duration::from_millis(150),
            grace: Some(Duration::from_secs(90)),
            start_limit: Some(Duration::from_secs(4)),
            stop_limit: Duration::from_secs(5),
            healthy_after: Duration::from_secs(6),
            recovery: Recovery::Quit,
            checks: Checks::Asks,
            respawn: Respawn::Exec,
            strays: Strays::Keep,
            cgroup: Cgroup::Off,
            huge_pages: false,
            standby: false,
            log: false,
            warn_signal: libc::SIGUSR1,
            pass_signals: SignalTarget::Group,
            clean: vec![3, 4],
            fatal: vec![78],
            budget: (3, Duration::from_secs(7)),
            backoff: (Duration::from_millis(1), Duration::from_secs(8)),
            events: Some("events".into()),
            status: Some("status".into()),
            ..Options::default()
        };
        assert_eq!(format!("{options:?}"), format!("{expected:?}"));
    }

    #[test]
    fn supervision_can_be_turned_off() {
        assert!(apply(&[("SAM_DISABLE", "1"), ("SAM_INTERVAL", "nonsense")]).unwrap().is_none());
        assert!(apply(&[("SAM_DISABLE", "0")]).unwrap().is_some());
    }

    #[test]
    fn a_refusal_says_which_variable_what_it_is_and_what_to_give() {
        let refusal = |name, value| apply(&[(name, value)]).unwrap_err().to_string();
        assert_eq!(
            refusal("SAM_INTERVAL", "soon"),
            "SAM_INTERVAL is \"soon\" in the environment; give a time such as 2s or 150ms, or unset it"
        );
        assert_eq!(
            refusal("SAM_POLICY", "hope"),
            "SAM_POLICY is \"hope\" in the environment; give restart or quit, or unset it"
        );
        for (name, value) in [("SAM_BUDGET", "10"), ("SAM_BACKOFF", "1s"), ("SAM_DISABLE", "yes")] {
            assert!(refusal(name, value).starts_with(name), "{value}");
        }
    }
}
