//! What differs between a revision and what is present, as requests of a plan: see [`rollback`](super::rollback).
//!
//! A revision is one that the runtime [remembers](crate::host::service::revisions), or one that is
//! [recorded](super::recorded).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::{
    error::{Error, ErrorKind, Result},
    host::{
        objects::{
            component::Implementation,
            kept::{Again, Kept},
            patch_libraries::LibraryOrder,
        },
        service::{
            inner::RuntimeInner,
            revisions::{Config, Place, Target},
            state::State,
        },
    },
};

use super::{
    recorded,
    recorder::Sought,
    request::{Options, Request},
};

/// How far a rollback goes: see [`PlanBuilder::rollback`](crate::PlanBuilder::rollback).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Back {
    /// So many commits back. A rollback is a commit, too: after a rollback, one step leads to what was before it.
    ///
    /// With a history on disk, the steps go on in the processes before this one. There, a start that has brought back
    /// what was confirmed is no step, and neither is what was never confirmed.
    Steps(u32),
    /// To what was present in this generation of this process.
    To(u64),
    /// To what this entry of the history on disk had put in place, whichever process committed it.
    Entry(u64),
    /// Each component that is present to its first version: the one that was linked into the program or loaded
    /// first, also by an earlier process if there is a history on disk. Bindings become what they were when the runtime
    /// began, and patches are taken off. A component that was never replaced stays as it is, and one that was removed
    /// does not come back.
    Original,
}

/// The requests of a plan's rollbacks.
pub(super) fn expand(inner: &Arc<RuntimeInner>, backs: &[Back], options: &mut Options) -> Vec<Request> {
    match backs {
        [] => Vec::new(),
        [back] => match find(inner, *back, options.timeout) {
            Ok(differences) => differences.into_requests(options),
            Err(error) => vec![refused(error)],
        },
        _ => vec![refused(Error::new(ErrorKind::Invalid, "the plan has several rollbacks; go back once"))],
    }
}

fn refused(error: Error) -> Request {
    Request::Refused(Some(error))
}

/// Finds what a rollback changes: in what the runtime remembers, or else in what is recorded.
fn find(inner: &Arc<RuntimeInner>, back: Back, timeout: Option<Duration>) -> Result<Differences> {
    let recorder = inner.recorder();
    let sought = {
        let state = inner.latest_state();
        match remembered(&state, back, recorder.map(|recorder| recorder.began()))? {
            Found::Here(target) => return compare(&state, target, back),
            Found::Recorded(sought) => sought,
        }
    };
    let (generation, target) = match (sought, recorder) {
        (Some(sought), _) => recorded::target(inner, sought, timeout)?,
        (None, Some(recorder)) => recorded::originals(inner, Arc::clone(recorder), timeout)?,
        (None, None) => return Err(Error::new(ErrorKind::Internal, "an original is sought without a history")),
    };
    let state = inner.latest_state();
    recorded::is_still(&state, generation)?;
    compare(&state, target, back)
}

/// Where a rollback finds its target.
enum Found {
    Here(Target),
    /// In what is recorded; `None` if the first versions are sought.
    Recorded(Option<Sought>),
}

