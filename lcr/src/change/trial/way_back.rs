//! [`WayBack`]: what the rollback of a trial needs beside the components on trial.
//!
//! The rollback takes back what one commit did, and what others commit meanwhile stays. So nobody may take away what
//! the versions before depend on, and nobody may change a configuration or a binding that the commit has set: the
//! rollback would overwrite it, or be refused, and the trial would fail. Plans that do either are refused, as those for
//! the components on trial are.
//!
//! Nor may others come to stand in its way: a component that depends on what only the versions on trial offer would be
//! left without it, and a second provider of an interface that a version before needs, or offered, would make that need
//! ambiguous. Plans that bring one of these are refused, too; a binding says which provider is meant, and lets
//! the second
//! one in. What is left is a program's own handle on an interface that the trial has added: no plan makes it. Then
//! the rollback is refused, and the end of the trial says which handles hold the component.
//!
//! What the versions before depend on is found at the commit, by the bindings of that time. A provider keeps its number
//! when its component is replaced, by whatever name, so the numbers hold until the trial ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    change::{
        member::Member,
        request::{Options, Step},
    },
    component::identity::ComponentId,
    host::{
        ids::ProviderId,
        image::{
            link::link_need,
            manifest::{DependencyManifest, ExportManifest},
        },
        objects::provider::Visibility,
        service::state::State,
    },
};

/// What the rollback of a trial needs of others.
#[derive(Default)]
pub(super) struct WayBack {
    needed: Vec<Needed>,
    /// What the versions before offer, by the provider; one that the commit removes is back after the rollback.
    offers: Vec<Offer>,
    /// The components that the commit has configured.
    configured: BTreeSet<String>,
    /// The interfaces that the commit has bound, with the component that each was bound to before.
    bound: BTreeMap<String, Option<String>>,
}

/// A need of a version before, which a component meets that is not on trial.
struct Needed {
    provider: ProviderId,
    need: DependencyManifest,
    by: ComponentId,
}

/// What a version before offers.
struct Offer {
    provider: ProviderId,
    manifest: Arc<ExportManifest>,
    /// Whether the commit removes it.
    is_removed: bool,
}

impl WayBack {
    /// What taking back the commit of these members would need, before the registry changes.
    pub(super) fn of(state: &State, members: &[Member], options: &Options) -> WayBack {
        let registry = state.objects().registry();
        let on_trial: BTreeSet<ProviderId> = members.iter().flat_map(Member::providers).collect();
        let before = members.iter().filter_map(|member| member.before.as_ref());
        let before = before.flat_map(|before| state.component_now(&before.name).0);
        let needed = before.flat_map(|implementation| {
            let needs = implementation.manifest.deps.iter().filter_map(|need| {
                let chosen = registry.choose(&need.interface, need.version, None, Visibility::Committed);
                let provider = chosen.ok().filter(|provider| !on_trial.contains(provider))?;
                Some(Needed { provider, need: need.clone(), by: implementation.component.id.clone() })
            });
            needs.collect::<Vec<_>>()
        });
        let providers = members
            .iter()
            .flat_map(|member| member.providers().map(|provider| (provider, member.removed.contains(&provider))));
        let offers = providers.map(|(provider, is_removed)| {
            let manifest = Arc::clone(&registry.implementation(provider).manifest);
            Offer { provider, manifest, is_removed }
        });
        let bindings = registry.bindings();
        let bound = options.bindings_after().into_keys().map(|interface| {
            let before = bindings.get(&interface).cloned();
            (interface, before)
        });
        WayBack {
            needed: needed.collect(),
            offers: offers.collect(),
            configured: options.configurations_after().map(|(component, _)| component.clone()).collect(),
            bound: bound.collect(),
        }
    }

    /// What a member of another plan would take away, in words.
    pub(super) fn taken_by(&self, member: &Member, steps: &[Step]) -> Option<String> {
        let name = &member.before.as_ref()?.name;
        let needed = self.needed.iter().find(|needed| !needed.is_met_after(member, steps));
        if let Some(Needed { need, by, .. }) = needed {
            return Some(format!("component `{name}` serves {} v{} to `{by}`", need.interface, need.version));
        }
        let stays = member.after.as_ref().is_some_and(|after| after.name == *name);
        let mut bound = self.bound.iter().filter(|_| !stays);
        let (interface, _) = bound.find(|(_, before)| before.as_ref() == Some(name))?;
        Some(format!("{interface} was bound to component `{name}`"))
    }

    /// Whether the commit has configured a component.
    pub(super) fn has_configured(&self, component: &str) -> bool {
        self.configured.contains(component)
    }

    /// What a member of another plan would bring that stands in the way of the rollback, in words.
    pub(super) fn barred_by(
        &self,
        state: &State,
        member: &Member,
        step: &Step,
        options: &Options,
        is_on_trial: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let (manifest, registry) = (step.manifest()?, state.objects().registry());
        let name = &manifest.component.name;
        for need in manifest.exports.iter().flat_map(|export| &export.deps) {
            let bound = options.bindings.get(&need.interface).map(String::as_str);
            let chosen = registry.choose(&need.interface, need.version, bound, Visibility::Committed);
            let Ok(chosen) = chosen else { continue };
            let provided = &registry.implementation(chosen).component.id.name;
            let is_met_before = match self.offers.iter().find(|offer| offer.provider == chosen) {
                Some(before) => link_need(need, &before.manifest).is_ok(),
                None => !is_on_trial(provided),
            };
            if !is_met_before {
                let what = format!("{} v{}", need.interface, need.version);
                return Some(format!("component `{name}` needs {what}, which `{provided}` offers only since then"));
            }
        }
        let is_bound =
            |interface: &str| options.bindings.contains_key(interface) || registry.bindings().contains_key(interface);
        let added = member.added.iter().filter_map(|&export| manifest.exports.get(export));
        for export in added.filter(|export| !is_bound(&export.interface)) {
            let serves = |version: u32| export.interface_version == version || export.replaces.contains(&version);
            let is_needed = |needed: &&Needed| needed.need.interface == export.interface && serves(needed.need.version);
            if let Some(Needed { by, .. }) = self.needed.iter().find(is_needed) {
                let what = &export.interface;
                return Some(format!(
                    "component `{name}` would be a second one that offers {what}, which `{by}` needs"
                ));
            }
            let is_back = |offer: &&Offer| offer.is_removed && offer.manifest.interface == export.interface;
            if let Some(offer) = self.offers.iter().find(is_back) {
                let (what, by) = (&export.interface, &offer.manifest.component);
                return Some(format!("component `{name}` would be a second one that offers {what}, beside `{by}`"));
            }
        }
        None
    }

    /// The configurations and bindings of the commit that another plan would change, in words.
    pub(super) fn set_by(&self, options: &Options) -> Vec<String> {
        let configured = options.configurations_after().map(|(component, _)| component);
        let configured = configured.filter(|component| self.configured.contains(*component));
        let configured = configured.map(|component| format!("component `{component}` was configured"));
        let bound = options.bindings_after().into_keys().filter(|interface| self.bound.contains_key(interface));
        configured.chain(bound.map(|interface| format!("{interface} was bound"))).collect()
    }
}

impl Needed {
    fn is_met_after(&self, member: &Member, steps: &[Step]) -> bool {
        if member.removed.contains(&self.provider) {
            return false;
        }
        let replaced = member.replaced.iter().find(|replaced| replaced.provider == self.provider);
        let export = replaced.and_then(|replaced| steps[member.step].manifest()?.exports.get(replaced.export));
        export.is_none_or(|export| link_need(&self.need, export).is_ok())
    }
}
