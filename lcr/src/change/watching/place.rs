//! How watches are put in and taken off.
//!
//! Both run in the turn of a transaction. What takes longer than a moment, the types of all signatures, is made
//! without the state lock; while it is this turn, the implementations that were found stay those that serve.

use std::sync::Arc;

use super::{
    noted::{LeftOut, Notes, WatchedMethod},
    pattern,
    request::{Watch, What},
};
use crate::{
    change::{
        patching::{edits, happened},
        transaction::in_turn,
    },
    component::hooks::{Around, Layer},
    error::{Error, ErrorKind, Result},
    host::{
        image::manifest::MethodManifest,
        objects::{
            component::Implementation,
            patches::{Kept, Kind, Patch, PatchedMethod, id},
        },
        service::{inner::RuntimeInner, state::State},
        watching::{
            Switch,
            fail::{Fail, Share},
            lines::Lines,
            polled::observing,
            record::{Record, can_be_replayed},
            signature::Signature,
            slow::{Slow, Slowest},
            stats::{Counts, counting},
            trace::Trace,
        },
    },
};

/// The most methods of one watch.
const METHODS: usize = 4096;

/// A watch that was put in.
pub(super) struct Placed {
    pub(super) numbers: Vec<u64>,
    pub(super) methods: Vec<WatchedMethod>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) notes: Notes,
}

/// Puts a watch in.
pub(super) fn put(inner: &Arc<RuntimeInner>, watch: &Watch) -> Result<Placed> {
    in_turn(inner, false, 0, || {
        let (present, first) = {
            let state = inner.latest_state();
            (present(&state, watch.component.as_deref()), state.objects().patches().next_number())
        };
        let mut making = Making::new(watch);
        let mut patches = Vec::new();
        for implementation in &present {
            let number = first + patches.len() as u64;
            patches.extend(making.patch(implementation, number)?.map(Arc::new));
        }
        making.check(&present)?;
        let serial = put_in(inner, &patches)?;
        tell(inner, watch, &patches, serial);
        let numbers = patches.iter().map(|patch| patch.number).collect();
        Ok(Placed { numbers, methods: making.methods, left_out: making.left_out, notes: making.notes })
    })
}

/// Puts patches in, in the turn of a transaction that the caller has. Returns the generation, which stays.
pub(in crate::change) fn put_in(inner: &RuntimeInner, patches: &[Arc<Patch>]) -> Result<u64> {
    let mut state = inner.latest_state();
    let since = state.generation().next();
    let list = state.objects_mut().patches_mut();
    let before = list.begin(since);
    for patch in patches {
        list.insert(list.stack().len(), Arc::clone(patch));
    }
    let result = show(inner, &mut state, patches, Vec::new());
    if result.is_err() {
        state.objects_mut().patches_mut().undo(before);
    }
    let serial = state.serial();
    drop(state);
    result.map(|()| serial)
}

/// Takes the patches of a watch or canary off.
pub(in crate::change) fn take_off(inner: &Arc<RuntimeInner>, numbers: &[u64]) -> Result<()> {
    in_turn(inner, false, 0, || {
        inner.may_publish()?;
        let mut state = inner.latest_state();
        let since = state.generation().next();
        let list = state.objects_mut().patches_mut();
        let before = list.begin(since);
        let taken: Vec<Arc<Patch>> = numbers.iter().flat_map(|&number| list.take(number, Kept::Not)).collect();
        let shown = show(inner, &mut state, &taken, taken.clone());
        if shown.is_err() {
            state.objects_mut().patches_mut().undo(before);
        }
        drop(state);
        shown
    })
}

/// Publishes a world, of the same generation, in which the patches are those of the list, after these came or went.
fn show(inner: &RuntimeInner, state: &mut State, changed: &[Arc<Patch>], ended: Vec<Arc<Patch>>) -> Result<()> {
    let Some(first) = changed.first() else { return Ok(()) };
    inner.may_publish()?;
    let all = edits(state, changed)?;
    inner.publish(state, &all, 0);
    if let Some(left) = state.objects_mut().patches_mut().leave_outdated(changed, ended) {
        let slots = all.iter().map(|(slot, _)| *slot).collect();
        state.retire_hooks(left, &first.id(), slots);
    }
    Ok(())
}

/// Tells of a watch that changes what callers see.
fn tell(inner: &RuntimeInner, watch: &Watch, patches: &[Arc<Patch>], serial: u64) {
    if watch.what == What::Fail {
        for patch in patches {
            inner.emit(happened(patch, serial, true, watch.actor.clone(), watch.reason.clone()));
        }
    }
}

fn present(state: &State, component: Option<&str>) -> Vec<Arc<Implementation>> {
    let all = state.objects().registry().committed().map(|(_, provider)| provider.implementation());
    all.filter(|each| component.is_none_or(|name| each.component.id.name == name)).map(Arc::clone).collect()
}

/// A watch that is being made.
struct Making<'w> {
    watch: &'w Watch,
    notes: Notes,
    methods: Vec<WatchedMethod>,
    left_out: Vec<LeftOut>,
    /// Which patterns mean a method.
    meant: Vec<bool>,
}

