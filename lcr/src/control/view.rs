//! What answers look like: the public types of lcr as JSON.
//!
//! A list has [`ITEMS`] items at most; how many more there were is beside it.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use crate::{
    ComponentId, Plan, Report, Result, Revision, Status, Straggler,
    plan::Rehearsal,
    report::{ComponentStatus, HeldBy, LeftThread, MemberReport},
};

use super::protocol::{self, ITEMS};

/// Puts a list into an object, and how many items were left out.
pub(super) fn put(object: &mut Map<String, Value>, name: &str, items: impl ExactSizeIterator<Item = Value>) {
    let left_out = items.len().saturating_sub(ITEMS);
    object.insert(name.to_owned(), items.take(ITEMS).collect());
    if left_out > 0 {
        object.insert(format!("{name}_left_out"), left_out.into());
    }
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// The status; `on_trial` are the new versions of the trial that is under way.
pub(super) fn status(status: &Status, on_trial: &[ComponentId]) -> Value {
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
    put(&mut out, "components", status.components.iter().map(|each| component(each, on_trial)));
    put(&mut out, "stragglers", status.stragglers.iter().map(|straggler| json!(straggler)));
    put(&mut out, "left_threads", status.left_threads.iter().map(left_thread));
    out.into()
}

fn component(component: &ComponentStatus, on_trial: &[ComponentId]) -> Value {
    let faulty = component
        .faulty_methods
        .iter()
        .take(ITEMS)
        .map(|faulty| json!({ "method": faulty.method.to_string(), "faults": faulty.faults, "last": faulty.last }));
    let faulty: Vec<Value> = faulty.collect();
    json!({
        "name": component.id.name,
        "version": component.id.version.to_string(),
        "source": component.source.as_ref().map(|source| source.to_string_lossy()),
        "hash": component.hash.map(|hash| hash.to_string()),
        "interface": component.interface,
        "interface_version": component.interface_version,
        "instances": component.instances,
        "image_bytes": component.image_bytes,
        "protected": component.protected,
        "on_trial": on_trial.contains(&component.id),
        "faults": component.faults,
        "faulty_methods": faulty,
    })
}

fn left_thread(left: &LeftThread) -> Value {
    json!({ "component": left.component, "thread": left.thread, "thread_id": left.thread_id })
}

pub(super) fn stragglers(list: &[Straggler]) -> Value {
    json!(list[..list.len().min(ITEMS)])
}

/// The generations that can be gone back to.
pub(super) fn revisions(known: &[Revision]) -> Value {
    let revision = |revision: &Revision| {
        json!({
            "generation": revision.generation,
            "at": moment(revision.since),
            "components": revision.components,
            "is_present": revision.is_present,
        })
    };
    let mut out = Map::new();
    put(&mut out, "revisions", known.iter().map(revision));
    out.into()
}

/// The pins that are held.
pub(super) fn pins(held: &[Straggler]) -> Value {
    let pin = |pin: &Straggler| {
        let generation = match pin.held_by {
            HeldBy::Pin { generation } => Some(generation),
            _ => None,
        };
        json!({
            "thread": pin.thread,
            "thread_id": pin.thread_id,
            "generation": generation,
            "held_for_us": micros(pin.seen_for),
        })
    };
    let mut out = Map::new();
    put(&mut out, "pins", held.iter().map(pin));
    out.into()
}

/// The plan's [description](Plan::describe), with its text beside it.
pub(super) fn plan(plan: &Plan) -> Result<Value> {
    let mut out = object(serde_json::to_value(plan.describe()).map_err(|error| protocol::unwritable(&error))?);
    out.insert("text".to_owned(), plan.to_string().into());
    out.insert("fits".to_owned(), plan.fits().into());
    Ok(out.into())
}

/// What a rehearsal has found, with its text beside it.
pub(super) fn rehearsal(found: &Rehearsal) -> Result<Value> {
    let mut out = object(serde_json::to_value(found).map_err(|error| protocol::unwritable(&error))?);
    out.insert("text".to_owned(), found.to_string().into());
    Ok(out.into())
}

/// In place of a plan or report, where a directory holds what is present.
pub(super) fn nothing_differs(generation: u64) -> Value {
    json!({ "generation": generation, "text": "nothing differs", "members": [], "refusals": [], "unchanged": true })
}

pub(super) fn report(report: &Report) -> Value {
    let mut out = object(json!({
        "actor": report.actor,
        "reason": report.reason,
        "generation": report.generation,
        "text": report.to_string(),
        "started": moment(report.started),
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

/// A moment, as events have it: `2026-11-30T07:08:09.000123Z`.
pub(super) fn moment(at: SystemTime) -> String {
    humantime::format_rfc3339_micros(at.max(SystemTime::UNIX_EPOCH)).to_string()
}

/// A time in whole microseconds.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
