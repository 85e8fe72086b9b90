//! How a patch is put in and taken off: what is refused, and the world that is published.
//!
//! Both run in the turn of a transaction, under the state lock, and run no author's code. What closures have captured
//! is never dropped here: a patch that was not put in goes back to its caller, and one that was taken off goes to the
//! reaper with its hooks.

use std::{mem, slice, sync::Arc};

use crate::{
    component::{
        generated::patches::{Layers, Patchable},
        hooks::Layer,
    },
    error::{Error, ErrorKind, Result},
    host::{
        actor::Actor,
        ids::ServiceId,
        objects::{
            component::Implementation,
            patch::{Kind, Patch, PatchedMethod, id},
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

use super::transaction::in_turn;

/// A patch of a runtime, as [`Runtime::patches`](crate::Runtime::patches) lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PatchInfo {
    /// Its number, which rises with each patch of the runtime. [`Runtime::unpatch`](crate::Runtime::unpatch) takes it.
    pub number: u64,
    /// Its name.
    pub name: String,
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
    pub(super) override_protected: bool,
}

/// Puts a patch in. Whatever it has captured is in `layers` or `made` then.
pub(super) fn put<I: ?Sized + Patchable>(
    inner: &Arc<RuntimeInner>,
    wish: &Wish,
    layers: &mut Layers,
    made: &mut Option<Arc<Patch>>,
) -> Result<(u64, Dropped)> {
    let mut state = inner.latest_state();
    let view = state.objects_mut().resolve_own(I::ENCODED)?;
    let registry = state.objects().registry();
    let provider = registry.choose(I::NAME, I::VERSION, wish.component.as_deref(), Visibility::Committed)?;
    let implementation = Arc::clone(registry.implementation(provider));
    let component = implementation.component.id.name.clone();
    if implementation.manifest.protected && !wish.override_protected {
        let text = format!("component `{component}` is protected; patch it with override_protected()");
        return Err(Error::new(ErrorKind::Protected, text));
    }
    let number = state.objects().patches().next_number();
    let owner: Arc<str> = id(&wish.name, number).to_string().into();
    let view = state.objects().views().get(view);
    let shape = |method: usize| view.interface.methods[method].shape.clone();
    let methods = patched_methods::<I>(layers, &owner, shape);
    let (name, interface) = (wish.name.clone(), I::NAME.to_owned());
    let patch = made.insert(Arc::new(Patch { kind: Kind::Patch, number, name, component, interface, methods }));
    refuse_misfit(patch, &implementation)?;
    let since = state.generation().next();
    state.objects_mut().patches_mut().push(Arc::clone(patch), since);
    let published = publish(inner, &mut state, patch);
    if published.is_err() {
        state.objects_mut().patches_mut().pop_unpublished();
    }
    published
}

fn patched_methods<I: ?Sized + Patchable>(
    layers: &mut Layers,
    owner: &Arc<str>,
    shape: impl Fn(usize) -> crate::shape::Shape,
) -> Vec<PatchedMethod> {
    let mut methods: Vec<(usize, PatchedMethod)> = Vec::new();
    for (method, kind) in mem::take(&mut layers.0) {
        // Only a method that is not polled has a function that takes a closure.
        let crossing = I::CROSSINGS[method];
        assert!(crossing.is_some(), "the method has a crossing");
        let layer = Layer::new(owner, kind);
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

pub(super) fn take_off(inner: &Arc<RuntimeInner>, number: u64) -> Result<u64> {
    in_turn(inner, false, 0, || {
        let mut state = inner.latest_state();
        let found = state.objects().patches().get(number).filter(|patch| patch.kind == Kind::Patch).cloned();
        let Some(patch) = found else {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no patch {number}")));
        };
        inner.may_publish()?;
        let since = state.generation().next();
        state.objects_mut().patches_mut().take(number, since);
        let published = publish(inner, &mut state, &patch);
        let event = |generation| happened(&patch, generation, false, Actor::this_process(), None);
        let published = published.map(|(generation, dropped)| (generation, dropped, event(generation)));
        // Before the reaper may have what is left of it, so that nothing is dropped here.
        drop(patch);
        drop(state);
        let (generation, dropped, event) = published?;
        drop(dropped);
        inner.emit(event);
        Ok(generation)
    })
}

/// Publishes the world in which the patches are those of the list, after `patch` came or went. Returns the generation,
/// and what is not kept any more, to be dropped behind the lock.
fn publish(inner: &RuntimeInner, state: &mut State, patch: &Arc<Patch>) -> Result<(u64, Dropped)> {
    inner.may_publish()?;
    let edits = edits(state, patch)?;
    inner.publish_commit(state, &edits);
    let generation = state.serial();
    let note = Commit {
        generation: generation - 1,
        changes: Vec::new(),
        configurations: Vec::new(),
        bindings: Vec::new(),
        is_held: false,
    };
    let dropped = state.revisions_mut().note(note);
    if let Some(left) = state.objects_mut().patches_mut().leave_outdated(slice::from_ref(patch)) {
        let slots = edits.iter().map(|(slot, _)| *slot).collect();
        state.retire_hooks(left, &patch.id(), slots);
    }
    Ok((generation, dropped))
}

/// The entries of the slots through which the patched interface of the component is called.
pub(super) fn edits(state: &State, patch: &Patch) -> Result<Vec<Edit>> {
    let objects = state.objects();
    let mut edits = Vec::new();
    let is_patched = |implementation: &Implementation| implementation.component.id.name == patch.component;
    let services: Vec<ServiceId> = objects
        .services()
        .iter()
        .filter(|(_, service)| is_patched(service.instance().implementation()))
        .map(|(id, _)| id)
        .collect();
    for id in services {
        let Some(service) = objects.services().get(id) else { continue };
        for &number in service.slots() {
            let Some(slot) = objects.slots().get(number) else { continue };
            if objects.views().get(slot.view()).interface.name == patch.interface {
                edits.push((number, Some(objects.target_on(id, service.instance(), slot.view())?)));
            }
        }
    }
    Ok(edits)
}

pub(super) fn info(state: &State, patch: &Patch) -> PatchInfo {
    let present = state.objects().registry().of_component(&patch.component).iter();
    let present = present.filter_map(|&id| state.objects().registry().get(id));
    let face = present
        .filter(|provider| provider.is_committed())
        .find_map(|provider| provider.implementation().face(&patch.interface).cloned());
    let rests = match face {
        None => {
            Some(format!("component `{}` is not there, or does not implement {}", patch.component, patch.interface))
        }
        Some(face) => patch.misfit(&face),
    };
    PatchInfo {
        number: patch.number,
        name: patch.name.clone(),
        component: patch.component.clone(),
        interface: patch.interface.clone(),
        methods: patch.method_names(),
        rests,
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
