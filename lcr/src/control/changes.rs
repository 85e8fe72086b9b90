//! What one transaction is to do, as the control socket takes it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Actor, Back, Error, ErrorKind, PlanBuilder, Result, Runtime, Trial};

use super::{canary_rules::CanaryRules, sync, times::time};

/// What one transaction is to do: the arguments of `plan` and `commit`. The page
/// [`control`](crate::guide::control#commands) says what each member means.
///
/// ```
/// let mut change = lcr::control::Change::default();
/// change.replace.push(lcr::control::Replacement::new("/srv/libkv_v2.so"));
/// change.reason = Some("ticket 81".to_owned());
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Change {
    /// Files of components to add.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<PathBuf>,
    /// Files of components that replace others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replace: Vec<Replacement>,
    /// Names of components to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// A directory: what is new in it is added, what differs replaces what is present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<PathBuf>,
    /// Back to what was present before: see [`PlanBuilder::rollback`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<GoBack>,
    /// Why, for reports, events and the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// [`PlanBuilder::trial`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<TrialRules>,
    /// Has `commit` begin a canary of the change: [`PlanBuilder::canary`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryRules>,
    /// [`PlanBuilder::timeout`], in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// [`PlanBuilder::deadline`], in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// [`PlanBuilder::gate_wait`], in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate_wait_ms: Option<u64>,
    /// [`PlanBuilder::override_protected`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub override_protected: bool,
    /// [`PlanBuilder::allow_panic_abort`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_panic_abort: bool,
    /// [`PlanBuilder::require_patches`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_patches: bool,
    /// [`PlanBuilder::discard_state`]: names of components.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub discard_state: Vec<String>,
    /// [`PlanBuilder::precopy_rounds`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precopy_rounds: Option<u32>,
    /// [`PlanBuilder::precopy_hold`], in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precopy_hold_ms: Option<u64>,
    /// [`PlanBuilder::precopy_backlog`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precopy_backlog: Option<usize>,
}

/// A file whose component replaces a component.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Replacement {
    /// The file.
    pub file: PathBuf,
    /// The component to replace; `None` for the one that [`PlanBuilder::replace`] finds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
}

impl Replacement {
    /// The component in `file` replaces the present one of its name, or else the only one that implements its
    /// interfaces.
    pub fn new(file: impl Into<PathBuf>) -> Replacement {
        Replacement { file: file.into(), component: None }
    }

    /// The component in `file` replaces the component of that name.
    pub fn of(component: impl Into<String>, file: impl Into<PathBuf>) -> Replacement {
        Replacement { file: file.into(), component: Some(component.into()) }
    }
}

impl Change {
    /// The plan that executes this for `actor`; `None` if all that is asked for is a directory, and nothing in it
    /// differs. Reads the directory of `sync`, and no other file.
    ///
    /// # Errors
    /// `Invalid` if a path is relative or a limit is broken; `Io` if the directory cannot be read; any refusal of a
    /// file in the directory.
    pub(super) fn plan<'rt>(&self, runtime: &'rt Runtime, actor: &Actor) -> Result<Option<PlanBuilder<'rt>>> {
        let mut plan = runtime.plan().asked_by(actor.clone());
        for file in &self.add {
            plan = plan.add(absolute(file)?);
        }
        for Replacement { file, component } in &self.replace {
            let file = absolute(file)?;
            plan = match component {
                Some(component) => plan.replace_component(component, file),
                None => plan.replace(file),
            };
        }
        for component in &self.remove {
            plan = plan.remove(component);
        }
        if let Some(directory) = &self.sync {
            let differences = sync::differences(runtime, absolute(directory)?)?;
            let asks_more = !(self.add.is_empty() && self.replace.is_empty() && self.remove.is_empty());
            if differences.is_empty() && !asks_more && self.rollback.is_none() {
                return Ok(None);
            }
            plan = differences.into_iter().fold(plan, sync::Difference::ask);
        }
        if let Some(back) = self.rollback {
            plan = plan.rollback(back.back()?);
        }
        self.options(plan).map(Some)
    }

    fn options<'rt>(&self, mut plan: PlanBuilder<'rt>) -> Result<PlanBuilder<'rt>> {
        if let Some(reason) = &self.reason {
            plan = plan.reason(reason);
        }
        if let Some(rules) = &self.trial {
            plan = plan.trial(rules.trial()?);
        }
        if let Some(timeout) = self.timeout_ms {
            plan = plan.timeout(time("timeout_ms", timeout)?);
        }
        if let Some(deadline) = self.deadline_ms {
            plan = plan.deadline(time("deadline_ms", deadline)?);
        }
        if let Some(wait) = self.gate_wait_ms {
            plan = plan.gate_wait(time("gate_wait_ms", wait)?);
        }
        if let Some(hold) = self.precopy_hold_ms {
            plan = plan.precopy_hold(time("precopy_hold_ms", hold)?);
        }
        if let Some(rounds) = self.precopy_rounds {
            plan = plan.precopy_rounds(rounds);
        }
        if let Some(backlog) = self.precopy_backlog {
            plan = plan.precopy_backlog(backlog);
        }
        if self.override_protected {
            plan = plan.override_protected();
        }
        if self.allow_panic_abort {
            plan = plan.allow_panic_abort();
        }
        if self.require_patches {
            plan = plan.require_patches();
        }
        Ok(self.discard_state.iter().fold(plan, |plan, component| plan.discard_state(component)))
    }
}

