//! What differs between a revision and what is present, as requests of a plan: see [`rollback`](super::rollback).

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    error::{Error, ErrorKind, Result},
    host::{
        objects::{
            component::Implementation,
            kept::{Again, Kept},
        },
        service::{
            inner::RuntimeInner,
            revisions::{Config, Place, Target},
            state::State,
        },
    },
};

use super::request::{Options, Request};

/// How far a rollback goes: see [`PlanBuilder::rollback`](crate::PlanBuilder::rollback).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Back {
    /// So many commits back. A rollback is a commit, too: after a rollback, one step leads to what was before it.
    Steps(u32),
    /// To what was present in this generation.
    To(u64),
    /// Each component that is present to its first version: the one that was linked into the program or loaded
    /// first. Bindings become what they were when the runtime began. A component that was never replaced stays as it
    /// is, and one that was removed does not come back.
    Original,
}

/// The requests of a plan's rollbacks.
pub(super) fn expand(inner: &Arc<RuntimeInner>, backs: &[Back], options: &mut Options) -> Vec<Request> {
    match backs {
        [] => Vec::new(),
        [back] => {
            let found = {
                let state = inner.latest_state();
                find(&state, *back).map(|target| differences(&state, target))
            };
            match found {
                Ok(differences) => differences.into_requests(options),
                Err(error) => vec![refused(error)],
            }
        }
        _ => vec![refused(Error::new(ErrorKind::Invalid, "the plan has several rollbacks; go back once"))],
    }
}

fn refused(error: Error) -> Request {
    Request::Refused(Some(error))
}

fn find(state: &State, back: Back) -> Result<Target> {
    let present = state.serial();
    let target = match back {
        Back::Original => Some(state.revisions().original()),
        Back::To(generation) if generation == present => {
            let text = format!("generation {present} is the present one; nothing to roll back");
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        Back::Steps(0) => {
            return Err(Error::new(ErrorKind::Invalid, "a rollback by 0 steps goes nowhere; go back by 1 or more"));
        }
        Back::To(generation) => state.revisions().target(generation),
        Back::Steps(steps) => present.checked_sub(steps.into()).and_then(|to| state.revisions().target(to)),
    };
    let target = target.ok_or_else(|| not_kept(state, back))?;
    if differences(state, target.clone()).is_empty() {
        let what = match back {
            Back::Original => "every component is the one that was linked or loaded first".to_owned(),
            _ => "that generation has the components, configurations and bindings of the present one".to_owned(),
        };
        return Err(Error::new(ErrorKind::Invalid, format!("{what}; nothing to roll back")));
    }
    Ok(target)
}

fn not_kept(state: &State, back: Back) -> Error {
    let asked = match back {
        Back::To(generation) => format!("generation {generation}"),
        Back::Steps(steps) => format!("the generation {steps} steps back"),
        Back::Original => "the original".to_owned(),
    };
    let kept = || state.revisions().past().map(|left| left.generation);
    let kept = match (kept().next(), kept().next_back()) {
        (Some(first), Some(last)) if first == last => format!("only generation {first} is"),
        (Some(first), Some(last)) => format!("generations {first} to {last} are"),
        _ => "none is, because nothing was changed yet or the runtime keeps no revisions".to_owned(),
    };
    Error::new(ErrorKind::NotFound, format!("{asked} is not kept; {kept}, and the present one is {}", state.serial()))
}

/// What differs between a target and what is present.
pub(super) struct Differences {
    generation: u64,
    /// The present component and the one that takes its place.
    places: Vec<(Option<String>, Option<Arc<Kept>>)>,
    configurations: Vec<(String, Config)>,
    bindings: Vec<(String, Option<String>)>,
    /// The present components with state whose older version has none.
    losing: Vec<String>,
}

pub(super) fn differences(state: &State, target: Target) -> Differences {
    let Target { places, configurations, bindings } = target;
    let mut found = Differences {
        generation: state.serial(),
        places: Vec::new(),
        configurations: Vec::new(),
        bindings: Vec::new(),
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
            Some(kept) => kept.is(&implementations),
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
    let bound = state.objects().registry().bindings();
    found.bindings = bindings.into_iter().filter(|(interface, to)| bound.get(interface) != to.as_ref()).collect();
    found
}

impl Differences {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty() && self.configurations.is_empty() && self.bindings.is_empty()
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
