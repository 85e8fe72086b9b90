//! The revisions of a runtime: what each commit changed, so that it can be taken back.
//!
//! A generation is not kept as a copy of everything. Each commit notes what it changed: the components that it took
//! out, the configurations and bindings as they were, and the list of patches. What was present in an older generation
//! follows from what is present now, by taking the notes back from the newest to that generation's
//! ([`Revisions::target`]). So a commit costs what it changes, and a rollback is a commit like any other: it notes what
//! it changes, and can be taken back.
//!
//! The number of notes is bounded, and the oldest go first. Beside the notes, each component that is present has its
//! *original*: what was linked or loaded first in its place. That never goes as long as the component is present,
//! whatever its name is by now.
//!
//! A configuration that changes between two commits belongs to the generation between them, and is noted with the
//! generation that was left last.
//!
//! What is dropped here may be the last count of a kept file, so callers drop it behind the lock.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::SystemTime,
};

use crate::{
    component::identity::ComponentId,
    host::{
        image::content_hash::ContentHash,
        objects::{kept::Kept, patch_libraries::LibraryOrder},
    },
};

use super::snapshots::Snapshots;

/// How many revisions are kept. Default.
pub(crate) const LIMIT: usize = 32;

/// The configuration of a component's shared instances; `None` if it has none.
pub(crate) type Config = Option<Arc<[u8]>>;

/// The notes of one runtime.
pub(crate) struct Revisions {
    /// What was left, oldest first.
    past: VecDeque<Left>,
    /// The first version of each component that is not its first one, by its present name.
    originals: HashMap<String, Arc<Kept>>,
    /// The bindings as the runtime began with them, of those that changed.
    first_bindings: BTreeMap<String, Option<String>>,
    limit: usize,
    /// What the commit of the trial that is under way left. It stays however many commits come after it.
    held: Option<Left>,
    snapshots: Snapshots,
    /// When the last commit was.
    since: SystemTime,
}

/// A generation that was left, and what the commit that left it changed.
#[derive(Clone)]
pub(crate) struct Left {
    pub(crate) generation: u64,
    /// When the generation began.
    pub(crate) since: SystemTime,
    changes: Arc<[Change]>,
    /// Configurations as they were, by the component's name. Of changed components the kept one has it.
    configurations: BTreeMap<String, Noted>,
    /// Bindings as they were, by the interface's name.
    bindings: BTreeMap<String, Option<String>>,
    /// The list of patches as it was, by their numbers, if the commit changed it.
    patches: Option<Arc<[u64]>>,
    /// The order of the patches of libraries as it was, if the commit changed their list.
    libraries: Option<Arc<LibraryOrder>>,
}

#[derive(Clone)]
struct Noted {
    config: Config,
    /// Whether the commit changed it, and not a later [`configure`](crate::Runtime::configure).
    by_commit: bool,
}

/// What a commit did with one component.
pub(crate) struct Change {
    /// The component before; `None` if the commit added one.
    pub(crate) before: Option<Arc<Kept>>,
    /// The name since; `None` if the commit removed it.
    pub(crate) after: Option<String>,
}

/// What has to become of what is present.
#[derive(Clone, Default)]
pub(crate) struct Target {
    pub(crate) places: Vec<Place>,
    /// By the component's name in the target.
    pub(crate) configurations: BTreeMap<String, Config>,
    pub(crate) bindings: BTreeMap<String, Option<String>>,
    /// The list of patches, by their numbers; `None` if it was the same.
    pub(crate) patches: Option<Arc<[u64]>>,
    /// The order of the patches of libraries; `None` if it was the same.
    pub(crate) libraries: Option<Arc<LibraryOrder>>,
}

/// One component of a [`Target`]. What is in no place stays as it is.
#[derive(Clone)]
pub(crate) struct Place {
    /// The name of the present component; `None` if the target has one more.
    pub(crate) present: Option<String>,
    /// The component of the target; `None` if the target does not have it.
    pub(crate) kept: Option<Arc<Kept>>,
}

/// What a commit changes, before it does.
pub(crate) struct Commit {
    pub(crate) generation: u64,
    pub(crate) changes: Vec<Change>,
    pub(crate) configurations: Vec<(String, Config)>,
    pub(crate) bindings: Vec<(String, Option<String>)>,
    /// The list of patches before, by their numbers, if the commit changes it.
    pub(crate) patches: Option<Arc<[u64]>>,
    /// The order of the patches of libraries before, if the commit changes their list.
    pub(crate) libraries: Option<Arc<LibraryOrder>>,
    /// Whether the commit begins a trial, whose end may take it back.
    pub(crate) is_held: bool,
}

impl Default for Revisions {
    fn default() -> Revisions {
        Revisions {
            past: VecDeque::new(),
            originals: HashMap::new(),
            first_bindings: BTreeMap::new(),
            limit: LIMIT,
            held: None,
            snapshots: Snapshots::default(),
            since: SystemTime::now(),
        }
    }
}

