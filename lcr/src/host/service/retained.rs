//! The images that no provider uses any more: their number, their size, and those that may be unmapped.

use std::{mem, sync::Arc};

use crate::{
    component::identity::ComponentId,
    host::{ids::ThreadId, image::threads::ImageId, objects::component::Component},
};

use super::left_threads::{LeftImage, LeftImages};

/// The images that stay mapped and serve nothing.
#[derive(Default)]
pub(crate) struct RetainedImages {
    count: usize,
    bytes: usize,
    /// Of these, the images into which a state that moved by pointer may point.
    pointed_into: usize,
    /// Components that opted in to be unmapped.
    waiting: Vec<Arc<Component>>,
    left: LeftImages,
}

impl RetainedImages {
    /// Notes an image of `bytes` bytes that was mapped and did not become a component.
    pub(crate) fn retain_refused(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes;
    }

    /// Notes the image of a component that no provider uses, or that was refused. It is never unmapped if a state that
    /// moved by pointer may point into it.
    pub(crate) fn retain(&mut self, component: Arc<Component>) {
        self.count += usize::from(component.origin.is_some());
        self.bytes += component.image_bytes();
        self.left.push(&component);
        if component.is_pointed_into() {
            self.pointed_into += usize::from(component.origin.is_some());
        } else if component.unload {
            self.waiting.push(component);
        }
    }

    /// Notes that a component whose image was retained serves again. It is none that waits to be unmapped.
    pub(crate) fn take_back(&mut self, component: &Component) {
        let Some(origin) = &component.origin else { return };
        let Some(left) = self.left.take(origin.image.id()) else { return };
        self.count -= 1;
        self.bytes -= component.image_bytes();
        self.pointed_into -= usize::from(left.is_pointed_into);
    }

    /// Whether components wait to be unmapped.
    pub(super) fn are_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes out the components that wait to be unmapped.
    pub(super) fn take_waiting(&mut self) -> Vec<Arc<Component>> {
        mem::take(&mut self.waiting)
    }

    /// Puts back the components that cannot be unmapped yet.
    pub(super) fn put_back(&mut self, held: Vec<Arc<Component>>) {
        self.waiting.extend(held);
    }

    /// The threads that images left behind, with the component of each.
    pub(in crate::host) fn left_threads(&self) -> Vec<(ThreadId, ComponentId)> {
        self.left.threads()
    }

    /// Takes out what is known of the threads of an image, before it is unmapped.
    pub(super) fn take_left(&mut self, image: ImageId) -> Option<LeftImage> {
        self.left.take(image)
    }

    /// Puts back what [`take_left`](RetainedImages::take_left) took, of an image that could not be unmapped.
    pub(super) fn put_back_left(&mut self, image: ImageId, left: Option<LeftImage>) {
        self.left.put_back(image, left);
    }

    /// Notes that an image of `bytes` bytes was unmapped.
    pub(super) fn note_unloaded(&mut self, bytes: usize) {
        self.count -= 1;
        self.bytes -= bytes;
    }

    /// How many of the retained images stay mapped because a state that moved may point into them.
    pub(in crate::host) fn pointed_into(&self) -> usize {
        self.pointed_into
    }

    pub(in crate::host) fn count(&self) -> usize {
        self.count
    }

    /// The size of the retained images in memory, in bytes.
    pub(in crate::host) fn bytes(&self) -> usize {
        self.bytes
    }
}
