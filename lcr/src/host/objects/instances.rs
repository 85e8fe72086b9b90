//! An [`Instance`]: one constructed object, and its dependencies.
//!
//! Invariants
//! 1. Only a thread of the reaper or of the runtime's end destroys an instance, when it has the last count.
//! 2. The dependencies of an instance outlive it: it holds the service of each.

use std::{
    ptr,
    sync::{Arc, atomic::AtomicU32},
};

use crate::{
    abi::{
        crossing::Crossing,
        fault::Outcome,
        tables::StateAnswer,
        value::{Abi, composite::RawResult, sequences::RawVec},
        world::{Pair, Target},
    },
    component::{export::expose_shared, identity::ComponentId},
    error::{Error, ErrorKind, Result},
    host::{
        ids::{Generation, ServiceId, ViewId},
        image::link::Views,
    },
};

use super::{
    beside::CallsBeside, component::Implementation, left_hooks::LeftHooks, methods::MethodTables, tracking::Tracking,
};

/// One constructed object.
pub(crate) struct Instance {
    address: usize,
    implementation: Arc<Implementation>,
    /// The first world that may show it.
    first_generation: Generation,
    /// The services that it depends on, with their interfaces. The instance holds each once.
    needs: Vec<Held>,
    methods: MethodTables,
    /// Which transaction tracks its state.
    tracking: Tracking,
    /// The calls of it that no frame shows.
    beside: CallsBeside,
    /// Its count among the instances of its component.
    _use: Arc<()>,
}

/// A service that an instance or a constructor holds as a dependency.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) interface: String,
    pub(crate) service: ServiceId,
}

impl Instance {
    /// The object at `address`. No world shows it yet.
    pub(in crate::host) fn new(
        address: usize,
        implementation: Arc<Implementation>,
        first_generation: Generation,
        needs: Vec<Held>,
    ) -> Instance {
        let counted = Arc::clone(implementation.component.uses());
        let (methods, tracking, beside) = (MethodTables::default(), Tracking::default(), CallsBeside::default());
        Instance { address, implementation, first_generation, needs, methods, tracking, beside, _use: counted }
    }

    /// The count of an object of the program that an implementation had, if its instances are one: the caller
    /// retires the instance, and no further one is made.
    pub(in crate::host) fn of_object(implementation: &Arc<Implementation>, generation: Generation) -> Option<Instance> {
        let address = implementation.take_object()?;
        Some(Instance::new(address, Arc::clone(implementation), generation, Vec::new()))
    }

    /// The same object, with `first_generation` as the first world that may show it.
    #[must_use]
    pub(crate) fn shown_since(self, first_generation: Generation) -> Instance {
        Instance { first_generation, ..self }
    }

    /// Hooks, to be destroyed when no call can reach them: see [`patches`](super::patches).
    pub(in crate::host) fn of_hooks(hooks: LeftHooks, name: &ComponentId) -> Instance {
        let first_generation = hooks.first_generation.unwrap_or(Generation::FIRST);
        let address = expose_shared(Arc::new(hooks));
        Instance::new(address, Implementation::of_hooks::<LeftHooks>(name), first_generation, Vec::new())
    }

    /// Whether one of its tables of methods lies there.
    pub(in crate::host) fn has_methods(&self, methods: *const Pair) -> bool {
        self.methods.has(methods)
    }

    /// Whether the method is called with this object.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "only a shadow calls beside the slots"))]
    pub(crate) fn is_of(&self, method: Pair) -> bool {
        self.address == method.data.addr()
    }

    pub(in crate::host) fn address(&self) -> usize {
        self.address
    }

    pub(crate) fn implementation(&self) -> &Arc<Implementation> {
        &self.implementation
    }

    /// The first world that may show it.
    pub(crate) fn first_generation(&self) -> Generation {
        self.first_generation
    }

    /// The calls of it that no frame shows.
    pub(crate) fn beside(&self) -> &CallsBeside {
        &self.beside
    }

    pub(super) fn tracking(&self) -> &Tracking {
        &self.tracking
    }

    /// The services that it depends on, with their interfaces.
    pub(in crate::host) fn needs(&self) -> &[Held] {
        &self.needs
    }