impl Revisions {
    /// Notes a commit. Returns what is not kept any more, to be dropped behind the lock.
    pub(crate) fn note(&mut self, commit: Commit) -> Dropped {
        let Commit { generation, changes, configurations, bindings, patches, libraries, is_held } = commit;
        let mut dropped = Vec::new();
        let firsts: Vec<_> = changes
            .iter()
            .filter_map(|change| {
                let before = change.before.as_ref()?;
                let first = self.originals.remove(&before.id.name).unwrap_or_else(|| Arc::clone(before));
                Some((change.after.clone(), first))
            })
            .collect();
        for (after, first) in firsts {
            match after {
                Some(after) => dropped.extend(self.originals.insert(after, first)),
                None => dropped.push(first),
            }
        }
        for (interface, component) in &bindings {
            self.first_bindings.entry(interface.clone()).or_insert_with(|| component.clone());
        }
        let by_commit = |(name, config)| (name, Noted { config, by_commit: true });
        let since = std::mem::replace(&mut self.since, SystemTime::now());
        let noted = Left {
            generation,
            since,
            changes: changes.into(),
            configurations: configurations.into_iter().map(by_commit).collect(),
            bindings: bindings.into_iter().collect(),
            patches,
            libraries,
        };
        let held = if is_held { self.held.replace(noted.clone()) } else { None };
        self.past.push_back(noted);
        let mut left = self.trim();
        left.extend(held);
        Dropped { _left: left, _originals: dropped }
    }

    /// The trial is over whose commit left that generation. Returns what is not kept any more, to be dropped behind the
    /// lock. The next trial may have begun by now, and what it holds stays.
    pub(crate) fn end_hold(&mut self, left: u64) -> Dropped {
        let mut dropped: Vec<Left> = self.held.take_if(|held| held.generation == left).into_iter().collect();
        dropped.extend(self.trim());
        Dropped { _left: dropped, _originals: Vec::new() }
    }

    /// Notes the configuration that a component had, which changes outside a commit.
    pub(crate) fn note_configured(&mut self, component: &str, before: Config) {
        let Some(last) = self.past.back_mut() else { return };
        let is_changed = last.changes.iter().any(|change| change.after.as_deref() == Some(component));
        if !is_changed {
            last.configurations.entry(component.to_owned()).or_insert(Noted { config: before, by_commit: false });
        }
    }

    /// Sets how many revisions are kept. Returns what is not kept any more, to be dropped behind the lock.
    pub(crate) fn set_limit(&mut self, limit: usize) -> Dropped {
        self.limit = limit;
        Dropped { _left: self.trim(), _originals: Vec::new() }
    }

    fn trim(&mut self) -> Vec<Left> {
        let surplus = self.past.len().saturating_sub(self.limit);
        let dropped = self.past.drain(..surplus).collect();
        let oldest = self.past.iter().chain(&self.held).map(|left| left.generation).min();
        self.snapshots.forget_before(oldest.unwrap_or(u64::MAX));
        dropped
    }

    /// What was left, oldest first.
    pub(crate) fn past(&self) -> impl DoubleEndedIterator<Item = &Left> + ExactSizeIterator {
        self.past.iter()
    }

    /// The files that can be gone back to.
    pub(crate) fn hashes(&self) -> Vec<ContentHash> {
        let changes = self.past.iter().flat_map(|left| left.changes.iter());
        let kept = changes.filter_map(|change| change.before.as_ref()).chain(self.originals.values());
        kept.flat_map(|kept| kept.hash.iter().chain(&kept.beside)).copied().collect()
    }

    /// A component of that name and version that is linked into the program, or is an object of it, and that can be
    /// gone back to.
    pub(crate) fn linked(&self, id: &ComponentId) -> Option<Arc<Kept>> {
        let left = self.past.iter().rev().flat_map(|left| left.changes.iter());
        let kept = left.filter_map(|change| change.before.as_ref()).chain(self.originals.values());
        let mut linked = kept.filter(|kept| kept.hash.is_none() && kept.id == *id);
        linked.next().map(Arc::clone)
    }

    /// The states that were saved when generations were left.
    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    pub(crate) fn snapshots_mut(&mut self) -> &mut Snapshots {
        &mut self.snapshots
    }

    /// When the present generation began.
    pub(crate) fn since(&self) -> SystemTime {
        self.since
    }

    /// What was present in a generation; `None` if it is not kept.
    pub(crate) fn target(&self, generation: u64) -> Option<Target> {
        self.past.iter().find(|left| left.generation == generation)?;
        let newer = self.past.iter().rev().take_while(|left| left.generation >= generation);
        Some(take_back(newer))
    }

    /// Whether a revision has the patch of that number.
    pub(crate) fn names_patch(&self, number: u64) -> bool {
        let noted = self.past.iter().chain(&self.held).filter_map(|left| left.patches.as_ref());
        noted.into_iter().any(|patches| patches.contains(&number))
    }

