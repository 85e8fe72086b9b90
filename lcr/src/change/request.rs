//! What a transaction is asked to do, and what is refused of it: the data that plans, their
//! resolution and their execution share.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    error::{Error, ErrorKind},
    host::image::stage::Staged,
};

/// One change that a plan asks for.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Add(PathBuf),
    Replace(Option<String>, PathBuf),
    Remove(String),
}

impl Request {
    /// The file of the component that it adds or puts in place.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Request::Add(path) | Request::Replace(_, path) => Some(path),
            Request::Remove(_) => None,
        }
    }
}

/// How a transaction behaves.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// How long callers may be blocked, hand-over included. Default: 1 s.
    pub(super) deadline: Duration,
    /// How long a shut gate waits for calls to leave before it opens again. Default: 100 ms.
    pub(super) gate_wait: Duration,
    /// How long the transaction may take while all callers are served: loading, preparing, draining
    /// ahead, and repeated attempts at the gate. Default: 30 s.
    pub(super) timeout: Duration,
    pub(super) override_protected: bool,
    /// Whether a component that aborts on a panic may replace a component that unwinds.
    pub(super) allow_panic_abort: bool,
    /// Which component provides an interface, by the interface's name.
    pub(super) bindings: BTreeMap<String, String>,
    /// What the shared instances of components are configured with, by the component's name.
    pub(super) configurations: BTreeMap<String, Arc<[u8]>>,
    /// Components whose state may be lost.
    pub(super) discard_state: Vec<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            deadline: Duration::from_secs(1),
            gate_wait: Duration::from_millis(100),
            timeout: Duration::from_secs(30),
            override_protected: false,
            allow_panic_abort: false,
            bindings: BTreeMap::new(),
            configurations: BTreeMap::new(),
            discard_state: Vec::new(),
        }
    }
}

/// A request with its file staged, or refused.
pub(super) struct Step {
    pub(super) request: Request,
    pub(super) staged: Option<Staged>,
    pub(super) refusal: Option<Error>,
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
