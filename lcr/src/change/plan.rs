//! Plans: what will change, as data.
//!
//! A [`PlanBuilder`] collects requests. Building stages every file (copying, checking,
//! reading the manifest; no code of it runs) and resolves the requests against what is
//! present. The [`Plan`] can be printed; committing it resolves once more, since the
//! runtime may have changed meanwhile.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Serialize;

use crate::{
    abi::interface::Interface,
    error::{Error, ErrorKind, Result},
    host::{
        runtime::{Runtime, encode},
        service::inner::RuntimeInner,
    },
};

use super::{
    report::Report,
    request::{Options, Request, Step},
    resolve::{Resolution, resolve},
    staging::stage_all,
    transaction,
};

/// Collects what one transaction is to change. Made by [`Runtime::plan`].
#[must_use = "a plan changes nothing until it is committed"]
pub struct PlanBuilder<'rt> {
    runtime: &'rt Runtime,
    requests: Vec<Request>,
    options: Options,
}

/// What a transaction will do: printable, and executed by [`Plan::commit`].
#[must_use = "a plan changes nothing until it is committed"]
pub struct Plan {
    inner: Arc<RuntimeInner>,
    steps: Vec<Step>,
    options: Options,
    resolution: Resolution,
    generation: u64,
}

impl<'rt> PlanBuilder<'rt> {
    pub(crate) fn new(runtime: &'rt Runtime) -> PlanBuilder<'rt> {
        PlanBuilder { runtime, requests: Vec::new(), options: Options::default() }
    }

    /// Adds the component in `library`; refused if one of its name is present.
    #[allow(clippy::should_implement_trait, reason = "nobody sums plans")]
    pub fn add(mut self, library: impl AsRef<Path>) -> PlanBuilder<'rt> {
        self.requests.push(Request::Add(library.as_ref().to_owned()));
        self
    }