    /// The target of a slot of `view` that this instance serves, valid as long as the instance.
    ///
    /// # Errors
    /// As for [`Implementation::link`].
    pub(crate) fn target(&self, view: ViewId, views: &Views) -> Result<Target> {
        self.methods.target(&self.implementation, self.address, view, views)
    }

    /// How one of its methods is called by whoever knows it by its shape, valid as long as the instance: the function
    /// with the object, and the thunks of the signature. `None` if it has no such method, or no thunks for it.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "only a canary calls beside the world"))]
    pub(crate) fn packed(&self, interface: &str, method: &str) -> Option<(Pair, &'static Crossing)> {
        self.implementation.faces().packed(interface, method, ptr::with_exposed_provenance(self.address))
    }

    /// The interfaces that it depends on, and the services that it has them from.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "only a canary looks"))]
    pub(crate) fn dependencies(&self) -> impl Iterator<Item = (&str, ServiceId)> {
        self.needs.iter().map(|held| (&*held.interface, held.service))
    }

    /// The interface of a service that it depends on, and that another instance of the component has from elsewhere.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "only a canary compares"))]
    pub(crate) fn need_not_shared_with(&self, other: &Instance) -> Option<&str> {
        let differs = |held: &&Held| {
            let mut of_other = other.needs.iter().filter(|other| other.interface == held.interface);
            of_other.any(|other| other.service != held.service)
        };
        self.needs.iter().find(differs).map(|held| &*held.interface)
    }

    /// Runs its health checks, one for each interface that declares one: code of the component, on this thread.
    ///
    /// # Errors
    /// `Unhealthy`, with the component's text.
    pub(crate) fn check(&self) -> Result<()> {
        for healthy in self.implementation.health_checks() {
            // SAFETY: the borrow keeps the object alive.
            let outcome = unsafe { healthy(self.address) };
            verdict::<()>(outcome, ErrorKind::Unhealthy, &self.implementation, "health check")?;
        }
        Ok(())
    }

    /// Saves its state: runs code of the component on this thread, which ends soon when `unwanted` is not 0 any more.
    ///
    /// # Errors
    /// `State` if the component has no state, refuses, or panics.
    pub(crate) fn save(&self, unwanted: &AtomicU32) -> Result<Vec<u8>> {
        let export = self.implementation.export;
        let Some(save) = export.save.or_else(|| export.state()?.save) else {
            return Err(Error::new(
                ErrorKind::State,
                format!("component `{}` has no state to save", self.implementation.component),
            ));
        };
        // SAFETY: the borrow keeps the object alive.
        let outcome = unsafe { save(self.address, unwanted) };
        verdict::<Vec<u8>>(outcome, ErrorKind::State, &self.implementation, "save")
    }

    /// A state that it has saved, as version `to` of it, which its manifest names: runs code of the component on this
    /// thread, which begins nothing once `unwanted` is not 0.
    ///
    /// # Errors
    /// `State` if the component refuses, or panics.
    pub(crate) fn downgrade(&self, to: u32, saved: &[u8], unwanted: &AtomicU32) -> Result<Vec<u8>> {
        let implementation = &self.implementation;
        let Some(downgrade) = implementation.export.downgrade else {
            let text = format!("component `{}` writes no older version of its state", implementation.component);
            return Err(Error::new(ErrorKind::State, text));
        };
        // SAFETY: the borrow keeps the object alive, and the bytes live for the call.
        let outcome = unsafe { downgrade(self.address, to, saved.into_repr(), unwanted) };
        verdict::<Vec<u8>>(outcome, ErrorKind::State, implementation, "downgrade")
    }
}

/// A state that was taken out of an instance: the address of its box. It is given to an instance or destroyed.
#[derive(Debug)]
#[must_use = "the state would be lost"]
pub(crate) struct StateBox(usize);

/// What became of a try to take a state out.
#[must_use]
pub(crate) enum Taken {
    Value(StateBox),
    /// A thread of the component has the lock.
    Busy,
    /// The instance has no state now.
    Absent,
}

/// A state that the instance keeps. Only [`Instance::destroy_state`] and [`Instance::load`] run an author's code.
impl Instance {
    /// Takes the state out.
    pub(crate) fn take_state(&self) -> Taken {
        let Some(table) = self.implementation.export.state() else { return Taken::Absent };
        let mut address = 0;
        // SAFETY: the borrow keeps the object alive, and there is room for the address.
        let answer = unsafe { (table.take)(self.address, &raw mut address) };
        match answer {
            _ if answer == StateAnswer::Done as u32 => Taken::Value(StateBox(address)),
            _ if answer == StateAnswer::Busy as u32 => Taken::Busy,
            _ => Taken::Absent,
        }
    }

