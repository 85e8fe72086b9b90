//! The patches of a runtime, and the tables in which they stand.
//!
//! A patch changes single methods of a component's interface. It belongs to the component by its name, and not to an
//! instance: whoever asks for the target of a slot (`Objects::target_on`) gets, in
//! place of the instance's table of methods, one in which the pairs of patched methods are hooked thunks and
//! [`Chain`]s. So the instance of a new version, a further reference and a handle of another view are patched as the
//! first was: patches are linked anew each time, by name and signature. What is not patched stays as it is, and the
//! instance stays the entry's data: whoever asks which instance serves a slot does not see patches.
//!
//! A patch stands as a whole or not at all. If the implementation that serves lacks one of its methods, or has it with
//! another signature, the patch *rests*: it stays in the list, and stands again when a version comes that it fits.
//!
//! A *watch* ([`Kind::Watch`]) stands with each of its methods that fits, around all patches, whichever came first: it
//! sees what callers see. It is blind to types, so it is made without the host's crossings and takes those of the
//! implementation that it stands around, whose image is there as long as the table. A method that the implementation
//! lacks is left alone, so that callers get its default body as before. So is one of which a new version keeps more
//! secret than the version that the watch read it from: the watch would print it.
//!
//! # Lifetime
//!
//! A [`HookSet`] is what an instance's table is for an instance without patches. It is made under the state lock, is
//! shown by worlds from then on, and retires when the patches change, the instance is replaced or its service ends.
//! Then it goes the way of every replaced instance: it becomes one (`Instance::of_hooks`), which the reaper finds
//! free when no frame and no pin can reach a world that shows it, and whose destructor drops the hooks on a thread that
//! runs destructors. The values that closures have captured are dropped there, once, when the last set and the list
//! have let go of them. So no author's destructor runs under a lock or on a caller's thread, and a panic in one ends
//! nothing.
//!
//! A set that was made for a transaction that then failed is not shown by any world. It is dropped at once, which
//! drops no captured value: the list has a count of each layer.
//!
//! [`going_back`] has the list as revisions note it, and patches that were taken off and may come back. [`of_thread`]
//! has the patches that are in no list, since they stand for the calls of one thread.
//!
//! # Counted methods
//!
//! A trial that ends by a number of calls has the answers of the versions on trial counted
//! ([`Counting`](super::counting::Counting)). Such a method is hooked as a patched one is, by the thunk of its own
//! image, with one layer below all patches: what counts is an answer of the component's own method. The sets of counted
//! instances leave when the counting ends, as the sets of a patch do that is taken off.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    fmt, ptr, slice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    abi::{
        crossing::Crossing,
        world::{Pair, Target},
    },
    component::{hooks::Chain, identity::ComponentId},
    host::{
        ids::{Generation, ServiceId, ViewId},
        image::{link::View, manifest::ExportManifest, shape},
    },
};

use super::{component::Implementation, counting::Counting, left_hooks::LeftHooks};

mod exported;
mod going_back;
mod of_thread;
mod parts;

pub(crate) use exported::Exported;
pub(crate) use going_back::{Before, Kept};
pub(in crate::host) use of_thread::FoundTarget;
pub(crate) use of_thread::{EndedOfThread, OfThread};
pub(crate) use parts::{Kind, PatchedMethod, id, misfit};

/// A change of single methods of a component's interface.
pub(crate) struct Patch {
    pub(crate) kind: Kind,
    /// Its number in its runtime, from 1.
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) component: String,
    pub(crate) interface: String,
    pub(crate) methods: Vec<PatchedMethod>,
    /// What it adds.
    pub(crate) export: Option<Arc<Exported>>,
    /// The library that it came in; `None` for closures of the program.
    pub(crate) library: Option<Arc<Implementation>>,
}

impl Patch {
    /// The names of the methods that it changes.
    pub(crate) fn method_names(&self) -> Vec<String> {
        self.methods.iter().map(|method| method.shape.name.clone()).collect()
    }

    /// Whether an implementation lacks one of its methods.
    pub(crate) fn lacks_method(&self, implementation: &ExportManifest) -> bool {
        self.methods.iter().any(|method| implementation.method(&method.shape.name).is_none())
    }

