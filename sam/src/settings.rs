//! Every option that is a word and a value, once: `stop-limit` is `--stop-limit` on the command
//! line, `SAM_STOP_LIMIT` in the environment and `stop_limit` in the attribute, and its value is
//! written the same way in all three.
//!
//! The command line has options beside these that take no value or depend on each other; the
//! attribute has a table of its own (`lcr-macros`), as macros cannot use this crate.

use std::{
    ffi::OsStr,
    fmt::{self, Display},
    str::FromStr,
    time::Duration,
};

use crate::{
    options::{Cgroup, KillMode, Options, Respawn, SignalTarget, Strays},
    state::{Checks, Recovery},
    surroundings::{read_limit, read_variable},
};

/// Where an option can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// In the environment of a program that is linked with this crate, and on the command line.
    Both,
    /// In that environment alone.
    Linked,
    /// On the command line alone: it is about another program.
    Command,
}

/// One option.
pub struct Setting {
    /// Its name, as on the command line.
    pub word: &'static str,
    /// What to give, as a refusal says it.
    pub expected: &'static str,
    pub(crate) of: Of,
    /// Puts the value in. `None`: it makes no sense.
    pub(crate) set: fn(&mut Options, &OsStr) -> Option<()>,
}

const TIME: &str = "a time such as 2s or 150ms";
const SIGNAL: &str = "a signal such as SIGTERM, TERM or 15";
const SWITCH: &str = "0 or 1";
const CODES: &str = "exit codes from 0 to 255, as 3,4";
const FILE: &str = "a file";

/// How long a command on a failure may take.
const FAILURE_LIMIT: Duration = Duration::from_secs(30);

/// All of them.
pub static SETTINGS: &[Setting] = &[
    // The first, as others change a part of it.
    linked("corosync", SWITCH, |options, text| switch(text).map(|is_like| options.be_like_corosync(is_like))),
    linked("interval", TIME, |options, text| put(&mut options.interval, time(text))),
    both("grace", TIME, |options, text| put(&mut options.grace, time(text).map(Some))),
    both("start-limit", TIME, |options, text| put(&mut options.start_limit, time(text).map(Some))),
    both("stop-limit", TIME, |options, text| put(&mut options.stop_limit, time(text))),
    both("healthy-after", TIME, |options, text| put(&mut options.healthy_after, time(text))),
    both("policy", Recovery::WORDS, |options, text| put(&mut options.recovery, word(text))),
    linked("checks", Checks::WORDS, |options, text| put(&mut options.checks, word(text))),
    linked("respawn", Respawn::WORDS, |options, text| put(&mut options.respawn, word(text))),
    both("strays", Strays::WORDS, |options, text| put(&mut options.strays, word(text))),
    both("cgroup", Cgroup::WORDS, |options, text| put(&mut options.cgroup, word(text))),
    linked("huge-pages", SWITCH, |options, text| put(&mut options.huge_pages, switch(text))),
    linked("standby", SWITCH, |options, text| put(&mut options.standby, switch(text))),
    linked("log", SWITCH, |options, text| put(&mut options.log, switch(text))),
    both("warn-signal", SIGNAL, |options, text| put(&mut options.warn_signal, read(text, read_signal))),
    both("pass-signals", SignalTarget::WORDS, |options, text| put(&mut options.pass_signals, word(text))),
    both("reopen-signal", SIGNAL, |options, text| put(&mut options.reopen_signal, read(text, read_signal))),
    both("stop-signal", SIGNAL, |options, text| put(&mut options.stop_signal, read(text, read_signal).map(Some))),
    both("kill-mode", KillMode::WORDS, |options, text| put(&mut options.kill_mode, word(text))),
    both("budget", "restarts and a time, as 10/60s", |options, text| put(&mut options.budget, read(text, read_budget))),
    both("backoff", "the first and the longest delay, as 100ms..30s", |options, text| {
        put(&mut options.backoff, read(text, read_backoff).map(Some))
    }),
    both("clean-exits", CODES, |options, text| put(&mut options.clean, read(text, read_codes))),
    both("fatal-exits", CODES, |options, text| put(&mut options.fatal, read(text, read_codes))),
    command("on-failure", "a command", |options, text| {
        let limit = options.on_failure.as_ref().map_or(FAILURE_LIMIT, |(_, limit)| *limit);
        put(&mut options.on_failure, text.to_str().map(|command| Some((command.to_owned(), limit))))
    }),
    command("on-failure-limit", TIME, |options, text| {
        let command = options.on_failure.as_ref().map_or(String::new(), |(command, _)| command.clone());
        put(&mut options.on_failure, time(text).map(|limit| Some((command, limit))))
    }),
    command("env", "NAME=VALUE", |options, text| {
        options.surroundings.variables.push(read_variable(text)?);
        Some(())
    }),
    command("cwd", "a folder", |options, text| put(&mut options.surroundings.folder, Some(Some(text.into())))),
    command(
        "limit",
        "a limit by its name in prlimit(1), as nofile=4096, nofile=1024:4096 (soft and hard) or core=unlimited",
        |options, text| {
            options.surroundings.limits.push(read(text, read_limit)?);
            Some(())
        },
    ),
    command("pid-file", FILE, |options, text| put(&mut options.pid_file, Some(Some(text.into())))),
    both("events", FILE, |options, text| put(&mut options.events, Some(Some(text.into())))),
    both("status", FILE, |options, text| put(&mut options.status, Some(Some(text.into())))),
];

