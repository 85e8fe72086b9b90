//! The attribute's values, as `sam::Builder` takes them.

use std::time::Duration;

use syn::{LitInt, LitStr};

use crate::{keys::Options, refusal::Refusals};

/// A value, and the method of the builder that takes it.
pub(crate) struct Setting {
    pub(crate) method: &'static str,
    pub(crate) value: Value,
}

/// What a method takes.
pub(crate) enum Value {
    Duration(Duration),
    /// The shortest and the longest.
    Range(Duration, Duration),
    /// So many in such a time.
    Rate(u32, Duration),
    /// A variant of an enum of `sam`.
    Word(&'static str, &'static str),
    Signal(Signal),
    Codes(Vec<u8>),
    Text(String),
    Switch(bool),
    Number(u32),
}

/// A signal by its name or its number.
pub(crate) enum Signal {
    Named(&'static str),
    Number(i32),
}

const SIGNALS: &[&str] = &[
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// Words of a key: as written, and the variant that they stand for.
type Words = &'static [(&'static str, &'static str)];

const POLICIES: Words = &[("restart", "Restart"), ("always", "Always"), ("quit", "Quit")];
const CHECKS: Words = &[("beats", "Beats"), ("asks", "Asks")];
const RESPAWNS: Words = &[("fork", "Fork"), ("exec", "Exec"), ("exec-after-fault", "ExecAfterFault")];
const STRAYS: Words = &[("kill", "Kill"), ("keep", "Keep")];
const TARGETS: Words = &[("main", "Main"), ("group", "Group")];
const KILL_MODES: Words = &[("group", "Group"), ("mixed", "Mixed"), ("main", "Main")];
const CGROUPS: Words = &[("auto", "Auto"), ("need", "Need"), ("off", "Off")];

/// Reads every value and refuses those that are none.
pub(crate) fn read(options: &Options, refusals: &mut Refusals) -> Vec<Setting> {
    let mut reader = Reader { options, refusals, settings: Vec::new() };
    for name in ["interval", "grace", "start_limit", "stop_limit", "healthy_after"] {
        if let Some(duration) = reader.duration(name) {
            reader.set(name, Value::Duration(duration));
        }
    }
    for (name, of, words) in [
        ("policy", "Recovery", POLICIES),
        ("checks", "Checks", CHECKS),
        ("respawn", "Respawn", RESPAWNS),
        ("strays", "Strays", STRAYS),
        ("cgroup", "Cgroup", CGROUPS),
        ("pass_signals", "SignalTarget", TARGETS),
        ("kill_mode", "KillMode", KILL_MODES),
    ] {
        if let Some(variant) = reader.word(name, words) {
            reader.set(name, Value::Word(of, variant));
        }
    }
    for name in ["ready_at_start", "log", "huge_pages", "standby", "outlive"] {
        if let Some(value) = options.switch(name) {
            reader.set(name, Value::Switch(value));
        }
    }
    for name in ["clean_exits", "fatal_exits"] {
        if let Some(codes) = reader.codes(name) {
            reader.set(name, Value::Codes(codes));
        }
    }
    for name in ["events", "status"] {
        if let Some(text) = options.text(name) {
            reader.set(name, Value::Text(text.value()));
        }
    }
    reader.signals();
    reader.backoff();
    reader.budget();
    reader.probe();
    reader.settings
}

struct Reader<'a> {
    options: &'a Options,
    refusals: &'a mut Refusals,
    settings: Vec<Setting>,
}

impl Reader<'_> {
    fn set(&mut self, method: &'static str, value: Value) {
        self.settings.push(Setting { method, value });
    }

    /// What `read` makes of a text, or a refusal.
    fn text<T>(&mut self, name: &str, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text: &LitStr = self.options.text(name)?;
        let value = read(text.value().trim());
        if value.is_none() {
            self.refusals.refuse(text, format!("`{name}` is {expected}"));
        }
        value
    }

    fn duration(&mut self, name: &str) -> Option<Duration> {
        self.text(name, "a duration with its unit, such as \"2s\" or \"150ms\"", duration)
    }

    fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let quoted: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let expected = match quoted.as_slice() {
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
            [] => String::new(),
        };
        self.text(name, &expected, |text| words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value))
    }

    fn number(&mut self, name: &str) -> Option<u32> {
        let number: &LitInt = self.options.number(name)?;
        let value = number.base10_parse().ok().filter(|value| *value > 0);
        if value.is_none() {
            self.refusals.refuse(number, format!("`{name}` is a number from 1 to {}", u32::MAX));
        }
        value
    }

    fn codes(&mut self, name: &'static str) -> Option<Vec<u8>> {
        let codes = self.options.numbers(name);
        if let Some(ninth) = codes.get(8) {
            self.refusals.refuse(ninth, format!("`{name}` takes 8 exit codes at most; leave some out"));
        }
        let mut values = Vec::new();
        for code in codes {
            match code.base10_parse() {
                Ok(value) => values.push(value),
                Err(_) => self.refusals.refuse(code, "an exit code is a number from 0 to 255"),
            }
        }
        (!values.is_empty()).then_some(values)
    }

    fn signals(&mut self) {
        let expected = "a signal by its name or number, such as \"SIGTERM\" or \"15\"";
        for name in ["warn_signal", "stop_signal", "reopen_signal"] {
            if let Some(signal) = self.text(name, expected, signal) {
                self.set(name, Value::Signal(signal));
            }
        }
    }

    fn backoff(&mut self) {
        let expected = "the first and the longest delay, such as \"100ms..30s\"";
        let read = |text: &str| {
            let (first, longest) = text.split_once("..")?;
            let (first, longest) = (duration(first)?, duration(longest)?);
            (first <= longest).then_some((first, longest))
        };
        if let Some((first, longest)) = self.text("backoff", expected, read) {
            self.set("backoff", Value::Range(first, longest));
        }
    }

    fn budget(&mut self) {
        let expected = "so many restarts, 64 at most, in such a time, such as \"10/60s\"";
        let read = |text: &str| {
            let (restarts, window) = text.split_once('/')?;
            let restarts = restarts.trim().parse().ok().filter(|restarts| *restarts <= 64)?;
            Some((restarts, duration(window)?))
        };
        if let Some((restarts, window)) = self.text("budget", expected, read) {
            self.set("budget", Value::Rate(restarts, window));
        }
    }

    fn probe(&mut self) {
        let times = ["probe_every", "probe_limit"].map(|name| (name, self.duration(name)));
        let failures = self.number("probe_failures");
        let Some(command) = self.options.text("probe").map(LitStr::value) else {
            for name in ["probe_every", "probe_limit"] {
                if let Some(text) = self.options.text(name) {
                    self.refusals.refuse(text, format!("`{name}` needs a command; add `probe = \"...\"`"));
                }
            }
            return;
        };
        self.set("probe", Value::Text(command));
        for (name, time) in times {
            if let Some(time) = time {
                self.set(name, Value::Duration(time));
            }
        }
        if let Some(failures) = failures {
            self.set("probe_failures", Value::Number(failures));
        }
    }
}

fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text.trim()).ok()
}

fn signal(text: &str) -> Option<Signal> {
    if let Ok(number) = text.parse() {
        return (1..=64).contains(&number).then_some(Signal::Number(number));
    }
    let name = text.strip_prefix("SIG").unwrap_or(text);
    SIGNALS.iter().find(|known| known[3..] == *name).map(|known| Signal::Named(known))
}
