//! The command `call`: a method of a running component, with arguments and result as JSON.
//!
//! A server that is [read-only](super::ServerBuilder::read_only) calls methods, too, but only those whose author
//! declared them `#[lcr(pure)]`: a look at what a component knows is a look, and the author's word that it changes
//! nothing is worth as much as the author's code, which runs in the program anyway. What it may do beyond a look is to
//! construct a service that nobody has asked for yet, as the first handle on it would.
//!
//! The worker waits for the call without the runtime: a program that drops its runtime does not wait for the limit of a
//! call that hangs.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Error, ErrorKind, Fault, Result,
    calls::{Call, Called},
};

use super::{
    protocol::{self, ANSWER_LIMIT},
    served::Served,
    times::time,
};

/// How much of an answer is left for what is beside the result and the arguments, in bytes.
const BESIDES: usize = 64 << 10;

/// How long a call may take, unless the request says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    interface: String,
    method: String,
    #[serde(default)]
    component: Option<String>,
    #[serde(default)]
    arguments: Option<Box<RawValue>>,
    #[serde(default)]
    effects: bool,
    #[serde(default)]
    timeout_ms: Option<u64>,
    #[serde(default)]
    limit: Option<usize>,
}

pub(super) fn call(served: Served<'_>) -> Result<Box<RawValue>> {
    let Arguments { interface, method, component, arguments, effects, timeout_ms, limit } =
        served.request.arguments()?;
    if effects && served.is_read_only {
        let text = "the program opened its control socket for reading only: it calls methods that are declared \
                    `#[lcr(pure)]`, and no others";
        return Err(Error::new(ErrorKind::Protected, text));
    }
    let most = ANSWER_LIMIT / 2 - BESIDES;
    if limit.is_some_and(|limit| limit > most) {
        return Err(Error::new(ErrorKind::Invalid, format!("`limit` is above {most}, the most that is sent")));
    }
    let timeout = timeout_ms.map_or(Ok(TIMEOUT), |timeout| time("timeout_ms", timeout))?;
    let mut call = Call::new(interface.as_str(), method.as_str()).timeout(timeout);
    if let Some(component) = component {
        call = call.component(component);
    }
    if let Some(arguments) = arguments {
        call = call.arguments(arguments.get());
    }
    if effects {
        call = call.allow_effects();
    }
    if let Some(limit) = limit {
        call = call.limit(limit);
    }
    let (uid, pid) = (served.actor.uid, served.actor.pid);
    tracing::info!(%interface, %method, effects, uid, pid, "a client of the control socket calls a method");
    let pending = served.runtime.start_call(&call)?;
    served.afterwards(move || answer(interface, method, pending.wait()?))
}

/// What came of a call: one of `result` and `fault`.
#[derive(Serialize)]
struct Answer {
    interface: String,
    method: String,
    component: String,
    signature: String,
    took_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    /// Whether the result is an error of the method.
    is_error: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<FaultLine>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    changed: BTreeMap<String, Box<RawValue>>,
}

#[derive(Serialize)]
struct FaultLine {
    kind: &'static str,
    component: Option<String>,
    origin: Option<String>,
    text: String,
}

fn answer(interface: String, method: String, called: Called) -> Result<Box<RawValue>> {
    // As they are, so that no number is rounded.
    let raw = |text: String| RawValue::from_string(text).map_err(|error| protocol::unwritable(&error));
    let (result, fault) = match called.result {
        Ok(json) => (Some(raw(json)?), None),
        Err(fault) => (None, Some(FaultLine::of(&fault))),
    };
    let changed = called.changed.into_iter().map(|(name, json)| Ok((name, raw(json)?))).collect::<Result<_>>()?;
    protocol::value(&Answer {
        interface,
        method,
        component: called.component.to_string(),
        signature: called.signature,
        took_us: u64::try_from(called.took.as_micros()).unwrap_or(u64::MAX),
        result,
        is_error: called.is_error,
        fault,
        changed,
    })
}

impl FaultLine {
    fn of(fault: &Fault) -> FaultLine {
        FaultLine {
            kind: fault.kind().name(),
            component: fault.component().map(ToString::to_string),
            origin: fault.origin().map(ToString::to_string),
            text: fault.to_string(),
        }
    }
}
