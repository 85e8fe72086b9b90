//! One transaction under execution: the implementations that it has loaded, the successors that it has
//! made, and the services that it holds.
//!
//! [`execute`](super::execute) runs its phases. [`prepare`](super::prepare), [`precopy`](super::precopy),
//! [`handover`](super::handover) and [`commit`](super::commit) are phases with a file of their own.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    mem,
    sync::Arc,
    time::Instant,
};

use crate::{
    error::LifecycleStep,
    host::{
        ids::{ProviderId, ServiceId, ThreadId, TransactionId},
        objects::{
            component::Implementation,
            instances::{Held, Instance},
            provider::Visibility,
        },
        service::{inner::RuntimeInner, state::State},
    },
};

use super::{
    copying::Copying, downgraded::Downgrades, member::Member, recorder::Recording, report::PrecopyReport,
    request::Options, stop::Stop, trial::Prepared, watch::Watch,
};

/// The new instance of a service, not visible yet.
pub(super) struct Successor {
    pub(super) instance: Instance,
    pub(super) state_bytes: usize,
    /// Whether it gets the state of its predecessor by pointer, at the commit.
    pub(super) moves: bool,
    /// The place of its provider in [`Execution::replacements`].
    pub(super) replacement: usize,
    /// Whether the entries of its slots are among what was [foreseen](super::foreseen) last.
    pub(super) is_foreseen: bool,
    /// How its state was copied ahead of the gate, if it was.
    pub(super) precopy: Option<PrecopyReport>,
}

/// A provider that gets a new implementation, or several whose new implementations share their objects.
pub(super) struct Replacement {
    pub(super) providers: Vec<ProviderId>,
    pub(super) implementation: Arc<Implementation>,
    /// Whether the state of its instances is handed over.
    pub(super) is_stateful: bool,
    /// Whether that is copied while callers go on.
    pub(super) is_copied_ahead: bool,
    /// Whether its successors are made while callers wait: because of state, or because an interface that
    /// it needs changes with it.
    pub(super) is_behind_gate: bool,
    /// Whether the state of its instances moves by pointer.
    pub(super) moves: bool,
    /// Whether its successors are made before callers wait.
    pub(super) is_made_ahead: bool,
}

/// One transaction under execution.
pub(super) struct Execution {
    pub(super) inner: Arc<RuntimeInner>,
    pub(super) watch: Arc<Watch>,
    pub(super) members: Vec<Member>,
    pub(super) options: Options,
    pub(super) started: Instant,
    /// The record of the transaction; `None` if nothing records.
    pub(super) recording: Option<Arc<Recording>>,
    pub(super) thread: ThreadId,
    /// The transaction's number; `None` before it has loaded its files.
    pub(super) number: Option<TransactionId>,
    /// Each member's new implementations, in the order of its manifest's exports.
    pub(super) loaded: Vec<Vec<Arc<Implementation>>>,
    pub(super) successors: HashMap<ServiceId, Successor>,
    /// The services that have a successor or are about to get one. The transaction holds them, so that
    /// they keep their numbers while it does not hold the state lock.
    pub(super) held: Vec<ServiceId>,
    /// The services that successors behind the gate will need. The transaction holds them.
    pub(super) needs: Vec<Held>,
    /// The replacements behind the gate, by place, whose needs are held.
    pub(super) ready: HashSet<usize>,
    /// The successors whose state is copied while callers go on.
    pub(super) copies: HashMap<ServiceId, Copying>,
    /// The old instances that this transaction tracks.
    pub(super) tracked: Vec<Arc<Instance>>,
    /// The states that were handed over as a whole, with their versions.
    pub(super) saved: HashMap<ServiceId, (u32, Vec<u8>)>,
    /// The generations whose snapshots came back in place of a state.
    pub(super) from_snapshot: HashMap<ServiceId, u64>,
    /// What became of the states that were to be downgraded.
    pub(super) downgrades: Downgrades,
    /// The thread of the trial that begins with the commit, if the plan has one.
    pub(super) trial: Option<Prepared>,
}

impl Execution {
    pub(super) fn new(
        inner: Arc<RuntimeInner>,
        watch: Arc<Watch>,
        members: Vec<Member>,
        options: Options,
        started: Instant,
    ) -> Execution {
        Execution {
            inner,
            watch,
            members,
            options,
            started,
            recording: None,
            thread: ThreadId::NONE,
            number: None,
            loaded: Vec::new(),
            successors: HashMap::new(),
            held: Vec::new(),
            needs: Vec::new(),
            ready: HashSet::new(),
            copies: HashMap::new(),
            tracked: Vec::new(),
            saved: HashMap::new(),
            from_snapshot: HashMap::new(),
            downgrades: Downgrades::default(),
            trial: None,
        }
    }

