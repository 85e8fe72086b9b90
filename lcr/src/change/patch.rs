//! Patches: single methods of a running component changed by closures.
//!
//! A patch is put in, and taken off, by a transaction: one at a time, one world, one visible moment for all of its
//! methods. Nothing of it runs an author's code before the commit, so it has no phases and no thread of its own, waits
//! for no call and shuts no gate: callers that are inside go on as they began, and those that come find the new table.
//! [`patches`](crate::host::objects::patches) says how a patched method is called and when hooks are freed,
//! [`hooks`](crate::component::hooks) who owns what meanwhile.
//!
//! Rules:
//! 1. What is refused is refused before the commit, and leaves everything as it was: a method that the component
//!    lacks or has with another signature, a protected component without an override, a runtime that is gone, another
//!    transaction that runs.
//! 2. A patch stands in every instance of its component, also in those that come later, and rests while the component
//!    is there in a version that it does not fit, or not at all.
//! 3. Patches of one method stand around each other, the last one outermost. Each can be taken off at any time, in any
//!    order. A call runs through all layers of the world that it entered, or of the one that it calls `next` in: the
//!    same.
//! 4. A commit of a patch is a generation. A rollback goes back to components and not to patches: they are taken off by
//!    their guard or number.

use std::{
    fmt,
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use crate::{
    abi::names::is_component_name,
    component::generated::patches::{Collects as _, Layers, Patchable},
    error::{Error, ErrorKind, Result},
    host::{actor::Actor, objects::patch::Kind, runtime::Runtime, service::inner::RuntimeInner},
};

use super::{
    patching::{PatchInfo, Wish, happened, info, put, take_off},
    transaction::in_turn,
};

/// How long a guard that is dropped waits for a transaction that runs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A patch of a component's interface `I` that is to be put in: see [`Runtime::patch`].
#[must_use = "a patch changes nothing until it is committed"]
pub struct PatchBuilder<'rt, I: ?Sized> {
    runtime: &'rt Runtime,
    interface: std::marker::PhantomData<fn(&I)>,
    name: String,
    component: Option<String>,
    layers: Layers,
    override_protected: bool,
    actor: Actor,
    reason: Option<String>,
}

impl<I: ?Sized> fmt::Debug for PatchBuilder<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatchBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A patch that stands. Dropping the guard takes the patch off.
#[must_use = "dropping the guard takes the patch off; `keep` leaves it"]
pub struct Patched {
    inner: Weak<RuntimeInner>,
    number: u64,
    generation: u64,
    is_kept: bool,
}

impl fmt::Debug for Patched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patched").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Runtime {
    /// Changes single methods of a running component by closures.
    ///
    /// ```
    /// # #[lcr::interface(name = "patch.store", version = 1, patches)]
    /// # pub trait Store {
    /// #     fn get(&self, key: &str) -> Option<u64>;
    /// # }
    /// # #[derive(Default)]
    /// # struct Lengths;
    /// # #[lcr::component(name = "lengths")]
    /// # impl Store for Lengths {
    /// #     fn get(&self, key: &str) -> Option<u64> {
    /// #         Some(key.len() as u64)
    /// #     }
    /// # }
    /// # let rt = lcr::Runtime::new()?;
    /// let store = rt.service::<dyn Store>()?;
    /// let patch = rt
    ///     .patch::<dyn Store>("no-secrets")
    ///     .methods(|m| m.get(|next, key| if key.starts_with("secret/") { None } else { next(key) }))
    ///     .commit()?;
    /// assert_eq!((store.get("secret/a"), store.get("a")), (None, Some(1)));
    /// drop(patch);
    /// assert_eq!(store.get("secret/a"), Some(8));
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// The interface is declared with `patches`: `#[lcr::interface(name = "kv.store", version = 1, patches)]`. That is
    /// the program's business alone, and no part of the contract: a component may be compiled without.
    ///
    /// `name` tells the patch from others, in faults and lists: a panic of a closure is a fault whose
    /// [origin](crate::Fault::origin) is the patch. A closure runs on the caller's thread, inside the call: it may call
    /// other components, and must not wait for a transaction that replaces the patched one. What it has captured is
    /// dropped once, on a thread of the runtime, when the patch was taken off and no call can be inside it any more.
    pub fn patch<I: ?Sized + Patchable>(&self, name: &str) -> PatchBuilder<'_, I> {
        PatchBuilder {
            runtime: self,
            interface: std::marker::PhantomData,
            name: name.to_owned(),
            component: None,
            layers: Layers::default(),
            override_protected: false,
            actor: Actor::this_process(),
            reason: None,
        }
    }

    /// The patches, in the order in which they were put in: each stands around those before it.
    pub fn patches(&self) -> Vec<PatchInfo> {
        let state = self.inner().state();
        let patches = state.objects().patches().stack().iter().filter(|patch| patch.kind == Kind::Patch);
        patches.map(|patch| info(&state, patch)).collect()
    }

    /// Takes a patch off. Calls that are inside it end as they began. Returns the generation without it.
    ///
    /// # Errors
    /// `NotFound` if there is no patch of that number; `Busy` if a transaction runs; `Closed` if the runtime is gone.
    pub fn unpatch(&self, number: u64) -> Result<u64> {
        take_off(self.inner(), number)
    }
}

