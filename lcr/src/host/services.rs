//! Handles for a program: of the shared instance, or of one's own.

use std::{ptr::NonNull, sync::Arc};

use crate::{abi::tables::RawSlot, error::Result};

use super::{
    link::ViewId,
    registry::{ProviderId, Sight},
    shared::Shared,
};

impl Shared {
    /// A reference for a handle of a service, found or built.
    pub(crate) fn service_handle(
        self: &Arc<Shared>,
        encoded: &[u8],
        component: Option<&str>,
    ) -> Result<NonNull<RawSlot>> {
        let (view, provider) = self.provider_for(encoded, component)?;
        let instance = self.service(provider, Sight::Committed)?;
        Ok(self.handle_on(instance, view)?.into_raw())
    }

    /// A reference for the handle of an instance of its own.
    pub(crate) fn own_handle(
        self: &Arc<Shared>,
        encoded: &[u8],
        component: Option<&str>,
        config: Option<Arc<[u8]>>,
    ) -> Result<NonNull<RawSlot>> {
        let (view, provider) = self.provider_for(encoded, component)?;
        let instance = self.build(provider, config, Sight::Committed)?;
        Ok(self.handle_on(instance, view)?.into_raw())
    }

    fn provider_for(&self, encoded: &[u8], component: Option<&str>) -> Result<(ViewId, ProviderId)> {
        let mut state = self.state();
        let view = state.views.resolve(encoded)?;
        let interface = &state.views.get(view).interface;
        let provider = state.registry.choose(&interface.name, interface.version, component, Sight::Committed)?;
        Ok((view, provider))
    }
}
