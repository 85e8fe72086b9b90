//! Rollbacks to states that the runtime does not remember, because an earlier process had them, or too many commits
//! ago. The [recorder](super::recorder) finds them.
//!
//! A recorded state says which components were present, by the hash of each file. What makes it a target:
//!
//! | a component that it has | comes back |
//! |---|---|
//! | from a file | from the recorder's files, unless it is present with the same content, its libraries included |
//! | linked into the program | as this program has it, if a file has taken its place in this process |
//! | an object of the program | never: the program brings it, and what it brings stays |
//!
//! If this program does not link the component, it stays away, as at a start; but a file that has its place is not
//! removed for that, and refuses the rollback. A component that the state does not have is removed, unless the program
//! brings it: an object, or one that is linked into this program and was not linked into that of then.
//!
//! The recorder reads the disk, which may hang. So a thread of its own asks it, for as long as the plan's timeout says,
//! and no lock is held meanwhile. If a transaction commits in between, the rollback is refused with `Stale`.

use std::{
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    time::Duration,
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::{
        objects::{
            kept::Kept,
            patch_libraries::{LibraryOrder, are_on_same, order_of_standing},
        },
        service::{
            inner::RuntimeInner,
            revisions::{Place, Target},
            state::State,
        },
        sys,
    },
};

use super::recorder::{self, Brought, First, Present, Recorded, Recorder, Sought};

/// What a recorded state leads to, and the generation for which that was found.
pub(super) fn target(inner: &Arc<RuntimeInner>, sought: Sought, timeout: Option<Duration>) -> Result<(u64, Target)> {
    let Some(recorder) = inner.recorder().map(Arc::clone) else { return Err(no_history()) };
    let (generation, present) = present(inner);
    let now = present.clone();
    let (recorded, mut files) = ask(timeout, move || {
        let recorded = recorder.find(sought)?;
        let files = files(&*recorder, &recorded, &now)?;
        Ok((recorded, files))
    })?;
    let state = inner.latest_state();
    is_still(&state, generation)?;
    let Recorded { title, components, was_linked, is_linked, bindings, configurations } = recorded;
    let mut target =
        Target { bindings, configurations, places: Vec::new(), patches: None, libraries: order_of(&components) };
    let mut taken: HashSet<String> = HashSet::new();
    for Brought { now, is_object, present: wanted } in components {
        let name = Some(now).filter(|now| present.iter().any(|one| one.id.name == *now) && taken.insert(now.clone()));
        let there = name.as_ref().and_then(|name| present.iter().find(|one| one.id.name == *name));
        let kept = match files.remove(&wanted.id.name) {
            Some(kept) => kept,
            None if is_object || there.is_some_and(|there| is_same(there, &wanted)) => continue,
            None if there.is_some_and(|there| there.hash.is_none()) => continue,
            None => match state.revisions().linked(&wanted.id) {
                Some(linked) => linked,
                None if there.is_none() && !is_linked.contains(&wanted.id.name) => continue,
                None => return Err(not_linked(&title, &wanted, there)),
            },
        };
        target.places.push(Place { present: name, kept: Some(kept) });
    }
    for one in present.iter().filter(|one| !taken.contains(&one.id.name)) {
        let is_of_program = one.hash.is_none() && !was_linked.contains(&one.id.name);
        if !is_of_program {
            target.places.push(Place { present: Some(one.id.name.clone()), kept: None });
        }
    }
    Ok((generation, target))
}

/// The first versions: those that the runtime remembers, and, of components that were loaded before this process began,
/// those that are recorded.
pub(super) fn originals(
    inner: &Arc<RuntimeInner>,
    recorder: Arc<dyn Recorder>,
    timeout: Option<Duration>,
) -> Result<(u64, Target)> {
    let (generation, present) = present(inner);
    let mut target = {
        let state = inner.latest_state();
        is_still(&state, generation)?;
        state.revisions().original()
    };
    // What is linked into this program needs no record.
    let is_linked = |name: &String| {
        let of_name = |place: &&Place| place.present.as_ref() == Some(name);
        let first = target.places.iter().find(of_name).and_then(|Place { kept, .. }| kept.as_ref());
        first.is_some_and(|first| first.hash.is_none())
    };
    let loaded: Vec<Present> =
        present.into_iter().filter(|one| one.hash.is_some() && !is_linked(&one.id.name)).collect();
    if loaded.is_empty() {
        return Ok((generation, target));
    }
    let found = ask(timeout, move || {
        let firsts = recorder.firsts()?;
        let mut found = Vec::new();
        for one in loaded {
            match firsts.get(&one.id.name) {
                // It was committed unrecorded.
                None => {}
                Some(First::Forgotten) => return Err(forgotten(&one)),
                Some(First::Known(first)) if is_same(&one, first) => found.push((one.id.name, None)),
                Some(First::Known(first)) if first.hash.is_none() => return Err(first_was_linked(first, &one)),
                Some(First::Known(first)) => found.push((one.id.name, Some(kept(&*recorder, first)?))),
            }
        }
        Ok(found)
    })?;
    for (name, first) in found {
        let at = target.places.iter().position(|place| place.present.as_ref() == Some(&name));
        let before = at.map(|at| target.places.swap_remove(at)).and_then(|Place { kept, .. }| kept);
        if let (Some(before), Some(_)) = (before, &first) {
            target.configurations.remove(&before.id.name);
        }
        target.places.extend(first.map(|first| Place { present: Some(name), kept: Some(first) }));
    }
    Ok((generation, target))
}

