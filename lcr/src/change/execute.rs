//! The phases of a transaction, on its own thread.
//!
//! | phase | does | if it fails |
//! |---|---|---|
//! | load | maps the staged files, compares what registered with the manifests | images stay, unused |
//! | prepare | constructs the successors that need no gate, checks their health | they are destroyed |
//! | drain | with members that have state, or needs that change: waits for calls inside them, all slots open | nothing is undone |
//! | gate | shuts the slots of those members, waits a moment for calls inside, else opens them and drains again | the slots open on the old instances |
//! | hand over | saves all, then restores or constructs, and checks | as above |
//! | commit | publishes one world | cannot fail |
//!
//! While this thread runs the code of successors they meet each other, and nobody else
//! meets them ([`uncommitted`](crate::host::objects::uncommitted)).
//!
//! A new instance may appear until the members are *frozen*, which is in the prepare
//! phase; at the end of it there is a successor for each instance that is not behind the
//! gate. What the others will need is there, too: no instance is built behind the gate, where it
//! would be of an old implementation and get no successor.

use std::{
    any::Any,
    cmp::Reverse,
    collections::{HashMap, HashSet},
    iter, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::{
        deadline::Deadline,
        ids::{ProviderId, ServiceId, ThreadId, TransactionId},
        image::library::Refused,
        objects::{
            instances::{Held, Instance, Origin},
            registry::{Coming, Component, Implementation, Visibility},
            uncommitted::Uncommitted,
        },
        service::inner::{RuntimeInner, State},
        worlds::records,
    },
};

use super::{
    member::{Member, StateChange},
    plan::{Options, Step},
    report::Report,
    resolve::{refuse_used, state_lost},
    watch::{Abandoned, Phase, Watch},
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
    /// The number of its seat; seats come behind those that they depend on.
    pub(super) seat: usize,
}

