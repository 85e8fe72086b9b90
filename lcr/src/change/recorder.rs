//! Who records transactions: the seam between a transaction and its history.
//!
//! A transaction knows no journal. It tells a [`Recorder`], if the runtime has one, what it is about to do, and
//! what came of that:
//!
//! - [`note_intent`](Recorder::note_intent): on the transaction's thread, before any code of the new files runs. If it
//!   fails, the transaction is refused, and nothing is changed.
//! - [`note_outcome`](Recorder::note_outcome): behind the commit or the refusal, before the caller of `commit` goes on.
//!   It cannot fail: the outcome stands.
//! - [`note_trial_end`](Recorder::note_trial_end): before the end of a trial is visible to those who wait for it.
//! - [`note_refusal`](Recorder::note_refusal): for a plan that was refused before it began. It cannot fail.
//!
//! And a rollback asks it for states that the runtime itself does not remember: see [`recorded`](super::recorded).
//!
//! Invariants:
//! 1. No commit is visible whose intent was not noted: what is recorded when the process dies at any point is
//!    a transaction that ended, or one that began.
//! 2. Each intent that was noted gets one outcome, also where the caller gives up a thread that hangs
//!    ([`Recording::end`] is called by both, and the token is there once).
//! 3. The recorder is called without the state lock, one transaction at a time.
//! 4. `Busy` and `Closed` are answers about the runtime, not about a plan, and are not recorded.

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    component::identity::ComponentId,
    error::{Error, ErrorKind, Result},
    host::{
        actor::Actor,
        image::{
            content_hash::ContentHash,
            stage::{KeptFile, Neighbour, Staged},
        },
        objects::{patch_libraries::Standing, provider::Provider},
        service::inner::RuntimeInner,
    },
};

use super::{
    description,
    member::Member,
    report::Report,
    request::{Options, Step},
    trial::quarantine::Quarantined,
};

/// What records the transactions of a runtime.
pub(crate) trait Recorder: Send + Sync {
    /// Notes what a transaction is about to do. When this returns, it is durable.
    ///
    /// # Errors
    /// `History`, which refuses the transaction.
    fn note_intent(&self, intent: &Intent) -> Result<Token>;

    /// Notes what came of an intent.
    fn note_outcome(&self, token: Token, outcome: &Outcome<'_>);

    /// Notes a plan that was refused before it began.
    fn note_refusal(&self, intent: &Intent, error: &Error);

    /// Notes the end of a trial. When this returns, it is durable; so it is called before the end is visible.
    ///
    /// # Errors
    /// `History` or `Io`: the end stands, and is written when the disk takes it.
    fn note_trial_end(&self, end: &Ending) -> Result<()>;

    /// Notes that a canary has put a file into quarantine. When this returns, it is durable; so it is called before
    /// the end of the canary is visible.
    ///
    /// # Errors
    /// `History` or `Io`: the end stands, and is written when the disk takes it.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "only a canary puts files there without a trial"))]
    fn note_quarantined(&self, file: &Quarantined) -> Result<()>;

    /// Notes that a file left quarantine.
    fn note_release(&self, hash: &ContentHash);

    /// The generation with which this process began: that of the reload, or the first one.
    fn began(&self) -> u64;

    /// Finds a state that was recorded, of this process or of an earlier one. Reads the disk.
    ///
    /// # Errors
    /// `NotFound` with the reason; `History` or `Io` if the record cannot be read.
    fn find(&self, sought: Sought) -> Result<Recorded>;

    /// What was linked or loaded first, by the present names. Reads the disk.
    ///
    /// # Errors
    /// `History` or `Io`.
    fn firsts(&self) -> Result<BTreeMap<String, First>>;

    /// The file of a recorded component, whose bytes were hashed just now, and the libraries that came with it.
    ///
    /// # Errors
    /// `History` if one is missing or damaged; the text names it.
    fn file(&self, present: &Present) -> Result<KeptFile>;
}

/// What a rollback looks for in what is recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sought {
    /// The state so many steps before the one with which this process began; at least 1.
    Before(u32),
    /// What this process had in that generation.
    Generation(u64),
    /// What the commit of an entry had put in place.
    Entry(u64),
}

/// A state that was recorded.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Which record it is, for messages.
    pub(crate) title: String,
    pub(crate) components: Vec<Brought>,
    /// The names of the components that were linked into the program of then, and of those that are linked into this
    /// one.
    pub(crate) was_linked: HashSet<String>,
    pub(crate) is_linked: HashSet<String>,
    /// The bindings and configurations that plans had set, and `None` for those that plans have set since.
    pub(crate) bindings: BTreeMap<String, Option<String>>,
    pub(crate) configurations: BTreeMap<String, Option<Arc<[u8]>>>,
}