    /// What the transaction's thread sees of the providers.
    pub(super) fn visibility(&self) -> Visibility {
        self.number.map_or(Visibility::Committed, Visibility::Transaction)
    }

    /// The providers that get a new implementation, each after those that it depends on. Those whose new
    /// implementations share their objects are one replacement.
    pub(super) fn replacements(&self) -> Vec<Replacement> {
        let members = self.members.iter().zip(&self.loaded);
        let mut replacements: Vec<_> = members
            .flat_map(|(member, loaded)| {
                member.replaced.iter().map(|replacement| (replacement, &loaded[replacement.export]))
            })
            .collect();
        replacements.sort_by_key(|(replacement, _)| replacement.rank);
        let mut merged: Vec<Replacement> = Vec::with_capacity(replacements.len());
        let mut of_objects = HashMap::new();
        for (replaced, implementation) in replacements {
            let at = *of_objects.entry(implementation.objects()).or_insert_with(|| {
                merged.push(Replacement {
                    providers: Vec::new(),
                    implementation: Arc::clone(implementation),
                    is_stateful: false,
                    is_copied_ahead: false,
                    is_behind_gate: false,
                    moves: false,
                    is_made_ahead: true,
                });
                merged.len() - 1
            });
            merged[at].providers.push(replaced.provider);
            merged[at].is_stateful |= replaced.is_stateful();
            merged[at].is_copied_ahead |= replaced.is_copied_ahead();
            merged[at].is_behind_gate |= replaced.is_behind_gate();
            merged[at].moves |= replaced.moves();
            merged[at].is_made_ahead &= replaced.is_made_ahead();
        }
        merged
    }

    /// The configuration that the plan gives the shared instance of an implementation.
    pub(super) fn planned_config(&self, implementation: &Implementation) -> Option<&Arc<[u8]>> {
        self.options.configurations.get(&implementation.component.id.name)
    }

    /// The configuration of a service's successor: for a shared instance that of the plan, if the plan has
    /// one, else that of the present instance.
    pub(super) fn config_for(
        &self,
        state: &State,
        id: ServiceId,
        implementation: &Implementation,
    ) -> Option<Arc<[u8]>> {
        let service = state.objects().services().get(id)?;
        let mut providers = service.providers().iter().filter_map(|&provider| state.objects().registry().get(provider));
        let is_shared = providers.any(|provider| provider.shared() == Some(id));
        if is_shared && self.options.unconfigured.contains(&implementation.component.id.name) {
            return None;
        }
        let planned = self.planned_config(implementation).filter(|_| is_shared);
        planned.or(service.config()).cloned()
    }

    /// Holds a service until [`Execution::release`], so that it keeps its number.
    pub(super) fn hold(&mut self, state: &mut State, id: ServiceId) -> Result<(), Stop> {
        state.objects_mut().hold(id)?;
        self.held.push(id);
        Ok(())
    }

    /// Gives up the holds. The end of the runtime may have taken the services out already.
    pub(super) fn release(&mut self, state: &mut State) {
        state.release_needs(&mem::take(&mut self.needs));
        self.held.drain(..).for_each(|id| state.release(id));
    }

    /// Notes a successor, so that calls of this thread reach it from now on, then runs its health check. A successor
    /// that gets its state by pointer is reached from the commit on, and is emptied here.
    pub(super) fn keep(&mut self, id: ServiceId, successor: Successor) -> Result<(), Stop> {
        let moves = successor.moves;
        let kept = self.successors.entry(id).insert_entry(successor);
        let instance = &kept.get().instance;
        if !moves {
            self.inner.state().objects_mut().uncommitted_mut().add(self.thread, id, instance);
        }
        self.watch.step(Arc::clone(&instance.implementation().component) as _, LifecycleStep::HealthCheck)?;
        instance.check()?;
        if moves {
            self.empty(&self.successors[&id].instance)?;
        }
        Ok(())
    }

    /// Takes out the successors, dependents first.
    pub(super) fn dependents_first(&mut self) -> Vec<(ServiceId, Successor)> {
        let mut successors: Vec<_> = self.successors.drain().collect();
        successors.sort_unstable_by_key(|(_, successor)| Reverse(successor.replacement));
        successors
    }
}
