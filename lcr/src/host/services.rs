//! Handles for a program: of the shared instance, or of one's own.

use std::{ptr::NonNull, sync::Arc};

use crate::{
    abi::{tables::RawSlot, world::slot_of},
    error::Result,
};

use super::{
    link::{Shortcut, ViewId},
    registry::Sight,
    shared::{Shared, State},
    slots::SlotRef,
};

impl Shared {
    /// A reference for a handle of a service, found or built.
    pub(crate) fn service_handle(
        self: &Arc<Shared>,
        encoded: &[u8],
        component: Option<&str>,
    ) -> Result<NonNull<RawSlot>> {
        let mut state = self.state();
        let view = state.views.resolve(encoded)?;
        if component.is_none()
            && let Some(found) = state.shortcut(view)
        {
            return Ok(found.into_raw());
        }
        let interface = &state.views.get(view).interface;
        let provider = state.registry.choose(&interface.name, interface.version, component, Sight::Committed)?;
        let generation = state.generation();
        drop(state);
        let instance = self.service(provider, Sight::Committed)?;
        let raw = self.handle_on(instance, view)?.into_raw();
        if component.is_none() {
            // SAFETY: the reference keeps the slot alive.
            let slot = slot_of(unsafe { raw.as_ref() }.offset);
            self.state().views.remember(view, Shortcut { generation, provider, slot });
        }
        Ok(raw)
    }

    /// A reference for the handle of an instance of its own.
    pub(crate) fn own_handle(
        self: &Arc<Shared>,
        encoded: &[u8],
        component: Option<&str>,
        config: Option<Arc<[u8]>>,
    ) -> Result<NonNull<RawSlot>> {
        let mut state = self.state();
        let view = state.views.resolve(encoded)?;
        let interface = &state.views.get(view).interface;
        let provider = state.registry.choose(&interface.name, interface.version, component, Sight::Committed)?;
        drop(state);
        let instance = self.build(provider, config, Sight::Committed)?;
        Ok(self.handle_on(instance, view)?.into_raw())
    }
}

impl State {
    /// Another reference to the slot where the view's service was found last, if it is
    /// still there.
    fn shortcut(&self, view: ViewId) -> Option<SlotRef> {
        let shortcut = self.views.get(view).shortcut?;
        let slot = self.slots.get(shortcut.slot)?;
        let provider = self.registry.providers.get(shortcut.provider)?;
        let holds =
            shortcut.generation == self.generation() && slot.view == view && provider.service == Some(slot.instance);
        if holds { SlotRef::share(slot.raw) } else { None }
    }
}
