//! The C functions of an [`Export`]: how an instance is constructed, asked for its health, saved,
//! restored and destroyed.
//!
//! They are generic over the implementing type, so that the macro generates no logic.

use std::fmt::Display;

use crate::abi::{
    fault::Outcome,
    tables::{Created, Export, RawContext, Saved, Thunk, Verdict},
    value::{Abi, sequences::RawSlice},
};

use super::{
    context::Context,
    panic_barrier::barrier,
    stateful::{self, Stateful},
};

impl Export {
    /// An export of the type `T` without health check and state.
    pub const fn new<T>(
        manifest: &'static [u8],
        thunks: &'static [Thunk],
        create: unsafe extern "C" fn(*const RawContext) -> Created,
    ) -> Export {
        Export {
            manifest: manifest.as_ptr(),
            manifest_len: manifest.len(),
            thunks: thunks.as_ptr(),
            thunk_count: thunks.len(),
            create,
            destroy: destroy::<T>,
            healthy: None,
            save: None,
            restore: None,
        }
    }

    /// Adds a health check.
    #[must_use]
    pub const fn with_healthy(mut self, healthy: unsafe extern "C" fn(usize) -> Verdict) -> Export {
        self.healthy = Some(healthy);
        self
    }

    /// Adds the state of `T`, which is the export's type.
    #[must_use]
    pub const fn with_state<T: Stateful>(mut self) -> Export {
        self.save = Some(save::<T>);
        self.restore = Some(restore::<T>);
        self
    }
}

/// Constructs a `T` by `Default`.
///
/// # Safety
/// As for [`Export::create`].
pub unsafe extern "C" fn default_create<T: Default>(_: *const RawContext) -> Created {
    barrier(|| Ok::<usize, String>(expose(T::default())).into_repr())
}

/// Constructs a `T` by the author's function.
///
/// # Safety
/// As for [`Export::create`].
pub unsafe fn create_with<T, E: Display>(
    context: *const RawContext,
    create: impl FnOnce(&Context) -> Result<T, E>,
) -> Created {
    barrier(|| {
        // SAFETY: the host's context lives for the call.
        let context = unsafe { Context::from_raw(context) };
        create(context).map(expose).map_err(|error| error.to_string()).into_repr()
    })
}

/// Asks the author's function for an instance's health.
///
/// # Safety
/// `instance` was constructed as a `T` and is alive.
pub unsafe fn healthy_with<T, E: Display>(instance: usize, healthy: impl FnOnce(&T) -> Result<(), E>) -> Verdict {
    barrier(|| {
        // SAFETY: the caller says so.
        let instance = unsafe { borrow::<T>(instance) };
        healthy(instance).map_err(|error| error.to_string()).into_repr()
    })
}

fn expose<T>(instance: T) -> usize {
    Box::into_raw(Box::new(instance)).expose_provenance()
}

/// # Safety
/// `instance` came from [`expose`] of a `T` and is alive for `'a`.
unsafe fn borrow<'a, T>(instance: usize) -> &'a T {
    let instance: *const T = std::ptr::with_exposed_provenance(instance);
    // SAFETY: the caller says so.
    unsafe { &*instance }
}

unsafe extern "C" fn destroy<T>(instance: usize) -> Outcome<u8> {
    barrier(|| {
        let instance: *mut T = std::ptr::with_exposed_provenance_mut(instance);
        // SAFETY: the host gives back, once, what a constructor of this export exposed.
        drop(unsafe { Box::from_raw(instance) });
        0
    })
}

unsafe extern "C" fn save<T: Stateful>(instance: usize) -> Saved {
    barrier(|| {
        // SAFETY: the host saves live instances of this export.
        let instance = unsafe { borrow::<T>(instance) };
        stateful::save(instance).into_repr()
    })
}

unsafe extern "C" fn restore<T: Stateful>(context: *const RawContext, from: u32, state: RawSlice<u8>) -> Created {
    barrier(|| {
        // SAFETY: the host's context lives for the call.
        let context = unsafe { Context::from_raw(context) };
        // SAFETY: so do the state's bytes.
        let bytes: &[u8] = unsafe { Abi::from_repr(state) };
        stateful::restore::<T>(from, bytes, context).map(expose).into_repr()
    })
}