/// `began` is the generation with which this process began, if what it does is recorded.
fn remembered(state: &State, back: Back, began: Option<u64>) -> Result<Found> {
    let (present, revisions) = (state.serial(), state.revisions());
    let generation = match back {
        Back::Original if began.is_some() => return Ok(Found::Recorded(None)),
        Back::Original => return Ok(Found::Here(revisions.original())),
        Back::Entry(number) => return Ok(Found::Recorded(Some(Sought::Entry(number)))),
        Back::To(generation) if generation == present => {
            let text = format!("generation {present} is the present one; nothing to roll back");
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        Back::Steps(0) => {
            return Err(Error::new(ErrorKind::Invalid, "a rollback by 0 steps goes nowhere; go back by 1 or more"));
        }
        Back::To(generation) => Some(generation),
        Back::Steps(steps) => present.checked_sub(steps.into()),
    };
    if let (Back::Steps(steps), Some(began)) = (back, began)
        && generation.is_none_or(|generation| generation < began)
    {
        // The steps of this process are counted; the others are before it.
        let own = u32::try_from(present.saturating_sub(began)).unwrap_or(u32::MAX);
        return Ok(Found::Recorded(Some(Sought::Before(steps.saturating_sub(own)))));
    }
    match (generation.and_then(|generation| revisions.target(generation)), generation) {
        (Some(target), _) => Ok(Found::Here(target)),
        (None, Some(generation)) if began.is_some() => Ok(Found::Recorded(Some(Sought::Generation(generation)))),
        _ => Err(not_kept(state, back)),
    }
}

fn compare(state: &State, target: Target, back: Back) -> Result<Differences> {
    let target = if back == Back::Original { without_patches(state, target) } else { target };
    let differences = differences(state, target);
    if differences.is_empty() {
        let what = match back {
            Back::Original => "every component is the one that was linked or loaded first, and not patched",
            _ => "that has the components, configurations, bindings and patches of the present generation",
        };
        return Err(Error::new(ErrorKind::Invalid, format!("{what}; nothing to roll back")));
    }
    Ok(differences)
}

fn not_kept(state: &State, back: Back) -> Error {
    let asked = match back {
        Back::To(generation) => format!("generation {generation}"),
        Back::Steps(steps) => format!("the generation {steps} steps back"),
        Back::Original => "the original".to_owned(),
        Back::Entry(number) => format!("entry {number}"),
    };
    let kept = || state.revisions().past().map(|left| left.generation);
    let kept = match (kept().next(), kept().next_back()) {
        (Some(first), Some(last)) if first == last => format!("only generation {first} is"),
        (Some(first), Some(last)) => format!("generations {first} to {last} are"),
        _ => "none is, because nothing was changed yet or the runtime keeps no revisions".to_owned(),
    };
    Error::new(ErrorKind::NotFound, format!("{asked} is not kept; {kept}, and the present one is {}", state.serial()))
}

/// The original without the patches of libraries: what was loaded first in the place of one is a patch, too.
fn without_patches(state: &State, mut original: Target) -> Target {
    let components = state.objects().registry().committed().map(|(_, provider)| provider.implementation());
    let patches: BTreeSet<&String> = components
        .filter(|implementation| implementation.manifest.patch.is_some())
        .map(|implementation| &implementation.component.id.name)
        .collect();
    original.places.retain(|place| !place.present.as_ref().is_some_and(|present| patches.contains(present)));
    let off = |name: &String| Place { present: Some(name.clone()), kept: None };
    original.places.extend(patches.into_iter().map(off));
    original.patches = Some(Arc::default());
    original
}

/// What differs between a target and what is present.
pub(super) struct Differences {
    generation: u64,
    /// The present component and the one that takes its place.
    places: Vec<(Option<String>, Option<Arc<Kept>>)>,
    configurations: Vec<(String, Config)>,
    bindings: Vec<(String, Option<String>)>,
    /// The list of patches, if it differs.
    patches: Option<Arc<[u64]>>,
    /// The order of the patches of libraries in the target.
    libraries: Option<Arc<LibraryOrder>>,
    /// The present components with state whose older version has none.
    losing: Vec<String>,
}

pub(super) fn differences(state: &State, target: Target) -> Differences {
    let Target { places, configurations, bindings, patches, libraries } = target;
    let mut found = Differences {
        generation: state.serial(),
        places: Vec::new(),
        configurations: Vec::new(),
        bindings: Vec::new(),
        patches: None,
        libraries,
        losing: Vec::new(),
    };
    let mut removed = BTreeSet::new();
    // The configuration that each component of the target has now, by its name there.
    let mut known: Vec<(String, Config)> = Vec::new();
    for Place { present, kept } in places {
        let (implementations, config) = present.as_deref().map(|name| state.component_now(name)).unwrap_or_default();
        let implementations: Vec<&Arc<Implementation>> = implementations.iter().collect();
        if let Some(kept) = &kept {
            known.push((kept.id.name.clone(), config));
        }
        let is_there = match &kept {
            Some(kept) => {
                let library = implementations.first().map(|implementation| &implementation.component);
                let standing = library.map(|library| state.objects().patches().standing_of(library));
                kept.is(&implementations, &standing.unwrap_or_default())
            }
            None => implementations.is_empty(),
        };
        if is_there {
            continue;
        }
        let present = present.filter(|_| !implementations.is_empty());
        match (&present, &kept) {
            (Some(present), None) => drop(removed.insert(present.clone())),
            (Some(present), Some(kept)) if kept.loses_state_of(&implementations) => found.losing.push(present.clone()),
            _ => {}
        }
        found.places.push((present, kept));
    }
    for (name, config) in configurations {
        let now = match known.iter().find(|(known, _)| *known == name) {
            Some((_, now)) => now.clone(),
            None => {
                let (implementations, now) = state.component_now(&name);
                if implementations.is_empty() || removed.contains(&name) {
                    continue;
                }
                now
            }
        };
        if now != config {
            found.configurations.push((name, config));
        }
    }
    let standing = state.objects().patches();
    let patches = patches.map(|patches| standing.of_noted(&patches));
    found.patches = patches.filter(|patches| *patches != standing.numbers());
    let bound = state.objects().registry().bindings();
    found.bindings = bindings.into_iter().filter(|(interface, to)| bound.get(interface) != to.as_ref()).collect();
    found
}

impl Differences {
    pub(super) fn is_empty(&self) -> bool {
        let is_same = self.places.is_empty() && self.configurations.is_empty() && self.bindings.is_empty();
        is_same && self.patches.is_none()
    }

    /// The present components with state whose older version has none.
    pub(super) fn losing_state(&self) -> impl Iterator<Item = String> {
        self.losing.iter().cloned()
    }

    /// The present components whose place another one takes.
    pub(super) fn replaced(&self) -> impl Iterator<Item = String> {
        let replaced = self.places.iter().filter(|(_, kept)| kept.is_some());
        replaced.filter_map(|(present, _)| present.clone())
    }

    /// The requests that lead to the target. What they set goes into `options`. Not under a lock: an object of the
    /// program may end here.
    pub(super) fn into_requests(self, options: &mut Options) -> Vec<Request> {
        options.made_for = Some(self.generation);
        options.patches = self.patches;
        options.libraries = self.libraries;
        let come = self.places.iter().filter_map(|(_, kept)| kept.as_ref());
        options.standing.extend(come.map(|kept| (kept.id.name.clone(), kept.patches.clone())));
        for (component, config) in self.configurations {
            match config {
                Some(config) => drop(options.configurations.insert(component, config)),
                None => drop(options.unconfigured.insert(component)),
            }
        }
        for (interface, component) in self.bindings {
            match component {
                Some(component) => drop(options.bindings.insert(interface, component)),
                None => drop(options.unbound.insert(interface)),
            }
        }
        let requests = self.places.into_iter().filter_map(|(present, kept)| match (present, kept) {
            (present, Some(kept)) => Some(match kept.again() {
                Ok(Again::Mapped(returning)) => Request::Return(present, returning),
                Ok(Again::File(file)) => Request::Reload(present, file),
                Err(error) => refused(error),
            }),
            (Some(present), None) => Some(Request::Remove(present)),
            (None, None) => None,
        });
        requests.collect()
    }
}
