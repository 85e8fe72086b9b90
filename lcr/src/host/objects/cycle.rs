//! Refuses to build an instance whose dependencies could not all be built.

use std::collections::HashMap;

use crate::{
    error::{Error, ErrorKind, Result},
    host::ids::ProviderId,
};

use super::{
    order::{NESTED, depth_first, depths, too_deep},
    provider::Visibility,
    registry::Registry,
};

/// Refuses to build a provider's instance for a thread that sees `visibility`, if the provider's needs lead
/// back to it, or are nested deeper than a stack is sure to have room for.
///
/// # Errors
/// `Dependency`, with the ring or the depth.
pub(super) fn refuse(registry: &Registry, provider: ProviderId, visibility: Visibility) -> Result<()> {
    let mut seen_by = HashMap::from([(provider, visibility)]);
    let mut needs = HashMap::new();
    let next = |id: ProviderId| {
        let Some(provider) = registry.get(id) else { return Vec::new() };
        let visibility = provider.visibility_of_present(seen_by.get(&id).copied().unwrap_or(visibility));
        let deps = &provider.implementation().manifest.deps;
        // A missing dependency is reported when it is to be built.
        let chosen =
            deps.iter().filter_map(|need| registry.choose(&need.interface, need.version, None, visibility).ok());
        let chosen: Vec<ProviderId> = chosen.collect();
        chosen.iter().for_each(|&need| _ = seen_by.entry(need).or_insert(visibility));
        needs.insert(id, chosen.clone());
        chosen
    };
    let name = |id: &ProviderId| registry.implementation(*id).component.id.name.as_str();
    let order = depth_first([provider], next, |ring| {
        let names: Vec<&str> = ring.iter().chain(ring.first()).map(name).collect();
        let names = names.join(" -> ");
        let text = format!("components depend on each other in a cycle: {names}; break it at one of them");
        Some(Error::new(ErrorKind::Dependency, text))
    })?;
    let depths = depths(&order, |id| needs.get(&id).cloned().unwrap_or_default());
    match depths.get(&provider) {
        Some(&depth) if depth > NESTED => Err(too_deep(name(&provider), depth)),
        _ => Ok(()),
    }
}
