//! Constructing instances: for a shared service, for a handle that has an instance of its own, or as a
//! successor. Construction runs the components' code, and never holds the state lock meanwhile.
//!
//! The dependencies of an instance are built first, in the order of their declaration. A cycle is refused
//! before anything is built. While a transaction has frozen a provider, only the transaction's thread
//! creates instances there; other threads wait for the transaction, [`TIMEOUT`] at most.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr,
    sync::{Arc, MutexGuard, Weak},
    time::{Duration, Instant},
};

use crate::{
    abi::{
        tables::RawContext,
        value::{Abi, sequences::RawSlice},
    },
    error::{Error, ErrorKind, Result},
    host::{
        ids::{ProviderId, ServiceId},
        objects::{
            builders::{Wait, Wakes},
            component::Implementation,
            instances::{Held, Instance, verdict},
            provider::{Provider, Visibility},
        },
        state_bytes::SavedState,
        sys,
        worlds::records,
    },
};

use super::{inner::RuntimeInner, state::State};

/// How an instance comes about.
#[derive(Clone, Copy)]
pub(crate) enum Creation<'a> {
    /// By its constructor.
    Construct,
    /// From a predecessor's state of this version.
    Restore(u32, &'a [u8]),
}

/// What the host's functions find behind [`RawContext::cookie`].
pub(in crate::host) struct Construction<'a> {
    pub(in crate::host) inner: &'a Arc<RuntimeInner>,
    pub(in crate::host) needs: &'a [Held],
    pub(in crate::host) implementation: &'a Arc<Implementation>,
}

/// How long a thread waits for another thread that builds the same service, or for a transaction that has
/// frozen its provider.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

impl RuntimeInner {
    /// The service of a provider's shared instance, with one hold for the caller. Builds the instance if there
    /// is none.
    pub(crate) fn service(self: &Arc<RuntimeInner>, provider: ProviderId, visibility: Visibility) -> Result<ServiceId> {
        self.service_of(provider, visibility, None)
    }

