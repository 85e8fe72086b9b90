//! Requests, options, steps and refusals: the data that plans, their resolution and their execution
//! share.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    error::{Error, ErrorKind},
    host::{
        actor::Actor,
        image::{
            content_hash::ContentHash,
            manifest::Manifest,
            stage::{KeptFile, Staged, show},
        },
        objects::{
            kept::Returning,
            offer::Offer,
            patch_libraries::{LibraryOrder, Standing},
        },
    },
};

use super::trial::rules::Planned;

/// One change that a plan asks for.
pub(super) enum Request {
    Add(PathBuf),
    Replace(Option<String>, PathBuf),
    Remove(String),
    /// An object of the program takes the place of the named component, or is added.
    Provide(Option<String>, Box<Offer>),
    /// A kept component takes the place of the named one, or is added.
    Return(Option<String>, Box<Returning>),
    /// The same, of a component that is loaded anew.
    Reload(Option<String>, Arc<KeptFile>),
    /// What was asked for cannot be found.
    Refused(Option<Error>),
}

impl Request {
    /// The same request, for a rehearsal; `None` if what was asked for cannot be found.
    pub(super) fn again(&self) -> Option<Request> {
        Some(match self {
            Request::Add(path) => Request::Add(path.clone()),
            Request::Replace(name, path) => Request::Replace(name.clone(), path.clone()),
            Request::Remove(name) => Request::Remove(name.clone()),
            Request::Provide(name, offer) => Request::Provide(name.clone(), offer.clone()),
            Request::Return(name, kept) => Request::Return(name.clone(), kept.clone()),
            Request::Reload(name, file) => Request::Reload(name.clone(), Arc::clone(file)),
            Request::Refused(_) => return None,
        })
    }

    /// Takes out why what was asked for cannot be found.
    pub(super) fn take_refusal(&mut self) -> Option<Error> {
        match self {
            Request::Refused(error) => error.take(),
            _ => None,
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Add(path) => f.debug_tuple("Add").field(path).finish(),
            Request::Replace(name, path) => f.debug_tuple("Replace").field(name).field(path).finish(),
            Request::Remove(name) => f.debug_tuple("Remove").field(name).finish(),
            Request::Provide(name, offer) => f.debug_tuple("Provide").field(name).field(offer).finish(),
            Request::Return(name, kept) => f.debug_tuple("Return").field(name).field(&kept.manifest.component).finish(),
            Request::Refused(error) => f.debug_tuple("Refused").field(error).finish(),
            Request::Reload(name, file) => f.debug_tuple("Reload").field(name).field(&file.source()).finish(),
        }
    }
}

impl Request {
    /// The file of the component that the request adds or puts in place.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Request::Add(path) | Request::Replace(_, path) => Some(path),
            Request::Reload(_, file) => Some(file.source()),
            Request::Remove(_) | Request::Provide(..) | Request::Return(..) | Request::Refused(_) => None,
        }
    }
}

/// The options of a plan. A time that is `None` sets no limit.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// Who asks. Default: this process.
    pub(super) actor: Actor,
    /// Why, in the words of whoever asks.
    pub(super) reason: Option<String>,
    /// By which rules the new versions are on trial.
    pub(super) trial: Option<Planned>,
    /// Whether the plan is the rollback of a trial, made by the thread of the trial.
    pub(super) ends_trial: bool,
    /// Whether the plan puts a candidate in place, made by the thread of its canary.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "there are no canaries"))]
    pub(super) ends_canary: bool,
    /// Whether a start brings back what a history has confirmed last.
    pub(super) is_reload: bool,
    /// Whether the plan goes back to what was present before.
    pub(super) is_rollback: bool,
    /// How long callers may be blocked, hand-over included. Default: 1 s.
    pub(super) deadline: Option<Duration>,
    /// How long a shut gate waits for calls to leave before it opens again; see
    /// [`Options::reopens_after`]. Default: 100 ms.
    pub(super) gate_wait: Option<Duration>,
    /// How long the transaction may take while all callers are served: loading, preparing, draining
    /// ahead, and repeated attempts at the gate. Default: 30 s.
    pub(super) timeout: Option<Duration>,
    /// Whether the plan may change protected components.
    pub(super) override_protected: bool,
    /// Whether a component that aborts on a panic may replace a component that unwinds.
    pub(super) allow_panic_abort: bool,
    /// The component that each interface is bound to, by the interface's name.
    pub(super) bindings: BTreeMap<String, String>,
    /// The configurations of components' shared instances, by the component's name.
    pub(super) configurations: BTreeMap<String, Arc<[u8]>>,
    /// The interfaces whose bindings are taken back.
    pub(super) unbound: BTreeSet<String>,
    /// The components whose configurations are taken back.
    pub(super) unconfigured: BTreeSet<String>,
    /// The generation for which the requests were found, if they come from a rollback.
    pub(super) made_for: Option<u64>,
    /// Where the patches of libraries stood that come back, by the library's name.
    pub(super) standing: BTreeMap<String, Vec<Standing>>,
    /// The order in which the patches of libraries stood, if a rollback goes to where it was another one.
    pub(super) libraries: Option<Arc<LibraryOrder>>,
    /// The list of patches, by their numbers, if a rollback changes it.
    pub(super) patches: Option<Arc<[u64]>>,
    /// Whether the plan is refused if a patch that stands would stand no more.
    pub(super) require_patches: bool,
    /// Components whose state may be lost.
    pub(super) discard_state: Vec<String>,
    /// Components whose saved snapshot may come back, by present name.
    pub(super) restore_snapshot: Vec<String>,
    /// Whether no state is downgraded, because a downgrade did not return before.
    pub(super) without_downgrade: bool,
    /// How many rounds may copy state while callers go on; 0 for none. Default: 30.
    pub(super) precopy_rounds: u32,
    /// How long callers may be expected to be held for what is left. Default: 10 ms.
    pub(super) precopy_hold: Option<Duration>,
    /// How many changes a state may note while it is copied. Default: 1,000,000.
    pub(super) precopy_backlog: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            actor: Actor::this_process(),
            reason: None,
            trial: None,
            ends_trial: false,
            ends_canary: false,
            is_reload: false,
            is_rollback: false,
            deadline: Some(Duration::from_secs(1)),
            gate_wait: Some(Duration::from_millis(100)),
            timeout: Some(Duration::from_secs(30)),
            override_protected: false,
            allow_panic_abort: false,
            bindings: BTreeMap::new(),
            configurations: BTreeMap::new(),
            unbound: BTreeSet::new(),
            unconfigured: BTreeSet::new(),
            made_for: None,
            standing: BTreeMap::new(),
            libraries: None,
            patches: None,
            require_patches: false,
            discard_state: Vec::new(),
            restore_snapshot: Vec::new(),
            without_downgrade: false,
            precopy_rounds: 30,
            precopy_hold: Some(Duration::from_millis(10)),
            precopy_backlog: 1_000_000,
        }
    }
}