    /// As what its hooks show where a component would: in faults, and while they wait for the last call.
    pub(crate) fn id(&self) -> ComponentId {
        let library = self.library.as_ref().map(|library| library.component.id.clone());
        library.unwrap_or_else(|| id(&self.name, self.number))
    }

    /// Why it does not fit an implementation; `None` if it does.
    pub(crate) fn misfit(&self, implementation: &ExportManifest) -> Option<String> {
        misfit(self.methods.iter().map(|method| &method.shape), implementation)
    }

    pub(crate) fn is_for(&self, component: &str, interface: &str) -> bool {
        self.component == component && self.interface == interface
    }
}

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patch").field("name", &self.name).field("component", &self.component).finish_non_exhaustive()
    }
}

/// The patches of a runtime.
#[derive(Default)]
pub(crate) struct Patches {
    /// Each stands around those before it.
    stack: Vec<Arc<Patch>>,
    /// Those that were taken off and that a rollback may bring back.
    off: Vec<Arc<Patch>>,
    /// The number of the last patch.
    last: u64,
    /// How many commits have changed the patches of a component, by its name.
    changes_of: BTreeMap<String, u64>,
    /// How often the stack changed.
    changes: u64,
    /// The first world that may show a set that is made now.
    since: Option<Generation>,
    /// The sets that the current world may show.
    sets: Mutex<Vec<Made>>,
    /// Whose answers are counted; `None` if nobody's are.
    counting: Option<Counting>,
    /// The number of the last counting.
    countings: u64,
    /// Those that stand for the calls of one thread, which no world shows.
    of_threads: Vec<OfThread>,
}

struct Made {
    service: ServiceId,
    view: ViewId,
    component: String,
    interface: String,
    /// The number of the counting that it takes part in; `None` if its methods are not counted.
    counting: Option<u64>,
    /// The table of the instance. Only compared.
    base: *const Pair,
    /// What stands in it. Only compared, with what the same list has.
    standing: Box<[*const PatchedMethod]>,
    changes: u64,
    first_generation: Generation,
    set: Arc<HookSet>,
}

// SAFETY: `base` and `standing` are only compared.
unsafe impl Send for Made {}

/// The table of methods of one patched instance for one view, with the hooks in it.
pub(crate) struct HookSet {
    pairs: Arc<[Pair]>,
    /// The pairs without patches.
    before: Box<[Pair]>,
    /// What pairs point to.
    _chains: Arc<[Chain]>,
}

/// What is left of sets, and of patches that were taken off. `None` if there is nothing.
fn what_is_left(sets: Vec<Made>, patches: Vec<Arc<Patch>>) -> Option<LeftHooks> {
    let first_generation = sets.iter().map(|made| made.first_generation).min();
    let sets = sets.into_iter().map(|made| made.set as Arc<dyn Any + Send + Sync>);
    let held: Vec<_> = sets.chain(patches.into_iter().map(|patch| patch as _)).collect();
    (!held.is_empty()).then(|| LeftHooks::new(first_generation, held))
}

/// What is left of patches that have ended; `None` if there are none.
pub(crate) fn what_is_left_of(patches: Vec<Arc<Patch>>) -> Option<LeftHooks> {
    what_is_left(Vec::new(), patches)
}

impl Patches {
    /// The patches: each stands around those before it.
    pub(crate) fn stack(&self) -> &[Arc<Patch>] {
        &self.stack
    }

