//! How a patch is put in and taken off: what is refused, and the world that is published.
//!
//! Both run in the turn of a transaction, under the state lock, and run no author's code. What closures have captured
//! is never dropped here: a patch that was not put in goes back to its caller, and one that was taken off goes to the
//! reaper with its hooks.

use std::{mem, slice, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    component::{
        generated::patches::{Layers, Patchable},
        hooks::Layer,
        identity::ComponentId,
    },
    error::{Error, ErrorKind, Result},
    host::{
        actor::Actor,
        ids::ServiceId,
        objects::{
            component::Implementation,
            patches::{Before, Kept, Kind, Patch, PatchedMethod, id, what_is_left_of},
            provider::Visibility,
        },
        service::{
            events::kind::EventKind,
            inner::RuntimeInner,
            revisions::{Commit, Dropped},
            state::State,
        },
        worlds::world::Edit,
    },
};

use super::{patch_record, position::Position, protection, transaction::in_turn};

/// A patch of a runtime, as [`Runtime::patches`](crate::Runtime::patches) lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PatchInfo {
    /// Its number, which rises with each patch of the runtime. [`Runtime::unpatch`](crate::Runtime::unpatch) takes it.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// The library that it came in, as the component that the library is for plans; `None` if the program put it in.
    /// Such a patch is taken off by a plan that [removes](crate::PlanBuilder::remove) it by name.
    pub library: Option<ComponentId>,
    /// The component.
    pub component: String,
    /// The interface.
    pub interface: String,
    /// The methods that it changes.
    pub methods: Vec<String>,
    /// Why it does not stand: what is there now lacks one of the methods, or has it with another signature. `None` if
    /// it stands.
    pub rests: Option<String>,
}

/// What a patch asks for beside its layers.
pub(super) struct Wish {
    pub(super) name: String,
    pub(super) component: Option<String>,
    pub(super) position: Position,
    pub(super) override_protected: bool,
    /// Whether methods that the component lacks are left alone.
    pub(super) leaves_missing: bool,
}

/// Puts a patch in. Whatever it has captured is in `layers` or `made` then.
pub(super) fn put<I: ?Sized + Patchable>(
    inner: &Arc<RuntimeInner>,
    wish: &Wish,
    layers: &mut Layers,
    made: &mut Option<Arc<Patch>>,
) -> Result<(u64, Dropped)> {
    let mut state = inner.latest_state();
    let number = state.objects().patches().next_number();
    let patch = make::<I>(&mut state, wish, layers, number, made)?;
    let place = place(state.objects().patches().stack(), patch, &wish.position)?;
    put_in(inner, &mut state, place, patch)
}

/// Makes a patch that fits the component. Whatever it has captured is in `layers` or `made` then.
pub(super) fn make<'m, I: ?Sized + Patchable>(
    state: &mut State,
    wish: &Wish,
    layers: &mut Layers,
    number: u64,
    made: &'m mut Option<Arc<Patch>>,
) -> Result<&'m Arc<Patch>> {
    let view = state.objects_mut().resolve_own(I::ENCODED)?;
    let registry = state.objects().registry();
    let provider = registry.choose(I::NAME, I::VERSION, wish.component.as_deref(), Visibility::Committed)?;
    let implementation = Arc::clone(registry.implementation(provider));
    let component = implementation.component.id.name.clone();
    protection::refuse_change(state, &component, wish.override_protected, "patch it with override_protected()")?;
    let owner: Arc<str> = id(&wish.name, number).to_string().into();
    let view = state.objects().views().get(view);
    let shape = |method: usize| view.interface.methods[method].shape.clone();
    let mut methods = patched_methods::<I>(layers, &owner, shape);
    if wish.leaves_missing {
        let face = implementation.face(I::NAME).unwrap_or(&implementation.manifest);
        methods.retain(|method| face.method(method.shape.name().unwrap_or_default()).is_some());
    }
    let (name, interface) = (wish.name.clone(), I::NAME.to_owned());
    let patch = made.insert(Arc::new(Patch {
        kind: Kind::Patch,
        number,
        name,
        component,
        interface,
        methods,
        export: None,
        library: None,
    }));
    refuse_misfit(patch, &implementation)?;
    Ok(patch)
}

/// Puts a patch around the first `place` of the list.
pub(super) fn put_in(
    inner: &RuntimeInner,
    state: &mut State,
    place: usize,
    patch: &Arc<Patch>,
) -> Result<(u64, Dropped)> {
    let since = state.generation().next();
    let patches = state.objects_mut().patches_mut();
    let before = patches.begin(since);
    patches.insert(place, Arc::clone(patch));
    publish_or_undo(inner, state, before, slice::from_ref(patch), Vec::new())
}

