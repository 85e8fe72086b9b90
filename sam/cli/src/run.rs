//! `sam run`: makes a builder of the arguments, through the library's table of options.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    process::ExitCode,
    time::Duration,
};

use lexopt::{
    Arg::{Long, Short, Value},
    Parser,
};
use sam::{
    __private::{self as private, Setting},
    Builder,
    options::Notify,
};

use crate::{Refusal, help, print, user};

/// The time from the warning to SIGKILL where neither `--grace` nor `--watchdog` gives it.
const GRACE: Duration = Duration::from_secs(10);

/// How long a program may take until a probe finds it well, without `--start-limit`: as long as systemd
/// lets a service start.
const START_LIMIT: Duration = Duration::from_secs(90);

pub(crate) fn run(mut parser: Parser) -> Result<ExitCode, Refusal> {
    let mut given = Given::default();
    let mut builder = Builder::new().without_environment();
    let mut program: Vec<OsString> = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return print(&help::run()),
            Value(name) => {
                program.push(name);
                program.extend(parser.raw_args()?);
                break;
            }
            Long("quiet") | Short('q') => builder = builder.log(false),
            Long(name) => {
                let (setting, switch) = find(name)?;
                builder = match switch {
                    Some(is_on) => set(builder, setting, OsStr::new(if is_on { "1" } else { "0" }))?,
                    None => {
                        let value = parser.value()?;
                        set(builder, setting, &value)?
                    }
                };
                given.note(setting.word, switch);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if program.is_empty() {
        return Err(Refusal::new("there is no program to supervise; give one behind --"));
    }
    match given.complete(builder)?.program(program).supervise() {
        // The supervisor never returns, and in an instance the program runs instead.
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => private::give_up(&error),
    }
}

/// The option of that name. Of a switch also whether it is on: `--word`, or off: `--no-word`.
fn find(name: &str) -> Result<(&'static Setting, Option<bool>), Refusal> {
    let of = |word: &str| private::settings_of_command().find(|setting| setting.word == word);
    if let Some(setting) = of(name) {
        return Ok((setting, setting.is_switch().then_some(true)));
    }
    let negated = name.strip_prefix("no-").and_then(of).filter(|setting| setting.is_switch());
    let setting = negated.ok_or_else(|| lexopt::Error::UnexpectedOption(format!("--{name}")))?;
    Ok((setting, Some(false)))
}

/// Sets an option, or refuses the value and says what to give instead.
fn set(builder: Builder, setting: &Setting, value: &OsStr) -> Result<Builder, Refusal> {
    let refusal = || Refusal(format!("--{} is {value:?}; give {}", setting.word, setting.value.expected));
    if value.is_empty() {
        return Err(refusal());
    }
    if setting.word == "user" {
        let identity = user::identity(value.to_str().ok_or_else(refusal)?)?;
        return Ok(private::set_user(builder, identity));
    }
    private::set(builder, setting, value).ok_or_else(refusal)
}

/// Which options were given: some defaults depend on several of them.
#[derive(Default)]
struct Given {
    words: BTreeSet<&'static str>,
    ready_at_start: bool,
}

impl Given {
    fn note(&mut self, word: &'static str, switch: Option<bool>) {
        self.words.insert(word);
        if word == "ready-at-start" {
            self.ready_at_start = switch == Some(true);
        }
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// Sets the defaults that depend on several options.
    fn complete(&self, mut builder: Builder) -> Result<Builder, Refusal> {
        let is_probed = self.has("probe");
        if !is_probed && ["probe-every", "probe-limit", "probe-failures"].into_iter().any(|word| self.has(word)) {
            return Err(Refusal::new("there is no command to probe with; give --probe COMMAND"));
        }
        if self.has("on-failure-limit") && !self.has("on-failure") {
            return Err(Refusal::new("there is no command to limit; give --on-failure COMMAND"));
        }
        let is_heard = self.has("notify") || self.has("watchdog");
        if self.ready_at_start && !is_heard && !is_probed {
            let text = "--ready-at-start has no meaning without --watchdog, --notify or --probe, where every program is \
                        ready at its start; leave it out";
            return Err(Refusal::new(text));
        }
        let is_ready_by_probe = is_probed && !is_heard && !self.ready_at_start;
        let is_ready_at_start = self.ready_at_start || (!is_heard && !is_probed);
        if self.has("start-limit") && is_ready_at_start {
            let text = "--start-limit is for a program that says READY=1; give --notify, without --ready-at-start, or \
                        --probe";
            return Err(Refusal::new(text));
        }
        if is_heard && !self.has("notify") {
            builder = builder.notify(Notify::Main);
        }
        if is_ready_by_probe && !self.has("start-limit") {
            builder = builder.start_limit(START_LIMIT);
        }
        if !self.has("watchdog") {
            builder = builder.interval(None);
            if !self.has("grace") {
                builder = builder.grace(GRACE);
            }
        }
        Ok(builder.ready_by_probe(is_ready_by_probe).ready_at_start(is_ready_at_start))
    }
}
