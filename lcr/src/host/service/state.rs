//! The bookkeeping of one runtime: what the state lock protects.
//!
//! [`inner`](super::inner) has the lock, and says for what it may be held. The files of the room add
//! what they do with the state.

use std::sync::Arc;

use crate::{
    component::identity::ComponentId,
    host::{
        ids::{Generation, ProviderId, ServiceId, SlotId, ThreadId},
        objects::{
            component::Implementation,
            instances::{Held, Instance, StateBox},
            left_hooks::LeftHooks,
            owner::Objects,
            patches,
        },
        worlds::{
            records::ThreadRecord,
            world::{Retired, World},
        },
    },
};

use super::{
    drain::Sightings,
    gate::{Gate, Lost, Members},
    kept_states::KeptStates,
    retained::RetainedImages,
    retirements::Retirements,
    revisions::{Commit, Dropped, Revisions},
    waiting::Waiting,
};

/// The bookkeeping of one runtime.
pub(crate) struct State {
    pub(in crate::host) world: Arc<World>,
    pub(in crate::host) retired: Retired,
    pub(in crate::host) retiring: Vec<Retiring>,
    pub(in crate::host) images: RetainedImages,
    pub(super) retirements: Retirements,
    pub(in crate::host) objects: Objects,
    pub(in crate::host) gate: Option<Gate>,
    pub(super) sightings: Sightings,
    pub(super) waiting: Waiting,
    /// What starts of async calls are held back from, before the gate shuts.
    pub(super) held_starts: Option<Members>,
    /// The states that were lost and are not reported. The reaper reports them.
    pub(super) lost: Vec<Lost>,
    pub(in crate::host) tally: Tally,
    revisions: Revisions,
    pub(super) kept: KeptStates,
}

/// An instance that was replaced or released, and waits for its last call to leave.
pub(crate) struct Retiring {
    pub(crate) instance: Arc<Instance>,
    /// The slots through which calls may be inside.
    pub(crate) slots: Vec<SlotId>,
    /// The first world without it.
    pub(crate) retired_at: Generation,
    pub(crate) role: Role,
}

/// What a retiring instance was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// It served its slots.
    Served,
    /// It got some calls of its slots, beside the instance that served them and may still do so.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "only a canary has a candidate"))]
    Candidate,
    /// Hooks of patches, which stood between callers and the instance.
    Hooks,
}

/// How many objects there were since the runtime began.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Tally {
    constructed: u64,
    destroyed: u64,
}

impl Tally {
    pub(in crate::host) fn note_constructed(&mut self) {
        self.constructed += 1;
    }

    pub(in crate::host) fn note_destroyed(&mut self) {
        self.destroyed += 1;
    }

    pub(in crate::host) fn constructed(&self) -> u64 {
        self.constructed
    }

    pub(in crate::host) fn destroyed(&self) -> u64 {
        self.destroyed
    }
}

impl State {
    /// The bookkeeping of a new runtime, whose first world is `world`.
    pub(super) fn new(world: Arc<World>) -> State {
        State {
            world,
            retired: Retired::default(),
            retiring: Vec::new(),
            images: RetainedImages::default(),
            retirements: Retirements::default(),
            objects: Objects::default(),
            gate: None,
            sightings: Sightings::default(),
            waiting: Waiting::default(),
            held_starts: None,
            lost: Vec::new(),
            tally: Tally::default(),
            revisions: Revisions::default(),
            kept: KeptStates::default(),
        }
    }

    /// Everything that is present.
    pub(crate) fn objects(&self) -> &Objects {
        &self.objects
    }

    pub(crate) fn objects_mut(&mut self) -> &mut Objects {
        &mut self.objects
    }

    /// Has the reaper destroy an instance once no thread is inside it. Calls may be inside through
    /// `slots`, in worlds before `retired_at`.
    pub(crate) fn retire(&mut self, instance: Arc<Instance>, slots: Vec<SlotId>, retired_at: Generation) {
        self.retiring.push(Retiring { instance, slots, retired_at, role: Role::Served });
    }