/// A seat that gets a new implementation.
pub(super) struct Seat {
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
    needs: Vec<Held>,
    /// The numbers of the seats behind the gate for which that was done.
    pub(super) ready: HashSet<usize>,
    /// The generation that it has made visible.
    pub(super) published: Option<u64>,
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
            published: None,
        }
    }

    /// Runs the phases; `None` if the caller gave up.
    pub(super) fn run(self, steps: Vec<Step>) -> Option<Result<Report>> {
        self.run_phases(|execution| execution.phases(steps))
    }

    /// Runs `phases` to whatever end. A panic in them is a refusal, or, behind the commit, what
    /// the caller is told of it.
    fn run_phases(mut self, phases: impl FnOnce(&mut Execution) -> Result<Report, Stop>) -> Option<Result<Report>> {
        let record = records::mine();
        self.thread = record.thread_id();
        record.force_slow_path();
        let outcome = catch_unwind(AssertUnwindSafe(|| phases(&mut self)));
        let outcome = outcome.unwrap_or_else(|panic| match self.published {
            None => Err(Error::internal("nothing is changed, the transaction was given up", &*panic).into()),
            Some(generation) => Err(self.end_behind_commit(generation, &*panic)),
        });
        // Behind this the successors may be destroyed, or they serve everybody.
        let uncommitted = self.inner.state().uncommitted.remove(&self.thread);
        drop(uncommitted);
        let stop = match outcome {
            Ok(report) => return Some(Ok(report)),
            Err(stop) => self.refuse(stop),
        };
        let inner = Arc::clone(&self.inner);
        for (_, successor) in self.dependents_first() {
            // One that is visible may be in use, and nothing counts that: it stays for ever.
            if self.published.is_none() {
                inner.discard(inner.state(), successor.instance);
            } else {
                mem::forget(successor.instance);
            }
        }
        self.let_go(&mut inner.state());
        let unused = self.loaded.iter().filter(|_| self.published.is_none());
        for implementation in unused.filter_map(|loaded| loaded.first()) {
            inner.state().retain_image(Arc::clone(&implementation.component));
        }
        inner.reaper.wake();
        match stop {
            Stop::Refused(error) => Some(Err(error)),
            Stop::Abandoned => None,
        }
    }

    /// Undoes a refused transaction, unless its caller gave up and has done it.
    fn refuse(&self, stop: Stop) -> Stop {
        let mut state = self.inner.state();
        if matches!(stop, Stop::Abandoned) || self.watch.refuse().is_err() {
            return Stop::Abandoned;
        }
        if self.published.is_none() {
            self.inner.undo(&mut state);
        }
        drop(state);
        self.inner.changed.notify_all();
        stop
    }

    /// Lets everybody go on who waits for a transaction that panicked behind its commit. What is
    /// visible stays; the bookkeeping of what it replaced may be incomplete.
    fn end_behind_commit(&self, generation: u64, panic: &(dyn Any + Send)) -> Stop {
        let mut state = self.inner.state();
        state.gate = None;
        state.registry.settle();
        drop(state);
        self.inner.gate.open();
        let text =
            format!("the plan is committed as generation {generation}, but what it replaced may not be given back");
        Error::internal(text, panic).into()
    }

    fn phases(&mut self, steps: Vec<Step>) -> Result<Report, Stop> {
        let timeout = Deadline::after(self.started, self.options.timeout);
        self.watch.enter(Phase::Load, self.thread, timeout)?;
        self.load(steps)?;
        self.watch.enter(Phase::Prepare, self.thread, timeout)?;
        self.prepare()?;
        self.try_configurations()?;
        let gate = if self.needs_gate()? { self.hold_callers(timeout)? } else { None };
        if let Some(shut) = gate {
            self.watch.enter(Phase::HandOver, self.thread, Deadline::after(shut, self.options.deadline))?;
            // For what threads inside the gate have built since.
            self.prepare()?;
            self.hand_over()?;
        }
        self.commit(gate)
    }

    fn load(&mut self, mut steps: Vec<Step>) -> Result<(), Stop> {
        for member in &self.members {
            let Some(staged) = steps[member.step].staged.take() else {
                self.loaded.push(Vec::new());
                continue;
            };
            let name = format!("{} {}", staged.manifest.component, staged.manifest.version);
            self.watch.step(Arc::new(name), "loading")?;
            let loaded = Component::load(&staged).map_err(|Refused { error, mapped }| {
                if let Some(bytes) = mapped {
                    self.inner.state().retain_refused(bytes);
                }
                error
            })?;
            self.loaded.push(loaded);
        }
        let mut state = self.inner.state();
        self.watch.check()?;
        let number = state.registry.begin_transaction();
        self.number = Some(number);
        let uncommitted = Uncommitted::new(&state.world);
        state.uncommitted.insert(self.thread, uncommitted);
        state.registry.pending_bindings = self.options.bindings.clone();
        for (member, loaded) in self.members.iter().zip(&self.loaded) {
            for &export in &member.added {
                let added = state.registry.add(Arc::clone(&loaded[export]), Some(number));
                state.registry.providers[added].config = self.planned_config(&loaded[export]).cloned();
            }
            for seat in &member.seats {
                let successor = Coming::Successor(Arc::clone(&loaded[seat.export]));
                self.announce(&mut state, seat.provider, successor)?;
            }
            for &provider in &member.removed {
                self.announce(&mut state, provider, Coming::Nothing)?;
            }
        }
        Ok(())
    }

    /// Lets this transaction see what becomes of a seat.
    fn announce(&self, state: &mut State, provider: ProviderId, coming: Coming) -> Result<()> {
        let seat = state.registry.providers.get_mut(provider);
        seat.ok_or_else(|| Error::new(ErrorKind::Closed, "the runtime is gone"))?.coming = Some(coming);
        Ok(())
    }

    /// Who sees what this transaction brings.
    pub(super) fn visibility(&self) -> Visibility {
        self.number.map_or(Visibility::Committed, Visibility::Transaction)
    }

    /// The seats that get a new implementation, each behind those that it depends on.
    pub(super) fn seats(&self) -> Vec<Seat> {
        let members = self.members.iter().zip(&self.loaded);
        let mut seats: Vec<_> =
            members.flat_map(|(member, loaded)| member.seats.iter().map(|seat| (seat, &loaded[seat.export]))).collect();
        seats.sort_by_key(|(seat, _)| seat.rank);
        seats
            .into_iter()
            .map(|(seat, implementation)| Seat {
                provider: seat.provider,
                implementation: Arc::clone(implementation),
                is_stateful: seat.is_stateful(),
                is_behind_gate: seat.is_behind_gate(),
            })
            .collect()
    }

    /// Constructs a successor for each instance that needs no gate and has none, and what
    /// the successors of the others will need, again until nothing is left to construct;
    /// then the members are frozen.
    pub(super) fn prepare(&mut self) -> Result<(), Stop> {
        let seats = self.seats();
        for is_first in iter::once(true).chain(iter::repeat(false)) {
            let inner = Arc::clone(&self.inner);
            let mut state = inner.state();
            self.watch.check()?;
            self.refuse_instances_created_since(&state)?;
            let (mut missing, mut needs_dependencies) = (Vec::new(), Vec::new());
            let mut instances_of: HashMap<ProviderId, Vec<ServiceId>> = HashMap::new();
            for (id, service) in state.services.iter() {
                instances_of.entry(service.provider).or_default().push(id);
            }
            for (seat, Seat { provider, implementation, is_behind_gate, .. }) in seats.iter().enumerate() {
                let own = instances_of.get(provider).map_or(&[][..], Vec::as_slice);
                if *is_behind_gate && !self.ready.contains(&seat) && !own.is_empty() {
                    self.ready.insert(seat);
                    needs_dependencies.push(Arc::clone(implementation));
                }
                let without = own.iter().filter(|id| !is_behind_gate && !self.successors.contains_key(id));
                missing
                    .extend(without.map(|&id| {
                        (id, seat, Arc::clone(implementation), self.config_for(&state, id, implementation))
                    }));
            }
            // Whoever makes instances waits from the second round on: several threads
            // make them faster than this one makes their successors.
            let is_done = missing.is_empty() && needs_dependencies.is_empty();
            if is_done || !is_first {
                let removed = self.members.iter().flat_map(|member| &member.removed);
                for provider in seats.iter().map(|seat| &seat.provider).chain(removed) {
                    state.registry.providers[*provider].frozen = Some(self.thread);
                }
            }
            if is_done {
                break;
            }
            missing.iter().for_each(|&(id, ..)| self.hold(&mut state, id));
            drop(state);
            for implementation in needs_dependencies {
                self.watch.step(Arc::clone(&implementation.component) as _, "construction of the dependencies")?;
                self.needs.extend(self.inner.hold_needs(&implementation, self.visibility())?);
            }
            for (id, seat, implementation, config) in missing {
                self.watch.step(Arc::clone(&implementation.component) as _, "constructor")?;
                let instance =
                    self.inner.instantiate(&implementation, config.as_deref(), self.visibility(), Origin::Create)?;
                self.keep(id, Successor { instance, state_bytes: 0, seat })?;
            }
        }
        Ok(())
    }

    /// What the plan configures an implementation's shared instance with.
    pub(super) fn planned_config(&self, implementation: &Implementation) -> Option<&Arc<[u8]>> {
        self.options.configurations.get(&implementation.component.name)
    }

    /// What the successor of an instance is configured with: the plan configures shared ones.
    pub(super) fn config_for(
        &self,
        state: &State,
        id: ServiceId,
        implementation: &Implementation,
    ) -> Option<Arc<[u8]>> {
        let service = &state.services[id];
        let is_shared = state.registry.providers[service.provider].service == Some(id);
        let planned = self.planned_config(implementation).filter(|_| is_shared);
        planned.or(service.config.as_ref()).cloned()
    }

    /// Has a configuration read where no successor does it before the commit, by an instance that
    /// is destroyed again.
    fn try_configurations(&self) -> Result<(), Stop> {
        let mut untried = Vec::new();
        {
            let state = self.inner.state();
            let is_used = |provider: ProviderId| {
                state.registry.providers.get(provider).is_some_and(|provider| provider.service.is_some())
            };
            for (member, loaded) in self.members.iter().zip(&self.loaded) {
                let used: HashSet<usize> =
                    member.seats.iter().filter(|seat| is_used(seat.provider)).map(|seat| seat.export).collect();
                let idle = loaded.iter().enumerate().filter(|(export, _)| !used.contains(export));
                untried.extend(idle.map(|(_, implementation)| Arc::clone(implementation)));
            }
            let touched: HashSet<ProviderId> = self.members.iter().flat_map(Member::providers).collect();
            let named = self.options.configurations.keys().filter_map(|name| state.registry.components.get(name));
            let staying = named.flatten().filter(|provider| !touched.contains(provider));
            let staying = staying.map(|&provider| &state.registry.providers[provider]);
            let present = staying.filter(|provider| provider.pending.is_none());
            untried.extend(present.map(|provider| Arc::clone(&provider.implementation)));
        }
        for implementation in untried {
            let Some(config) = self.planned_config(&implementation) else { continue };
            self.watch.step(Arc::clone(&implementation.component) as _, "constructor")?;
            let tried = self.inner.instantiate(&implementation, Some(config), self.visibility(), Origin::Create)?;
            self.inner.discard(self.inner.state(), tried);
        }
        Ok(())
    }

    /// Instances that appeared since the plan was resolved, where it counted on none.
    pub(super) fn refuse_instances_created_since(&self, state: &State) -> Result<(), Stop> {
        for (member, loaded) in self.members.iter().zip(&self.loaded) {
            for &provider in &member.removed {
                refuse_used(state, provider)?;
            }
            for seat in member.seats.iter().filter(|seat| seat.state == StateChange::Absent) {
                if state.registry.providers[seat.provider].instances > 0 {
                    let old = &state.registry.providers[seat.provider].implementation.manifest;
                    return Err(state_lost(old, &loaded[seat.export].manifest).into());
                }
            }
        }
        Ok(())
    }

    /// Keeps an instance, and its number, until [`Execution::let_go`].
    pub(super) fn hold(&mut self, state: &mut State, id: ServiceId) {
        state.services[id].holds += 1;
        self.held.push(id);
    }

    /// Lets go of what was held. The end of the runtime may have taken it out already.
    pub(super) fn let_go(&mut self, state: &mut State) {
        state.drop_needs(&mem::take(&mut self.needs));
        for id in self.held.drain(..) {
            if let Some(service) = state.services.get_mut(id) {
                service.holds -= 1;
                state.let_go(id);
            }
        }
    }

    /// Notes a successor, which this thread meets from now on, then asks it for its health.
    pub(super) fn keep(&mut self, id: ServiceId, successor: Successor) -> Result<(), Stop> {
        let kept = self.successors.entry(id).insert_entry(successor);
        let instance = &kept.get().instance;
        if let Some(uncommitted) = self.inner.state().uncommitted.get_mut(&self.thread) {
            uncommitted.add(id, instance);
        }
        self.watch.step(Arc::clone(&instance.implementation.component) as _, "health check")?;
        RuntimeInner::check(instance)?;
        Ok(())
    }

    /// Takes out the successors, those first that depend on others.
    pub(super) fn dependents_first(&mut self) -> Vec<(ServiceId, Successor)> {
        let mut successors: Vec<_> = self.successors.drain().collect();
        successors.sort_unstable_by_key(|(_, successor)| Reverse(successor.seat));
        successors
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