impl<I: ?Sized + Patchable> PatchBuilder<'_, I> {
    /// Changes methods. `methods` gets what has a function for each method that is not polled, of the method's name,
    /// which takes a closure. The closure's first argument calls what was there before; the others are those of the
    /// method.
    pub fn methods(mut self, methods: impl FnOnce(I::Methods) -> I::Methods) -> Self {
        self.layers.0.extend(methods(I::Methods::default()).into_layers().0);
        self
    }

    /// Which component is meant, if several provide the interface. Default: the one that callers get who name none.
    pub fn of_component(mut self, component: &str) -> Self {
        self.component = Some(component.to_owned());
        self
    }

    /// Allows to patch a protected component. Default: it is refused.
    pub fn override_protected(mut self) -> Self {
        self.override_protected = true;
        self
    }

    /// Why, in the words of whoever asks. Default: no reason.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Who asks. Default: this process.
    pub fn asked_by(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }

    /// Puts the patch in. Waits for no call.
    ///
    /// # Errors
    /// `NotFound` if nothing provides the interface, or the component lacks one of the methods; `Ambiguous` if several
    /// provide it and none is named or bound; `Mismatch` if the component has a method with another signature;
    /// `Protected` without an override; `Invalid` if the patch changes nothing, or its name is not that of a component;
    /// `Busy` if a transaction runs; `Closed` if the runtime is gone.
    pub fn commit(self) -> Result<Patched> {
        let inner = self.runtime.inner();
        if self.layers.0.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the patch changes no method; add some by `methods`"));
        }
        if !is_component_name(&self.name) {
            let text = format!(
                "a patch cannot be called {:?}: a name is 1 to 128 letters, digits, `_`, `-` and `.`, and does not \
                 begin with `.` or `-`",
                self.name
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let PatchBuilder { name, component, layers, override_protected, actor, reason, .. } = self;
        let wish = Wish { name, component, override_protected };
        let weak = Arc::downgrade(inner);
        in_turn(inner, false, 0, move || {
            // What closures have captured is dropped behind the lock, whatever becomes of the patch.
            let (mut layers, mut made) = (layers, None);
            let put = put::<I>(inner, &wish, &mut layers, &mut made);
            let (generation, dropped) = put?;
            drop(dropped);
            let patch = made.ok_or_else(|| Error::new(ErrorKind::Internal, "a patch was lost; please report this"))?;
            inner.emit(happened(&patch, generation, true, actor, reason));
            let number = patch.number;
            // While it is this transaction's turn, the list has another count, so nothing is dropped here.
            drop(patch);
            Ok(Patched { inner: weak, number, generation, is_kept: false })
        })
    }
}

impl Patched {
    /// The patch's number: see [`PatchInfo::number`].
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The generation that began with it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Leaves the patch where it is, until [`Runtime::unpatch`]. Returns its number.
    pub fn keep(mut self) -> u64 {
        self.is_kept = true;
        self.number
    }

    /// Takes the patch off, as dropping the guard does, but waits for no transaction. Returns the generation without
    /// it.
    ///
    /// # Errors
    /// As for [`Runtime::unpatch`]; then the guard's drop tries again.
    pub fn remove(mut self) -> Result<u64> {
        let Some(inner) = self.inner.upgrade() else {
            return Err(Error::new(ErrorKind::Closed, "the runtime is gone, and its patches with it"));
        };
        let generation = take_off(&inner, self.number)?;
        self.is_kept = true;
        Ok(generation)
    }
}

/// Waits while a transaction runs, at most 60 s. Then the patch stays, and an error says so.
impl Drop for Patched {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let Some(inner) = self.inner.upgrade() else { return };
        let until = Instant::now() + PATIENCE;
        loop {
            match take_off(&inner, self.number) {
                Err(error) if error.kind() == ErrorKind::Busy && Instant::now() < until => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Closed) => {
                    tracing::error!(patch = self.number, %error, "a patch stays; take it off with Runtime::unpatch");
                    return;
                }
                _ => return,
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