    /// As [`service`](RuntimeInner::service), of one implementation.
    ///
    /// # Errors
    /// `Stale` if the provider has another one, of which nothing is constructed then.
    pub(crate) fn service_of(
        self: &Arc<RuntimeInner>,
        provider: ProviderId,
        visibility: Visibility,
        only: Option<&Weak<Implementation>>,
    ) -> Result<ServiceId> {
        let me = sys::thread_id();
        let thread = records::mine();
        let deadline = Instant::now() + TIMEOUT;
        let mut state = self.state();
        loop {
            let found = self.provider(&state, provider)?;
            refuse_other(found.implementation(), only)?;
            if let Some(service) = found.shared() {
                state.objects.hold(service)?;
                return Ok(service);
            }
            let wait = match found.builder() {
                Some(builder) if builder == me => return Err(state.objects.asks_for_itself(me, provider)),
                Some(_) => Wait::Constructed(provider),
                None if state.is_frozen_for(provider, thread) => Wait::Thawed(provider),
                None => break,
            };
            if Instant::now() >= deadline {
                return Err(busy_building(&found.implementation().component.id.name));
            }
            state = self.wait_for(state, wait, deadline)?;
        }
        let found = self.provider(&state, provider)?;
        let (visibility, config) = (found.visibility_of_present(visibility), found.config().cloned());
        state.objects.refuse_cycle(provider, visibility)?;
        let providers = state.objects.begin_shared(provider, me);
        drop(state);
        // Whatever the result, other threads must not wait for this thread any more.
        let built = catch_unwind(AssertUnwindSafe(|| self.build(provider, config, visibility, true, only)));
        let service = built.as_ref().ok().and_then(|built| built.as_ref().ok()).copied();
        self.state().objects.end_shared(&providers, me, service);
        self.notify_changed();
        built.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Waits until a provider was built or thawed, or until the deadline.
    ///
    /// # Errors
    /// `Dependency` or `Busy` if the calling thread would wait for itself.
    pub(super) fn wait_for<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        wait: Wait,
        deadline: Instant,
    ) -> Result<MutexGuard<'a, State>> {
        let me = sys::thread_id();
        if let Wakes::Transaction = state.objects.begin_wait(me, wait)? {
            self.notify_changed();
        }
        state = self.wait_for_change(state, deadline);
        state.objects.end_wait(me);
        Ok(state)
    }

    /// Builds a new service of a provider, with one hold for the caller. A shared one begins with the state that an
    /// earlier process saved, if there is one. `only`: as for [`service_of`](RuntimeInner::service_of).
    pub(super) fn build(
        self: &Arc<RuntimeInner>,
        provider: ProviderId,
        config: Option<Arc<[u8]>>,
        visibility: Visibility,
        is_shared: bool,
        only: Option<&Weak<Implementation>>,
    ) -> Result<ServiceId> {
        let me = records::mine();
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let (implementation, kept) = {
                let mut state = self.state();
                let implementation = Arc::clone(self.provider(&state, provider)?.implementation());
                refuse_other(&implementation, only)?;
                state.objects.begin_build(sys::thread_id(), provider)?;
                let kept = if is_shared { state.kept.of(&implementation.manifest) } else { None };
                (implementation, kept)
            };
            let instance = match &kept {
                Some(kept) => self.instantiate_with(kept, &implementation, config.as_deref(), visibility),
                None => self.instantiate(&implementation, config.as_deref(), visibility, Creation::Construct),
            };
            let mut state = self.state();
            // The end of the runtime waits for it, so that it finds the instance.
            let end = |state: &mut State| state.objects.end_build(sys::thread_id());
            if implementation.lacks_object() && !self.is_closed() {
                end(&mut state);
                // A commit has taken the object out meanwhile: its successor serves.
                if let Ok(instance) = instance {
                    self.discard(state, instance);
                }
                continue;
            }
            let instance = instance.inspect_err(|_| end(&mut state))?;
            while state.is_frozen_for(provider, me) && !self.is_closed() && Instant::now() < deadline {
                state = match self.wait_for(state, Wait::Thawed(provider), deadline) {
                    Ok(state) => state,
                    Err(error) => {
                        state = self.state();
                        end(&mut state);
                        self.discard(state, instance);
                        return Err(error);
                    }
                };
            }
            end(&mut state);
            let found = self.provider(&state, provider);
            let is_current = !state.is_frozen_for(provider, me)
                && found.as_ref().is_ok_and(|found| Arc::ptr_eq(found.implementation(), &implementation));
            if is_current {
                // A thread inside the gate calls the instance that it builds in the world before the gate.
                let before = state.gate.as_ref().map(|gate| gate.before().generation());
                let instance = Arc::new(instance.shown_since(before.unwrap_or(state.generation())));
                let id = state.objects.add_service(provider, instance, config);
                if let Some(kept) = &kept {
                    state.kept.note_restored(kept, id);
                }
                let State { objects, gate, .. } = &mut *state;
                if let Some((service, gate)) = objects.services().get(id).zip(gate.as_mut()) {
                    gate.add_service(id, service.providers());
                }
                return Ok(id);
            }
            let refusal = found.err();
            self.discard(state, instance);
            if let Some(refusal) = refusal {
                return Err(refusal);
            }
            if Instant::now() >= deadline {
                return Err(busy_building(&implementation.component.id.name));
            }
        }
    }

    /// Constructs an object from the state that an earlier process saved, and asks for its health. Whoever keeps states
    /// knows meanwhile that this is under way: it may take the process down.
    fn instantiate_with(
        self: &Arc<RuntimeInner>,
        kept: &SavedState,
        implementation: &Arc<Implementation>,
        config: Option<&[u8]>,
        visibility: Visibility,
    ) -> Result<Instance> {
        // Before the mark: what it needs may begin with a state of its own.
        let needs = self.hold_needs(implementation, visibility)?;
        let tell = |is_begun| {
            if let Some(keeper) = self.keeper() {
                keeper.restoring(&kept.component, is_begun);
            }
        };
        tell(true);
        let creation = Creation::Restore(kept.state_version, &kept.bytes);
        let instance = self.instantiate(implementation, config, visibility, creation);
        self.state().release_needs(&needs);
        let instance = instance.and_then(|instance| match instance.check() {
            Ok(()) => Ok(instance),
            Err(error) => {
                self.discard(self.state(), instance);
                Err(error)
            }
        });
        instance.inspect(|_| tell(false)).map_err(|error| {
            let why = error.to_string();
            self.state().kept.note_refused(kept, why.clone());
            let SavedState { component, version, state_version, .. } = kept;
            let text = format!(
                "component `{component}` begins with the state v{state_version} that {component} {version} saved in an \
                 earlier process, and {why}; load a version that takes it, or call Runtime::forget_state"
            );
            Error::new(ErrorKind::State, text).with_source(error)
        })
    }

    /// Constructs an object with its dependencies; the caller owns the object. Runs the component's code on
    /// this thread.
    pub(crate) fn instantiate(
        self: &Arc<RuntimeInner>,
        implementation: &Arc<Implementation>,
        config: Option<&[u8]>,
        visibility: Visibility,
        creation: Creation<'_>,
    ) -> Result<Instance> {
        let needs = self.hold_needs(implementation, visibility)?;
        match self.construct(implementation, config, &needs, creation) {
            Ok(address) => {
                let mut state = self.state();
                state.tally.note_constructed();
                let instance = Instance::new(address, Arc::clone(implementation), state.generation(), needs);
                drop(state);
                if let Creation::Restore(version, bytes) = creation
                    && implementation.manifest.kept.is_some()
                    && let Err(error) = instance.load(version, bytes)
                {
                    self.discard(self.state(), instance);
                    return Err(error);
                }
                Ok(instance)
            }
            Err(error) => {
                self.state().release_needs(&needs);
                self.wake_reaper();
                Err(error)
            }
        }
    }

    /// The dependencies of an implementation, with one hold on each for the caller. Builds those that are not
    /// there.
    pub(crate) fn hold_needs(
        self: &Arc<RuntimeInner>,
        implementation: &Implementation,
        visibility: Visibility,
    ) -> Result<Vec<Held>> {
        let mut held = Vec::new();
        for need in &implementation.manifest.deps {
            let built = {
                let state = self.state();
                let registry = state.objects.registry();
                let chosen = registry.choose(&need.interface, need.version, None, visibility);
                let chosen = chosen.map(|provider| registry.in_place_of(provider));
                drop(state);
                chosen.and_then(|provider| self.service(provider, visibility))
            };
            match built {
                Ok(service) => held.push(Held { interface: need.interface.clone(), service }),
                Err(error) => {
                    self.state().release_needs(&held);
                    self.wake_reaper();
                    let error = match error.kind() {
                        ErrorKind::NotFound => Error::new(ErrorKind::Dependency, error.to_string()),
                        _ => error,
                    };
                    let text =
                        format!("component `{}` needs {} v{}", implementation.component, need.interface, need.version);
                    return Err(error.at(text));
                }
            }
        }
        Ok(held)
    }

    fn construct(
        self: &Arc<RuntimeInner>,
        implementation: &Arc<Implementation>,
        config: Option<&[u8]>,
        needs: &[Held],
        creation: Creation<'_>,
    ) -> Result<usize> {
        if let Some(object) = implementation.share_object() {
            return object;
        }
        let construction = Construction { inner: self, needs, implementation };
        let component: &str = &implementation.component.id.name;
        let context = RawContext {
            host: self.host,
            cookie: ptr::from_ref(&construction).cast(),
            component: component.into_repr(),
            config: config.unwrap_or_default().into_repr(),
        };
        let export = implementation.export;
        let (outcome, kind, verb) = match creation {
            Creation::Construct => {
                // SAFETY: the context lives for the call.
                let outcome = unsafe { (export.create)(&raw const context) };
                (outcome, ErrorKind::Construct, "constructor")
            }
            Creation::Restore(version, bytes) if export.state.is_null() => {
                let Some(restore) = export.restore else {
                    return Err(Error::new(
                        ErrorKind::State,
                        format!(
                            "component `{}` takes no state; declare #[lcr::component(state)]",
                            implementation.component
                        ),
                    ));
                };
                let bytes: RawSlice<u8> = bytes.into_repr();
                // SAFETY: the context and the bytes live for the call.
                let outcome = unsafe { restore(&raw const context, version, bytes) };
                (outcome, ErrorKind::State, "restore")
            }
            Creation::Restore(..) => {
                // SAFETY: the context lives for the call.
                let outcome = unsafe { (export.create)(&raw const context) };
                (outcome, ErrorKind::State, "constructor")
            }
        };
        verdict::<usize>(outcome, kind, implementation, verb)
    }

    /// Has the reaper destroy an object that no world ever showed.
    pub(crate) fn discard(&self, mut state: MutexGuard<'_, State>, instance: Instance) {
        let retired_at = state.generation();
        state.retire(Arc::new(instance), Vec::new(), retired_at);
        drop(state);
        self.wake_reaper();
    }

    fn provider<'s>(&self, state: &'s State, provider: ProviderId) -> Result<&'s Provider> {
        if self.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "the runtime is gone; nothing can be built in it"));
        }
        state
            .objects
            .registry()
            .get(provider)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "the component was removed meanwhile; ask again"))
    }
}

fn refuse_other(found: &Arc<Implementation>, only: Option<&Weak<Implementation>>) -> Result<()> {
    if only.is_none_or(|only| ptr::eq(Arc::as_ptr(found), only.as_ptr())) {
        return Ok(());
    }
    let text = format!("component `{}` was replaced meanwhile; ask for its present version", found.component.id.name);
    Err(Error::new(ErrorKind::Stale, text))
}

fn busy_building(name: &str) -> Error {
    Error::new(
        ErrorKind::Busy,
        format!(
            "component `{name}` has been under construction or in a hand-over for {} s; try again",
            TIMEOUT.as_secs()
        ),
    )
}