    /// What the commit that left a generation has changed, without what later ones have; `None` if it is not kept.
    /// Patches stay as they are: later commits may have changed their list, too.
    pub(crate) fn of_commit(&self, left: u64) -> Option<Target> {
        let mut only = self.past.iter().chain(&self.held).find(|noted| noted.generation == left)?.clone();
        only.configurations.retain(|_, noted| noted.by_commit);
        only.patches = None;
        Some(take_back([&only].into_iter()))
    }

    /// The first version of everything, without patches.
    pub(crate) fn original(&self) -> Target {
        let places = self
            .originals
            .iter()
            .map(|(present, kept)| Place { present: Some(present.clone()), kept: Some(Arc::clone(kept)) });
        let configurations = self.originals.values().map(|kept| (kept.id.name.clone(), kept.config.clone()));
        Target {
            places: places.collect(),
            configurations: configurations.collect(),
            bindings: self.first_bindings.clone(),
            patches: Some(Arc::default()),
            libraries: None,
        }
    }
}

/// What is not kept any more.
#[must_use = "it is dropped behind the lock"]
pub(crate) struct Dropped {
    _left: Vec<Left>,
    _originals: Vec<Arc<Kept>>,
}

impl Left {
    /// What the commit that left the generation did with components.
    pub(crate) fn changed(&self) -> &[Change] {
        &self.changes
    }

    /// The patches of the generation, by their numbers, if the commit that left it changed their list.
    pub(crate) fn patches(&self) -> Option<&[u64]> {
        self.patches.as_deref()
    }
}

/// Takes commits back, newest first.
fn take_back<'a>(newest_first: impl Iterator<Item = &'a Left>) -> Target {
    let mut target = Target::default();
    // The places by the name that the component had at that time.
    let mut named: HashMap<String, usize> = HashMap::new();
    for left in newest_first {
        let changed: Vec<Option<usize>> = left
            .changes
            .iter()
            .map(|change| {
                let after = change.after.as_ref()?;
                target.configurations.remove(after);
                Some(named.remove(after).unwrap_or_else(|| {
                    target.places.push(Place { present: Some(after.clone()), kept: None });
                    target.places.len() - 1
                }))
            })
            .collect();
        for (change, place) in left.changes.iter().zip(changed) {
            let place = place.unwrap_or_else(|| {
                target.places.push(Place { present: None, kept: None });
                target.places.len() - 1
            });
            target.places[place].kept.clone_from(&change.before);
            if let Some(before) = &change.before {
                named.insert(before.id.name.clone(), place);
                target.configurations.insert(before.id.name.clone(), before.config.clone());
            }
        }
        for (name, noted) in &left.configurations {
            target.configurations.insert(name.clone(), noted.config.clone());
        }
        if let Some(patches) = &left.patches {
            target.patches = Some(Arc::clone(patches));
        }
        if let Some(libraries) = &left.libraries {
            target.libraries = Some(Arc::clone(libraries));
        }
        target.bindings.extend(left.bindings.iter().map(|(interface, bound)| (interface.clone(), bound.clone())));
    }
    lead_to_present(&mut target.places);
    target.places.retain(|place| place.present.is_some() || place.kept.is_some());
    target
}

/// Has each component of the target that is in no present one's place take the place of the one that has its name. A
/// component may have gone since, and one of its name have come: another one to the notes, but a plan has one of a
/// name.
fn lead_to_present(places: &mut [Place]) {
    let named = |(at, place): (usize, &Place)| Some((place.present.clone()?, at));
    let mut named: HashMap<String, usize> = places.iter().enumerate().filter_map(named).collect();
    for at in 0..places.len() {
        // The place that loses its present component may have one of the target that is present, too.
        let mut next = Some(at);
        while let Some(at) = next.take() {
            let Place { present: None, kept: Some(kept) } = &places[at] else { continue };
            let Some(there) = named.remove(&kept.id.name) else { continue };
            places[at].present = places[there].present.take();
            next = Some(there);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{super::snapshots::Snapshot, *};

    #[test]
    fn the_end_of_a_trial_drops_what_that_trial_holds_and_not_what_the_next_one_does() {
        let mut revisions = Revisions::default();
        drop(revisions.set_limit(0));
        let commit = |generation, is_held| Commit {
            generation,
            changes: Vec::new(),
            configurations: Vec::new(),
            bindings: Vec::new(),
            patches: None,
            libraries: None,
            is_held,
        };
        let (component, interface) = ("a".to_owned(), "i".to_owned());
        revisions.snapshots_mut().keep(Snapshot {
            generation: 1,
            component,
            interface,
            version: 1,
            bytes: Arc::default(),
        });
        drop(revisions.note(commit(1, true)));
        drop(revisions.note(commit(2, false)));
        assert!(revisions.snapshots().find("a", "i", 1).is_some(), "the rollback of the trial may need it");
        assert!(revisions.of_commit(1).is_some() && revisions.of_commit(2).is_none());
        drop(revisions.note(commit(3, true)));
        drop(revisions.end_hold(1));
        assert!(revisions.of_commit(3).is_some() && revisions.snapshots().find("a", "i", 1).is_none());
        drop(revisions.end_hold(3));
        assert!(revisions.of_commit(3).is_none());
    }
}
