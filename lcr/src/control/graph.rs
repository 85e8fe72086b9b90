//! Who needs what of whom, from what the status says of each component.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::Status;

use super::view::put;

/// The components, and an edge from each to every component that implements what it needs. Where several do, the
/// runtime may have bound the need to one of them, which a status does not say.
pub(super) fn graph(status: &Status) -> Value {
    let mut components: BTreeMap<&str, (String, Vec<Value>, Vec<Value>)> = BTreeMap::new();
    let mut providers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for component in &status.components {
        let name = component.id.name.as_str();
        let of = components.entry(name).or_insert_with(|| (component.id.version.to_string(), Vec::new(), Vec::new()));
        of.1.push(json!({ "interface": component.interface, "version": component.interface_version }));
        for (interface, version) in &component.needs {
            let need = json!({ "interface": interface, "version": version });
            if !of.2.contains(&need) {
                of.2.push(need);
            }
        }
        providers.entry(&component.interface).or_default().push(name);
    }
    let mut edges = Vec::new();
    for component in &status.components {
        for (interface, version) in &component.needs {
            for to in providers.get(interface.as_str()).into_iter().flatten() {
                edges.push(json!({ "from": component.id.name, "to": to, "interface": interface, "version": version }));
            }
        }
    }
    // Implementations of one component have the needs of all of it.
    edges.sort_by_cached_key(Value::to_string);
    edges.dedup();
    let components: Vec<Value> = components
        .into_iter()
        .map(|(name, (version, interfaces, needs))| {
            json!({ "name": name, "version": version, "interfaces": interfaces, "needs": needs })
        })
        .collect();
    let mut out = Map::new();
    put(&mut out, "components", components.into_iter());
    put(&mut out, "edges", edges.into_iter());
    out.into()
}
