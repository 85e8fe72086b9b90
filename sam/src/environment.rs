//! Values from the environment, which win over those of the program; the crate's page lists
//! them.

use std::{env, ffi::OsString, path::PathBuf, time::Duration};

use crate::{
    error::{Error, ErrorKind, Result},
    options::{Cgroup, Options, Respawn, Strays},
    state::{Checks, Recovery},
};

/// Puts the environment's values in; `None` if it forbids supervision.
pub(crate) fn apply(options: Options) -> Result<Option<Options>> {
    apply_from(options, |name| env::var_os(name))
}

fn apply_from(mut options: Options, look: impl Fn(&str) -> Option<OsString>) -> Result<Option<Options>> {
    let text = |name: &'static str| -> Result<Option<String>> {
        let Some(value) = look(name).filter(|value| !value.is_empty()) else { return Ok(None) };
        value.into_string().map(Some).map_err(|value| refused(name, &value.to_string_lossy(), "plain text"))
    };
    let duration = |name: &'static str, into: &mut Duration| -> Result<()> {
        if let Some(value) = text(name)? {
            *into = read_duration(&value).ok_or_else(|| refused(name, &value, "a duration such as 2s or 150ms"))?;
        }
        Ok(())
    };
    if read(text("SAM_DISABLE")?, "SAM_DISABLE", &[("0", false), ("1", true)])?.unwrap_or(false) {
        return Ok(None);
    }
    let optional = |name: &'static str, into: &mut Option<Duration>| -> Result<()> {
        let mut value = Duration::MAX;
        duration(name, &mut value)?;
        if value != Duration::MAX {
            *into = Some(value);
        }
        Ok(())
    };
    duration("SAM_INTERVAL", &mut options.interval)?;
    optional("SAM_GRACE", &mut options.grace)?;
    optional("SAM_START_LIMIT", &mut options.start_limit)?;
    duration("SAM_STOP_LIMIT", &mut options.stop_limit)?;
    duration("SAM_HEALTHY_AFTER", &mut options.healthy_after)?;
    let policies = [("restart", Recovery::Restart), ("quit", Recovery::Quit)];
    put(&mut options.recovery, read(text("SAM_POLICY")?, "SAM_POLICY", &policies)?);
    let checks = [("beats", Checks::Beats), ("asks", Checks::Asks)];
    put(&mut options.checks, read(text("SAM_CHECKS")?, "SAM_CHECKS", &checks)?);
    let respawns = [("fork", Respawn::Fork), ("exec", Respawn::Exec), ("exec-after-fault", Respawn::ExecAfterFault)];
    put(&mut options.respawn, read(text("SAM_RESPAWN")?, "SAM_RESPAWN", &respawns)?);
    let strays = [("kill", Strays::Kill), ("keep", Strays::Keep)];
    put(&mut options.strays, read(text("SAM_STRAYS")?, "SAM_STRAYS", &strays)?);
    let cgroups = [("auto", Cgroup::Auto), ("need", Cgroup::Need), ("off", Cgroup::Off)];
    put(&mut options.cgroup, read(text("SAM_CGROUP")?, "SAM_CGROUP", &cgroups)?);
    let pages = [("0", false), ("1", true)];
    put(&mut options.huge_pages, read(text("SAM_HUGE_PAGES")?, "SAM_HUGE_PAGES", &pages)?);
    put(&mut options.standby, read(text("SAM_STANDBY")?, "SAM_STANDBY", &[("0", false), ("1", true)])?);
    put(&mut options.log, read(text("SAM_LOG")?, "SAM_LOG", &[("0", false), ("1", true)])?);
    if let Some(value) = text("SAM_WARN_SIGNAL")? {
        let signal = read_signal(&value);
        options.warn_signal = signal.ok_or_else(|| refused("SAM_WARN_SIGNAL", &value, "a signal such as SIGTERM"))?;
    }
    if let Some(value) = text("SAM_BUDGET")? {
        let budget = read_budget(&value);
        options.budget = budget.ok_or_else(|| refused("SAM_BUDGET", &value, "restarts and a window, as 10/60s"))?;
    }
    if let Some(value) = text("SAM_BACKOFF")? {
        let backoff = read_backoff(&value);
        let expected = "the first and the longest delay, as 100ms..30s";
        options.backoff = backoff.ok_or_else(|| refused("SAM_BACKOFF", &value, expected))?;
    }
    let file = |name| look(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    options.events = file("SAM_EVENTS").or(options.events);
    options.status = file("SAM_STATUS").or(options.status);
    Ok(Some(options))
}

fn put<T>(into: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *into = value;
    }
}

fn read<T: Copy>(text: Option<String>, name: &str, values: &[(&str, T)]) -> Result<Option<T>> {
    let Some(text) = text else { return Ok(None) };
    let value = values.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    let words = || values.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" or ");
    value.map(Some).ok_or_else(|| refused(name, &text, &words()))
}

fn refused(name: &str, value: &str, expected: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("{name} is {value:?} in the environment; give {expected}, or unset it"))
}

/// `2s`, `150ms`, `1m 30s`.
pub fn read_duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// `10/60s`.
pub fn read_budget(text: &str) -> Option<(u32, Duration)> {
    let (restarts, window) = text.split_once('/')?;
    Some((restarts.trim().parse().ok()?, read_duration(window.trim())?))
}

/// `100ms..30s`.
pub fn read_backoff(text: &str) -> Option<(Duration, Duration)> {
    let (first, longest) = text.split_once("..")?;
    Some((read_duration(first.trim())?, read_duration(longest.trim())?))
}

/// `SIGTERM`, `TERM`, `15`, `RTMIN+1`.
pub fn read_signal(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<i32>() {
        return (1..=libc::SIGRTMAX()).contains(&number).then_some(number);
    }
    let name = text.strip_prefix("SIG").unwrap_or(text);
    if let Some(above) = name.strip_prefix("RTMIN+") {
        return read_signal(&(libc::SIGRTMIN() + above.parse::<u8>().ok()? as i32).to_string());
    }
    format!("SIG{name}").parse::<nix::sys::signal::Signal>().ok().map(|signal| signal as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(values: &[(&str, &str)]) -> Result<Option<Options>> {
        apply_from(Options::default(), |name| {
            values.iter().find(|(other, _)| *other == name).map(|(_, value)| value.into())
        })
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
    fn signals_have_names_and_numbers() {
        for (text, signal) in [("SIGTERM", 15), ("TERM", 15), ("15", 15), ("RTMIN+1", libc::SIGRTMIN() + 1)] {
            assert_eq!(read_signal(text), Some(signal), "{text}");
        }
        for text in ["0", "65", "-1", "SIGNONE", "RTMIN+99", ""] {
            assert_eq!(read_signal(text), None, "{text}");
        }
    }

    #[test]
    fn a_refusal_says_which_variable_what_it_is_and_what_to_give() {
        let refusal = |name, value| apply(&[(name, value)]).unwrap_err().to_string();
        assert_eq!(
            refusal("SAM_INTERVAL", "soon"),
            "SAM_INTERVAL is \"soon\" in the environment; give a duration such as 2s or 150ms, or unset it"
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