/// How far back a change leads: see [`Back`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GoBack {
    /// [`Back::Steps`].
    Steps(u32),
    /// [`Back::To`].
    To(u64),
    /// [`Back::Entry`].
    Entry(u64),
    /// [`Back::Original`], if true.
    Original(bool),
}

impl GoBack {
    fn back(self) -> Result<Back> {
        match self {
            GoBack::Steps(steps) => Ok(Back::Steps(steps)),
            GoBack::To(generation) => Ok(Back::To(generation)),
            GoBack::Entry(number) => Ok(Back::Entry(number)),
            GoBack::Original(true) => Ok(Back::Original),
            GoBack::Original(false) => {
                Err(Error::new(ErrorKind::Invalid, "`original` is false; say true, or leave `rollback` out"))
            }
        }
    }
}

/// By which rules a change is on trial.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TrialRules {
    /// How long the trial lasts, in milliseconds; `None` until it is confirmed, or its calls have come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    /// [`Trial::for_calls`]; not beside `time_ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// [`Trial::within`], in milliseconds; beside `calls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// [`Trial::faults_allowed`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults_allowed: Option<u64>,
    /// [`Trial::healthy_every`], in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy_every_ms: Option<u64>,
}

impl TrialRules {
    fn trial(&self) -> Result<Trial> {
        let refuse = |text: &str| Err(Error::new(ErrorKind::Invalid, text));
        let mut trial = match (self.time_ms, self.calls) {
            (Some(_), Some(_)) => {
                return refuse(
                    "a trial ends by `time_ms` or by `calls`; `within_ms` limits how long it waits for calls",
                );
            }
            (_, Some(0)) => return refuse("`calls` is 0; say at least 1, or leave `trial` out"),
            (Some(milliseconds), None) => Trial::for_time(time("time_ms", milliseconds)?),
            (None, Some(calls)) => Trial::for_calls(calls),
            (None, None) => Trial::until_confirmed(),
        };
        match (self.within_ms, self.calls) {
            (Some(within), Some(_)) => trial = trial.within(time("within_ms", within)?),
            (Some(_), None) => return refuse("`within_ms` says how long a trial waits for `calls`, which are absent"),
            (None, _) => {}
        }
        if let Some(faults) = self.faults_allowed {
            trial = trial.faults_allowed(faults);
        }
        if let Some(every) = self.healthy_every_ms {
            trial = trial.healthy_every(time("healthy_every_ms", every)?);
        }
        Ok(trial)
    }
}

/// Refuses a relative path: the directory of the client is not that of the server.
fn absolute(path: &Path) -> Result<&Path> {
    if path.is_absolute() {
        return Ok(path);
    }
    let text = format!(
        "the path `{}` is relative, and the program has another directory: give an absolute one",
        path.display()
    );
    Err(Error::new(ErrorKind::Invalid, text))
}