    /// Replaces a component by the one in `library`: the present component of the same
    /// name, else the only one that implements its interfaces.
    ///
    /// If the new one does not serve the handles on the present one any more, because its
    /// interface has another version or signature, those who depend on it are replaced in
    /// the same plan, by components that need what it is now; all of them change in one
    /// commit, for which their callers wait. Handles of anybody else refuse the plan.
    pub fn replace(mut self, library: impl AsRef<Path>) -> PlanBuilder<'rt> {
        self.requests.push(Request::Replace(None, library.as_ref().to_owned()));
        self
    }

    /// Replaces the named component by the one in `library`, whatever its name.
    pub fn replace_component(mut self, component: &str, library: impl AsRef<Path>) -> PlanBuilder<'rt> {
        self.requests.push(Request::Replace(Some(component.to_owned()), library.as_ref().to_owned()));
        self
    }

    /// Removes a component; refused while it has instances or dependents.
    pub fn remove(mut self, component: &str) -> PlanBuilder<'rt> {
        self.requests.push(Request::Remove(component.to_owned()));
        self
    }

    /// How long callers may be held while state moves, from the moment the gate shuts to the
    /// commit. When that time is over, the old version serves on and the transaction fails
    /// and names the code that did not end. `Duration::MAX` sets no limit. Default: 1 s, which
    /// is below the interval of `sam`'s health checks.
    ///
    /// Only components with state hold callers, and components that change together with an
    /// interface that they need.
    pub fn deadline(mut self, deadline: Duration) -> PlanBuilder<'rt> {
        self.options.deadline = deadline;
        self
    }

    /// How long a shut gate waits for the calls and pins that are inside. When that time is
    /// over, the gate opens again, every caller goes on, and the transaction tries again
    /// within its [`timeout`](PlanBuilder::timeout). Default: 100 ms.
    ///
    /// Before a gate shuts, the transaction waits with the gate open until the calls that are
    /// already inside have left. So a long call costs other callers nothing, unless it began
    /// in the last moments before the gate shut; then it costs them this time, once.
    ///
    /// With a wait that is not shorter than the [`deadline`](PlanBuilder::deadline) the gate
    /// shuts at once and stays shut for that deadline: callers wait for the long calls. That
    /// commits where long calls overlap without a gap.
    pub fn gate_wait(mut self, wait: Duration) -> PlanBuilder<'rt> {
        self.options.gate_wait = wait;
        self
    }

    /// How long reading the files may take, and once more how long the transaction may take
    /// while all callers are served: to load the libraries, to construct and check the new instances, and to wait for long calls to leave
    /// components with state. `Duration::MAX` sets no limit. Default: 30 s.
    pub fn timeout(mut self, timeout: Duration) -> PlanBuilder<'rt> {
        self.options.timeout = timeout;
        self
    }

    /// Lets the transaction change components that are protected.
    pub fn override_protected(mut self) -> PlanBuilder<'rt> {
        self.options.override_protected = true;
        self
    }

    /// Lets a component that was compiled with `panic = "abort"` take the place of one that
    /// unwinds. A panic in it then ends the process, instead of giving the caller a fault.
    pub fn allow_panic_abort(mut self) -> PlanBuilder<'rt> {
        self.options.allow_panic_abort = true;
        self
    }

    /// Names the component that provides the interface `I` to whoever does not name one, if
    /// several do: to components that need it, and to [`Runtime::service`]. Holds from this
    /// plan's commit on, for what is built from then on. A plan may do nothing else.
    pub fn bind<I: ?Sized + Interface>(mut self, component: &str) -> PlanBuilder<'rt> {
        self.options.bindings.insert(I::NAME.to_owned(), component.to_owned());
        self
    }

    /// Sets the configuration of a component as [`Runtime::configure`] does, but with the commit,
    /// or not at all. The component's own code reads it before: its constructor, or `restore` of one
    /// with state. Where the plan makes no new shared instance of the component (nobody uses it
    /// yet, or the plan does not replace it), an instance is constructed for that and destroyed
    /// again; what the component holds alone, such as a port, it cannot take a second time.
    /// A shared instance that the plan does not replace goes on with what it has read. A plan may
    /// do nothing else.
    ///
    /// # Errors
    /// `Invalid` if `config` cannot be encoded. A configuration that the component refuses shows
    /// when the plan is committed, as `Construct` or `State`.
    pub fn configure(mut self, component: &str, config: &(impl Serialize + ?Sized)) -> Result<PlanBuilder<'rt>> {
        self.options.configurations.insert(component.to_owned(), encode(config)?);
        Ok(self)
    }

    /// Lets the state of a component be lost: its successor is constructed, not restored.
    pub fn discard_state(mut self, component: &str) -> PlanBuilder<'rt> {
        self.options.discard_state.push(component.to_owned());
        self
    }

    /// Stages the files and resolves the requests. Refusals are in the plan. What is not staged
    /// within the plan's timeout, since a file system answers slowly or never, is refused
    /// (`Deadline`).
    pub fn build(self) -> Plan {
        let inner = Arc::clone(self.runtime.inner());
        let steps = stage_all(&inner, self.requests, self.options.timeout);
        let state = inner.latest_state();
        let resolution = resolve(&state, &steps, &self.options);
        let generation = state.serial();
        drop(state);
        Plan { inner, steps, options: self.options, resolution, generation }
    }

    /// Builds the plan and commits it, which runs the code of its libraries: see [`Plan::commit`].
    ///
    /// # Errors
    /// As for [`Plan::commit`].
    pub fn commit(self) -> Result<Report> {
        self.build().commit()
    }
}

