//! Unmapping: images that no provider uses any more, of components that opted in.
//!
//! Images stay mapped by default, because Rust cannot say what still points into an image (thread-locals,
//! leaked references, threads). With `#[lcr::component(unload)]` the author vouches that nothing does once all
//! instances are destroyed. Then the reaper unmaps the image when (1) nothing holds an implementation of it,
//! so that no instance and no world that can be entered refers to it, and (2) `Image::unload` finds nothing
//! that [`Holds`](crate::abi::holds::Holds) counts: no value of the image held elsewhere, no thread that the
//! image started, no destructor of a thread-local. A caller frees what a call returned before it leaves the
//! call's frame, so no thread is on its way back into the image.

use std::sync::Arc;

use crate::host::image::threads;

use super::inner::RuntimeInner;

impl RuntimeInner {
    /// Unmaps the images that can be unmapped now. Returns whether there were any.
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
            let (image, bytes) = (origin.image.id(), origin.image.mapped_bytes());
            origin.image.close();
            threads::settle();
            if threads::started().iter().any(|(_, of)| *of == image) {
                // They are listed meanwhile.
                tracing::debug!(component = %component, "an image stays mapped while threads that it started run");
                component.origin = Some(origin);
                held.push(Arc::new(component));
                continue;
            }
            let left = self.state().images.take_left(image);
            // SAFETY: the component's author vouches for threads and pointers of its own
            // (`unload`); see the module for the host's.
            match unsafe { origin.image.unload(self.is_closed()) } {
                Ok(()) => {
                    unloaded = true;
                    self.state().images.note_unloaded(bytes);
                }
                Err(still) => {
                    // A thread of this runtime's own may be what holds it.
                    self.reaper.destroyers.dismiss();
                    tracing::debug!(component = %component, reason = %still.error, "an image stays mapped for now");
                    self.state().images.put_back_left(image, left);
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
