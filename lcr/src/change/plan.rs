//! Plans: what will change, as data.
//!
//! A [`PlanBuilder`] collects requests. Building stages every file (copies it, checks it and reads its
//! manifest; no code of the file runs) and resolves the requests against what is present. The [`Plan`]
//! can be printed. Committing the plan resolves it once more, since the runtime may have changed
//! meanwhile.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use serde::Serialize;

use crate::{
    abi::interface::Interface,
    error::{Error, Result},
    host::{
        actor::Actor,
        runtime::{Runtime, encode},
        service::inner::RuntimeInner,
    },
};

use super::{
    differences::{Back, expand},
    report::Report,
    request::{Options, Request, Step},
    resolve::Resolution,
    staging::stage_all,
    telling::Told,
    transaction,
    trial::refusals::resolve_all,
    unresolved,
};

/// Collects what one transaction is to change. [`Runtime::plan`] makes one.
///
/// Its methods only note what they are given; [`build`](PlanBuilder::build) reads the files. An option
/// that sets a time takes a [`Duration`], or `None` for no limit.
#[must_use = "a plan changes nothing until it is committed"]
pub struct PlanBuilder<'rt> {
    runtime: &'rt Runtime,
    pub(super) requests: Vec<Request>,
    pub(super) backs: Vec<Back>,
    pub(super) options: Options,
}

/// What a transaction will do. [`Plan::commit`] executes it.
///
/// `Display` lists each component with what becomes of it, its instances and its state, then every
/// refusal. The page [`operating`](crate::guide::operating) reads such a list line by line.
#[must_use = "a plan changes nothing until it is committed"]
pub struct Plan {
    pub(super) inner: Arc<RuntimeInner>,
    pub(super) steps: Vec<Step>,
    pub(super) options: Options,
    pub(super) resolution: Resolution,
    pub(super) generation: u64,
}

impl Runtime {
    /// Begins a plan, which says what one transaction is to change.
    pub fn plan(&self) -> PlanBuilder<'_> {
        PlanBuilder::new(self)
    }
}

impl<'rt> PlanBuilder<'rt> {
    pub(crate) fn new(runtime: &'rt Runtime) -> PlanBuilder<'rt> {
        PlanBuilder { runtime, requests: Vec::new(), backs: Vec::new(), options: Options::default() }
    }

    /// Adds the component in `library`. The plan is refused if a component of that name is present.
    #[allow(clippy::should_implement_trait, reason = "a plan is no operand of a sum")]
    pub fn add(mut self, library: impl AsRef<Path>) -> PlanBuilder<'rt> {
        self.requests.push(Request::Add(library.as_ref().to_owned()));
        self
    }

