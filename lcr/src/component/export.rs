//! The C functions of an [`Export`]: how an instance is constructed, asked for its health, saved,
//! restored and destroyed.
//!
//! They are generic over the implementing type and what it runs inside, so that the macro generates no logic.

#[cfg(feature = "host")]
use std::sync::Arc;
use std::{any::TypeId, convert::Infallible, fmt::Display, mem::ManuallyDrop, sync::atomic::AtomicU32};

use crate::abi::{
    crossing::Crossing,
    fault::Outcome,
    identity::Identity,
    tables::{Created, Export, RawContext, Saved, StateTable, Thunk, Verdict},
    value::{Abi, sequences::RawSlice},
};

#[cfg(feature = "host")]
use super::ambient::Bare;
use super::{
    ambient::{Ambient, Placed},
    context::Context,
    panic_barrier::barrier,
    stateful::{self, Stateful},
    wire::Unwanted,
};

/// The type of [`Export::downgrade`].
pub type Downgrade = unsafe extern "C" fn(usize, u32, RawSlice<u8>, *const AtomicU32) -> Saved;

impl Export {
    /// An export of the type `T`, which runs inside `A`, without health check and state, with objects of its own.
    pub const fn new<T, A: Ambient>(
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
            destroy: destroy::<T, A>,
            healthy: None,
            save: None,
            restore: None,
            incremental: None,
            state: std::ptr::null(),
            identity: || None,
            crossings: None,
            downgrade: None,
        }
    }

    /// Adds the function that gives the thunks of the methods' C functions, as many as there are methods or none.
    #[must_use]
    pub const fn with_crossings(mut self, crossings: extern "C" fn() -> *const Crossing) -> Export {
        self.crossings = Some(crossings);
        self
    }

    /// Has it share its objects with the image's other exports of the type `T`, inside `A`, that are constructed
    /// by `Default`.
    #[must_use]
    pub const fn shared_by_default<T: 'static, A: Ambient>(mut self) -> Export {
        self.identity = identity::<T, A, DefaultConstructor>;
        self
    }

    /// Has it share its objects with the image's other exports of the type `T`, inside `A`, that are constructed
    /// by this very function.
    #[must_use]
    pub const fn shared_by<T: 'static, A: Ambient, E, F: FnOnce(&Context) -> Result<T, E> + 'static>(
        mut self,
        _: &F,
    ) -> Export {
        self.identity = identity::<T, A, F>;
        self
    }

    /// An export whose instances are counts of an `Arc<T>`, as [`expose_shared`] makes them. It constructs
    /// none.
    #[cfg(feature = "host")]
    pub const fn of_shared<T: Send + Sync + 'static>(thunks: &'static [Thunk]) -> Export {
        // The program's object has no room for an ambient beside it.
        const { assert!(size_of::<Placed<T, Bare>>() == size_of::<T>()) };
        const { assert!(align_of::<Placed<T, Bare>>() == align_of::<T>()) };
        Export { destroy: give_back::<T>, ..Export::new::<T, Bare>(&[], thunks, create_nothing) }
    }

    /// Adds a health check.
    #[must_use]
    pub const fn with_healthy(mut self, healthy: unsafe extern "C" fn(usize) -> Verdict) -> Export {
        self.healthy = Some(healthy);
        self
    }

    /// Adds the state of `T`, which is the export's type and runs inside `A`.
    #[must_use]
    pub const fn with_state<T: Stateful, A: Ambient>(mut self) -> Export {
        self.save = Some(save::<T, A>);
        self.restore = Some(restore::<T, A>);
        self.downgrade = if T::DOWNGRADES_TO.is_empty() { None } else { Some(downgrade::<T, A>) };
        self
    }

    /// Adds the state that the instance keeps. `table` is of the same type's
    /// [`Keeping`](super::state::keeping::Keeping).
    #[must_use]
    pub const fn with_kept_state(mut self, table: &'static StateTable) -> Export {
        self.state = table;
        self
    }

    /// Adds the way back of the state that the instance keeps, which is of the same
    /// [`Keeping`](super::state::keeping::Keeping).
    #[must_use]
    pub const fn with_downgrade(mut self, downgrade: Option<Downgrade>) -> Export {
        self.downgrade = downgrade;
        self
    }
}

/// Stands for `Default` among constructors.
struct DefaultConstructor;

/// What the objects of an export are. Two values of a type that has a size, such as two function pointers, may
/// be two constructors: then the objects are the export's own.
fn identity<T: 'static, A: Ambient, F: 'static>() -> Option<Identity> {
    (size_of::<F>() == 0).then(|| Identity { object: TypeId::of::<Placed<T, A>>(), constructor: TypeId::of::<F>() })
}

/// Constructs a `T` by `Default`.
///
/// # Safety
/// As for [`Export::create`].
pub unsafe extern "C" fn default_create<T: Default, A: Ambient>(context: *const RawContext) -> Created {
    // SAFETY: the caller says so.
    unsafe { create_with::<T, A, Infallible>(context, |_| Ok(T::default())) }
}

