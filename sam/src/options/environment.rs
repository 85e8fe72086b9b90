//! Values from the environment. They win over those of the program, unless it has called
//! `Builder::without_environment`. The chapter `guide::options` lists the variables.

use std::{
    env,
    ffi::{OsStr, OsString},
};

use super::{defaults::Options, setting::Setting, table::SETTINGS};
use crate::error::{Error, ErrorKind, Result};

const STATUS: &str = "SAM_STATUS";

/// Puts the environment's values into `options`. `None`: the environment turns supervision off.
pub(crate) fn apply(options: Options) -> Result<Option<Options>> {
    if !options.environment {
        return Ok(Some(options));
    }
    let options = apply_from(options, |name| env::var_os(name))?;
    Ok(options.map(|options| Options {
        unknown: unknown(env::vars_os().filter_map(|(name, _)| name.into_string().ok())),
        // Two supervisors cannot keep one file, and an instance may start another supervisor.
        hidden: env::var_os(STATUS).map(|_| STATUS),
        ..options
    }))
}

/// The variables of other parts of sam, and of its tests.
const OTHERS: [&str; 9] = [
    "SAM_INSTANCE",
    "SAM_PID",
    "SAM_SEAT",
    "SAM_DECISION",
    "SAM_CAUSE",
    "SAM_EXIT_STATUS",
    "SAM_EXIT_SIGNAL",
    "SAM_LIVED_MS",
    "SAM_TEST_ABORTING",
];

/// The variables among `names` that look like options but are not.
fn unknown(names: impl Iterator<Item = String>) -> Vec<String> {
    let is_known = |name: &str| known().any(|known| known == name) || OTHERS.contains(&name);
    names.filter(|name| name.starts_with("SAM_") && !is_known(name)).collect()
}

fn known() -> impl Iterator<Item = String> {
    settings().map(Setting::variable)
}

fn settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.places.environment)
}

/// The variable whose name is nearest to `name`, if one is near.
pub(crate) fn nearest(name: &str) -> Option<String> {
    known().map(|known| (distance(name, &known), known)).min().filter(|(far, _)| *far <= 3).map(|(_, known)| known)
}

/// How many characters must be inserted, removed or changed to make `to` of `from` (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let next = (corner + usize::from(a != b)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[to.len()]
}

fn apply_from(mut options: Options, look: impl Fn(&str) -> Option<OsString>) -> Result<Option<Options>> {
    for setting in settings() {
        let name = setting.variable();
        if let Some(value) = look(&name).filter(|value| !value.is_empty()) {
            (setting.set)(&mut options, &value).ok_or_else(|| refused(&name, &value, setting.value.expected))?;
        }
        // The table has `disable` first; what comes after it does not matter then.
        if options.disabled {
            return Ok(None);
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
        options::{Cgroup, KillMode, Respawn, SignalTarget, Strays},
        state::{Checks, Recovery},
    };

    fn apply(values: &[(&str, &str)]) -> Result<Option<Options>> {
        apply_from(Options::default(), |name| {
            values.iter().find(|(other, _)| *other == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn what_is_misspelt_is_found_and_the_nearest_named() {
        let names = ["SAM_INTERVALL", "SAM_STATUS", "SAM_CLI_TELEMETRY", "SAM_DISABLE", "SAMBA", "SAM_SEAT"];
        let found = unknown(names.map(str::to_owned).into_iter());
        assert_eq!(found, ["SAM_INTERVALL", "SAM_CLI_TELEMETRY"]);
        assert_eq!(nearest("SAM_INTERVALL").as_deref(), Some("SAM_INTERVAL"));
        assert_eq!(nearest("SAM_STOPLIMIT").as_deref(), Some("SAM_STOP_LIMIT"));
        assert_eq!(nearest("SAM_CLI_TELEMETRY"), None);
        assert_eq!((distance("abc", "abc"), distance("", "abc"), distance("kitten", "sitting")), (0, 3, 3));
    }

    #[test]
    fn every_option_of_the_table_is_tested_here() {
        let source = include_str!("environment.rs");
        for setting in settings() {
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
            ("SAM_REOPEN_SIGNAL", "USR1"),
            ("SAM_STOP_SIGNAL", "QUIT"),
            ("SAM_KILL_MODE", "mixed"),
            ("SAM_CLEAN_EXITS", "3,4"),
            ("SAM_FATAL_EXITS", "78"),
            ("SAM_BUDGET", "3/7s"),
            ("SAM_BACKOFF", "1ms..8s"),
            ("SAM_EVENTS", "events"),
            ("SAM_STATUS", "status"),
        ];
        let options = apply(&values).unwrap().unwrap();
        let expected = Options {
            interval: Some(Duration::from_millis(150)),
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
            reopen_signal: libc::SIGUSR1,
            stop_signal: Some(libc::SIGQUIT),
            kill_mode: KillMode::Mixed,
            clean: vec![3, 4],
            fatal: vec![78],
            budget: Some((3, Duration::from_secs(7))),
            backoff: Some((Duration::from_millis(1), Duration::from_secs(8))),
            events: Some("events".into()),
            status: Some("status".into()),
            ..Options::default()
        };
        assert_eq!(format!("{options:?}"), format!("{expected:?}"));
    }

    #[test]
    fn what_is_like_corosync_can_be_undone_and_changed_in_part() {
        let mut like = Options::default();
        like.be_like_corosync(true);
        let with = |values: &[(&str, &str)]| {
            let look = |name: &str| values.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into());
            format!("{:?}", apply_from(like.clone(), look).unwrap().unwrap())
        };
        assert_eq!(with(&[]), format!("{like:?}"));
        assert_eq!(with(&[("SAM_COROSYNC", "1")]), format!("{like:?}"));
        assert_eq!(with(&[("SAM_COROSYNC", "0")]), format!("{:?}", Options::default()));
        let part = Options { budget: Some((3, Duration::from_secs(7))), ..like.clone() };
        assert_eq!(with(&[("SAM_BUDGET", "3/7s")]), format!("{part:?}"));
        let own = Options { budget: Some((3, Duration::from_secs(7))), ..Options::default() };
        assert_eq!(with(&[("SAM_BUDGET", "3/7s"), ("SAM_COROSYNC", "0")]), format!("{own:?}"));
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
            "SAM_POLICY is \"hope\" in the environment; give restart, always or quit, or unset it"
        );
        for (name, value) in [("SAM_BUDGET", "10"), ("SAM_BACKOFF", "1s"), ("SAM_DISABLE", "yes")] {
            assert!(refusal(name, value).starts_with(name), "{value}");
        }
    }
}