/// One component of a [`Recorded`].
#[derive(Debug)]
pub(crate) struct Brought {
    /// The name of the component that stands in its place by now, if one does.
    pub(crate) now: String,
    /// Whether it was an object of the program.
    pub(crate) is_object: bool,
    pub(crate) present: Present,
}

/// What was linked or loaded first.
#[derive(Clone, Debug)]
pub(crate) enum First {
    Known(Present),
    /// Its record was forgotten.
    Forgotten,
}

/// How a trial ended.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    /// The generation of the commit that began it.
    pub(crate) generation: u64,
    pub(crate) ended: Ended,
    pub(crate) why: String,
    /// The files that no plan brings back.
    pub(crate) quarantined: Vec<Quarantined>,
}

/// The ends of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Confirmed,
    RolledBack,
    Failed,
    /// The runtime ended first.
    Interrupted,
}

/// The recorder of a runtime, as [`Above`](crate::host::service::above::Above) keeps it.
type Kept = Arc<dyn Recorder>;

/// The number of an intent, which its outcome names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(pub(crate) u64);

/// What a transaction is about to do.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) actor: Actor,
    pub(crate) reason: Option<String>,
    /// The number of the last commit.
    pub(crate) generation: u64,
    pub(crate) members: Vec<Change>,
    /// The component that each interface is bound to by the plan; `None` where it takes a binding back.
    pub(crate) bindings: BTreeMap<String, Option<String>>,
    /// The configurations that the plan sets, as `lcr::wire` encodes them; `None` where it takes one back.
    pub(crate) configurations: BTreeMap<String, Option<Arc<[u8]>>>,
    pub(crate) override_protected: bool,
    /// Whether a start brings back what was confirmed last.
    pub(crate) is_reload: bool,
    /// Whether it goes back to what was present before.
    pub(crate) is_rollback: bool,
    /// Whether a patch of the program comes or goes, and no component.
    pub(crate) is_patch: bool,
    /// What the new versions are tried by; `None` if they are not on trial.
    pub(crate) trial: Option<String>,
}

/// One component of an intent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) before: Option<ComponentId>,
    pub(crate) after: Option<ComponentId>,
    /// Whether a component was to take the place of another one. A plan that was refused may not have found which.
    pub(crate) replaces: bool,
    /// The file of the new component; `None` if there is none, or it is an object of the program.
    pub(crate) file: Option<StagedFile>,
    /// The path of a file that could not be read, so that its component is not known.
    pub(crate) unread: Option<PathBuf>,
}

/// A file of an intent. It is staged as long as the intent is being noted.
#[derive(Clone, Debug)]
pub(crate) struct StagedFile {
    /// As the plan named it.
    pub(crate) source: PathBuf,
    pub(crate) hash: ContentHash,
    /// The private copy, which does not change, and is the file to the byte if nothing comes with it.
    pub(crate) copy: PathBuf,
    /// The libraries that come with it.
    pub(crate) beside: Vec<Neighbour>,
    /// The signature that was verified over it.
    pub(crate) signature: Option<Vec<u8>>,
}

/// What came of a transaction.
#[derive(Debug)]
pub(crate) enum Outcome<'a> {
    /// It is committed, and these components are present now, in the order of their names.
    Committed(&'a Report, Vec<Present>),
    /// It was refused, and nothing has changed.
    Refused(&'a Error),
}

/// A component that is present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) id: ComponentId,
    /// The hash of its file; `None` if it is linked into the program, or an object of the program.
    pub(crate) hash: Option<ContentHash>,
    pub(crate) source: Option<PathBuf>,
    /// The libraries that came with its file.
    pub(crate) beside: Vec<Neighbour>,
    /// Where its patches stand, if it is a library of patches.
    pub(crate) patches: Vec<Standing>,
}

impl StagedFile {
    pub(super) fn of(staged: &Staged) -> StagedFile {
        StagedFile {
            source: staged.source.clone(),
            hash: staged.hash,
            copy: staged.copy_path().to_owned(),
            beside: staged.beside.clone(),
            signature: staged.signature().map(<[u8]>::to_vec),
        }
    }
}