    /// As [`retire`](State::retire), for a candidate that got some calls of the slots. What serves them stays, so their
    /// calls are not inside what was replaced: none is cancelled.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "only a canary has a candidate"))]
    pub(crate) fn retire_candidate(&mut self, instance: Arc<Instance>, slots: Vec<SlotId>) {
        let retired_at = self.generation();
        self.retiring.push(Retiring { instance, slots, retired_at, role: Role::Candidate });
    }

    /// Has the reaper destroy hooks once no call can reach them. Calls may be inside through `slots`, in worlds before
    /// the current one; through none if the service is gone.
    pub(crate) fn retire_hooks(&mut self, hooks: LeftHooks, name: &ComponentId, slots: Vec<SlotId>) {
        let instance = Arc::new(Instance::of_hooks(hooks, name));
        self.tally.note_constructed();
        let retired_at = self.generation();
        self.retiring.push(Retiring { instance, slots, retired_at, role: Role::Hooks });
    }

    /// Has the reaper destroy what ran at a point, once no thread has a count of it.
    pub(crate) fn retire_closure(&mut self, keeper: Arc<Instance>) {
        self.tally.note_constructed();
        let retired_at = self.generation();
        self.retiring.push(Retiring { instance: keeper, slots: Vec::new(), retired_at, role: Role::Hooks });
    }

    /// Notes a commit for the way back. Returns what is not kept any more, to be dropped behind the lock.
    pub(crate) fn note_revision(&mut self, commit: Commit) -> Dropped {
        let dropped = self.revisions.note(commit);
        self.forget_patches();
        dropped
    }

    /// Sets how many revisions are kept. Returns what is not kept any more, to be dropped behind the lock.
    pub(crate) fn keep_revisions(&mut self, count: usize) -> Dropped {
        let dropped = self.revisions.set_limit(count);
        self.forget_patches();
        dropped
    }

    /// Retires the patches that were taken off and that no revision has.
    fn forget_patches(&mut self) {
        let revisions = &self.revisions;
        let ended = self.objects.patches_mut().forget(|number| revisions.names_patch(number));
        if let Some(ended) = ended {
            self.retire_hooks(ended, &patches::id("patches", 0), Vec::new());
        }
    }

    /// Retires the hooks of a service that are not of its present instance.
    pub(crate) fn retire_hooks_of(&mut self, id: ServiceId, slots: &[SlotId]) {
        let instance = self.objects.services().get(id).map(|service| Arc::clone(service.instance()));
        if !self.objects.patches().has_sets() {
            return;
        }
        let is_present = |methods| instance.as_ref().is_some_and(|instance| instance.has_methods(methods));
        if let Some(left) = self.objects.patches_mut().leave_service(id, is_present) {
            self.retire_hooks(left, &patches::id("hooks", 0), slots.to_vec());
        }
    }

    /// Retires an instance that no slot shows any more.
    pub(super) fn retire_unused(&mut self, instance: Arc<Instance>) {
        let retired_at = self.generation().next();
        self.retire(instance, Vec::new(), retired_at);
    }

    /// Gives up the object of the program that an implementation's instances are, if they are one: the
    /// reaper destroys it.
    pub(crate) fn retire_object(&mut self, implementation: &Arc<Implementation>) {
        if let Some(instance) = Instance::of_object(implementation, self.generation()) {
            self.tally.note_constructed();
            self.retire_unused(Arc::new(instance));
        }
    }

    /// Begins a transaction on a thread: its successors will come after the current world.
    pub(crate) fn begin_uncommitted(&mut self, thread: ThreadId) {
        self.objects.uncommitted_mut().begin(thread, &self.world);
    }

    /// The states of an earlier process.
    pub(crate) fn kept_states(&self) -> &KeptStates {
        &self.kept
    }

    pub(crate) fn kept_states_mut(&mut self) -> &mut KeptStates {
        &mut self.kept
    }

    /// Gives up a hold on a service. Retires the instance if that was the last hold.
    pub(crate) fn release(&mut self, id: ServiceId) {
        if let Some(instance) = self.objects.release(id) {
            self.end_service(id, instance);
        }
    }

    /// Notes the end of a service that nothing holds any more, and retires its instance.
    pub(super) fn end_service(&mut self, id: ServiceId, instance: Arc<Instance>) {
        self.kept.note_ended(id);
        self.retire_hooks_of(id, &[]);
        self.retire_unused(instance);
    }