impl Options {
    /// Whether the plan changes bindings or configurations.
    pub(super) fn sets_anything(&self) -> bool {
        let is_set = !self.bindings.is_empty() || !self.configurations.is_empty();
        is_set || !self.unbound.is_empty() || !self.unconfigured.is_empty()
    }

    /// The bindings that the plan sets or takes back, by the interface's name.
    pub(super) fn bindings_after(&self) -> BTreeMap<String, Option<String>> {
        let set = self.bindings.iter().map(|(interface, component)| (interface.clone(), Some(component.clone())));
        set.chain(self.unbound.iter().map(|interface| (interface.clone(), None))).collect()
    }

    /// The configurations that the plan sets or takes back, by the component's name.
    pub(super) fn configurations_after(&self) -> impl Iterator<Item = (&String, Option<&Arc<[u8]>>)> {
        let set = self.configurations.iter().map(|(component, config)| (component, Some(config)));
        set.chain(self.unconfigured.iter().map(|component| (component, None)))
    }

    /// Where the patch of an interface stood, if its library comes back.
    pub(super) fn stood(&self, library: &str, interface: &str) -> Option<&Standing> {
        self.standing.get(library)?.iter().find(|standing| standing.interface == interface)
    }

    /// How long a shut gate waits for calls to leave before it opens again. `None` if the gate stays
    /// shut until the deadline: because no wait is set, or one that is not shorter than the deadline.
    pub(super) fn reopens_after(&self) -> Option<Duration> {
        self.gate_wait.filter(|&wait| self.deadline.is_none_or(|deadline| wait < deadline))
    }
}

/// A request, with its file staged or refused.
pub(super) struct Step {
    pub(super) request: Request,
    pub(super) staged: Option<Staged>,
    pub(super) refusal: Option<Error>,
}

impl Step {
    /// What describes the component that the step adds or puts in place.
    pub(super) fn manifest(&self) -> Option<&Manifest> {
        match &self.request {
            Request::Provide(_, offer) => Some(&offer.manifest),
            Request::Return(_, kept) => Some(&kept.manifest),
            _ => self.staged.as_ref().map(|staged| &staged.manifest),
        }
    }

    /// The hash of the file that the step brings, and that of the file together with the libraries that come with it.
    pub(super) fn hashes(&self) -> Option<(ContentHash, ContentHash)> {
        match &self.request {
            Request::Return(_, kept) => kept.hashes(),
            _ => self.staged.as_ref().map(|staged| (staged.hash, staged.whole())),
        }
    }

    /// Where that component comes from, for messages.
    pub(super) fn origin(&self) -> Option<String> {
        match &self.request {
            Request::Provide(_, offer) => Some(format!("object `{}` of the program", offer.manifest.component.name)),
            Request::Return(_, kept) => kept.source.as_deref().map(show),
            _ => self.staged.as_ref().map(|staged| show(&staged.source)),
        }
    }
}

/// Why a plan cannot be executed.
pub(super) struct Refusal {
    /// The step that causes the refusal; `None` if no step with a file does.
    pub(super) step: Option<usize>,
    pub(super) error: Error,
}

impl Refusal {
    pub(super) fn new(step: Option<usize>, kind: ErrorKind, text: impl Into<String>) -> Refusal {
        Refusal { step, error: Error::new(kind, text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_reopens_only_if_its_wait_ends_before_its_deadline() {
        let reopens = |gate_wait, deadline| Options { gate_wait, deadline, ..Options::default() }.reopens_after();
        let [short, long] = [Some(Duration::from_millis(1)), Some(Duration::from_secs(1))];
        assert_eq!((reopens(short, long), reopens(long, None)), (short, long));
        assert_eq!([reopens(long, long), reopens(long, short), reopens(None, long), reopens(None, None)], [None; 4]);
    }
}