impl Intent {
    /// What the members of a plan come to. A plan that was refused has members only for what could be resolved.
    pub(super) fn new(generation: u64, steps: &[Step], members: &[Member], options: &Options) -> Intent {
        let change = |member: &Member| {
            let staged = steps.get(member.step).and_then(|step| step.staged.as_ref());
            let file = staged.map(StagedFile::of);
            let (before, after) = (member.before.clone(), member.after.clone());
            Change { replaces: before.is_some() && after.is_some(), before, after, file, unread: None }
        };
        Intent {
            actor: options.actor.clone(),
            reason: options.reason.clone(),
            generation,
            members: members.iter().map(change).collect(),
            bindings: options.bindings_after(),
            configurations: options
                .configurations_after()
                .map(|(component, config)| (component.clone(), config.cloned()))
                .collect(),
            override_protected: options.override_protected,
            is_reload: options.is_reload,
            trial: options.trial.as_ref().map(|planned| planned.rules.in_words()),
            is_rollback: options.ends_trial || options.is_rollback,
            is_patch: false,
        }
    }
}

/// The record of one transaction: between its intent and its outcome.
pub(super) struct Recording {
    recorder: Kept,
    token: Mutex<Option<Token>>,
}

impl Recording {
    /// Notes the intent.
    pub(super) fn begin(&self, intent: &Intent) -> Result<()> {
        let token = self.recorder.note_intent(intent)?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        Ok(())
    }

    /// Notes what came of the intent, if it was noted and has no outcome yet. `committed` is the generation that is
    /// visible, also where a panic behind the commit is all that the caller gets.
    pub(super) fn end(&self, inner: &RuntimeInner, result: &Result<Report>, committed: Option<u64>) {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(token) = token else { return };
        let without_report = committed.map(Report::lost);
        let outcome = match (result, &without_report) {
            (Ok(report), _) | (Err(_), Some(report)) => Outcome::Committed(report, present(inner)),
            (Err(error), None) => Outcome::Refused(error),
        };
        self.recorder.note_outcome(token, &outcome);
    }
}

/// The error of a transaction whose caller does not wait for it any more.
pub(super) fn nobody_waits() -> Error {
    Error::new(ErrorKind::Deadline, "the transaction was given up")
}

/// The files that the runtime can still go back to.
pub(crate) fn reachable(inner: &RuntimeInner) -> Vec<ContentHash> {
    inner.state().revisions().hashes()
}

/// The text of an error with its causes, whatever a component's own error does when it is asked.
pub(crate) fn text_of(error: &Error) -> String {
    description::of::text_of(error)
}

/// The components that are present, in the order of their names.
pub(crate) fn present(inner: &RuntimeInner) -> Vec<Present> {
    let state = inner.state();
    let of = |provider: &Provider| {
        let component = &provider.implementation().component;
        let origin = component.origin.as_ref();
        let source = origin.map(|origin| origin.source.clone());
        let beside = origin.map_or_else(Vec::new, |origin| origin.beside.clone());
        let patches = state.objects().patches().standing_of(component);
        Present { id: component.id.clone(), hash: origin.map(|origin| origin.hash), source, beside, patches }
    };
    let mut present: Vec<Present> = state.objects().registry().committed().map(|(_, provider)| of(provider)).collect();
    drop(state);
    present.sort_by(|a, b| a.id.cmp(&b.id));
    present.dedup_by(|a, b| a.id == b.id);
    present
}

impl RuntimeInner {
    /// Has `recorder` record the transactions of a runtime that the program does not have yet. Returns false if another
    /// one does already.
    #[must_use]
    pub(crate) fn record_by(&self, recorder: Arc<dyn Recorder>) -> bool {
        self.above().set_recorder::<Kept>(recorder)
    }

    /// Who records.
    pub(crate) fn recorder(&self) -> Option<&Arc<dyn Recorder>> {
        self.above().recorder::<Kept>()
    }

    /// The record of a transaction that begins; `None` if nothing records.
    pub(super) fn recording(&self) -> Option<Arc<Recording>> {
        let recorder = Arc::clone(self.above().recorder::<Kept>()?);
        Some(Arc::new(Recording { recorder, token: Mutex::new(None) }))
    }

    /// Notes a plan that is refused before it begins.
    pub(super) fn record_refusal(&self, intent: impl FnOnce() -> Intent, error: &Error) {
        if matches!(error.kind(), ErrorKind::Busy | ErrorKind::Closed) {
            return;
        }
        if let Some(recorder) = self.above().recorder::<Kept>() {
            recorder.note_refusal(&intent(), error);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