/// What is present, and in which generation.
fn present(inner: &RuntimeInner) -> (u64, Vec<Present>) {
    loop {
        let generation = inner.latest_state().serial();
        let present = recorder::present(inner);
        if inner.latest_state().serial() == generation {
            return (generation, present);
        }
    }
}

pub(super) fn is_still(state: &State, generation: u64) -> Result<()> {
    if state.serial() == generation {
        return Ok(());
    }
    let text = "another transaction committed while the rollback was looked up; go back once more";
    Err(Error::new(ErrorKind::Stale, text))
}

/// The order of the patches of libraries in a recorded state.
fn order_of(components: &[Brought]) -> Option<Arc<LibraryOrder>> {
    Some(order_of_standing(components.iter().map(|brought| (&brought.present.id.name, &brought.present.patches[..]))))
}

/// Whether a component that is present is the wanted one. A library of patches is, only if its patches are on the same
/// components.
fn is_same(there: &Present, wanted: &Present) -> bool {
    let beside = |one: &Present| -> Vec<_> { one.beside.iter().map(|beside| beside.hash).collect() };
    let is_file = there.id == wanted.id && there.hash == wanted.hash && beside(there) == beside(wanted);
    is_file && are_on_same(&there.patches, &wanted.patches)
}

/// The components that have to come from files, by their names in the recorded state.
fn files(recorder: &dyn Recorder, recorded: &Recorded, now: &[Present]) -> Result<HashMap<String, Arc<Kept>>> {
    let wanted = recorded.components.iter().filter(|brought| {
        let is_there = |one: &Present| one.id.name == brought.now && is_same(one, &brought.present);
        brought.present.hash.is_some() && !now.iter().any(is_there)
    });
    let mut files = HashMap::new();
    let mut missing = Vec::new();
    for Brought { present, .. } in wanted {
        match kept(recorder, present) {
            Ok(kept) => drop(files.insert(present.id.name.clone(), kept)),
            Err(error) => missing.push(recorder::text_of(&error)),
        }
    }
    if missing.is_empty() {
        return Ok(files);
    }
    let text = format!("{} cannot be gone back to: {}", recorded.title, missing.join("; "));
    Err(Error::new(ErrorKind::History, text))
}

fn kept(recorder: &dyn Recorder, present: &Present) -> Result<Arc<Kept>> {
    let beside = present.beside.iter().map(|beside| beside.hash).collect();
    let kept = Kept::of_file(present.id.clone(), present.hash, beside, recorder.file(present)?);
    Ok(Arc::new(kept.standing(present.patches.clone())))
}

/// Asks on a thread of its own.
fn ask<T: Send + 'static>(
    timeout: Option<Duration>,
    question: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (send, answer) = mpsc::channel();
    let asked = sys::start(c"lcr-past", 2 << 20, move || {
        let answer = catch_unwind(AssertUnwindSafe(question));
        let _ = send.send(answer.unwrap_or_else(|panic| Err(Error::internal("the history was not read", &*panic))));
    });
    let thread = asked.map_err(|error| Error::io("start a thread to read the history", error))?;
    let answer = match timeout {
        Some(timeout) => answer.recv_timeout(timeout).ok(),
        None => answer.recv().ok(),
    };
    let Some(answer) = answer else {
        let text = format!(
            "the history was not read within {:?}; if its disk is only slow, raise the plan's timeout",
            timeout.unwrap_or_default()
        );
        return Err(Error::new(ErrorKind::Deadline, text));
    };
    thread.join();
    answer
}

fn no_history() -> Error {
    let text = "the program keeps no history, which has the entries; RuntimeBuilder::history begins one";
    Error::new(ErrorKind::NotFound, text)
}

fn not_linked(title: &str, wanted: &Present, there: Option<&Present>) -> Error {
    let wanted = &wanted.id;
    let mut text = format!(
        "{title} cannot be gone back to: `{wanted}` was linked into the program, so no file of it is kept, and this \
         process does not have it"
    );
    if let Some(there) = there {
        text +=
            &format!("; replace `{}` by a file of it, or go back to what is linked now, by Back::Original", there.id);
    }
    Error::new(ErrorKind::NotFound, text)
}

fn forgotten(one: &Present) -> Error {
    let text = format!(
        "what was loaded first in the place of `{}` is older than what the history keeps (`keep`, `keep_for`), and \
         forgotten; go back to an entry that it has, by Back::Entry",
        one.id
    );
    Error::new(ErrorKind::NotFound, text)
}

fn first_was_linked(first: &Present, one: &Present) -> Error {
    let text = format!(
        "the first in the place of `{}` was `{}`, which an earlier program had linked or provided, and this one does \
         not have; go back to an entry of the history, by Back::Entry",
        one.id, first.id
    );
    Error::new(ErrorKind::NotFound, text)
}
