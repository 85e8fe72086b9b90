//! Saving the states of all shared instances at one moment, for a process that comes after this one.
//!
//! It is a transaction that commits nothing: it takes its turn among the others, drains, shuts the gate and saves as a
//! hand-over does ([`handover`](super::handover)), dependents first, with the same limits and the same watch over code
//! that hangs. Then it opens the gate on the instances that it found. So what is saved is one moment of all components,
//! and no call is half in it.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    component::identity::ComponentId,
    error::{Error, ErrorKind, LifecycleStep, Result},
    host::{
        builder::RuntimeBuilder,
        deadline::Deadline,
        ids::ServiceId,
        objects::{component::Implementation, provider::Provider},
        runtime::Runtime,
        service::{
            inner::RuntimeInner,
            kept_states::{KeptState, Unsaved},
            state::State,
        },
        state_bytes::{self, SavedState},
    },
};

use super::{
    execution::Execution,
    member::{Member, ReplacedProvider, StateChange},
    request::Options,
    stop::Stop,
    transaction,
    watch::Phase,
};

/// The states of a runtime's shared instances at one moment: what [`Runtime::save_states`] returns.
#[must_use = "the bytes are what is saved"]
#[derive(Clone)]
#[non_exhaustive]
pub struct SavedStates {
    /// All states, for [`RuntimeBuilder::restore_states`](crate::RuntimeBuilder::restore_states) of the next process.
    pub bytes: Vec<u8>,
    /// The components whose state is in it.
    pub saved: Vec<ComponentId>,
    /// The components whose state is not in it, each with the reason: their state is not one that serde writes, or
    /// `save` refused.
    pub left_out: Vec<(ComponentId, String)>,
    /// How long callers were held.
    pub held: Duration,
    /// The number of the transaction that saved: a later save has a greater one.
    #[allow(dead_code, reason = "only some features ask")]
    pub(crate) transaction: u64,
}

impl fmt::Debug for SavedStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedStates")
            .field("bytes", &self.bytes.len())
            .field("saved", &self.saved)
            .field("left_out", &self.left_out)
            .field("held", &self.held)
            .finish()
    }
}

impl RuntimeBuilder {
    /// Has the components begin with the states that an earlier process [saved](Runtime::save_states).
    ///
    /// A state waits for the first shared instance of its component, which is built from it: by `restore` if the
    /// component has that version of the state, else by `migrate`. Then the instance is asked for its health. A
    /// component that the runtime does not have may be loaded later. [`Runtime::kept_states`] says what became of each
    /// state.
    ///
    /// # Errors
    /// `State` if the bytes are damaged, or of a form that only a newer version knows.
    pub fn restore_states(self, bytes: &[u8]) -> Result<RuntimeBuilder> {
        let states = state_bytes::decode(bytes)?;
        Ok(self.begin_with(move |inner| {
            inner.state().kept_states_mut().set(states, &[], "");
            Ok(())
        }))
    }
}

