//! What a runtime holds at one moment, for programs and operators.
//!
//! The numbers are counts of tables that change with each handle, and they have to agree with each
//! other. So [`RuntimeInner::status`] reads them together, under the state lock, which no thread holds
//! for longer than a few look-ups. Only pins come and go without that lock: their number may differ by a
//! pin from what the stragglers say.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    component::identity::ComponentId,
    error::{MethodId, Straggler},
};

use super::{
    ids::ThreadId,
    image::{content_hash::ContentHash, manifest::DependencyManifest},
    serial,
    service::inner::RuntimeInner,
    sys,
};

/// What a runtime holds at one moment. Sizes are in bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// The number of the last commit.
    pub generation: u64,
    /// The implementations that are present, in the order of component and interface.
    pub components: Vec<ComponentStatus>,
    /// How many instances handles or dependents hold.
    pub instances: usize,
    /// How many slots have handles. All clones of a handle share a slot.
    pub handles: usize,
    /// How many pins are held.
    pub pins: usize,
    /// How many objects were constructed since the runtime began.
    pub constructed: u64,
    /// How many objects were destroyed since the runtime began.
    pub destroyed: u64,
    /// How many objects were replaced or released and are not destroyed yet.
    pub retiring: usize,
    /// The calls and pins that hold such objects, and the destructors that have run for more than
    /// 250 ms.
    pub stragglers: Vec<Straggler>,
    /// Whether a transaction holds callers now, while state moves.
    pub is_gate_shut: bool,
    /// How many worlds were replaced and are not freed yet.
    pub retired_worlds: usize,
    /// The size of the current world's table and of the retired ones, in bytes.
    pub world_bytes: usize,
    /// How many images of replaced, removed or refused components stay mapped.
    pub retained_images: usize,
    /// The size of these images in memory, in bytes.
    pub retained_image_bytes: usize,
    /// How many of these images stay mapped for as long as the process, `unload` or not, because a state that moved by
    /// pointer may point into them.
    pub images_under_state: usize,
    /// The threads that components started and did not end before the destructor of their last instance
    /// returned. They run on, and keep their image mapped. Threads of components that are linked into the
    /// program are not among them.
    pub left_threads: Vec<LeftThread>,
}

/// A thread that a component left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftThread {
    /// The component whose image started the thread.
    pub component: ComponentId,
    /// The name of the thread, its first 15 bytes; `None` if the thread has no name.
    pub thread: Option<String>,
    /// The kernel's id of the thread, as in `/proc/self/task`.
    pub thread_id: u32,
}

/// One implementation that is present.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ComponentStatus {
    /// The component and its version.
    #[serde(flatten)]
    pub id: ComponentId,
    /// The file that the component was loaded from; `None` if it is linked into the program.
    #[serde(with = "serial::path_or_none")]
    pub source: Option<PathBuf>,
    /// The content hash of that file; `None` if the component is linked into the program.
    pub hash: Option<ContentHash>,
    /// The name of the interface that it implements.
    pub interface: String,
    /// The version of that interface.
    pub interface_version: u32,
    /// How many instances it has.
    pub instances: usize,
    /// How many calls are inside these instances at this moment; of short calls it may miss some.
    pub inside: usize,
    /// Whether it is on trial.
    pub on_trial: bool,
    /// The size of its image in memory, in bytes; `None` if the component is linked into the program.
    pub image_bytes: Option<usize>,
    /// How many [patches](crate::Runtime::patch) of this interface there are, those that rest included.
    #[serde(default)]
    pub patches: usize,
    /// How often patches have changed the component, by its name: the number rises by one with each commit that puts
    /// some in or takes some off, a rollback included. With version and hash, it tells what callers get.
    #[serde(default)]
    pub patch_number: u64,
    /// Whether plans need [`override_protected`](crate::PlanBuilder::override_protected) to change it.
    pub protected: bool,
    /// The interfaces that it needs, each with its version.
    pub needs: Vec<(String, u32)>,
    /// How many panics came out of calls of this version, or out of its callbacks. The panic of a component that it
    /// called itself is counted there.
    pub faults: u64,
    /// The methods that panicked, in the order of their names.
    pub faulty_methods: Vec<FaultyMethod>,
}

/// A method that panicked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaultyMethod {
    /// The method.
    pub method: MethodId,
    /// How often it panicked.
    pub faults: u64,
    /// The text of the last panic, at most 512 bytes of it.
    pub last: String,
}

impl LeftThread {
    /// A thread of that component; `None` if it has ended meanwhile.
    fn of((thread, component): (ThreadId, ComponentId)) -> Option<LeftThread> {
        let name = sys::name_of(thread)?;
        let name = (!name.is_empty()).then_some(name);
        Some(LeftThread { component, thread: name, thread_id: thread.to_kernel() })
    }
}

fn needs(deps: &[DependencyManifest]) -> Vec<(String, u32)> {
    deps.iter().map(|needed| (needed.interface.clone(), needed.version)).collect()
}

impl RuntimeInner {
    /// What is present, in use and retained now.
    pub(super) fn status(&self) -> Status {
        let mut state = self.state();
        let mut stragglers = self.all_stragglers(&mut state);
        stragglers.extend(self.reaper.destructors(false));
        let inside = state.calls_inside();
        let guest = self.guest.get();
        let objects = &state.objects;
        let mut components: Vec<ComponentStatus> = objects
            .registry()
            .committed()
            .map(|(_, provider)| {
                let implementation = provider.implementation();
                let origin = implementation.component.origin.as_ref();
                ComponentStatus {
                    id: implementation.component.id.clone(),
                    hash: origin.map(|origin| origin.hash),
                    source: origin.map(|origin| origin.source.clone()),
                    interface: implementation.manifest.interface.clone(),
                    interface_version: implementation.manifest.interface_version,
                    instances: provider.instances(),
                    inside: inside.get(&Arc::as_ptr(implementation.faults())).copied().unwrap_or_default(),
                    on_trial: guest.is_some_and(|guest| guest.watches(implementation)),
                    image_bytes: origin.map(|origin| origin.image.mapped_bytes()),
                    patches: objects
                        .patches()
                        .count(&implementation.component.id.name, &implementation.manifest.interface),
                    patch_number: objects.patches().changes_of(&implementation.component.id.name),
                    protected: implementation.manifest.protected,
                    needs: needs(&implementation.manifest.deps),
                    faults: implementation.faults().total(),
                    faulty_methods: implementation.faults().by_method(|method, faults, last| FaultyMethod {
                        method: method.clone(),
                        faults,
                        last: last.to_owned(),
                    }),
                }
            })
            .collect();
        let left_threads = state.images.left_threads();
        components.sort_by(|a, b| (&a.id.name, &a.interface).cmp(&(&b.id.name, &b.interface)));
        let mut status = Status {
            generation: state.serial(),
            components,
            instances: objects.services().len(),
            handles: objects.slots().numbers().count(),
            pins: self.pins.count(),
            constructed: state.tally.constructed(),
            destroyed: state.tally.destroyed(),
            retiring: state.retiring.len() + self.reaper.destroying(),
            stragglers,
            is_gate_shut: state.gate.is_some(),
            retired_worlds: state.retired.count(),
            world_bytes: state.world.bytes() + state.retired.worlds().map(|world| world.bytes()).sum::<usize>(),
            retained_images: state.images.count(),
            retained_image_bytes: state.images.bytes(),
            images_under_state: state.images.pointed_into(),
            left_threads: Vec::new(),
        };
        // The names of threads are read from files, without the lock.
        drop(state);
        status.left_threads = left_threads.into_iter().filter_map(LeftThread::of).collect();
        status
    }
}
