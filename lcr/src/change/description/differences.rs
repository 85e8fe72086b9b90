//! How the methods of a new implementation differ from those of the present one, in lines for an operator.
//!
//! Nothing is judged here: [`link`](crate::host::image::link) refuses what does not fit the handles that are held, and
//! a difference that no handle notices is none of its business. The work is linear in the two manifests.

use crate::host::image::manifest::{ExportManifest, MethodManifest};

/// How many lines are given for one interface.
const MOST: usize = 64;

/// The differences, one line each.
pub(in crate::change) fn differences(before: &ExportManifest, after: &ExportManifest) -> Vec<String> {
    let mut lines = Vec::new();
    let (old, new) = (before.interface_version, after.interface_version);
    if old != new {
        let serves = if after.replaces.contains(&old) { "which serves handles of v" } else { "which does not serve v" };
        lines.push(format!("version {old} becomes {new}, {serves}{old}"));
    }
    for method in &before.methods {
        let name = name(method);
        match after.method(name).map(|at| &after.methods[at]) {
            None => lines.push(format!("{name}: gone, {}", consequence(method))),
            Some(other) => {
                let difference = method.shape.difference(&other.shape);
                lines.extend(difference.map(|difference| difference.summary()));
            }
        }
    }
    let new_methods = after.methods.iter().filter(|method| before.method(name(method)).is_none());
    lines.extend(new_methods.map(|method| format!("{}: new, {}", name(method), method.shape)));
    if lines.len() > MOST {
        let more = lines.len() - (MOST - 1);
        lines.truncate(MOST - 1);
        lines.push(format!("and {more} more differences"));
    }
    lines
}

fn name(method: &MethodManifest) -> &str {
    method.shape.name().unwrap_or_default()
}

fn consequence(method: &MethodManifest) -> &'static str {
    if method.has_default { "the default body serves it" } else { "handles that have it cannot be served" }
}