/// Where a patch goes in the list, whose last one stands outermost.
fn place(stack: &[Arc<Patch>], patch: &Patch, position: &Position) -> Result<usize> {
    let (name, around) = match position {
        Position::First => return Ok(stack.len()),
        Position::Last => return Ok(0),
        Position::Above(name) => (name, 1),
        Position::Below(name) => (name, 0),
    };
    let is_meant = |other: &Patch| other.name == *name && other.is_for(&patch.component, &patch.interface);
    let mut found = stack.iter().enumerate().filter(|(_, other)| is_meant(other));
    let whose = || format!("of {} of component `{}`", patch.interface, patch.component);
    match (found.next(), found.next()) {
        (Some((place, _)), None) => Ok(place + around),
        (None, _) => {
            let text = format!("no patch {} is called `{name:.200}`; Runtime::patches lists them", whose());
            Err(Error::new(ErrorKind::NotFound, text))
        }
        (Some(_), Some(_)) => {
            let text = format!("several patches {} are called `{name:.200}`; take one off first", whose());
            Err(Error::new(ErrorKind::Ambiguous, text))
        }
    }
}

fn patched_methods<I: ?Sized + Patchable>(
    layers: &mut Layers,
    owner: &Arc<str>,
    shape: impl Fn(usize) -> crate::shape::Shape,
) -> Vec<PatchedMethod> {
    let mut methods: Vec<(usize, PatchedMethod)> = Vec::new();
    for (method, around) in mem::take(&mut layers.0) {
        // Only a method that is not polled has a function that takes a closure.
        let crossing = I::crossing(method);
        assert!(crossing.is_some(), "the method has a crossing");
        let layer = Layer::new(owner, around);
        match methods.iter_mut().find(|(number, _)| *number == method) {
            // The last one given stands outermost.
            Some((_, patched)) => patched.layers.insert(0, layer),
            None => methods.push((method, PatchedMethod { shape: shape(method), crossing, layers: vec![layer] })),
        }
    }
    methods.into_iter().map(|(_, method)| method).collect()
}

fn refuse_misfit(patch: &Patch, implementation: &Implementation) -> Result<()> {
    let face = implementation.face(&patch.interface);
    let manifest = face.unwrap_or(&implementation.manifest);
    let Some(why) = patch.misfit(manifest) else { return Ok(()) };
    let lacks = patch.lacks_method(manifest);
    let kind = if lacks { ErrorKind::NotFound } else { ErrorKind::Mismatch };
    Err(Error::new(kind, format!("patch `{}` does not fit: {why}", patch.name)))
}

/// Who takes a patch off.
#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    /// The guard of whoever put it in: it ends.
    Guard,
    /// Whoever knows its number: a rollback may bring it back.
    Number { overrides: bool },
}

impl By {
    fn kept(self) -> Kept {
        match self {
            By::Guard => Kept::Not,
            By::Number { .. } => Kept::ForRollback,
        }
    }
}

/// Takes a patch or an export off. One that a rollback has taken off already ends without a commit, unless it is to be
/// kept.
pub(super) fn take_off(inner: &Arc<RuntimeInner>, number: u64, by: By) -> Result<u64> {
    in_turn(inner, false, 0, || {
        let standing = {
            let state = inner.latest_state();
            state.objects().patches().of_number(number).filter(|patch| patch.library.is_none()).map(|patch| patch.id())
        };
        let take = || take_off_now(inner, number, by);
        let Some(id) = standing else { return take() };
        let overrides = matches!(by, By::Number { overrides: true });
        let intent = || patch_record::intent(inner, (Some(id), None), (Actor::this_process(), None), overrides);
        patch_record::recorded(inner, intent, false, take, |generation| *generation)
    })
}