    /// Replaces a component by the one in `library`: the present component of the same name, or, if there
    /// is none, the only component that implements its interfaces.
    ///
    /// If an interface changes so that the new component cannot serve the handles of the present one,
    /// the same plan must replace every component that depends on it, by one that needs the new
    /// interface. All of them change in one commit, and their callers wait for it. A handle that the
    /// program or another component holds refuses such a plan.
    pub fn replace(mut self, library: impl AsRef<Path>) -> PlanBuilder<'rt> {
        self.requests.push(Request::Replace(None, library.as_ref().to_owned()));
        self
    }

    /// Replaces the named component by the one in `library`, which may have another name.
    pub fn replace_component(mut self, component: &str, library: impl AsRef<Path>) -> PlanBuilder<'rt> {
        self.requests.push(Request::Replace(Some(component.to_owned()), library.as_ref().to_owned()));
        self
    }

    /// Removes a component. The plan is refused while the component has instances or dependents.
    pub fn remove(mut self, component: &str) -> PlanBuilder<'rt> {
        self.requests.push(Request::Remove(component.to_owned()));
        self
    }

    /// Why the change is made, in words for whoever reads the history: it stands in the report, the events and the
    /// refusals. A plan with a reason of more than 4,096 bytes is refused with `Invalid`.
    pub fn reason(mut self, reason: impl Into<String>) -> PlanBuilder<'rt> {
        self.options.reason = Some(reason.into());
        self
    }

    /// Who asks for the change, if that is not this process: see [`Actor`]. Default: [`Actor::this_process`].
    pub fn asked_by(mut self, actor: Actor) -> PlanBuilder<'rt> {
        self.options.actor = actor;
        self
    }

    /// How long callers may be blocked while state moves, from the moment at which the gate shuts to the
    /// commit. When that time is over, the old version serves on, and the transaction fails with
    /// `Deadline` and names the code that did not end. `None` sets no limit. Default: 1 s, which is
    /// below the interval of `sam`'s health checks.
    ///
    /// A transaction blocks callers of components with state, and callers of components that change
    /// together with an interface that they need. It blocks no others.
    pub fn deadline(mut self, deadline: impl Into<Option<Duration>>) -> PlanBuilder<'rt> {
        self.options.deadline = deadline.into();
        self
    }

    /// How long a shut gate waits for the calls and pins that are inside. When that time is over, the
    /// gate opens again, every caller goes on, and the transaction tries again within its
    /// [`timeout`](PlanBuilder::timeout). Default: 100 ms.
    ///
    /// Before the gate shuts, the transaction waits, with the gate open, until the calls that are
    /// already inside have left. So a long call costs other callers nothing, unless it began in the last
    /// moments before the gate shut; then it costs them this time, once.
    ///
    /// With `None`, or with a time that is not shorter than the [`deadline`](PlanBuilder::deadline), the
    /// gate shuts at once and stays shut until the deadline: callers wait for the long calls. Such a
    /// transaction commits even where long calls overlap without a gap.
    pub fn gate_wait(mut self, wait: impl Into<Option<Duration>>) -> PlanBuilder<'rt> {
        self.options.gate_wait = wait.into();
        self
    }

    /// How long building the plan may take to read the files, and, counted anew, how long the
    /// transaction may take while all callers are served: to load the libraries, to construct and check
    /// the new instances, and to wait until long calls have left components with state. `None` sets no
    /// limit. Default: 30 s.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> PlanBuilder<'rt> {
        self.options.timeout = timeout.into();
        self
    }

    /// Lets the transaction change protected components (`#[lcr::component(protected)]`). By default
    /// they refuse the plan.
    pub fn override_protected(mut self) -> PlanBuilder<'rt> {
        self.options.override_protected = true;
        self
    }

    /// Lets a component that was compiled with `panic = "abort"` replace a component that unwinds. A panic
    /// in the new one ends the process; in the old one it gave the caller a fault. By default such a
    /// component refuses the plan.
    pub fn allow_panic_abort(mut self) -> PlanBuilder<'rt> {
        self.options.allow_panic_abort = true;
        self
    }

    /// Refuses the plan if a [patch](Runtime::patch) that stands in one of its components would fall off. Default: such
    /// a patch rests until a version comes that it fits, and the plan says so.
    pub fn require_patches(mut self) -> PlanBuilder<'rt> {
        self.options.require_patches = true;
        self
    }

    /// Says which component provides the interface `I` if several do and the caller names none. The
    /// callers are components that need the interface, and [`Runtime::service`]. The binding applies to
    /// instances that are constructed, and services that are looked up, after the commit. A plan that
    /// only binds is a plan.
    pub fn bind<I: ?Sized + Interface>(mut self, component: &str) -> PlanBuilder<'rt> {
        self.options.bindings.insert(I::NAME.to_owned(), component.to_owned());
        self
    }

    /// Sets the configuration of a component as [`Runtime::configure`] does, but only if the plan
    /// commits, and only after the component's own code has read it.
    ///
    /// The constructor of the new shared instance reads the configuration; for a component with state,
    /// `restore` does. If the plan makes no new shared instance of the component, because no caller has
    /// asked for one yet or because the plan does not replace the component, the transaction constructs
    /// an instance to read the configuration and destroys it again. Such an instance cannot take what
    /// the serving instance holds alone, such as a port. A shared instance that the plan does not replace
    /// keeps the configuration that it has read. A plan that only configures is a plan.
    ///
    /// # Errors
    /// `Invalid` if `config` cannot be encoded. If the component refuses the configuration, the commit
    /// fails with `Construct` or `State`.
    pub fn configure(mut self, component: &str, config: &(impl Serialize + ?Sized)) -> Result<PlanBuilder<'rt>> {
        self.options.configurations.insert(component.to_owned(), encode(config)?);
        Ok(self)
    }

    /// Lets the plan lose the state of a component: its successor is constructed, not restored. By default
    /// a successor that takes no state refuses the plan. `component` is the present name of a component that
    /// the plan replaces or removes; any other name refuses the plan with `Invalid`.
    pub fn discard_state(mut self, component: &str) -> PlanBuilder<'rt> {
        self.options.discard_state.push(component.to_owned());
        self
    }

    /// In how many rounds the state of a component may be copied while its callers go on, if the component
    /// and its successor both declare `#[lcr::component(incremental = field)]`. The first round copies
    /// everything, each further one what has changed meanwhile. With 0, everything is copied while callers
    /// are held. Default: 30.
    ///
    /// The copy takes as much memory as the state does, until the old instance is destroyed. All rounds
    /// together take at most the plan's [`timeout`](PlanBuilder::timeout).
    pub fn precopy_rounds(mut self, rounds: u32) -> PlanBuilder<'rt> {
        self.options.precopy_rounds = rounds;
        self
    }

    /// How long callers may be expected to be held while the last changes of copied states move. The gate
    /// shuts only when the expected time is shorter; if it never is, the transaction is refused with
    /// `Deadline`, and no caller was held. `None` sets no limit but the
    /// [`deadline`](PlanBuilder::deadline). Default: 10 ms.
    ///
    /// The expected time comes from the rounds themselves. A machine that has other work at the gate may hold
    /// callers longer; the report has the time that it took.
    pub fn precopy_hold(mut self, hold: impl Into<Option<Duration>>) -> PlanBuilder<'rt> {
        self.options.precopy_hold = hold.into();
        self
    }

    /// How many changes the state of each instance may note while it is copied, which bounds the memory
    /// that tracking takes: a note is a key of a map, or an index of a vector. If callers make more changes
    /// than that ahead of a round, the transaction is refused with `State`. Default: 1,000,000.
    pub fn precopy_backlog(mut self, changes: usize) -> PlanBuilder<'rt> {
        self.options.precopy_backlog = changes;
        self
    }

    /// Stages the files and resolves the requests. Runs none of their code, and never fails: the plan has refusals.
    ///
    /// Blocks while a thread of the runtime reads the files, at most for the plan's
    /// [`timeout`](PlanBuilder::timeout). A file that is not read by then, because its file system
    /// answers slowly or never, is refused with `Deadline`.
    pub fn build(mut self) -> Plan {
        let inner = self.runtime.inner();
        self.options.is_rollback |= !self.backs.is_empty();
        let returns = expand(inner, &self.backs, &mut self.options);
        self.requests.extend(returns);
        Plan::of(inner, self.requests, self.options)
    }

    /// Builds the plan and commits it, which runs the code of its libraries: see [`Plan::commit`].
    ///
    /// # Errors
    /// As for [`Plan::commit`].
    pub fn commit(self) -> Result<Report> {
        self.build().execute(false)
    }
}