const fn command(word: &'static str, expected: &'static str, set: fn(&mut Options, &OsStr) -> Option<()>) -> Setting {
    Setting { word, expected, of: Of::Command, set }
}

const fn both(word: &'static str, expected: &'static str, set: fn(&mut Options, &OsStr) -> Option<()>) -> Setting {
    Setting { word, expected, of: Of::Both, set }
}

const fn linked(word: &'static str, expected: &'static str, set: fn(&mut Options, &OsStr) -> Option<()>) -> Setting {
    Setting { word, expected, of: Of::Linked, set }
}

impl Setting {
    /// Its variable in the environment.
    pub(crate) fn variable(&self) -> String {
        format!("SAM_{}", self.word.to_ascii_uppercase().replace('-', "_"))
    }
}

fn put<T>(into: &mut T, value: Option<T>) -> Option<()> {
    *into = value?;
    Some(())
}

fn read<T>(text: &OsStr, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    read(text.to_str()?.trim())
}

fn time(text: &OsStr) -> Option<Duration> {
    read(text, read_duration)
}

fn word<T: FromStr>(text: &OsStr) -> Option<T> {
    read(text, |text| text.parse().ok())
}

fn switch(text: &OsStr) -> Option<bool> {
    read(text, |text| match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    })
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

/// `3,4`.
fn read_codes(text: &str) -> Option<Vec<u8>> {
    text.split(',').map(|code| code.trim().parse().ok()).collect()
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

/// A text that is none of an option's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchWord(&'static str);

impl Display for NoSuchWord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "give {}", self.0)
    }
}

impl std::error::Error for NoSuchWord {}

/// The words of an enum: `FromStr`, `Display`, and what a refusal lists.
macro_rules! words {
    ($($type:ty, $list:literal: $($word:literal = $variant:ident),+;)+) => { $(
        impl $type {
            pub(crate) const WORDS: &str = $list;
        }

        impl FromStr for $type {
            type Err = NoSuchWord;

            fn from_str(text: &str) -> Result<Self, NoSuchWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(NoSuchWord($list)),
                }
            }
        }

        impl Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(match self { $(Self::$variant => $word,)+ })
            }
        }
    )+ };
}

words! {
    Recovery, "restart or always or quit": "restart" = Restart, "always" = Always, "quit" = Quit;
    Checks, "beats or asks": "beats" = Beats, "asks" = Asks;
    Respawn, "fork or exec or exec-after-fault": "fork" = Fork, "exec" = Exec, "exec-after-fault" = ExecAfterFault;
    Strays, "kill or keep": "kill" = Kill, "keep" = Keep;
    Cgroup, "auto or need or off": "auto" = Auto, "need" = Need, "off" = Off;
    KillMode, "group or mixed or main": "group" = Group, "mixed" = Mixed, "main" = Main;
    SignalTarget, "main or group": "main" = Main, "group" = Group;
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_an_option_lists_as_its_words_is_what_it_takes() {
        let mut lists = 0;
        for setting in SETTINGS.iter().filter(|setting| setting.expected.contains(" or ")) {
            let words: Vec<_> = setting.expected.split(" or ").collect();
            if words.iter().any(|word| word.contains(' ')) {
                continue;
            }
            for word in words {
                let taken = (setting.set)(&mut Options::default(), word.as_ref());
                assert!(taken.is_some(), "{}: {word}", setting.word);
            }
            lists += 1;
        }
        assert!(lists >= 6, "{lists}");
        assert_eq!("exec-after-fault".parse::<Respawn>().unwrap().to_string(), "exec-after-fault");
        assert_eq!("hope".parse::<Recovery>().unwrap_err().to_string(), "give restart or always or quit");
    }

    #[test]
    fn each_word_is_there_once() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS[index + 1..].iter().all(|other| other.word != setting.word), "{}", setting.word);
        }
    }
}
