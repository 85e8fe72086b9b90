//! The command `watch`: hooks around methods for as long as the client stays.
//!
//! A worker puts the watch in, and the loop gets its stream with the answer. The hooks wake nobody, so that they cost
//! callers no system call: the loop looks at its watches every [`TICK`]. A connection that ends drops its stream, and
//! with it the watch, whose own thread takes the hooks off. So neither the loop nor a client that hangs, or is killed,
//! keeps a hook.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, json, value::RawValue};

use crate::{
    Actor, Error, ErrorKind, Result, Runtime,
    watch::{Watch, Watching},
};

use super::{
    connection::Connection,
    following::Filled,
    protocol::{self, Request},
    view,
};

/// The name of the command.
pub(super) const COMMAND: &str = "watch";

/// How often the loop looks at the watches.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// How often numbers are sent at most.
const OFTEN: Duration = Duration::from_millis(100);

/// What a watch makes of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Trace,
    Stats,
    Slow,
    Fail,
    Record,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    what: What,
    methods: Vec<String>,
    component: Option<String>,
    #[serde(default)]
    values: bool,
    #[serde(default)]
    errors: bool,
    width: Option<usize>,
    slower_us: Option<u64>,
    count: Option<u64>,
    per_second: Option<u32>,
    line_limit: Option<usize>,
    keep: Option<usize>,
    share: Option<f64>,
    seed: Option<u64>,
    failing: Option<String>,
    time_ms: Option<u64>,
    every_ms: Option<u64>,
    #[serde(default)]
    override_protected: bool,
    reason: Option<String>,
}

impl Arguments {
    fn watch(&self, actor: &Actor) -> Result<Watch> {
        let Some((first, others)) = self.methods.split_first() else {
            let text = "which methods? name some by `methods`, such as kv.store.get or kv.store.*";
            return Err(Error::new(ErrorKind::Invalid, text));
        };
        let mut watch = match self.what {
            What::Trace => Watch::trace(first),
            What::Stats => Watch::stats(first),
            What::Slow => Watch::slow(first),
            What::Fail => Watch::fail(first),
            What::Record => Watch::record(first),
        };
        watch = others.iter().fold(watch, |watch, pattern| watch.and(pattern)).asked_by(actor.clone());
        if let Some(component) = &self.component {
            watch = watch.of_component(component);
        }
        if self.values {
            watch = watch.values();
        }
        if self.errors {
            watch = watch.errors();
        }
        if self.override_protected {
            watch = watch.override_protected();
        }
        if let Some(reason) = &self.reason {
            watch = watch.reason(reason);
        }
        if let Some(failing) = &self.failing {
            watch = watch.failing(failing.parse()?);
        }
        if let Some(time) = self.time_ms {
            watch = watch.lasts(Duration::from_millis(time));
        }
        watch = self.slower_us.map(Duration::from_micros).into_iter().fold(watch, Watch::slower);
        watch = self.width.into_iter().fold(watch, Watch::width);
        watch = self.count.into_iter().fold(watch, Watch::count);
        watch = self.per_second.into_iter().fold(watch, Watch::per_second);
        watch = self.line_limit.into_iter().fold(watch, Watch::line_limit);
        watch = self.keep.into_iter().fold(watch, Watch::keep);
        watch = self.share.into_iter().fold(watch, Watch::share);
        Ok(self.seed.into_iter().fold(watch, Watch::seed))
    }
}

/// What a watch notes, on its way to a client.
#[derive(Debug)]
pub(super) struct Stream {
    /// The request that began it.
    id: u64,
    what: What,
    watching: Watching,
    every: Duration,
    next: Instant,
    /// How many lost lines the client was told of.
    told: u64,
    has_ended: bool,
}

/// Puts a watch in. Returns the answer, and what follows it.
pub(super) fn begin(runtime: &Runtime, request: &Request, actor: &Actor) -> Result<(Box<RawValue>, Stream)> {
    let arguments: Arguments = request.arguments()?;
    let watching = runtime.watch(arguments.watch(actor)?)?;
    let mut answer = Map::new();
    view::put(&mut answer, "methods", watching.methods().iter().map(|method| json!(method)));
    view::put(&mut answer, "left_out", watching.left_out().iter().map(|left_out| json!(left_out)));
    let every = arguments.every_ms.map_or(Duration::from_secs(1), Duration::from_millis).max(OFTEN);
    let (id, what, next) = (request.id, arguments.what, Instant::now() + every);
    let stream = Stream { id, what, watching, every, next, told: 0, has_ended: false };
    Ok((protocol::value(&answer)?, stream))
}

impl Stream {
    /// Moves what was noted to the client's connection, as much as it takes.
    pub(super) fn fill(&mut self, connection: &mut Connection, now: Instant) -> Filled {
        if self.has_ended {
            return Filled::AllThereIs;
        }
        // Before the lines, so that those of a watch that is over are all there.
        let is_over = self.watching.is_over();
        loop {
            if !connection.takes_events() {
                return Filled::AllItTakes;
            }
            let Some(line) = self.watching.next_line() else { break };
            self.tell_lost(connection, now);
            connection.push(&protocol::noted(self.id, &line), now);
        }
        self.tell_lost(connection, now);
        if is_over || now >= self.next {
            self.next = now + self.every;
            if let Some(numbers) = self.numbers() {
                connection.push(&numbers, now);
            }
        }
        if is_over {
            self.has_ended = true;
            connection.push(&self.line(&json!({ "end": true, "lost": self.watching.lost() })), now);
        }
        Filled::AllThereIs
    }

    fn tell_lost(&mut self, connection: &mut Connection, now: Instant) {
        let lost = self.watching.lost();
        if lost > self.told && matches!(self.what, What::Trace | What::Record) {
            connection.push(&protocol::lost(self.id, lost - self.told), now);
            self.told = lost;
        }
    }

    /// The numbers at this moment, of a watch that makes some.
    fn numbers(&self) -> Option<Vec<u8>> {
        match self.what {
            What::Trace | What::Record => None,
            What::Stats => Some(self.line(&json!({ "stats": self.watching.stats() }))),
            What::Slow => Some(self.line(&json!({ "slowest": self.watching.slowest(), "lost": self.watching.lost() }))),
            What::Fail => {
                let (calls, failed) = self.watching.failed();
                Some(self.line(&json!({ "calls": calls, "failed": failed })))
            }
        }
    }

    fn line(&self, noted: &impl Serialize) -> Vec<u8> {
        match serde_json::to_string(noted) {
            Ok(noted) => protocol::noted(self.id, &noted),
            Err(_) => protocol::lost(self.id, 1),
        }
    }
}
