//! Unmapping: images that no provider uses any more, of components that opted in.
//!
//! Images stay mapped by default, because Rust cannot say who still points into one
//! (thread-locals, leaked references, threads). `#[lcr::component(unload)]` is the
//! author's word that nothing does once all instances are destroyed. Then the image goes
//! when (1) nothing holds an implementation of it, so that no world that can be entered
//! and no instance refers to it, and (2) `Image::unload` finds nothing that
//! [`Holds`](crate::abi::holds::Holds) counts: no value of its held elsewhere, no thread that
//! it started, no destructor of a thread-local. A caller frees what a call returned before it
//! leaves the call's frame, so no thread is on its way back into the image either.

use std::sync::Arc;

use crate::host::image::threads;

use super::inner::RuntimeInner;

impl RuntimeInner {
    /// Unmaps what can be unmapped now. Returns whether anything was.
    pub(in crate::host) fn unload(&self) -> bool {
        let candidates = self.state().images.take_waiting();
        let mut held = Vec::new();
        let mut unloaded = false;
        for candidate in candidates {
            let mut component = match Arc::try_unwrap(candidate) {
                Ok(component) => component,
                Err(candidate) => {
                    held.push(candidate);
                    continue;
                }
            };
            let Some(mut origin) = component.origin.take() else { continue };
            let bytes = origin.image.mapped_bytes();
            origin.image.close();
            threads::settle();
            // SAFETY: the component's author vouches for threads and pointers of its own
            // (`unload`); see the module for the host's.
            match unsafe { origin.image.unload(self.is_closed()) } {
                Ok(()) => {
                    unloaded = true;
                    self.state().images.note_unloaded(bytes);
                }
                Err(still) => {
                    tracing::debug!(component = %component, reason = %still.error, "an image stays mapped for now");
                    origin.image = still.image;
                    component.origin = Some(origin);
                    held.push(Arc::new(component));
                }
            }
        }
        self.state().images.put_back(held);
        unloaded
    }
}
