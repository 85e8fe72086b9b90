//! What is asked of a watch.

use std::time::Duration;

use crate::{
    error::{Error, ErrorKind, Result},
    host::{
        actor::Actor,
        watching::{
            fail::Failing,
            trace::{ARGUMENTS, Wanted},
        },
    },
};

/// The longest time of a watch.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The widest text of a value, in bytes.
const WIDEST: usize = 64 << 10;

/// The most slow calls that are kept.
const SLOWEST: usize = 1000;

/// How many bytes the texts of all slow calls that are kept have at most.
const KEPT: usize = 4 << 20;

/// Which calls are watched, and what is made of them: for [`Runtime::watch`](crate::Runtime::watch).
///
/// Methods are named by patterns: `kv.store.get` is one method, `kv.store.*` are all of an interface, `*` are all.
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is given to `Runtime::watch`"]
pub struct Watch {
    pub(super) patterns: Vec<String>,
    pub(super) component: Option<String>,
    pub(super) what: What,
    pub(super) wanted: Wanted,
    pub(super) count: u64,
    pub(super) rate: u32,
    pub(super) line: usize,
    pub(super) slowest: usize,
    pub(super) share: f64,
    pub(super) seed: u64,
    pub(super) failing: Failing,
    pub(super) override_protected: bool,
    pub(super) actor: Actor,
    pub(super) reason: Option<String>,
    time: Duration,
}

/// What is made of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Trace,
    Stats,
    Slow,
    Fail,
    Record,
}

impl What {
    /// What the layers are called, in faults and lists.
    pub(super) fn name(self) -> &'static str {
        match self {
            What::Trace => "lcr-trace",
            What::Stats => "lcr-stats",
            What::Slow => "lcr-slow",
            What::Fail => "lcr-fail",
            What::Record => "lcr-record",
        }
    }
}

impl Watch {
    fn new(what: What, pattern: impl Into<String>) -> Watch {
        Watch {
            patterns: vec![pattern.into()],
            component: None,
            what,
            wanted: Wanted { values: false, slower: None, errors: false, width: 200 },
            count: u64::MAX,
            rate: 2000,
            line: 16 << 10,
            slowest: 20,
            share: 0.01,
            seed: 0,
            failing: Failing::default(),
            override_protected: false,
            actor: Actor::this_process(),
            reason: None,
            time: Duration::from_secs(3600),
        }
    }

    /// A line for each call: [`Watching::next_line`](super::Watching::next_line).
    pub fn trace(pattern: impl Into<String>) -> Watch {
        Watch::new(What::Trace, pattern)
    }

    /// Counts of calls, faults and errors, and quantiles of their times:
    /// [`Watching::stats`](super::Watching::stats).
    pub fn stats(pattern: impl Into<String>) -> Watch {
        Watch::new(What::Stats, pattern)
    }

    /// The slowest calls: [`Watching::slowest`](super::Watching::slowest).
    pub fn slow(pattern: impl Into<String>) -> Watch {
        Watch::new(What::Slow, pattern)
    }

    /// Has a share of the calls fail, instead of being made.
    pub fn fail(pattern: impl Into<String>) -> Watch {
        Watch::new(What::Fail, pattern)
    }

    /// A line for each call, from which it can be made again: [`Watching::next_line`](super::Watching::next_line).
    pub fn record(pattern: impl Into<String>) -> Watch {
        Watch::new(What::Record, pattern)
    }

    /// Watches the methods of a further pattern, too.
    pub fn and(mut self, pattern: impl Into<String>) -> Watch {
        self.patterns.push(pattern.into());
        self
    }

    /// Watches only the methods of one component. Default: all that implement them.
    pub fn of_component(mut self, component: impl Into<String>) -> Watch {
        self.component = Some(component.into());
        self
    }

    /// Shows arguments and results, but for secrets, of a trace or of slow calls. Default: neither. With
    /// [`slower`](Watch::slower), [`errors`](Watch::errors) or of slow calls, the arguments of each call are printed,
    /// whether the call is shown in the end or not.
    pub fn values(mut self) -> Watch {
        self.wanted.values = true;
        self
    }