impl<'w> Making<'w> {
    fn new(watch: &'w Watch) -> Making<'w> {
        let notes = Notes {
            switch: Arc::new(Switch::new()),
            lines: Lines::new(watch.count, watch.rate),
            slowest: Slowest::new(watch.slowest),
            share: Share::new(watch.share, watch.seed),
            counts: Vec::new(),
        };
        Making { watch, notes, methods: Vec::new(), left_out: Vec::new(), meant: vec![false; watch.patterns.len()] }
    }

    /// The hooks of one implementation; `None` if none of its methods is meant.
    fn patch(&mut self, implementation: &Implementation, number: u64) -> Result<Option<Patch>> {
        let manifest = &implementation.manifest;
        let owner: Arc<str> = id(self.watch.what.name(), number).to_string().into();
        let mut methods = Vec::new();
        for method in &manifest.methods {
            let name = format!("{}.{}", manifest.interface, method.shape.name().unwrap_or_default());
            let is_meant = pattern::is_meant(&self.watch.patterns, &mut self.meant, &name);
            let Some(is_open) = is_meant else { continue };
            self.refuse_protected(implementation, &name)?;
            if self.methods.len() == METHODS {
                let text = format!("more than {METHODS} methods are meant; name fewer");
                return Err(Error::new(ErrorKind::Invalid, text));
            }
            match self.layer(implementation, method, &owner) {
                Ok(kind) => {
                    let layers = vec![Layer::new(&owner, kind)];
                    methods.push(PatchedMethod { shape: method.shape.clone(), crossing: None, layers });
                }
                Err(error) if is_open => self.left_out.push(LeftOut { method: name, why: error.to_string() }),
                Err(error) => return Err(error),
            }
        }
        if methods.is_empty() {
            return Ok(None);
        }
        let (component, interface) = (implementation.component.id.name.clone(), manifest.interface.clone());
        let name = self.watch.what.name().to_owned();
        Ok(Some(Patch { kind: Kind::Watch, number, name, component, interface, methods, export: None, library: None }))
    }

    fn refuse_protected(&self, implementation: &Implementation, name: &str) -> Result<()> {
        let is_refused = implementation.manifest.protected && !self.watch.override_protected;
        if self.watch.what != What::Fail || !is_refused {
            return Ok(());
        }
        let text = format!(
            "component `{}` is protected, so calls of {name} are not made to fail; do it with override_protected",
            implementation.component.id.name
        );
        Err(Error::new(ErrorKind::Protected, text))
    }

    fn layer(
        &mut self,
        implementation: &Implementation,
        method: &MethodManifest,
        owner: &Arc<str>,
    ) -> Result<Box<dyn Around>> {
        let (component, interface) = (implementation.component.to_string(), &*implementation.manifest.interface);
        let name = method.shape.name().unwrap_or_default();
        let refused =
            |why: &str| Err(Error::new(ErrorKind::Invalid, format!("{interface}.{name} cannot be watched: {why}")));
        if method.shape.returns_polled() && !method.shape.is_async() {
            return refused("it returns a stream, which has no result; watch a method that returns one");
        }
        if implementation.thunks(interface, name).is_none() {
            return refused("its component has no thunks; build it again with this version of lcr");
        }
        let signature = Signature::new(&component, interface, method)?;
        let watched = WatchedMethod {
            method: signature.name().to_owned(),
            component,
            hash: implementation.component.origin.as_ref().map(|origin| origin.hash.to_string()),
            signature: method.shape.spelled_out(),
            arguments: method.arguments.clone(),
            is_pure: method.is_pure,
            cannot_be_replayed: can_be_replayed(&signature),
        };
        let Notes { switch, lines, slowest, share, counts } = &mut self.notes;
        let (wanted, lines) = (self.watch.wanted.clone(), Arc::clone(lines));
        let kind = match self.watch.what {
            What::Trace => observing(switch, signature, Trace { wanted, lines }),
            What::Stats => {
                let own = Counts::new(&signature);
                counts.push(Arc::clone(&own));
                counting(switch, signature, own)
            }
            What::Slow => {
                let slow = Slow { slowest: Arc::clone(slowest), values: wanted.values, width: wanted.width };
                observing(switch, signature, slow)
            }
            What::Record => observing(switch, signature, Record { lines, limit: self.watch.line }),
            What::Fail => Fail::layer(switch, share, signature, self.watch.failing, owner)?,
        };
        self.methods.push(watched);
        Ok(kind)
    }

    /// Refuses a pattern that means nothing, and a watch that watches nothing.
    fn check(&self, present: &[Arc<Implementation>]) -> Result<()> {
        if let Some(pattern) = pattern::lonely(&self.watch.patterns, &self.meant) {
            let mut interfaces: Vec<&str> = present.iter().map(|each| &*each.manifest.interface).collect();
            interfaces.sort_unstable();
            interfaces.dedup();
            let text = format!(
                "`{pattern:.200}` means no method; name one by interface and method, such as shop.till.take or \
                 shop.till.*; there are the interfaces {}",
                interfaces.join(", ")
            );
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        match &self.left_out[..] {
            [first, ..] if self.methods.is_empty() => Err(Error::new(ErrorKind::Invalid, first.why.clone())),
            _ => Ok(()),
        }
    }
}
