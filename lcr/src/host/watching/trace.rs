//! A trace: a line of JSON for each call that is wanted.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Map, Value};

use super::{
    layer::{Call, Ended, Observer},
    lines::{Lines, Permit},
    signature::Signature,
};
use crate::host::{
    reflect::{text::text, view::At},
    sys,
};

/// How long the texts of all arguments are together, in bytes, as a multiple of the limit for one.
pub(crate) const ARGUMENTS: usize = 4;

/// The longest text of a fault, in bytes.
const FAULT: usize = 1024;

/// Which calls a trace shows, and what of them.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Whether arguments and results are shown.
    pub(crate) values: bool,
    /// Only calls that took this long.
    pub(crate) slower: Option<Duration>,
    /// Only calls that faulted or returned an `Err`.
    pub(crate) errors: bool,
    /// The longest text of one value, in bytes.
    pub(crate) width: usize,
}

/// The trace of one method.
pub(crate) struct Trace {
    pub(crate) wanted: Wanted,
    pub(crate) lines: Arc<Lines>,
}

/// A call that is traced.
pub(crate) struct Begun {
    arguments: Option<Value>,
    /// Given at the beginning, unless only the end shows whether the call is wanted, or the call may pend: the permit
    /// would be taken from the calls that end meanwhile.
    permit: Option<Permit>,
    at: Duration,
    since: Instant,
}

impl Trace {
    fn is_selective(&self) -> bool {
        self.wanted.errors || self.wanted.slower.is_some()
    }
}

impl Observer for Trace {
    type Noted = Begun;

    fn begin(&self, call: Call<'_>) -> Option<Begun> {
        if self.lines.is_done() {
            return None;
        }
        let waits = self.is_selective() || call.signature.is_async();
        let permit = if waits { None } else { Some(self.lines.permit()?) };
        let arguments = self.wanted.values.then(|| arguments(call, self.wanted.width));
        Some(Begun { arguments, permit, at: self.lines.age(), since: Instant::now() })
    }

    fn end(&self, noted: Begun, signature: &Signature, ended: &Ended<'_>) {
        let took = noted.since.elapsed();
        let is_wanted =
            self.wanted.slower.is_none_or(|least| took >= least) && !(self.wanted.errors && ended.is_good());
        if !is_wanted {
            return;
        }
        let Some(permit) = noted.permit.or_else(|| self.lines.permit()) else { return };
        let mut line = Map::new();
        line.insert("at_us".to_owned(), micros(noted.at));
        line.insert("method".to_owned(), signature.name().into());
        line.insert("component".to_owned(), signature.component().into());
        line.insert("thread".to_owned(), this_thread().into());
        line.insert("took_ns".to_owned(), u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).into());
        if let Some(arguments) = noted.arguments {
            line.insert("arguments".to_owned(), arguments);
        }
        let (outcome, said) = outcome(signature, ended, self.wanted.values, self.wanted.width);
        line.insert("outcome".to_owned(), outcome.into());
        if let Some(said) = said {
            line.insert("result".to_owned(), said.into());
        }
        self.lines.put(permit, Value::Object(line).to_string());
    }
}

/// The arguments as texts: of each its name, if that is known, and its value.
pub(super) fn arguments(call: Call<'_>, width: usize) -> Value {
    let mut room = width.saturating_mul(ARGUMENTS);
    let one = |(number, value): (usize, At<'_>)| {
        let shown = shown(value, call.signature.is_secret(number), width.min(room));
        room = room.saturating_sub(shown.len());
        let mut out = Map::new();
        if let Some(name) = call.signature.argument_name(number) {
            out.insert("name".to_owned(), name.into());
        }
        out.insert("value".to_owned(), shown.into());
        Value::Object(out)
    };
    call.arguments().enumerate().map(one).collect()
}

pub(super) fn shown(value: At<'_>, is_secret: bool, width: usize) -> String {
    if is_secret { "***".to_owned() } else { text(value, width) }
}

/// How a call ended, in a word, and what it returned or why it did not.
pub(super) fn outcome(
    signature: &Signature,
    ended: &Ended<'_>,
    values: bool,
    width: usize,
) -> (&'static str, Option<String>) {
    match ended {
        Ended::Value(value) => {
            let word = if value.is_err() { "err" } else { "ok" };
            (word, values.then(|| shown(*value, signature.is_result_secret(), width)))
        }
        Ended::Fault(fault) => {
            let (kind, said, beginning) = Ended::fault(fault);
            let beginning = beginning.map(|component| format!(" in {component}")).unwrap_or_default();
            ("fault", Some(cut(format!("{kind}{beginning}: {said}"), FAULT)))
        }
        Ended::Dropped => ("dropped", None),
    }
}

/// A text of at most `limit` bytes.
pub(super) fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

pub(super) fn micros(time: Duration) -> Value {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).into()
}

/// The name of the calling thread, or its number.
fn this_thread() -> String {
    match sys::thread_name() {
        name if name.is_empty() => sys::thread_id().to_kernel().to_string(),
        name => name,
    }
}
