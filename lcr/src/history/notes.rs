//! What the keeper of a history knows of its own process, besides what the journal says.

use std::collections::BTreeMap;

use crate::host::image::content_hash::ContentHash;

use super::record::{Intended, Present};

/// What the keeper knows of this process.
#[derive(Default)]
pub(super) struct Notes {
    /// What was linked when the runtime began.
    pub(super) linked: Vec<Present>,
    /// What is set by the plans of this process and those before.
    pub(super) set: Set,
    /// The transactions between their intent and their outcome, by the number of the intent: one that runs, and those
    /// that were given up and have not noticed yet.
    pub(super) running: BTreeMap<u64, Running>,
    /// The files that are being kept for an intent that is not written yet.
    pub(super) keeping: Vec<ContentHash>,
    /// The trials that began in this process and have no end: the generation and the number of the intent.
    pub(super) trials: Vec<(u64, u64)>,
    /// Whether the start of this process is in the journal.
    pub(super) has_start: bool,
    /// Whether what this process began with was brought back unrecorded: on a disk that takes nothing.
    pub(super) is_reload_unrecorded: bool,
    /// Whether this process has committed a plan of its own. Its patches are none: a reload leaves them as they are.
    pub(super) has_committed: bool,
}

/// A transaction between its intent and its outcome.
pub(super) struct Running {
    /// The generation that it changes.
    pub(super) generation: u64,
    /// What is set if it commits.
    pub(super) set: Set,
    pub(super) on_trial: bool,
    pub(super) is_reload: bool,
    pub(super) is_patch: bool,
    /// Whether its trial has ended already, before its outcome is noted.
    pub(super) has_trial_ended: bool,
}

/// What plans have set beside the components.
#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    pub(super) bindings: BTreeMap<String, String>,
    /// In hexadecimal digits.
    pub(super) configurations: BTreeMap<String, String>,
}

impl Set {
    /// Does what a plan has asked for.
    pub(super) fn change(&mut self, intended: &Intended) {
        change(&mut self.bindings, &intended.bindings);
        change(&mut self.configurations, &intended.configurations);
    }
}

fn change(set: &mut BTreeMap<String, String>, by: &BTreeMap<String, Option<String>>) {
    for (name, value) in by {
        match value {
            Some(value) => drop(set.insert(name.clone(), value.clone())),
            None => drop(set.remove(name)),
        }
    }
}
