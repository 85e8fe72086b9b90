//! The arguments of commands that watch the calls of a running program.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use super::Target;

/// Which methods, and for how long.
#[derive(Args, Debug)]
pub(crate) struct Watched {
    /// Only of this component. Default: all that implement the methods
    #[arg(long, value_name = "NAME")]
    pub(crate) component: Option<String>,
    /// For that long, such as 10s. The hooks are gone when the command ends, however it ends
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) time: Option<Duration>,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `lcr trace`
#[derive(Args, Debug)]
#[command(after_help = "Ends after an hour, unless --time or --count says otherwise.")]
pub(crate) struct Trace {
    /// The methods, such as kv.store.get, 'kv.store.*' or '*'
    #[arg(required = true, value_name = "METHOD")]
    pub(crate) methods: Vec<String>,
    /// Show arguments and results, but for secrets
    #[arg(long)]
    pub(crate) args: bool,
    /// Only calls that take at least that long, such as 10ms
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) slower: Option<Duration>,
    /// Only calls that fault or return an error
    #[arg(long)]
    pub(crate) errors: bool,
    /// End after that many calls
    #[arg(long, value_name = "NUMBER")]
    pub(crate) count: Option<u64>,
    /// How long the text of one value is at most, in bytes. Default: 200
    #[arg(long, value_name = "BYTES")]
    pub(crate) width: Option<usize>,
    /// Show at most that many calls a second, and say how many were left out. Default: 2000
    #[arg(long, value_name = "NUMBER")]
    pub(crate) per_second: Option<u32>,
    #[command(flatten)]
    pub(crate) watched: Watched,
}

/// `lcr stats`
#[derive(Args, Debug)]
#[command(after_help = "Watches for 10 s, unless --time says otherwise. All calls are counted, and some are timed.")]
pub(crate) struct Stats {
    /// The methods, such as kv.store.get or 'kv.store.*'. Default: all
    #[arg(default_value = "*", hide_default_value = true, value_name = "METHOD")]
    pub(crate) methods: Vec<String>,
    /// Show the numbers again and again, as they are by then
    #[arg(long)]
    pub(crate) watch: bool,
    /// How often --watch shows them. Default: 1s
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, requires = "watch")]
    pub(crate) every: Option<Duration>,
    #[command(flatten)]
    pub(crate) watched: Watched,
}

/// `lcr slow`
#[derive(Args, Debug)]
#[command(after_help = "Watches for 10 s, unless --time says otherwise.")]
pub(crate) struct Slow {
    /// The methods, such as kv.store.get or 'kv.store.*'. Default: all
    #[arg(default_value = "*", hide_default_value = true, value_name = "METHOD")]
    pub(crate) methods: Vec<String>,
    /// How many calls to show. Default: 20
    #[arg(long, value_name = "NUMBER")]
    pub(crate) count: Option<usize>,
    /// Show arguments and results, but for secrets; the arguments of every call are printed for that
    #[arg(long)]
    pub(crate) args: bool,
    #[command(flatten)]
    pub(crate) watched: Watched,
}

/// How calls fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Failing {
    /// As if the method were gone
    #[default]
    Fault,
    /// As if the component panicked
    Panic,
    /// By the first value of the method's error type
    Error,
}

impl Failing {
    /// As the protocol calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Failing::Fault => "fault",
            Failing::Panic => "panic",
            Failing::Error => "error",
        }
    }
}

/// `lcr fail`
#[derive(Args, Debug)]
#[command(after_help = "Ends after a minute, unless --time says otherwise.")]
pub(crate) struct Fail {
    /// The methods, such as kv.store.get or 'kv.store.*'
    #[arg(required = true, value_name = "METHOD")]
    pub(crate) methods: Vec<String>,
    /// Which share of the calls fails, such as 1%
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) rate: f64,
    /// How they fail
    #[arg(long = "with", value_enum, value_name = "HOW", default_value = "fault")]
    pub(crate) failing: Failing,
    /// Which ones fail: the same ones for the same number
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Have calls of protected components fail, too
    #[arg(long)]
    pub(crate) override_protected: bool,
    /// Why, for events
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) watched: Watched,
}

/// `lcr record`
#[derive(Args, Debug)]
#[command(after_help = "Records for a minute, unless --time or --count says otherwise. Secrets are not written.")]
pub(crate) struct Record {
    /// The file to write, which must not be there yet
    pub(crate) file: PathBuf,
    /// The methods, such as kv.store.get or 'kv.store.*'
    #[arg(required = true, value_name = "METHOD")]
    pub(crate) methods: Vec<String>,
    /// End after that many calls
    #[arg(long, value_name = "NUMBER")]
    pub(crate) count: Option<u64>,
    /// Record at most that many calls a second, and say how many were left out. Default: 2000
    #[arg(long, value_name = "NUMBER")]
    pub(crate) per_second: Option<u32>,
    #[command(flatten)]
    pub(crate) watched: Watched,
}

/// `lcr replay`
#[derive(Args, Debug)]
#[command(
    after_help = "Exits with 1 if an outcome differs, and with 69 if no call could be compared. Calls are made one \
                  after the other, in the order in which they ended."
)]
pub(crate) struct Replay {
    /// The file that `lcr record` wrote
    pub(crate) file: PathBuf,
    /// Load this library, with those that it needs, into a runtime of this command's own, and call no process
    #[arg(long, value_name = "LIBRARY", conflicts_with_all = ["pid", "name", "uid", "socket"])]
    pub(crate) library: Vec<PathBuf>,
    /// The component to call, if several implement an interface
    #[arg(long, value_name = "NAME")]
    pub(crate) component: Option<String>,
    /// Call methods of a process that are not declared #[lcr(pure)], too
    #[arg(long)]
    pub(crate) yes: bool,
    /// Take sequences for equal that have the same elements in another order, as those of hash sets
    #[arg(long)]
    pub(crate) any_order: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// A share: `1%`, or `0.01`.
fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    match number.trim().parse::<f64>() {
        Ok(number) if (0.0..=scale).contains(&number) => Ok(number / scale),
        _ => Err("it is from 0% to 100%".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_share_is_of_a_hundred_or_of_one() {
        for (text, expected) in [("1%", 0.01), ("0.5 %", 0.005), ("0.25", 0.25), ("100%", 1.0), ("0", 0.0)] {
            assert_eq!(share(text), Ok(expected));
        }
        for text in ["", "%", "101%", "1.5", "-1%", "NaN", "inf"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
