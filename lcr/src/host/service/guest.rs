//! The guest of a runtime: what policy keeps with a runtime, and what the runtime tells it.
//!
//! The mechanism knows of a [`Guest`] only that it wants to hear of faults and of the runtime's end, and that it has
//! locks, which a fork must find free. One guest sits there for as long as the runtime lives; who asks first makes it.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
};

use crate::host::objects::component::Implementation;

/// What a floor above keeps with a runtime. Its locks are leaf locks: under them no other lock is taken.
pub(crate) trait Guest: Any + Send + Sync {
    /// A panic came out of an implementation, which is counted. On the caller's thread, which holds no lock. Returns
    /// soon, and does not panic.
    fn note_fault(&self);

    /// Whether the implementation is on trial. Under the state lock.
    fn watches(&self, implementation: &Implementation) -> bool;

    /// The runtime begins its end: from now on nothing is changed any more. May wait for a moment.
    fn close(&self);

    /// Holds its locks across a fork.
    fn hold(&self) -> Box<dyn HeldGuest + '_>;
}

/// The locks of a [`Guest`].
pub(crate) trait HeldGuest {
    /// In the child of a fork: no thread but the forking one is there.
    fn lose_threads(&mut self);
}

/// The place of the guest.
#[derive(Default)]
pub(crate) struct GuestRoom(OnceLock<Arc<dyn Guest>>);

impl GuestRoom {
    /// The guest, if there is one.
    pub(in crate::host) fn get(&self) -> Option<&Arc<dyn Guest>> {
        self.0.get()
    }

    /// The guest, which is made if there is none. There is one type of guests.
    ///
    /// # Panics
    /// If a guest of another type is there.
    pub(super) fn get_or_default<T: Guest + Default>(&self) -> Arc<T> {
        let guest: Arc<dyn Any + Send + Sync> = Arc::clone(self.0.get_or_init(|| Arc::new(T::default()))) as _;
        guest.downcast().expect("one type of guests")
    }
}
