//! Loading all components of a directory: those that fit, in one commit.

use std::{
    collections::HashMap,
    fs, mem,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::runtime::Runtime,
};

use super::{
    plan::{Plan, PlanBuilder},
    report::Report,
    request::{Request, Step},
    trial::refusals::resolve_all,
};

/// What [`Runtime::load_directory`] loaded and refused.
#[must_use = "it says which files were refused"]
#[derive(Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The commit; `None` if there was no file to add.
    pub report: Option<Report>,
    /// The files that were refused, each with the reason.
    pub refused: Vec<(PathBuf, Error)>,
}

impl Runtime {
    /// Adds the components in every `*.so` file of a directory, in one commit, so that they may depend on
    /// each other. It does not enter subdirectories.
    ///
    /// Of several versions of a component the highest is added. A refused file does not keep the others
    /// out, unless they need it. A component that is present already is refused. The plan has the
    /// default options: reading all files takes 30 s at most, and so does the transaction.
    ///
    /// This runs the code of the libraries, and is a safe function: the page
    /// [`soundness`](crate::guide::soundness) says why, and what remains an author's word.
    ///
    /// # Errors
    /// `Io` if the directory cannot be read; as for [`Plan::commit`] if the components that were not
    /// refused cannot be committed.
    pub fn load_directory(&self, directory: impl AsRef<Path>) -> Result<Loaded> {
        let directory = directory.as_ref();
        let unreadable = |error| {
            Error::new(ErrorKind::Io, format!("directory {} cannot be read", directory.display())).with_source(error)
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "so") {
                files.push(path);
            }
        }
        files.sort();
        let plan = files.into_iter().fold(self.plan(), PlanBuilder::add);
        let (plan, refused) = plan.build().without_refused();
        let report = plan.map(|plan| plan.execute(false)).transpose()?;
        Ok(Loaded { report, refused })
    }
}

impl Plan {
    /// The plan without the steps that are refused, and without older versions of a component that the
    /// plan has twice; `None` if no step is left. Returns the refused files with their reasons, too.
    fn without_refused(self) -> (Option<Plan>, Vec<(PathBuf, Error)>) {
        let Plan { inner, steps, options, .. } = self;
        let mut refused = Vec::new();
        let mut kept: Vec<Step> = Vec::new();
        for step in steps {
            let Step { request: Request::Add(path), staged, refusal } = step else { continue };
            match (staged, refusal) {
                (Some(staged), _) => {
                    let step = Step { request: Request::Add(path), staged: Some(staged), refusal: None };
                    if let Some(older) = take_older(&mut kept, step) {
                        refused.push(older);
                    }
                }
                (None, Some(error)) => refused.push((path, error)),
                (None, None) => {}
            }
        }
        while !kept.is_empty() {
            let state = inner.latest_state();
            let resolution = resolve_all(&inner, &state, &kept, &options);
            let generation = state.serial();
            drop(state);
            if resolution.refusals.is_empty() {
                return (Some(Plan { inner, steps: kept, options, resolution, generation }), refused);
            }
            // The first of several refusals of a step is its reason.
            let reasons = resolution.refusals.into_iter().rev();
            let mut reasons: HashMap<usize, Error> =
                reasons.filter_map(|refusal| Some((refusal.step?, refusal.error))).collect();
            if reasons.is_empty() {
                break;
            }
            let steps = mem::take(&mut kept).into_iter().enumerate();
            for (at, step) in steps {
                match (reasons.remove(&at), step.request) {
                    (Some(error), Request::Add(path)) => refused.push((path, error)),
                    (_, request) => kept.push(Step { request, ..step }),
                }
            }
        }
        (None, refused)
    }
}

/// Keeps a step. If a step of the same component is kept already, returns the one of the lower version
/// with its refusal.
fn take_older(kept: &mut Vec<Step>, step: Step) -> Option<(PathBuf, Error)> {
    let new = &step.staged.as_ref()?.manifest;
    let same =
        |other: &Step| other.staged.as_ref().is_some_and(|staged| staged.manifest.component.name == new.component.name);
    let Some(at) = kept.iter().position(same) else {
        kept.push(step);
        return None;
    };
    let (new, old) = (new.component.version.clone(), kept[at].staged.as_ref()?.manifest.component.version.clone());
    let older = if new > old { mem::replace(&mut kept[at], step) } else { step };
    let (Request::Add(path), Some(staged)) = (older.request, older.staged) else { return None };
    let text = format!(
        "component `{}` is here in version {}, too; the higher one is taken",
        staged.manifest.component.name,
        new.max(old)
    );
    Some((path, Error::new(ErrorKind::Invalid, text)))
}