fn take_off_now(inner: &Arc<RuntimeInner>, number: u64, by: By) -> Result<u64> {
    let kept = by.kept();
    let mut state = inner.latest_state();
    let Some(patch) = state.objects().patches().of_number(number).cloned() else {
        return end(&mut state, number, kept);
    };
    if patch.library.is_some() {
        let text = format!(
            "patch {number} is that of library `{}`; take it off by a plan: remove({:?})",
            patch.id(),
            patch.name
        );
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    if let By::Number { overrides } = by {
        // The list has another count, so nothing is dropped under the lock.
        let instead = "take its patch off by Runtime::unpatch_protected";
        protection::refuse_change(&state, &patch.component, overrides, instead)?;
    }
    inner.may_publish()?;
    let since = state.generation().next();
    let patches = state.objects_mut().patches_mut();
    let before = patches.begin(since);
    let ended = patches.take(number, kept);
    let published = publish_or_undo(inner, &mut state, before, slice::from_ref(&patch), ended);
    let event = |generation| happened(&patch, generation, false, Actor::this_process(), None);
    let published = published.map(|(generation, dropped)| (generation, dropped, event(generation)));
    // Before the reaper may have what is left of it, so that nothing is dropped here.
    drop(patch);
    drop(state);
    let (generation, dropped, event) = published?;
    drop(dropped);
    inner.emit(event);
    Ok(generation)
}

/// Ends a patch that is kept for a rollback.
fn end(state: &mut State, number: u64, kept: Kept) -> Result<u64> {
    let none = || Error::new(ErrorKind::NotFound, format!("there is no patch {number}"));
    if kept == Kept::ForRollback {
        return Err(none());
    }
    let patch = state.objects_mut().patches_mut().end(number).ok_or_else(none)?;
    let id = patch.id();
    if let Some(left) = what_is_left_of(vec![patch]) {
        state.retire_hooks(left, &id, Vec::new());
    }
    Ok(state.serial())
}

/// Publishes the world in which the patches are those of the list, after `changed` came or went and `ended` ended for
/// good. Returns the generation, and what is not kept any more, to be dropped behind the lock.
fn publish_or_undo(
    inner: &RuntimeInner,
    state: &mut State,
    before: Before,
    changed: &[Arc<Patch>],
    ended: Vec<Arc<Patch>>,
) -> Result<(u64, Dropped)> {
    let edits = inner.may_publish().and_then(|()| edits(state, changed));
    let edits = match edits {
        Ok(edits) => edits,
        Err(error) => {
            state.objects_mut().patches_mut().undo(before);
            return Err(error);
        }
    };
    inner.publish_commit(state, &edits);
    let generation = state.serial();
    let note = Commit {
        generation: generation - 1,
        changes: Vec::new(),
        configurations: Vec::new(),
        bindings: Vec::new(),
        patches: Some(before.numbers()),
        libraries: None,
        is_held: false,
    };
    leave_outdated(state, changed, ended, &edits);
    let dropped = state.note_revision(note);
    Ok((generation, dropped))
}

/// Has the reaper destroy the hooks that the current world does not show any more.
pub(super) fn leave_outdated(state: &mut State, changed: &[Arc<Patch>], ended: Vec<Arc<Patch>>, edits: &[Edit]) {
    let Some(name) = changed.first().map(|patch| patch.id()) else { return };
    if let Some(left) = state.objects_mut().patches_mut().leave_outdated(changed, ended) {
        let slots = edits.iter().map(|(slot, _)| *slot).collect();
        state.retire_hooks(left, &name, slots);
    }
}

/// The entries of the slots through which the interfaces that `changed` patches are called.
pub(super) fn edits(state: &State, changed: &[Arc<Patch>]) -> Result<Vec<Edit>> {
    let objects = state.objects();
    let mut edits = Vec::new();
    let is_patched = |implementation: &Implementation| {
        changed.iter().any(|patch| implementation.component.id.name == patch.component)
    };
    let services: Vec<ServiceId> = objects
        .services()
        .iter()
        .filter(|(_, service)| is_patched(service.instance().implementation()))
        .map(|(id, _)| id)
        .collect();
    for id in services {
        let Some(service) = objects.services().get(id) else { continue };
        let component = &service.instance().implementation().component.id.name;
        for &number in service.slots() {
            let Some(slot) = objects.slots().get(number) else { continue };
            let interface = &objects.views().get(slot.view()).interface.name;
            if changed.iter().any(|patch| patch.is_for(component, interface)) {
                edits.push((number, Some(objects.target_on(id, service.instance(), slot.view())?)));
            }
        }
    }
    Ok(edits)
}

/// Why a patch stands around nothing; `None` if it stands.
pub(super) fn rests(state: &State, patch: &Patch) -> Option<String> {
    let present = state.objects().registry().of_component(&patch.component).iter();
    let present = present.filter_map(|&id| state.objects().registry().get(id));
    let face = present
        .filter(|provider| provider.is_committed())
        .find_map(|provider| provider.implementation().face(&patch.interface).cloned());
    match face {
        None => {
            Some(format!("component `{}` is not there, or does not implement {}", patch.component, patch.interface))
        }
        Some(face) => patch.misfit(&face),
    }
}

pub(super) fn info(state: &State, patch: &Patch) -> PatchInfo {
    PatchInfo {
        number: patch.number,
        name: patch.name.clone(),
        library: patch.library.as_ref().map(|library| library.component.id.clone()),
        component: patch.component.clone(),
        interface: patch.interface.clone(),
        methods: patch.method_names(),
        rests: rests(state, patch),
    }
}

/// What is told of a patch that came or went.
pub(super) fn happened(
    patch: &Patch,
    generation: u64,
    stands: bool,
    actor: Actor,
    reason: Option<String>,
) -> EventKind {
    if let Some(export) = &patch.export {
        return EventKind::Exported {
            generation,
            export: patch.id(),
            component: patch.component.clone(),
            signature: export.shape.to_string(),
            stands,
            actor,
            reason,
        };
    }
    EventKind::Patched {
        generation,
        patch: patch.id(),
        component: patch.component.clone(),
        interface: patch.interface.clone(),
        methods: patch.method_names(),
        stands,
        actor,
        reason,
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