impl fmt::Debug for PlanBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanBuilder")
            .field("requests", &self.requests)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// Executes the plan: either everything in it becomes visible in one commit, or
    /// nothing changes and the error says why.
    ///
    /// Blocks until the commit, at most for the plan's timeout and deadline together.
    /// Calls that are still inside replaced instances without state are not waited for;
    /// the report names them.
    ///
    /// This runs the code of the plan's libraries, and is a safe function: the page
    /// [`soundness`](crate::guide::soundness) says why, and what remains an author's word.
    ///
    /// # Errors
    /// Any refusal of the plan; `Busy` while another transaction runs; `Reentrant` if
    /// the calling thread is inside a component whose state it wants to move; `Deadline`
    /// with the stragglers; `Construct`, `Unhealthy`, `State` of a component's own.
    pub fn commit(mut self) -> Result<Report> {
        if let Some(index) = self.steps.iter().position(|step| step.refusal.is_some()) {
            let refusal = self.steps.swap_remove(index).refusal;
            return Err(refusal.unwrap_or_else(|| Error::new(ErrorKind::Invalid, "the plan was refused")));
        }
        transaction::commit(&self.inner, self.steps, self.options)
    }

    /// The plan without the steps that cannot be executed, and without older versions of
    /// a component that it has twice; `None` if nothing is left.
    pub(super) fn without_refused(self) -> (Option<Plan>, Vec<(PathBuf, Error)>) {
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
            let resolution = resolve(&state, &kept, &options);
            let generation = state.serial();
            drop(state);
            if resolution.refusals.is_empty() {
                return (Some(Plan { inner, steps: kept, options, resolution, generation }), refused);
            }
            // Of several refusals of a step the first says why.
            let reasons = resolution.refusals.into_iter().rev();
            let mut reasons: HashMap<usize, Error> =
                reasons.filter_map(|refusal| Some((refusal.step?, refusal.error))).collect();
            if reasons.is_empty() {
                break;
            }
            let steps = std::mem::take(&mut kept).into_iter().enumerate();
            for (at, step) in steps {
                match (reasons.remove(&at), step.request) {
                    (Some(error), Request::Add(path)) => refused.push((path, error)),
                    (_, request) => kept.push(Step { request, ..step }),
                }
            }
        }
        (None, refused)
    }

    /// How many more times images like those of this plan fit into this process, by what it has
    /// least of: mappings (`vm.max_map_count`), and thread keys or static thread-local storage for
    /// libraries that take these. `None` if the plan brings no file. An image takes them until it is
    /// unmapped, which by default is never.
    pub fn fits(&self) -> Option<usize> {
        self.steps.iter().filter_map(|step| Some(step.staged.as_ref()?.fits.images)).min()
    }

    /// Why the plan would be refused now; empty if it would be executed.
    pub fn refusals(&self) -> impl Iterator<Item = &Error> {
        self.steps
            .iter()
            .filter_map(|step| step.refusal.as_ref())
            .chain(self.resolution.refusals.iter().map(|refusal| &refusal.error))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plan on generation {}, callers held at most {:?}", self.generation, self.options.deadline)?;
        for (number, member) in (1..).zip(&self.resolution.members) {
            write!(f, "  {number}. {member}")?;
        }
        for (interface, component) in &self.options.bindings {
            writeln!(f, "  {interface} is bound to `{component}`")?;
        }
        for component in self.options.configurations.keys() {
            writeln!(f, "  `{component}` is configured")?;
        }
        for refusal in self.refusals() {
            writeln!(f, "  refused ({}): {refusal}", refusal.kind())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Adds a step; of two versions of a component the lower one is refused.
fn take_older(kept: &mut Vec<Step>, step: Step) -> Option<(PathBuf, Error)> {
    let new = &step.staged.as_ref()?.manifest;
    let same =
        |other: &Step| other.staged.as_ref().is_some_and(|staged| staged.manifest.component.name == new.component.name);
    let Some(at) = kept.iter().position(same) else {
        kept.push(step);
        return None;
    };
    let (new, old) = (new.component.version.clone(), kept[at].staged.as_ref()?.manifest.component.version.clone());
    let older = if new > old { std::mem::replace(&mut kept[at], step) } else { step };
    let (Request::Add(path), Some(staged)) = (older.request, older.staged) else { return None };
    let text = format!(
        "component `{}` is here in version {}, too; the higher one is taken",
        staged.manifest.component.name,
        new.max(old)
    );
    Some((path, Error::new(ErrorKind::Invalid, text)))
}
