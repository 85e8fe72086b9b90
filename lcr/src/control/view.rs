//! What answers look like: the public types of lcr as JSON.
//!
//! A list has [`ITEMS`] items at most; how many more there were is beside it.

use serde_json::{Map, Value, json};

use crate::{
    Plan, Report, Result, Status, Straggler,
    report::{ComponentStatus, LeftThread, MemberReport},
};

use super::protocol::{self, ITEMS};

/// Puts a list into an object, and how many items were left out.
fn put(object: &mut Map<String, Value>, name: &str, items: impl ExactSizeIterator<Item = Value>) {
    let left_out = items.len().saturating_sub(ITEMS);
    object.insert(name.to_owned(), items.take(ITEMS).collect());
    if left_out > 0 {
        object.insert(format!("{name}_left_out"), left_out.into());
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

pub(super) fn status(status: &Status) -> Value {
    let mut out = object(json!({
        "generation": status.generation,
        "instances": status.instances,
        "handles": status.handles,
        "pins": status.pins,
        "constructed": status.constructed,
        "destroyed": status.destroyed,
        "retiring": status.retiring,
        "is_gate_shut": status.is_gate_shut,
        "retired_worlds": status.retired_worlds,
        "world_bytes": status.world_bytes,
        "retained_images": status.retained_images,
        "retained_image_bytes": status.retained_image_bytes,
        "images_under_state": status.images_under_state,
    }));
    put(&mut out, "components", status.components.iter().map(component));
    put(&mut out, "stragglers", status.stragglers.iter().map(|straggler| json!(straggler)));
    put(&mut out, "left_threads", status.left_threads.iter().map(left_thread));
    out.into()
}

fn component(component: &ComponentStatus) -> Value {
    json!({
        "name": component.id.name,
        "version": component.id.version.to_string(),
        "source": component.source.as_ref().map(|source| source.to_string_lossy()),
        "hash": component.hash.map(|hash| hash.to_string()),
        "interface": component.interface,
        "interface_version": component.interface_version,
        "instances": component.instances,
        "image_bytes": component.image_bytes,
    })
}

fn left_thread(left: &LeftThread) -> Value {
    json!({ "component": left.component, "thread": left.thread, "thread_id": left.thread_id })
}

pub(super) fn stragglers(list: &[Straggler]) -> Value {
    json!(list[..list.len().min(ITEMS)])
}

/// The plan's [description](Plan::describe), with its text beside it.
pub(super) fn plan(plan: &Plan) -> Result<Value> {
    let mut out = object(serde_json::to_value(plan.describe()).map_err(|error| protocol::unwritable(&error))?);
    out.insert("text".to_owned(), plan.to_string().into());
    out.insert("fits".to_owned(), plan.fits().into());
    Ok(out.into())
}

/// In place of a plan or report, where a directory holds what is present.
pub(super) fn nothing_differs(generation: u64) -> Value {
    json!({ "generation": generation, "text": "nothing differs", "members": [], "refusals": [], "unchanged": true })
}

pub(super) fn report(report: &Report) -> Value {
    let since_epoch = report.started.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let mut out = object(json!({
        "actor": report.actor,
        "reason": report.reason,
        "generation": report.generation,
        "text": report.to_string(),
        "started_ms": u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
        "held_us": micros(report.held),
        "commit_us": micros(report.commit),
        "total_us": micros(report.total),
    }));
    put(&mut out, "members", report.members.iter().map(member));
    put(&mut out, "stragglers", report.stragglers.iter().map(|straggler| json!(straggler)));
    out.into()
}

fn member(member: &MemberReport) -> Value {
    json!({
        "before": member.before,
        "after": member.after,
        "instances": member.instances,
        "state_bytes": member.state_bytes,
        "moved": member.moved,
        "discarded_state": member.discarded_state,
        "overrode_protection": member.overrode_protection,
        "source": member.source.as_ref().map(|source| source.to_string_lossy()),
        "hash": member.hash.map(|hash| hash.to_string()),
        "panic_abort": member.panic_abort,
    })
}
