//! One transaction under execution: what it has loaded, made and holds.
//!
//! [`execute`](super::execute) runs its phases; [`prepare`](super::prepare),
//! [`handover`](super::handover) and [`commit`](super::commit) are phases with a file of their own.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    mem,
    sync::Arc,
    time::Instant,
};

use crate::{
    error::{Error, LifecycleStep},
    host::{
        ids::{ProviderId, ServiceId, ThreadId, TransactionId},
        objects::{
            component::Implementation,
            instances::{Held, Instance},
            provider::Visibility,
        },
        service::inner::{RuntimeInner, State},
    },
};

use super::{
    member::{Member, StateChange},
    request::Options,
    resolve::{refuse_used, state_lost},
    watch::{Abandoned, Watch},
};

/// Why a transaction ends without a commit.
pub(super) enum Stop {
    /// Something refused; the executing thread undoes.
    Refused(Error),
    /// The caller gave up and has undone.
    Abandoned,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Refused(error)
    }
}

impl From<Abandoned> for Stop {
    fn from(_: Abandoned) -> Stop {
        Stop::Abandoned
    }
}

/// A new instance for an instance, not visible yet.
pub(super) struct Successor {
    pub(super) instance: Instance,
    pub(super) state_bytes: usize,
    /// Its place among the replacements, which come behind those that they depend on.
    pub(super) replacement: usize,
}

/// A provider that gets a new implementation.
pub(super) struct Replacement {
    pub(super) provider: ProviderId,
    pub(super) implementation: Arc<Implementation>,
    /// Its instances' state is handed over.
    pub(super) is_stateful: bool,
    /// Its successors are made while callers wait: those with state, and those that need
    /// what changes its interface with them.
    pub(super) is_behind_gate: bool,
}

/// One transaction under execution.
pub(super) struct Execution {
    pub(super) inner: Arc<RuntimeInner>,
    pub(super) watch: Arc<Watch>,
    pub(super) members: Vec<Member>,
    pub(super) options: Options,
    pub(super) started: Instant,
    pub(super) thread: ThreadId,
    /// The transaction's own number, once it has loaded its files.
    pub(super) number: Option<TransactionId>,
    /// Each member's new implementations, in the order of its manifest's exports.
    pub(super) loaded: Vec<Vec<Arc<Implementation>>>,
    pub(super) successors: HashMap<ServiceId, Successor>,
    /// The instances with a successor, or about to have one: held, so that their numbers
    /// stay theirs while the state lock is not held.
    pub(super) held: Vec<ServiceId>,
    /// What those behind the gate will need, held.
    pub(super) needs: Vec<Held>,
    /// The replacements behind the gate, by place, for which that was done.
    pub(super) ready: HashSet<usize>,
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
            thread: ThreadId::NONE,
            number: None,
            loaded: Vec::new(),
            successors: HashMap::new(),
            held: Vec::new(),
            needs: Vec::new(),
            ready: HashSet::new(),
        }
    }

    /// Who sees what this transaction brings.
    pub(super) fn visibility(&self) -> Visibility {
        self.number.map_or(Visibility::Committed, Visibility::Transaction)
    }

    /// The providers that get a new implementation, each behind those that it depends on.
    pub(super) fn replacements(&self) -> Vec<Replacement> {
        let members = self.members.iter().zip(&self.loaded);
        let mut replacements: Vec<_> = members
            .flat_map(|(member, loaded)| {
                member.replaced.iter().map(|replacement| (replacement, &loaded[replacement.export]))
            })
            .collect();
        replacements.sort_by_key(|(replacement, _)| replacement.rank);
        replacements
            .into_iter()
            .map(|(replacement, implementation)| Replacement {
                provider: replacement.provider,
                implementation: Arc::clone(implementation),
                is_stateful: replacement.is_stateful(),
                is_behind_gate: replacement.is_behind_gate(),
            })
            .collect()
    }

    /// What the plan configures an implementation's shared instance with.
    pub(super) fn planned_config(&self, implementation: &Implementation) -> Option<&Arc<[u8]>> {
        self.options.configurations.get(&implementation.component.id.name)
    }

    /// What the successor of an instance is configured with: the plan configures shared ones.
    pub(super) fn config_for(
        &self,
        state: &State,
        id: ServiceId,
        implementation: &Implementation,
    ) -> Option<Arc<[u8]>> {
        let service = state.objects().services().get(id)?;
        let provider = state.objects().registry().get(service.provider());
        let is_shared = provider.is_some_and(|provider| provider.shared() == Some(id));
        let planned = self.planned_config(implementation).filter(|_| is_shared);
        planned.or(service.config()).cloned()
    }

    /// Instances that appeared since the plan was resolved, where it counted on none.
    pub(super) fn refuse_instances_created_since(&self, state: &State) -> Result<(), Stop> {
        for (member, loaded) in self.members.iter().zip(&self.loaded) {
            for &provider in &member.removed {
                refuse_used(state, provider)?;
            }
            for replacement in member.replaced.iter().filter(|replacement| replacement.state == StateChange::Absent) {
                let registry = state.objects().registry();
                if registry.instances_of(replacement.provider) > 0 {
                    let old = &registry.implementation(replacement.provider).manifest;
                    return Err(state_lost(old, &loaded[replacement.export].manifest).into());
                }
            }
        }
        Ok(())
    }

    /// Holds a service, which keeps its number, until [`Execution::release`].
    pub(super) fn hold(&mut self, state: &mut State, id: ServiceId) -> Result<(), Stop> {
        state.objects_mut().hold(id)?;
        self.held.push(id);
        Ok(())
    }

    /// Gives up what was held. The end of the runtime may have taken it out already.
    pub(super) fn release(&mut self, state: &mut State) {
        state.release_needs(&mem::take(&mut self.needs));
        self.held.drain(..).for_each(|id| state.release(id));
    }

    /// Notes a successor, which calls of this thread reach from now on, then runs its health check.
    pub(super) fn keep(&mut self, id: ServiceId, successor: Successor) -> Result<(), Stop> {
        let kept = self.successors.entry(id).insert_entry(successor);
        let instance = &kept.get().instance;
        self.inner.state().objects_mut().uncommitted_mut().add(self.thread, id, instance);
        self.watch.step(Arc::clone(&instance.implementation().component) as _, LifecycleStep::HealthCheck)?;
        instance.check()?;
        Ok(())
    }

    /// Takes out the successors, those first that depend on others.
    pub(super) fn dependents_first(&mut self) -> Vec<(ServiceId, Successor)> {
        let mut successors: Vec<_> = self.successors.drain().collect();
        successors.sort_unstable_by_key(|(_, successor)| Reverse(successor.replacement));
        successors
    }
}
