//! `sam run`: arguments to a builder.

use std::{ffi::OsString, process::ExitCode, time::Duration};

use lexopt::{
    Arg::{Long, Short, Value},
    Parser, ValueExt as _,
};
use sam::{__private as private, Builder, Notify};

use crate::{Refusal, help, print, user};

/// From the warning to SIGKILL where nothing else says how long that is.
const GRACE: Duration = Duration::from_secs(10);

/// How long a program may take until a probe finds it well, where nothing else says so; as long as
/// systemd lets a service start.
const START_LIMIT: Duration = Duration::from_secs(90);

/// What stands before PROGRAM and decides about other arguments.
#[derive(Default)]
struct Given {
    probe: Option<String>,
    every: Option<Duration>,
    limit: Option<Duration>,
    failures: Option<u32>,
    watchdog: Option<Duration>,
    notify: Option<Notify>,
    ready_at_start: bool,
    start_limit: Option<Duration>,
    grace: Option<Duration>,
}

pub(crate) fn run(mut parser: Parser) -> Result<ExitCode, Refusal> {
    let mut given = Given::default();
    let mut builder = Builder::new();
    let mut program: Vec<OsString> = Vec::new();
    while let Some(argument) = parser.next()? {
        let option = match argument {
            Long("help") | Short('h') => return print(help::RUN),
            Value(name) => {
                program.push(name);
                program.extend(parser.raw_args()?);
                break;
            }
            Long(name) => name.to_owned(),
            other => return Err(other.unexpected().into()),
        };
        let parser = &mut parser;
        builder = match &*option {
            "probe" => {
                given.probe = Some(text("probe", parser)?);
                builder
            }
            "probe-every" => {
                given.every = Some(time("probe-every", parser)?);
                builder
            }
            "probe-limit" => {
                given.limit = Some(time("probe-limit", parser)?);
                builder
            }
            "probe-failures" => {
                let read = |text: &str| text.parse().ok().filter(|&failures| failures > 0);
                given.failures = Some(value("probe-failures", parser, "a number from 1 on", read)?);
                builder
            }
            "watchdog" => {
                let read = |text: &str| private::read_duration(text).filter(|time| !time.is_zero());
                given.watchdog = Some(value("watchdog", parser, "a time such as 2s or 150ms, not zero", read)?);
                builder
            }
            "notify" => {
                given.notify = Some(one_of("notify", parser, &[("main", Notify::Main), ("group", Notify::Group)])?);
                builder
            }
            "ready-at-start" => {
                given.ready_at_start = true;
                builder
            }
            "start-limit" => {
                given.start_limit = Some(time("start-limit", parser)?);
                builder
            }
            "grace" => {
                given.grace = Some(time("grace", parser)?);
                builder
            }
            "user" => {
                let expected = "a user and perhaps a group, as www-data or www-data:adm, by names or numbers";
                let read = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
                private::set_user(builder, user::identity(&value("user", parser, expected, read)?)?)
            }
            "no-standby" => builder.standby(false),
            "outlive" => builder.dies_with_supervisor(false),
            "quiet" => builder.log(false),
            _ => {
                let setting = private::settings_of_command().find(|setting| setting.word == option);
                let setting = setting.ok_or_else(|| lexopt::Error::UnexpectedOption(format!("--{option}")))?;
                let value = parser.value()?;
                let refusal = || Refusal(format!("--{option} is {value:?}; give {}", setting.expected));
                let value = Some(&value).filter(|value| !value.is_empty()).ok_or_else(refusal)?;
                private::set(builder, setting, value).ok_or_else(refusal)?
            }
        };
    }
    if program.is_empty() {
        return Err(Refusal::new("there is no program to supervise; give one behind --"));
    }
    let builder = given.put(builder)?.program(program);
    let Err(error) = private::supervise_as_told(builder);
    private::give_up(&error)
}

impl Given {
    /// Puts in what depends on several arguments.
    fn put(self, mut builder: Builder) -> Result<Builder, Refusal> {
        if self.probe.is_none() && (self.every.is_some() || self.limit.is_some() || self.failures.is_some()) {
            return Err(Refusal::new("there is no command to probe with; give --probe COMMAND"));
        }
        if let Some(command) = &self.probe {
            let every = self.every.unwrap_or(Duration::from_secs(10));
            let limit = self.limit.unwrap_or(Duration::from_secs(5));
            builder = builder.probe(command, every, limit, self.failures.unwrap_or(3));
        }
        let notify = self.notify.or(self.watchdog.map(|_| Notify::Main));
        if let Some(notify) = notify {
            builder = builder.notify(notify);
        } else if self.ready_at_start && self.probe.is_none() {
            let text = "without --watchdog or --notify every program is ready at its start, or by --probe";
            return Err(Refusal::new(text));
        }
        let is_ready_by_probe = self.probe.is_some() && notify.is_none() && !self.ready_at_start;
        let is_ready_at_start = self.ready_at_start || (notify.is_none() && !is_ready_by_probe);
        if self.start_limit.is_some() && is_ready_at_start {
            let text = "--start-limit is for a program that says READY=1; give --notify, without --ready-at-start, or \
                        --probe";
            return Err(Refusal::new(text));
        }
        if let Some(limit) = self.start_limit.or(is_ready_by_probe.then_some(START_LIMIT)) {
            builder = builder.start_limit(limit);
        }
        Ok(builder
            .interval(self.watchdog.unwrap_or(Duration::ZERO))
            .grace(self.grace.or(self.watchdog).unwrap_or(GRACE))
            .ready_by_probe(is_ready_by_probe)
            .ready_at_start(is_ready_at_start))
    }
}

fn value<T>(
    option: &str,
    parser: &mut Parser,
    expected: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Refusal> {
    let text = parser.value()?;
    let value = text.to_str().and_then(read);
    value.ok_or_else(|| Refusal(format!("--{option} is {text:?}; give {expected}")))
}

fn time(option: &str, parser: &mut Parser) -> Result<Duration, Refusal> {
    value(option, parser, "a time such as 2s or 150ms", private::read_duration)
}

fn one_of<T: Copy>(option: &str, parser: &mut Parser, words: &[(&str, T)]) -> Result<T, Refusal> {
    let expected = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" or ");
    value(option, parser, &expected, |text| words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value))
}

fn text(option: &str, parser: &mut Parser) -> Result<String, Refusal> {
    let text = parser.value()?.string();
    text.ok().filter(|text| !text.is_empty()).ok_or_else(|| Refusal(format!("--{option} is no text; give a command")))
}