impl Runtime {
    /// Saves the states of all shared instances, so that they survive this process:
    /// [`RuntimeBuilder::restore_states`](crate::RuntimeBuilder::restore_states) takes the bytes.
    ///
    /// Callers of components with state wait meanwhile, 1 s at most; then, or if calls do not leave within 30 s, the
    /// save is refused, and everything goes on as before. A plan that is committed meanwhile waits for the end of the
    /// save. An instance that [`Runtime::reference`] made for one handle is not saved. States of an earlier process
    /// that were [not restored](Runtime::kept_states) yet are part of what is saved.
    ///
    /// ```
    /// # let rt = lcr::Runtime::new()?;
    /// let saved = rt.save_states()?;
    /// for (component, why) in &saved.left_out {
    ///     eprintln!("{component} will begin without its state: {why}");
    /// }
    /// let next = lcr::Runtime::builder().restore_states(&saved.bytes)?.build()?;
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Busy` while a transaction runs, or if components are built all the time; `Deadline` if calls or pins stay
    /// inside, or if a component takes longer; `Reentrant` on a thread that is inside such a component.
    pub fn save_states(&self) -> Result<SavedStates> {
        self.save_states_within(Duration::from_secs(1))
    }

    /// As [`save_states`](Runtime::save_states), and callers wait at most for `hold`; `None` sets no limit.
    ///
    /// # Errors
    /// As for `save_states`.
    pub fn save_states_within(&self, hold: impl Into<Option<Duration>>) -> Result<SavedStates> {
        save(self.inner(), hold.into(), None)
    }

    /// The states that an earlier process saved, and what became of each.
    pub fn kept_states(&self) -> Vec<KeptState> {
        self.inner().state().kept_states().all()
    }

    /// Forgets the states of a component that an earlier process saved and that were not restored, so that the
    /// component begins without. Returns how many there were.
    pub fn forget_state(&self, component: &str) -> usize {
        let forgotten = self.inner().state().kept_states_mut().forget(component);
        if let Some(keeper) = self.inner().keeper() {
            keeper.restoring(component, false);
        }
        forgotten
    }
}

/// How often a save begins again because components were built while it waited for callers.
const TRIES: u32 = 8;

/// Saves all states. Callers wait at most for `hold`, and the save for them at most for `timeout`. Default: 30 s.
pub(crate) fn save(
    inner: &Arc<RuntimeInner>,
    hold: Option<Duration>,
    timeout: Option<Duration>,
) -> Result<SavedStates> {
    let began = Instant::now();
    for _ in 0..TRIES {
        let mut options = Options { deadline: hold, ..Options::default() };
        options.timeout = timeout.or(options.timeout).map(|timeout| timeout.saturating_sub(began.elapsed()));
        let run = |execution: Execution, (loaded, left_out)| {
            execution.run_and_undo(|execution| execution.save_phases(loaded, left_out))
        };
        if let Some(saved) = transaction::pass(inner, options, ask, run)? {
            return Ok(saved);
        }
    }
    let text = "components with state were built again and again while the save waited for callers; try again";
    Err(Error::new(ErrorKind::Busy, text))
}

/// The implementations of each member, and the components that are left out, with the reason.
type Asked = (Vec<Vec<Arc<Implementation>>>, Vec<(ComponentId, String)>);

/// Who is to be saved.
fn ask(state: &State) -> (Vec<Member>, Asked) {
    let mut of_components: BTreeMap<ComponentId, (Member, Vec<Arc<Implementation>>)> = BTreeMap::new();
    let mut left_out = Vec::new();
    for (provider, found) in state.objects().registry().committed() {
        let implementation = found.implementation();
        let manifest = &implementation.manifest;
        let (Some(version), true) = (manifest.state_version, found.shared().is_some()) else { continue };
        let id = &implementation.component.id;
        if !manifest.can_copy_state() {
            let why = "serde does not know the type of its state; derive Serialize and Deserialize for it";
            left_out.push((id.clone(), why.to_owned()));
            continue;
        }
        let (member, loaded) = of_components.entry(id.clone()).or_default();
        member.before = Some(id.clone());
        member.after = Some(id.clone());
        member.replaced.push(ReplacedProvider {
            provider,
            export: loaded.len(),
            instances: found.instances(),
            state: StateChange::HandedOver(version, version),
            back: None,
            why_copied: None,
            interface: manifest.interface.clone(),
            versions: (manifest.interface_version, manifest.interface_version),
            protected: false,
            breaks_interface: false,
            shares_gate: false,
            rank: 0,
        });
        loaded.push(Arc::clone(implementation));
    }
    let (members, loaded) = of_components.into_values().unzip();
    (members, (loaded, left_out))
}

impl Execution {
    /// Saves all states. Returns `None` if a component was built since it was found who is to be saved.
    fn save_phases(
        &mut self,
        loaded: Vec<Vec<Arc<Implementation>>>,
        mut left_out: Vec<(ComponentId, String)>,
    ) -> Result<Option<SavedStates>, Stop> {
        let deadline = Deadline::after(self.started, self.options.timeout);
        self.watch.enter(Phase::Prepare, self.thread, deadline)?;
        self.loaded = loaded;
        {
            let inner = Arc::clone(&self.inner);
            let mut state = inner.state();
            self.watch.check()?;
            state.begin_uncommitted(self.thread);
        }
        let shut = if self.needs_gate()? { self.hold_callers(deadline)? } else { None };
        let Some(unsaved) = self.unsaved()? else {
            self.open_again()?;
            return Ok(None);
        };
        let (mut states, mut services) = (Vec::new(), HashSet::new());
        let mut held = Duration::ZERO;
        if let Some(mut shut) = shut {
            self.watch.enter(Phase::HandOver, self.thread, Deadline::after(shut.at, self.options.deadline))?;
            for moving in self.moving(&mut shut.foreseen)?.moving {
                let implementation = moving.old.implementation();
                let manifest = &implementation.manifest;
                let is_shared = {
                    let state = self.inner.state();
                    let registry = state.objects().registry();
                    let mut providers = registry.of_component(&manifest.component.name).iter();
                    providers
                        .any(|&provider| registry.get(provider).and_then(|found| found.shared()) == Some(moving.id))
                };
                let (Some(state_version), true) = (manifest.state_version, is_shared) else { continue };
                self.watch.step(Arc::clone(&implementation.component) as _, LifecycleStep::Save)?;
                match moving.old.save(self.watch.unwanted()) {
                    Ok(bytes) => {
                        services.insert(moving.id);
                        states.push(SavedState {
                            component: manifest.component.name.clone(),
                            version: manifest.component.version.to_string(),
                            interface: manifest.interface.clone(),
                            interface_version: manifest.interface_version,
                            state_version,
                            is_aside: false,
                            bytes: bytes.into(),
                        });
                    }
                    Err(error) => left_out.push((manifest.component.clone(), error.to_string())),
                }
                let mut state = self.inner.state();
                self.watch.check()?;
                state.note_saved(moving.id);
            }
            held = shut.at.elapsed();
            // Callers go on; the bytes are put together behind them.
            self.open_again()?;
        }
        let saved =
            states.iter().filter_map(|state| ComponentId::parse(&format!("{} {}", state.component, state.version)));
        let saved = saved.collect();
        let is_saved = |service: &Option<ServiceId>| service.is_some_and(|service| services.contains(&service));
        states.extend(unsaved.into_iter().filter(|(service, _)| !is_saved(service)).map(|(_, state)| state));
        let transaction = self.inner.transaction_number();
        Ok(Some(SavedStates { bytes: state_bytes::encode(&states), saved, left_out, held, transaction }))
    }

    /// The states of an earlier process that are part of the save, at the moment at which the gate is shut. `None` if
    /// a component that is no member has state by now: its instance was built while this waited for callers.
    fn unsaved(&self) -> Result<Option<Vec<Unsaved>>, Stop> {
        let state = self.inner.state();
        self.watch.check()?;
        let members: HashSet<_> = self.members.iter().flat_map(Member::providers).collect();
        let kept = state.kept_states();
        let is_kept = |provider| {
            let shared = state.objects().registry().get(provider).and_then(Provider::shared);
            shared.is_some_and(|service| kept.is_unreached(service))
        };
        let (now, _) = ask(&state);
        let is_known = now.iter().flat_map(Member::providers).all(|id| members.contains(&id) || is_kept(id));
        Ok(is_known.then(|| kept.unsaved()))
    }
}