    /// Notes that a program has a handle on a service.
    pub(super) fn note_reached(&mut self, id: ServiceId) {
        self.kept.note_reached(&self.objects, [id]);
    }

    /// Notes a commit: what programs reach from now on.
    pub(crate) fn note_commit(&mut self) {
        self.kept.note_commit(&self.objects);
    }

    /// Gives up the holds of an instance, or of a constructor, on its dependencies.
    pub(crate) fn release_needs(&mut self, needs: &[Held]) {
        needs.iter().for_each(|need| self.release(need.service));
    }

    /// The number of the current world.
    pub(crate) fn generation(&self) -> Generation {
        self.world.generation()
    }

    /// The number of the last commit: the generation that programs and operators see.
    pub(crate) fn serial(&self) -> u64 {
        self.world.serial()
    }

    /// Whether `thread` has to wait for a transaction before it creates anything of a provider. A thread
    /// inside a member does not wait from the moment at which the gate waits for that thread.
    pub(in crate::host) fn is_frozen_for(&self, provider: ProviderId, thread: &ThreadRecord) -> bool {
        let is_frozen =
            self.objects.registry().get(provider).is_some_and(|provider| provider.is_frozen_for(thread.thread_id()));
        let mut waited_for = self.gate.iter().map(Gate::members).chain(&self.held_starts);
        is_frozen && !waited_for.any(|members| self.is_inside(thread, members))
    }

    /// Notes, while the gate is shut, that the state of a service was saved.
    pub(crate) fn note_saved(&mut self, service: ServiceId) {
        if let Some(gate) = &mut self.gate {
            gate.note_saved(service);
        }
    }

    /// Whether tasks are to be woken, by [`RuntimeInner::wake_waiting`](super::inner::RuntimeInner::wake_waiting).
    pub(crate) fn has_due_wakers(&self) -> bool {
        self.waiting.are_due()
    }

    /// Notes, while the gate is shut, a state that was taken out of an instance. Who opens the gate on that instance
    /// gives it back.
    pub(crate) fn note_taken(&mut self, service: ServiceId, from: Arc<Instance>, value: StateBox) {
        match &mut self.gate {
            Some(gate) => gate.note_taken(service, from, value),
            None => {
                from.give_state(value);
            }
        }
    }

    /// Gives each state that was taken out to its successor: the commit has been decided.
    pub(crate) fn give_states<'a>(&mut self, successor: impl Fn(ServiceId) -> Option<&'a Instance>) {
        if let Some(gate) = &mut self.gate {
            self.lost.extend(gate.give(successor));
        }
    }

    /// See [`Retired::shows_all_calls`].
    pub(crate) fn shows_all_calls(&mut self) -> bool {
        self.retired.shows_all_calls()
    }

    /// The committed implementations of a component, and the configuration of its shared instances.
    pub(crate) fn component_now(&self, component: &str) -> (Vec<Arc<Implementation>>, Option<Arc<[u8]>>) {
        let registry = self.objects.registry();
        let providers = registry.of_component(component).iter().filter_map(|&id| registry.get(id));
        let providers: Vec<_> = providers.filter(|provider| provider.is_committed()).collect();
        let config = providers.iter().find_map(|provider| provider.config()).cloned();
        (providers.iter().map(|provider| Arc::clone(provider.implementation())).collect(), config)
    }

    /// The configuration of the shared instance of one of these providers.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "only a candidate asks"))]
    pub(crate) fn config_of(&self, providers: &[ProviderId]) -> Option<Arc<[u8]>> {
        providers.iter().find_map(|&provider| self.objects.registry().get(provider)?.config()).cloned()
    }

    /// What was present in older generations.
    pub(crate) fn revisions(&self) -> &Revisions {
        &self.revisions
    }

    pub(crate) fn revisions_mut(&mut self) -> &mut Revisions {
        &mut self.revisions
    }

    /// The images that stay mapped and serve nothing.
    pub(crate) fn images_mut(&mut self) -> &mut RetainedImages {
        &mut self.images
    }

    /// The components that were replaced and still have instances.
    pub(crate) fn retirements_mut(&mut self) -> &mut Retirements {
        &mut self.retirements
    }
}
