//! Threads that images left behind: what their components started and did not end.
//!
//! A component leaves threads behind if one that it started runs on when the destructor of its last instance has
//! returned. [`image/threads`](crate::host::image::threads) lists the threads of all images of the process; this
//! module knows which images of this runtime serve nothing any more, and what each is called.
//!
//! Threads of a component that is linked into the program are the program's, and are not told apart from it.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use crate::{
    component::identity::ComponentId,
    host::{
        ids::ThreadId,
        image::threads::{self, ImageId},
        objects::component::Component,
    },
};

/// The images that no provider uses and that are mapped.
#[derive(Default)]
pub(super) struct LeftImages(HashMap<ImageId, LeftImage>);

/// What is known of such an image.
pub(super) struct LeftImage {
    id: ComponentId,
    /// Counted by the component, and by each instance that is left, also while its destructor runs.
    uses: Weak<()>,
    /// Whether a state that moved by pointer may point into it, since before it was left.
    pub(super) is_pointed_into: bool,
}

impl LeftImages {
    /// Notes the image of a component that no provider uses, or that was refused.
    pub(super) fn push(&mut self, component: &Arc<Component>) {
        if let Some(origin) = &component.origin {
            let (id, is_pointed_into) = (component.id.clone(), component.is_pointed_into());
            self.0.insert(origin.image.id(), LeftImage { id, uses: Arc::downgrade(component.uses()), is_pointed_into });
        }
    }

    /// Takes out what is known of an image before it is unmapped, since the next image may lie where it lay.
    pub(super) fn take(&mut self, image: ImageId) -> Option<LeftImage> {
        self.0.remove(&image)
    }

    /// Puts back what was known of an image that could not be unmapped.
    pub(super) fn put_back(&mut self, image: ImageId, left: Option<LeftImage>) {
        self.0.extend(left.map(|left| (image, left)));
    }

    /// The threads of the images of which every instance was destroyed, with the component of each.
    pub(super) fn threads(&self) -> Vec<(ThreadId, ComponentId)> {
        let left = |image| self.0.get(&image).filter(|left| left.uses.strong_count() <= 1);
        let threads = threads::started().into_iter();
        threads.filter_map(|(thread, image)| Some((thread, left(image)?.id.clone()))).collect()
    }
}