    /// Gives it a state, of its own or of a type that lies in memory alike, where its own was taken out. Returns false
    /// if none was taken out; then the state is leaked.
    pub(in crate::host) fn give_state(&self, StateBox(address): StateBox) -> bool {
        loop {
            let answer = self.offer_state(&StateBox(address));
            if answer != StateAnswer::Busy as u32 {
                return answer == StateAnswer::Done as u32;
            }
            // A thread looks whether the state has come, which takes it no time.
            std::thread::yield_now();
        }
    }

    /// As [`give_state`](Instance::give_state), in the child of a fork: the thread that looks for the state may not be
    /// there, and the state is lost then.
    pub(in crate::host) fn give_state_at_once(&self, state: StateBox) {
        self.offer_state(&state);
    }

    fn offer_state(&self, &StateBox(address): &StateBox) -> u32 {
        let Some(table) = self.implementation.export.state() else { return StateAnswer::Absent as u32 };
        // SAFETY: the borrow keeps the object alive. The box is of this export, or the transaction compared the
        // descriptions of the states that both objects have, as their images tell, and tried the allocators.
        unsafe { (table.give)(self.address, address) }
    }

    /// Says that the state which was taken out does not come back.
    pub(crate) fn end_state(&self) {
        if let Some(table) = self.implementation.export.state() {
            // SAFETY: the borrow keeps the object alive.
            unsafe { (table.end)(self.address) };
        }
    }

    /// Drops a state that was taken out of this instance: runs code of the component on this thread.
    ///
    /// # Errors
    /// `Construct` if that panics.
    pub(crate) fn destroy_state(&self, StateBox(address): StateBox) -> Result<()> {
        let Some(table) = self.implementation.export.state() else { return Ok(()) };
        // SAFETY: the borrow keeps the object alive; the box was taken out of it, and is used once.
        let outcome = unsafe { (table.destroy)(self.address, address) };
        // SAFETY: an export's functions keep the contract of `Outcome`.
        let result = unsafe { outcome.into_result() };
        result.map(drop).map_err(|(_, message, _)| {
            let component = &self.implementation.component;
            let text = format!("component `{component}` panicked in the destructor of its first state: {message}");
            Error::new(ErrorKind::Construct, text)
        })
    }

    /// Replaces the state that it keeps by one that was saved as `version`: runs code of the component on this thread.
    ///
    /// # Errors
    /// `State` if the component keeps no state that can be copied, refuses, or panics.
    pub(in crate::host) fn load(&self, version: u32, bytes: &[u8]) -> Result<()> {
        let implementation = &self.implementation;
        let manifest = &implementation.manifest;
        let load = implementation.export.state().and_then(|state| state.load);
        let (Some(load), Some(own)) = (load, manifest.state_version) else {
            let text = format!("component `{}` keeps no state that serde can read", implementation.component);
            return Err(Error::new(ErrorKind::State, text));
        };
        // SAFETY: the borrow keeps the object alive, and the bytes live for the call.
        let outcome = unsafe { load(self.address, version, own, bytes.into_repr()) };
        verdict::<()>(outcome, ErrorKind::State, implementation, "restore")
    }
}

/// The value that a component's function returned, or its refusal or panic as an error of `kind`. `verb` is
/// the name of the function for the message.
pub(in crate::host) fn verdict<T: Abi>(
    outcome: Outcome<RawResult<T::Repr, RawVec<u8>>>,
    kind: ErrorKind,
    implementation: &Implementation,
    verb: &str,
) -> Result<T> {
    let component = &implementation.component;
    // SAFETY: an export's functions keep the contract of `Outcome`.
    let raw = unsafe { outcome.into_result() }.map_err(|(_, message, _)| {
        Error::new(kind, format!("component `{component}` panicked in its {verb}: {message}"))
    })?;
    // SAFETY: the outcome is used once.
    let result: Result<T, String> = unsafe { Abi::from_repr(raw) };
    result.map_err(|message| Error::new(kind, format!("component `{component}` refused in its {verb}: {message}")))
}