    /// How long the text of one value is at most, in bytes, and a quarter of that of all arguments. Default: 200.
    pub fn width(mut self, width: usize) -> Watch {
        self.wanted.width = width;
        self
    }

    /// Traces only calls that took at least that long. Default: all.
    pub fn slower(mut self, least: Duration) -> Watch {
        self.wanted.slower = Some(least);
        self
    }

    /// Traces only calls that faulted or returned an `Err`. Default: all.
    pub fn errors(mut self) -> Watch {
        self.wanted.errors = true;
        self
    }

    /// Traces or records that many calls. Default: no limit but the time.
    pub fn count(mut self, count: u64) -> Watch {
        self.count = count;
        self
    }

    /// Traces or records at most that many calls in a second, and counts the others as lost. Default: 2,000.
    pub fn per_second(mut self, rate: u32) -> Watch {
        self.rate = rate;
        self
    }

    /// How long a line of a record is at most, in bytes; a longer one is lost. Default: 16 KiB.
    pub fn line_limit(mut self, limit: usize) -> Watch {
        self.line = limit;
        self
    }

    /// How many slow calls are kept, 1,000 at most, and with [`values`](Watch::values) as many as have 4 MiB of text
    /// together. Default: 20.
    pub fn keep(mut self, slowest: usize) -> Watch {
        self.slowest = slowest;
        self
    }

    /// Which share of the calls fails, from 0 to 1. Default: 0.01.
    pub fn share(mut self, share: f64) -> Watch {
        self.share = share;
        self
    }

    /// Which of the calls fail: the same ones for the same seed. Default: 0.
    pub fn seed(mut self, seed: u64) -> Watch {
        self.seed = seed;
        self
    }

    /// How calls fail. Default: by a fault.
    pub fn failing(mut self, failing: Failing) -> Watch {
        self.failing = failing;
        self
    }

    /// How long the watch lasts, at most a day. Default: an hour.
    pub fn lasts(mut self, time: Duration) -> Watch {
        self.time = time;
        self
    }

    /// Has calls of protected components fail, too. Default: that is refused.
    pub fn override_protected(mut self) -> Watch {
        self.override_protected = true;
        self
    }

    /// Why, for the events of a watch that has calls fail. Default: no reason.
    pub fn reason(mut self, reason: impl Into<String>) -> Watch {
        self.reason = Some(reason.into());
        self
    }

    /// Who asks. Default: this process.
    pub fn asked_by(mut self, actor: Actor) -> Watch {
        self.actor = actor;
        self
    }

    pub(super) fn time(&self) -> Duration {
        self.time
    }

    /// Refuses what is out of range.
    pub(super) fn check(&self) -> Result<()> {
        let refused = |text: String| Err(Error::new(ErrorKind::Invalid, text));
        if !(0.0..=1.0).contains(&self.share) {
            return refused(format!("a share of {} calls in one cannot fail; it is from 0 to 1", self.share));
        }
        if self.time.is_zero() || self.time > LONGEST {
            return refused(format!("a watch lasts longer than nothing and {LONGEST:?} at most, not {:?}", self.time));
        }
        if self.slowest == 0 || self.slowest > SLOWEST {
            return refused(format!("{} slow calls cannot be kept; 1 to {SLOWEST} can", self.slowest));
        }
        if self.count == 0 || self.rate == 0 {
            return refused("a watch of no call at all shows nothing".to_owned());
        }
        if self.wanted.width > WIDEST || self.line > WIDEST {
            return refused(format!("a text has {WIDEST} bytes at most"));
        }
        let kept = self.slowest * self.wanted.width * (ARGUMENTS + 1);
        if self.what == What::Slow && self.wanted.values && kept > KEPT {
            return refused(format!(
                "{} slow calls with texts of {} bytes may take {kept} bytes of the program, and {KEPT} at most are \
                 kept; keep fewer calls, or make the texts shorter",
                self.slowest, self.wanted.width
            ));
        }
        Ok(())
    }
}
