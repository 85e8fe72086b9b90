//! The commands about trials and the quarantine.

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{Result, TrialEnd, report::ContentHash};

use super::{
    canaries, ends, protocol,
    served::{Nothing, Served},
    times::time,
    view,
};

pub(super) fn trial(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    protocol::value(&json!({ "trial": served.runtime.trial() }))
}

pub(super) fn wait_trial(served: Served<'_>) -> Result<Box<RawValue>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Arguments {
        #[serde(default)]
        generation: Option<u64>,
        timeout_ms: u64,
    }
    let Arguments { generation, timeout_ms } = served.request.arguments()?;
    let limit = time("timeout_ms", timeout_ms)?;
    let is_meant = |of: u64| generation.is_none_or(|generation| generation == of);
    let wait = |limit| served.runtime.wait_trial(limit).filter(|end| is_meant(end.generation));
    let is_under_way = || served.runtime.trial().is_some_and(|trial| is_meant(trial.generation));
    answer(ends::wait("trial", limit, wait, is_under_way)?.as_ref())
}

pub(super) fn confirm(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    if served.runtime.canary().is_some() {
        return canaries::brought_about(&served.runtime.promote_canary_by(served.actor)?);
    }
    let ended = served.runtime.confirm_by(served.actor)?;
    brought_about(&ended)
}

pub(super) fn abandon(served: Served<'_>) -> Result<Box<RawValue>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Arguments {
        reason: String,
    }
    let Arguments { reason } = served.request.arguments()?;
    if served.runtime.canary().is_some() {
        return canaries::brought_about(&served.runtime.withdraw_canary_by(served.actor, &reason)?);
    }
    let ended = served.runtime.abandon_by(served.actor, &reason)?;
    brought_about(&ended)
}

pub(super) fn quarantine(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    protocol::value(&view::list("quarantine", &served.runtime.quarantine())?)
}

pub(super) fn release(served: Served<'_>) -> Result<Box<RawValue>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Arguments {
        hash: ContentHash,
    }
    let Arguments { hash } = served.request.arguments()?;
    served.runtime.release(&hash)?;
    protocol::value(&json!({ "released": hash }))
}

fn end(ended: &TrialEnd) -> Result<Value> {
    view::with_text(ended).map(Value::Object)
}

/// The end of a trial, in an answer.
fn answer(ended: Option<&TrialEnd>) -> Result<Box<RawValue>> {
    protocol::value(&json!({ "end": ended.map(end).transpose()? }))
}

/// The end that the operator has brought about, in an answer.
fn brought_about(ended: &TrialEnd) -> Result<Box<RawValue>> {
    protocol::value(&json!({ "text": ended.to_string(), "end": end(ended)? }))
}
