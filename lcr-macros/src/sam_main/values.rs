//! What the options of `#[sam::main]` may be given, in our own words.

use std::time::Duration;

use proc_macro2::Span;
use syn::{LitInt, parse::ParseStream};

use crate::options::{Text, Unfilled, Value, listed};

/// A duration, written as people write it.
pub(crate) struct Time(pub(crate) Duration);

/// A time between beats; zero: beats are not checked.
pub(crate) struct Interval(pub(crate) Time);

/// The first and the longest delay.
pub(crate) struct Backoff {
    pub(crate) first: Time,
    pub(crate) longest: Time,
}

/// So many restarts in such a time.
pub(crate) struct Budget {
    pub(crate) restarts: u32,
    pub(crate) window: Time,
}

/// Exit codes, 8 at most.
pub(crate) struct Codes(pub(crate) Vec<u8>);

/// A signal by its name or its number.
pub(crate) enum Signal {
    Named(&'static str),
    Number(i32),
}

/// A value that is one of a few words.
pub(crate) trait Word {
    /// The enum of `sam` that it belongs to.
    const ENUM: &'static str;
    /// The variant of that enum.
    fn variant(&self) -> &'static str;
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($word:literal is $variant:ident),* })*) => {$(
        $(#[$doc])*
        pub(crate) enum $name { $($variant),* }

        impl Text for $name {
            fn read(key: &str, text: &str) -> Result<$name, String> {
                match text.trim() {
                    $($word => Ok($name::$variant),)*
                    _ => Err(one_of(key, &[$($word),*])),
                }
            }
        }

        impl Word for $name {
            const ENUM: &'static str = stringify!($name);
            fn variant(&self) -> &'static str {
                match self { $($name::$variant => stringify!($variant)),* }
            }
        }
    )*};
}

words! {
    /// When the next instance is started.
    Recovery { "restart" is Restart, "always" is Always, "quit" is Quit }
    /// How an instance shows that it is well.
    Checks { "beats" is Beats, "asks" is Asks }
    /// How the next instance is made.
    Respawn { "fork" is Fork, "exec" is Exec, "exec-after-fault" is ExecAfterFault }
    /// What becomes of processes that an instance leaves behind.
    Strays { "kill" is Kill, "keep" is Keep }
    /// Which processes get a signal.
    SignalTarget { "main" is Main, "group" is Group }
    /// Which processes a stop ends.
    KillMode { "group" is Group, "mixed" is Mixed, "main" is Main }
    /// Whether instances have a cgroup.
    Cgroup { "auto" is Auto, "need" is Need, "off" is Off }
}

fn one_of(key: &str, words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.as_slice() {
        [first @ .., last] => format!("`{key}` is {} or {last}", first.join(", ")),
        [] => format!("`{key}` takes no value"),
    }
}

fn time(text: &str) -> Option<Time> {
    humantime::parse_duration(text.trim()).ok().map(Time)
}

impl Text for Time {
    fn read(key: &str, text: &str) -> Result<Time, String> {
        time(text).ok_or_else(|| format!("`{key}` is a duration with its unit, such as \"2s\" or \"150ms\""))
    }
}

impl Text for Interval {
    fn read(key: &str, text: &str) -> Result<Interval, String> {
        Time::read(key, text).map(Interval)
    }
}

impl Text for Backoff {
    fn read(key: &str, text: &str) -> Result<Backoff, String> {
        let read = || {
            let (first, longest) = text.split_once("..")?;
            let (first, longest) = (time(first)?, time(longest)?);
            (first.0 <= longest.0).then_some(Backoff { first, longest })
        };
        read().ok_or_else(|| format!("`{key}` is the first and the longest delay, such as \"100ms..30s\""))
    }
}

impl Text for Budget {
    fn read(key: &str, text: &str) -> Result<Budget, String> {
        let read = || {
            let (restarts, window) = text.split_once('/')?;
            let restarts = restarts.trim().parse().ok().filter(|restarts| *restarts <= 64)?;
            Some(Budget { restarts, window: time(window)? })
        };
        read().ok_or_else(|| format!("`{key}` is so many restarts, 64 at most, in such a time, such as \"10/60s\""))
    }
}

impl Text for Signal {
    fn read(key: &str, text: &str) -> Result<Signal, String> {
        let text = text.trim();
        let read = || {
            if let Ok(number) = text.parse() {
                return (1..=64).contains(&number).then_some(Signal::Number(number));
            }
            let name = text.strip_prefix("SIG").unwrap_or(text);
            SIGNALS.iter().find(|known| known[3..] == *name).map(|known| Signal::Named(known))
        };
        read().ok_or_else(|| format!("`{key}` is a signal by its name or number, such as \"SIGTERM\" or \"15\""))
    }
}

impl Value for Codes {
    fn read(key: &str, input: ParseStream<'_>) -> Result<Codes, Unfilled> {
        let numbers: Vec<LitInt> = listed(input)?;
        let (mut codes, mut refused) = (Vec::new(), None);
        let mut refuse = |span: Span, message: String| {
            let error = syn::Error::new(span, message);
            match &mut refused {
                None => refused = Some(error),
                Some(first) => first.combine(error),
            }
        };
        if let Some(ninth) = numbers.get(8) {
            refuse(ninth.span(), format!("`{key}` takes 8 exit codes at most; leave some out"));
        }
        for number in &numbers {
            match number.base10_parse() {
                Ok(code) => codes.push(code),
                Err(_) => refuse(number.span(), "an exit code is a number from 0 to 255".to_owned()),
            }
        }
        refused.map_or(Ok(Codes(codes)), |error| Err(Unfilled::Value(error)))
    }
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
