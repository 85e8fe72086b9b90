//! What answers look like: the [documents](crate::document) of lcr, with their text beside them.
//!
//! A list that stands in an answer has [`ITEMS`] items at most; how many more there were is beside it.

use std::fmt::Display;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{Plan, Result, Straggler, report::HeldBy};

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

/// A document, with its lists cut.
pub(super) fn document(document: &impl Serialize) -> Result<Map<String, Value>> {
    let value = serde_json::to_value(document).map_err(|error| protocol::unwritable(&error))?;
    let mut out = Map::new();
    for (name, value) in object(value) {
        match value {
            Value::Array(items) => put(&mut out, &name, items.into_iter()),
            value => _ = out.insert(name, value),
        }
    }
    Ok(out)
}

/// A document, with its text beside it.
pub(super) fn with_text(of: &(impl Serialize + Display)) -> Result<Map<String, Value>> {
    let mut out = document(of)?;
    out.insert("text".to_owned(), of.to_string().into());
    Ok(out)
}

/// A list of documents.
pub(super) fn list<T: Serialize>(name: &str, documents: &[T]) -> Result<Value> {
    let values = documents.iter().take(ITEMS).map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    let mut out = Map::new();
    out.insert(name.to_owned(), values.map_err(|error| protocol::unwritable(&error))?.into());
    if documents.len() > ITEMS {
        out.insert(format!("{name}_left_out"), (documents.len() - ITEMS).into());
    }
    Ok(out.into())
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
            "held_for_us": u64::try_from(pin.seen_for.as_micros()).unwrap_or(u64::MAX),
        })
    };
    let mut out = Map::new();
    put(&mut out, "pins", held.iter().map(pin));
    out.into()
}

/// The plan's [description](Plan::describe), with what its text and its room say beside it.
pub(super) fn plan(plan: &Plan) -> Result<Value> {
    let mut out = document(&plan.describe())?;
    out.insert("text".to_owned(), plan.to_string().into());
    out.insert("fits".to_owned(), plan.fits().into());
    Ok(out.into())
}

/// In place of a plan or report, where a directory holds what is present.
pub(super) fn nothing_differs(generation: u64) -> Value {
    json!({ "generation": generation, "text": "nothing differs", "members": [], "refusals": [], "unchanged": true })
}
