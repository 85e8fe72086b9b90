//! The commands about trials and the quarantine.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{ComponentId, Error, ErrorKind, Quarantined, Result, Runtime, TrialEnd, TrialStatus, report::ContentHash};

use super::{
    changes::time,
    protocol,
    served::{Nothing, Served},
    view,
};

/// How long one request waits for the end of a trial. A thread of few waits, so a client asks again.
const WAIT: Duration = Duration::from_secs(60);

/// The new versions of the trial that is under way.
pub(super) fn on_trial(runtime: &Runtime) -> Vec<ComponentId> {
    let members = runtime.trial().map(|trial| trial.members).unwrap_or_default();
    members.into_iter().filter_map(|member| member.after).collect()
}

pub(super) fn trial(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    protocol::value(&json!({ "trial": served.runtime.trial().as_ref().map(status) }))
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
    let limit = time("timeout_ms", timeout_ms)?.min(WAIT);
    let is_meant = |of: u64| generation.is_none_or(|generation| generation == of);
    let ended = served.runtime.wait_trial(limit).filter(|end| is_meant(end.generation));
    if ended.is_none() && !served.runtime.trial().is_some_and(|trial| is_meant(trial.generation)) {
        // It may have ended between the two looks.
        let last = served.runtime.wait_trial(Duration::ZERO).filter(|end| is_meant(end.generation));
        let Some(last) = last else {
            let text = "no such trial is under way, and it was not the last one; the events say how it ended";
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        return protocol::value(&json!({ "end": end(&last) }));
    }
    protocol::value(&json!({ "end": ended.as_ref().map(end) }))
}

pub(super) fn confirm(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    let ended = served.runtime.confirm_by(served.actor)?;
    protocol::value(&json!({ "text": ended.to_string(), "end": end(&ended) }))
}

pub(super) fn abandon(served: Served<'_>) -> Result<Box<RawValue>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Arguments {
        reason: String,
    }
    let Arguments { reason } = served.request.arguments()?;
    let ended = served.runtime.abandon_by(served.actor, &reason)?;
    protocol::value(&json!({ "text": ended.to_string(), "end": end(&ended) }))
}

pub(super) fn quarantine(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    let quarantined = |file: &Quarantined| {
        let at = view::moment(file.since);
        json!({ "hash": file.hash, "component": file.component, "at": at, "why": file.why })
    };
    let files: Vec<Value> = served.runtime.quarantine().iter().map(quarantined).collect();
    protocol::value(&json!({ "quarantine": files }))
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

fn status(trial: &TrialStatus) -> Value {
    let members = trial.members.iter().map(|member| {
        json!({
            "component": member.after.as_ref().or(member.before.as_ref()),
            "before": member.before,
            "after": member.after,
            "hash": member.hash,
            "faults": member.faults,
        })
    });
    json!({
        "generation": trial.generation,
        "members": members.collect::<Vec<Value>>(),
        "at": view::moment(trial.began),
        "left_us": trial.left.map(view::micros),
        "faults": trial.members.iter().map(|member| member.faults).sum::<u64>(),
        "faults_allowed": trial.faults_allowed,
        "rolling_back": trial.rolling_back,
        "refused_tries": trial.refused_tries,
    })
}

fn end(ended: &TrialEnd) -> Value {
    json!({
        "generation": ended.generation,
        "outcome": ended.outcome.name(),
        "cause": ended.cause.name(),
        "why": ended.why,
        "component": ended.component,
        "method": ended.method.as_ref().map(ToString::to_string),
        "members": ended.members,
        "at": view::moment(ended.at),
        "lasted_us": view::micros(ended.lasted),
        "quarantined": ended.quarantined,
        "back": ended.back.as_ref().map(view::report),
        "refusal": ended.refusal,
        "left_threads": ended.left_threads,
        "text": ended.to_string(),
    })
}
