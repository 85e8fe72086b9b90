//! The commands about canaries. `confirm` and `abandon` end one as they end a trial: there is one of the two at a time.

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{PlanBuilder, Result, canary::CanaryEnd};

use super::{
    canary_rules::CanaryRules,
    ends, protocol,
    served::{Nothing, Served},
    times::time,
    view,
};

/// Begins a canary, in place of the commit.
pub(super) fn begin(plan: PlanBuilder<'_>, rules: &CanaryRules) -> Result<Box<RawValue>> {
    let status = plan.canary(rules.canary()?)?;
    protocol::value(&json!({ "text": status.to_string(), "canary": view::with_text(&status)? }))
}

pub(super) fn canary(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    let status = served.runtime.canary();
    let status = status.map(|status| view::with_text(&status)).transpose()?;
    protocol::value(&json!({ "canary": status }))
}

pub(super) fn wait_canary(served: Served<'_>) -> Result<Box<RawValue>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Arguments {
        #[serde(default)]
        number: Option<u64>,
        timeout_ms: u64,
    }
    let Arguments { number, timeout_ms } = served.request.arguments()?;
    let limit = time("timeout_ms", timeout_ms)?;
    let is_meant = |of: u64| number.is_none_or(|number| number == of);
    let wait = |limit| served.runtime.wait_canary(limit).filter(|end| is_meant(end.number));
    let is_under_way = || served.runtime.canary().is_some_and(|canary| is_meant(canary.number));
    let ended = ends::wait("canary", limit, wait, is_under_way)?;
    protocol::value(&json!({ "end": ended.as_ref().map(end).transpose()? }))
}

fn end(ended: &CanaryEnd) -> Result<Value> {
    let mut shown = view::with_text(ended)?;
    // What a log of the end does not have: values.
    if let Some(shadow) = &ended.shadow {
        shown.insert("shadow".to_owned(), Value::Object(view::with_text(shadow)?));
    }
    Ok(Value::Object(shown))
}

/// The end that an operator has brought about, in an answer.
pub(super) fn brought_about(ended: &CanaryEnd) -> Result<Box<RawValue>> {
    protocol::value(&json!({ "text": ended.to_string(), "end": end(ended)? }))
}
