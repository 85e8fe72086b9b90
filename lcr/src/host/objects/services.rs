//! Handles for a program: of the shared instance, or of one's own.

use std::{collections::HashMap, ptr::NonNull, sync::Arc};

use crate::{
    abi::tables::RawSlot,
    error::Result,
    host::{
        ids::{Generation, ProviderId, SlotId, ViewId},
        service::inner::{RuntimeInner, State},
    },
};

use super::{registry::Visibility, slots::SlotRef};

/// Where services of a view were found in one world: what is present changes only with a
/// commit.
#[derive(Default)]
pub(in crate::host) struct Shortcuts {
    /// The world in which they were found; `None` before the first.
    generation: Option<Generation>,
    unnamed: Option<Shortcut>,
    /// By the name of the component that was asked for. Only names that were found, so they
    /// are no more than there are components.
    named: HashMap<Box<str>, Shortcut>,
}

#[derive(Clone, Copy)]
struct Shortcut {
    provider: ProviderId,
    slot: SlotId,
}

impl Shortcuts {
    /// Where the service of the component, or of any, was found in the world of that number.
    fn find(&self, component: Option<&str>, generation: Generation) -> Option<Shortcut> {
        if self.generation != Some(generation) {
            return None;
        }
        match component {
            None => self.unnamed,
            Some(name) => self.named.get(name).copied(),
        }
    }

    /// Notes where it was found, and forgets what was found in an older world.
    fn remember(&mut self, component: Option<&str>, generation: Generation, shortcut: Shortcut) {
        if self.generation > Some(generation) {
            return;
        }
        if self.generation < Some(generation) {
            self.unnamed = None;
            self.named.clear();
            self.generation = Some(generation);
        }
        match component {
            None => self.unnamed = Some(shortcut),
            Some(name) => drop(self.named.insert(name.into(), shortcut)),
        }
    }
}

impl RuntimeInner {
    /// A reference for a handle of a service, found or built.
    pub(crate) fn service_handle(
        self: &Arc<RuntimeInner>,
        encoded: &[u8],
        component: Option<&str>,
    ) -> Result<NonNull<RawSlot>> {
        let mut state = self.state();
        let view = state.views.resolve(encoded)?;
        if let Some(found) = state.shortcut(view, component) {
            return Ok(found.into_raw());
        }
        let interface = &state.views.get(view).interface;
        let provider = state.registry.choose(&interface.name, interface.version, component, Visibility::Committed)?;
        let generation = state.generation();
        drop(state);
        let service = self.service(provider, Visibility::Committed)?;
        let raw = self.handle_on(service, view)?.into_raw();
        // SAFETY: the reference keeps the slot alive.
        let slot = SlotId::of_offset(unsafe { raw.as_ref() }.offset);
        self.state().views.shortcuts(view).remember(component, generation, Shortcut { provider, slot });
        Ok(raw)
    }

    /// A reference for the handle of an instance of its own.
    pub(crate) fn own_handle(
        self: &Arc<RuntimeInner>,
        encoded: &[u8],
        component: Option<&str>,
        config: Option<Arc<[u8]>>,
    ) -> Result<NonNull<RawSlot>> {
        let mut state = self.state();
        let view = state.views.resolve(encoded)?;
        let interface = &state.views.get(view).interface;
        let provider = state.registry.choose(&interface.name, interface.version, component, Visibility::Committed)?;
        drop(state);
        let service = self.build(provider, config, Visibility::Committed)?;
        Ok(self.handle_on(service, view)?.into_raw())
    }
}

impl State {
    /// Another reference to the slot where the view's service was found, if it is still
    /// there.
    fn shortcut(&mut self, view: ViewId, component: Option<&str>) -> Option<SlotRef> {
        let generation = self.generation();
        let Shortcut { provider, slot } = self.views.shortcuts(view).find(component, generation)?;
        let slot = self.slots.get(slot)?;
        let provider = self.registry.providers.get(provider)?;
        let holds = slot.view == view && slot.dependent.is_none() && provider.service == Some(slot.service);
        if holds { SlotRef::share(slot.raw) } else { None }
    }
}