/// Constructs a `T` by the author's function.
///
/// # Safety
/// As for [`Export::create`].
pub unsafe fn create_with<T, A: Ambient, E: Display>(
    context: *const RawContext,
    create: impl FnOnce(&Context) -> Result<T, E>,
) -> Created {
    barrier(|| {
        // SAFETY: the host's context lives for the call.
        let context = unsafe { Context::from_raw(context) };
        construct::<T, A>(context, || create(context).map_err(|error| error.to_string())).into_repr()
    })
}

/// Asks the author's function for an instance's health.
///
/// # Safety
/// `instance` was constructed as a `T` inside `A` and is alive.
pub unsafe fn healthy_with<T, A: Ambient, E: Display>(
    instance: usize,
    healthy: impl FnOnce(&T) -> Result<(), E>,
) -> Verdict {
    barrier(|| {
        // SAFETY: the caller says so.
        let placed = unsafe { borrow::<T, A>(instance) };
        let _inside = placed.ambient.enter();
        healthy(&placed.value).map_err(|error| error.to_string()).into_repr()
    })
}

#[cfg(feature = "host")]
unsafe extern "C" fn create_nothing(_: *const RawContext) -> Created {
    barrier(|| Err::<usize, String>("an object of the program is not constructed".to_owned()).into_repr())
}

/// Makes an instance of an export [of shared](Export::of_shared) objects: the export's `destroy` gives the
/// count back.
#[cfg(feature = "host")]
pub fn expose_shared<T>(object: Arc<T>) -> usize {
    Arc::into_raw(object).expose_provenance()
}

#[cfg(feature = "host")]
unsafe extern "C" fn give_back<T>(instance: usize) -> Outcome<u8> {
    barrier(|| {
        let object: *const T = std::ptr::with_exposed_provenance(instance);
        // SAFETY: the host gives back, once, what `expose_shared` exposed.
        drop(unsafe { Arc::from_raw(object) });
        0
    })
}

/// Begins what the instance runs inside, and constructs the instance there.
fn construct<T, A: Ambient>(context: &Context, create: impl FnOnce() -> Result<T, String>) -> Result<usize, String> {
    let ambient = A::begin(context)?;
    let inside = ambient.enter();
    let created = create();
    drop(inside);
    let placed = Placed { value: ManuallyDrop::new(created?), ambient };
    Ok(Box::into_raw(Box::new(placed)).expose_provenance())
}

/// # Safety
/// `instance` came from [`construct`] of a `T` inside `A` and is alive for `'a`.
pub(super) unsafe fn borrow<'a, T, A>(instance: usize) -> &'a Placed<T, A> {
    let instance: *const Placed<T, A> = std::ptr::with_exposed_provenance(instance);
    // SAFETY: the caller says so.
    unsafe { &*instance }
}

unsafe extern "C" fn destroy<T, A: Ambient>(instance: usize) -> Outcome<u8> {
    barrier(|| {
        let instance: *mut Placed<T, A> = std::ptr::with_exposed_provenance_mut(instance);
        // SAFETY: the host gives back, once, what a constructor of this export exposed.
        let mut placed = unsafe { Box::from_raw(instance) };
        let Placed { value, ambient } = &mut *placed;
        let inside = ambient.enter();
        // SAFETY: nothing uses the value again, and a `Placed` drops none.
        unsafe { ManuallyDrop::drop(value) };
        drop(inside);
        // Moves the ambient out, and frees the box first.
        let Placed { ambient, .. } = *placed;
        u8::from(!ambient.end())
    })
}

unsafe extern "C" fn save<T: Stateful, A: Ambient>(instance: usize, unwanted: *const AtomicU32) -> Saved {
    barrier(|| {
        // SAFETY: the host saves live instances of this export.
        let placed = unsafe { borrow::<T, A>(instance) };
        let _inside = placed.ambient.enter();
        // SAFETY: the host's flag lives for the call.
        let unwanted = unsafe { Unwanted::new(unwanted) };
        stateful::save(&*placed.value, unwanted).into_repr()
    })
}

unsafe extern "C" fn downgrade<T: Stateful, A: Ambient>(
    instance: usize,
    to: u32,
    state: RawSlice<u8>,
    unwanted: *const AtomicU32,
) -> Saved {
    barrier(|| {
        // SAFETY: the host passes a live instance of this export.
        let placed = unsafe { borrow::<T, A>(instance) };
        let _inside = placed.ambient.enter();
        // SAFETY: the state's bytes live for the call.
        let bytes: &[u8] = unsafe { Abi::from_repr(state) };
        // SAFETY: so does the host's flag.
        let unwanted = unsafe { Unwanted::new(unwanted) };
        stateful::downgrade::<T::State>(to, bytes, unwanted, T::downgrade).into_repr()
    })
}

unsafe extern "C" fn restore<T: Stateful, A: Ambient>(
    context: *const RawContext,
    from: u32,
    state: RawSlice<u8>,
) -> Created {
    barrier(|| {
        // SAFETY: the host's context lives for the call.
        let context = unsafe { Context::from_raw(context) };
        // SAFETY: so do the state's bytes.
        let bytes: &[u8] = unsafe { Abi::from_repr(state) };
        construct::<T, A>(context, || stateful::restore::<T>(from, bytes, context)).into_repr()
    })
}
