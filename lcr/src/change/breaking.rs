//! Breaking changes: an interface changes so that its handles cannot go on, in one plan with the
//! components that need it.
//!
//! The handles of a dependent were given to its constructor and go with it, so they promise nothing
//! to other callers: each dependent's handles have slots of their own, which a commit closes. The
//! handles of a program are a promise. The new implementation has to serve them, or the plan is
//! refused.
//!
//! A call inside the old dependent must not find a closed slot. So a dependent whose handles are
//! closed is behind the gate, with state or without: its callers wait, the last call leaves, and its
//! successor is constructed when everything that the successor needs is there. A handle that the
//! dependent lent across an image border belongs to the borrower. A handle that outlives the dependent
//! (in a thread, a static, a destructor) is withdrawn with the dependent: calls through it give a fault.
//!
//! A slot that the present implementation does not serve is closed already, and refuses no plan.

use std::{collections::HashMap, sync::Arc};

use crate::{
    error::{Error, ErrorKind},
    host::{
        image::{
            link::{link, link_need},
            manifest::{DependencyManifest, ExportManifest},
        },
        objects::{component::Implementation, slots::Slot},
        service::state::State,
    },
};

use super::{
    member::{Member, named},
    request::{Refusal, Step},
};

/// Marks the providers with a need that an interface change breaks: their handles on it cannot go on, or
/// cannot be made before the commit.
pub(super) fn mark(state: &State, steps: &[Step], members: &mut [Member]) {
    let changes: Vec<Change<'_>> = members.iter().flat_map(|member| Change::of(state, steps, member)).collect();
    // A provider keeps its interface, so only providers of a need's interface can meet the need.
    let mut by_interface: HashMap<&str, Vec<&Change<'_>>> = HashMap::new();
    for change in &changes {
        by_interface.entry(&change.before.interface).or_default().push(change);
    }
    let of = |need: &DependencyManifest| by_interface.get(&*need.interface).map_or(&[][..], Vec::as_slice);
    let mut breaks_interface = Vec::with_capacity(changes.len());
    for Change { before, after } in &changes {
        let lost = |need: &DependencyManifest| {
            of(need).iter().any(|change| change.before.meets(need) && !change.after.meets(need))
        };
        let gained = |need: &DependencyManifest| {
            of(need).iter().any(|change| change.after.meets(need) && !change.before.meets(need))
        };
        breaks_interface.push(before.deps.iter().any(lost) || after.deps.iter().any(gained));
    }
    let replaced = members.iter_mut().flat_map(|member| &mut member.replaced);
    replaced
        .zip(breaks_interface)
        .for_each(|(replaced, breaks_interface)| replaced.breaks_interface = breaks_interface);
}

/// The implementations of a provider before and after the plan.
struct Change<'a> {
    before: &'a ExportManifest,
    after: &'a ExportManifest,
}

impl<'a> Change<'a> {
    /// The changes of a member, in the order of its replaced providers.
    fn of(state: &'a State, steps: &'a [Step], member: &Member) -> Vec<Change<'a>> {
        let Some(manifest) = steps[member.step].manifest() else { return Vec::new() };
        let change = |replaced: &super::member::ReplacedProvider| Change {
            before: &state.objects().registry().implementation(replaced.provider).manifest,
            after: &manifest.exports[replaced.export],
        };
        member.replaced.iter().map(change).collect()
    }
}

impl ExportManifest {
    fn meets(&self, need: &DependencyManifest) -> bool {
        self.interface == need.interface && link_need(need, self).is_ok()
    }
}

/// Refuses to cut handles off: those of programs, and those of dependents that stay, unless the plan is
/// refused already because their needs are not met (`are_needs_met`).
pub(super) fn refuse_handles(state: &State, steps: &[Step], members: &[Member], are_needs_met: bool) -> Vec<Refusal> {
    let breaking = Breaking::new(state, members);
    let mut refusals = Vec::new();
    let objects = state.objects();
    let services_of = objects.services_by_provider();
    for member in members {
        let step = &steps[member.step];
        let Some(manifest) = step.manifest() else { continue };
        for replaced in &member.replaced {
            let new = &manifest.exports[replaced.export];
            let services = services_of.get(&replaced.provider).into_iter().flatten();
            let mut services = services.filter_map(|&id| objects.services().get(id));
            let refusal = services.find_map(|service| {
                let slots = service.slots().iter().filter_map(|&slot| objects.slots().get(slot));
                let of_interface =
                    slots.filter(|slot| objects.views().get(slot.view()).interface.name == new.interface);
                let mut asked = of_interface.filter(|slot| are_needs_met || slot.is_of(None));
                asked.find_map(|slot| {
                    let error = link(objects.views().get(slot.view()), new).err()?;
                    breaking.refuse(state, slot, error).err()
                })
            });
            if let Some(error) = refusal {
                let error = error.at(step.origin().unwrap_or_default());
                refusals.push(Refusal { step: Some(member.step), error });
            }
        }
    }
    refusals
}

/// The dependents whose handles the commit may close: they are replaced, and no thread is inside them.
pub(super) struct Breaking {
    dependents: Vec<Arc<Implementation>>,
}

impl Breaking {
    pub(super) fn new(state: &State, members: &[Member]) -> Breaking {
        let replaced = members.iter().flat_map(|member| &member.replaced).filter(|replaced| replaced.is_behind_gate());
        let registry = state.objects().registry();
        let present = |provider| Arc::clone(registry.implementation(provider));
        Breaking { dependents: replaced.map(|replaced| present(replaced.provider)).collect() }
    }

    /// Refuses to close a slot that the new implementation cannot serve, if a program or a dependent
    /// that stays holds handles on it. `error` says why the slot cannot be served.
    ///
    /// # Errors
    /// `error`, with the holder of the handles; `Busy` if the holder was replaced and will be destroyed.
    pub(super) fn refuse(&self, state: &State, slot: &Slot, error: Error) -> Result<(), Error> {
        let objects = state.objects();
        let service = objects.services().get(slot.service());
        let is_served = service.is_some_and(|service| service.instance().target(slot.view(), objects.views()).is_ok());
        let handles = slot.handles();
        let may_close = self.dependents.iter().any(|dependent| slot.is_of(Some(dependent)));
        if handles == 0 || !is_served || may_close {
            return Ok(());
        }
        let (counted, is) =
            if handles == 1 { ("1 handle".to_owned(), "is") } else { (format!("{handles} handles"), "are") };
        let view = objects.views().get(slot.view());
        let held = format!("{counted} of {} v{}", view.interface.name, view.interface.version);
        let Some(dependent) = slot.dependent() else {
            return Err(error.at(format!("{held} {is} held outside of what the plan replaces")));
        };
        let who = named(&dependent.manifest);
        if objects.registry().is_present(&dependent) {
            return Err(error.at(format!("{held} {is} held by component {who}")));
        }
        let text = format!("{held} {is} held by component {who}, which was replaced and is not gone yet; try again");
        Err(Error::new(ErrorKind::Busy, text))
    }
}