impl fmt::Debug for PlanBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanBuilder")
            .field("requests", &self.requests)
            .field("backs", &self.backs)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// Stages the files of the requests and resolves them.
    pub(super) fn of(inner: &Arc<RuntimeInner>, requests: Vec<Request>, options: Options) -> Plan {
        let steps = stage_all(inner, requests, options.timeout);
        let state = inner.latest_state();
        let resolution = resolve_all(inner, &state, &steps, &options);
        let generation = state.serial();
        drop(state);
        Plan { inner: Arc::clone(inner), steps, options, resolution, generation }
    }

    /// Executes the plan: either everything in it becomes visible in one commit, or nothing changes and
    /// the error says why. An error of lcr itself behind the commit (`Internal`) is the exception: its
    /// text says that the plan is committed.
    ///
    /// Blocks until the commit, at most for the plan's timeout and deadline together. A thread of the
    /// runtime executes the plan, so a component that hangs costs that thread and not the caller. The
    /// commit does not wait for calls that are inside replaced instances without state; the report
    /// names them.
    ///
    /// A component's thread may call this, also inside a call, unless that call is inside a component
    /// whose state the plan moves.
    ///
    /// This runs the code of the plan's libraries, and is a safe function: the page
    /// [`soundness`](crate::guide::soundness) says why, and what remains an author's word.
    ///
    /// # Errors
    /// - Any refusal of the plan ([`Plan::refusals`]).
    /// - `Stale` if the plan would do something else than it says, because something changed since it was built:
    ///   another transaction replaced, added or removed one of its components or of their dependents, or the first
    ///   instance with a state that would be lost appeared. [`PlanBuilder::commit`] does not give this.
    /// - `Busy` while another transaction runs.
    /// - `Reentrant` if the calling thread is inside a component that the plan has to empty of calls, or
    ///   holds a pin.
    /// - `Deadline` if callers, or the code of a component, did not end in time; the error has the
    ///   stragglers.
    /// - `Load` or `BadManifest` if the loader refuses a library, or the library registers something else
    ///   than its manifest says.
    /// - `Construct`, `Unhealthy` or `State` if a component's constructor, health check, or `save`,
    ///   `restore` or `migrate` refuses or panics.
    /// - `Io` if the system refuses a thread or `membarrier`; `Closed` if the runtime is gone; `Internal`
    ///   after a panic of this library.
    pub fn commit(self) -> Result<Report> {
        self.execute(true)
    }

    /// Executes the plan. A plan that somebody may have looked at is refused if it is stale.
    pub(super) fn execute(mut self, is_seen: bool) -> Result<Report> {
        let told = Told::new(self.to_string(), &self.options);
        let refused = self.steps.iter_mut().find_map(|step| step.refusal.take());
        let result = match refused {
            Some(error) => {
                let (inner, steps, options) = (&self.inner, &self.steps, &self.options);
                inner.record_refusal(|| unresolved::intent(inner, self.generation, steps, options), &error);
                Err(error)
            }
            None => {
                let seen = self.resolution.seen().filter(|_| is_seen);
                transaction::commit(&self.inner, self.steps, self.options, seen)
            }
        };
        told.tell(&self.inner, &result);
        result
    }

    /// How many more times the images of this plan fit into this process. The scarcest resource decides:
    /// mappings (`vm.max_map_count`), and thread keys or static thread-local storage for libraries that
    /// take these. `None` if the plan brings no file. An image takes its share until it is unmapped,
    /// which by default is never.
    pub fn fits(&self) -> Option<usize> {
        self.steps.iter().filter_map(|step| Some(step.staged.as_ref()?.fits.images)).min()
    }

    /// Why [`Plan::commit`] would refuse the plan now; empty if it would execute the plan.
    pub fn refusals(&self) -> impl Iterator<Item = &Error> {
        self.steps
            .iter()
            .filter_map(|step| step.refusal.as_ref())
            .chain(self.resolution.refusals.iter().map(|refusal| &refusal.error))
    }
}