    /// Whether no method is patched or counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.stack.is_empty() && self.counting.is_none()
    }

    /// Whether there are sets that the current world may show.
    pub(crate) fn has_sets(&self) -> bool {
        !self.sets().is_empty()
    }

    /// Whether the current world may show counted methods of that counting.
    pub(crate) fn has_counted(&self, number: u64) -> bool {
        self.sets().iter().any(|made| made.counting == Some(number))
    }

    /// The number of the next counting.
    pub(crate) fn next_counting(&mut self) -> u64 {
        self.countings += 1;
        self.countings
    }

    /// Has answers counted in every table that is made from now on. Nothing else is counted meanwhile: returns what
    /// was before.
    #[must_use]
    pub(crate) fn begin_counting(&mut self, counting: Counting) -> Option<Counting> {
        self.counting.replace(counting)
    }

    /// Ends the counting of that number. Returns it, to be dropped behind the lock, and the services that the current
    /// world may show with counted methods. Their sets stay until [`Patches::leave_counted`].
    pub(crate) fn end_counting(&mut self, number: u64) -> (Option<Counting>, BTreeSet<ServiceId>) {
        let ended = self.counting.take_if(|counting| counting.number() == number);
        let sets = self.sets();
        let services = sets.iter().filter(|made| made.counting == Some(number)).map(|made| made.service).collect();
        (ended, services)
    }

    /// Takes out the sets of a counting that has ended, and that the current world does not show.
    pub(crate) fn leave_counted(&mut self, number: u64) -> Option<LeftHooks> {
        self.leave(Vec::new(), |made| made.counting == Some(number))
    }

    /// The number of the next patch.
    pub(crate) fn next_number(&self) -> u64 {
        self.last + 1
    }

    /// Number and name of each patch that stands on a method of an implementation, the outermost first.
    pub(in crate::host) fn of_method<'a>(
        &'a self,
        implementation: &'a ExportManifest,
        method: &'a str,
    ) -> impl Iterator<Item = (u64, &'a str)> {
        let (component, interface) = (&implementation.component.name, &implementation.interface);
        let standing = self.stack.iter().rev().filter(move |patch| {
            patch.kind == Kind::Patch
                && patch.is_for(component, interface)
                && patch.methods.iter().any(|patched| patched.shape.name == method)
                && patch.misfit(implementation).is_none()
        });
        standing.map(|patch| (patch.number, &*patch.name))
    }

    /// The target of a slot on a service of the component, where `base` is that without patches.
    pub(super) fn over(
        &self,
        service: ServiceId,
        base: Target,
        (implementation, face): (&Implementation, &ExportManifest),
        (of, view): (ViewId, &View),
        is_shared: bool,
    ) -> Target {
        let (component, interface) = (&face.component.name, &view.interface.name);
        let of_kind = |kind| self.stack.iter().rev().filter(move |patch| patch.kind == kind);
        let canary = of_kind(Kind::Canary).filter(|_| is_shared);
        let standing = of_kind(Kind::Watch).chain(of_kind(Kind::Patch)).chain(canary);
        let standing = standing.filter(|patch| patch.is_for(component, interface));
        let standing: Vec<&PatchedMethod> = standing.flat_map(|patch| patch.standing(face)).collect();
        let counting = self.counting.as_ref().filter(|counting| counting.counts(implementation));
        if standing.is_empty() && counting.is_none() {
            return base;
        }
        let number = counting.map(Counting::number);
        // SAFETY: a target's table has as many pairs as the view has methods, and lives as long as the instance.
        let before = unsafe { slice::from_raw_parts(base.methods, view.interface.methods.len()) };
        let mut sets = self.sets();
        let is_of_this = |made: &&mut Made| {
            (made.service, made.view, made.changes, made.counting) == (service, of, self.changes, number)
                && made.standing.iter().copied().eq(standing.iter().copied().map(ptr::from_ref))
        };
        let found = sets.iter_mut().filter(is_of_this).find(|made| *made.set.before == *before);
        let found = found.map(|made| {
            // What a transaction has given up may have lain where this instance lies.
            made.base = base.methods;
            Arc::clone(&made.set)
        });
        let set = found.unwrap_or_else(|| {
            let below = face.component.to_string();
            let set = Arc::new(HookSet::new(before, view, &standing, (counting, implementation), &below.into()));
            sets.push(Made {
                service,
                view: of,
                component: component.clone(),
                interface: interface.clone(),
                counting: number,
                base: base.methods,
                standing: standing.iter().copied().map(ptr::from_ref).collect(),
                changes: self.changes,
                first_generation: self.since.unwrap_or(Generation::FIRST),
                set: Arc::clone(&set),
            });
            set
        });
        Target { data: base.data, methods: Arc::as_ptr(&set.pairs).cast() }
    }

    /// A commit is published. Takes out the sets that stood where `changed` came or went, and were made before the
    /// stack changed last: the current world shows others in their place. Takes the patches that have ended with them.
    /// The sets of other components and interfaces are shown as before.
    pub(crate) fn leave_outdated(&mut self, changed: &[Arc<Patch>], ended: Vec<Arc<Patch>>) -> Option<LeftHooks> {
        // A watch comes and goes without a generation: whoever reads the number learns of no change by it.
        let patches = changed.iter().filter(|patch| patch.kind == Kind::Patch);
        self.note_changes(patches.map(|patch| &*patch.component));
        self.tell_exports(changed);
        let changes = self.changes;
        let is_changed = |made: &Made| changed.iter().any(|patch| patch.is_for(&made.component, &made.interface));
        self.leave(ended, |made| made.changes < changes && is_changed(made))
    }

    /// How many sets the current world may show.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn shown(&self) -> usize {
        self.sets().len()
    }

    /// Takes out the sets of a service that are not over a table of its present instance.
    pub(crate) fn leave_service(
        &mut self,
        service: ServiceId,
        is_present: impl Fn(*const Pair) -> bool,
    ) -> Option<LeftHooks> {
        self.leave(Vec::new(), |made| made.service == service && !is_present(made.base))
    }

    /// Takes out everything, for the end of the runtime.
    pub(crate) fn leave_all(&mut self) -> Option<LeftHooks> {
        let mut patches = std::mem::take(&mut self.stack);
        patches.append(&mut self.off);
        patches.iter().filter_map(|patch| patch.export.as_ref()).for_each(|export| export.set_stands(false));
        self.counting = None;
        let of_threads = self.take_of_threads();
        LeftHooks::both(self.leave(patches, |_| true), of_threads)
    }

    fn leave(&mut self, patches: Vec<Arc<Patch>>, is_left: impl Fn(&Made) -> bool) -> Option<LeftHooks> {
        let mut sets = self.sets();
        let (left, kept) = std::mem::take(&mut *sets).into_iter().partition(is_left);
        *sets = kept;
        what_is_left(left, patches)
    }

    fn sets(&self) -> MutexGuard<'_, Vec<Made>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HookSet {
    fn new(
        before: &[Pair],
        view: &View,
        standing: &[&PatchedMethod],
        (counting, implementation): (Option<&Counting>, &Implementation),
        below: &Arc<str>,
    ) -> HookSet {
        let mut chains = Vec::new();
        let mut hooked: Vec<(usize, &'static Crossing)> = Vec::new();
        for (at, method) in view.interface.methods.iter().enumerate() {
            let fits = |patched: &&PatchedMethod| shape::compare(&method.shape, &patched.shape).is_none();
            let of_name = standing.iter().copied().filter(|patched| patched.shape.name == method.shape.name);
            let patched: Vec<&PatchedMethod> = of_name.filter(fits).collect();
            // Where the component lacks the method, a default body answers, which is the caller's.
            if before[at].function.is_null() {
                continue;
            }
            let (interface, name) = (&*view.interface.name, &*method.shape.name);
            let counted = counting.and_then(|counting| counting.layer(implementation, interface, name));
            let of_patch = patched.iter().find_map(|patched| patched.crossing);
            let of_counted = counted.as_ref().map(|(crossing, _)| *crossing);
            let of_watch = || patched.first().and_then(|_| implementation.thunks(interface, name));
            let Some(crossing) = of_patch.or(of_counted).or_else(of_watch) else { continue };
            let layers = patched.iter().flat_map(|patched| &patched.layers).map(Arc::clone);
            let layers = layers.chain(counted.map(|(_, layer)| layer));
            // SAFETY: shapes were compared, so layers and method are of the signature, and the thunks of a counted
            // method are its own. The instance is destroyed when no frame and no pin can reach it, and both reach it
            // through this chain.
            chains.push(unsafe { Chain::new(before[at], crossing, below, layers) });
            hooked.push((at, crossing));
        }
        let chains: Arc<[Chain]> = chains.into();
        let mut pairs = before.to_vec();
        for (chain, (at, crossing)) in chains.iter().zip(hooked) {
            pairs[at] = Pair { function: crossing.hooked, data: chain.hook().cast() };
        }
        HookSet { pairs: pairs.into(), before: before.into(), _chains: chains }
    }
}
