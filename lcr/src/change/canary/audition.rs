//! How a candidate comes about: a transaction that loads its file and constructs it, and commits nothing.
//!
//! The thread of a transaction runs the candidate's constructor and health check, within the plan's limits and watched
//! as in every transaction. Then everything that other threads could see is undone, as after a refusal, but for the
//! instances, which the canary takes over. No world shows them: only the canary's layers do.

use std::sync::Arc;

use crate::{
    change::{
        execution::{Execution, Replacement},
        member::{Member, ReplacedProvider, StateChange},
        request::Step,
        stop::Stop,
        watch::Phase,
    },
    error::{Error, ErrorKind, LifecycleStep, Result},
    host::{
        deadline::Deadline,
        ids::ProviderId,
        objects::{component::Implementation, instances::Instance},
        service::{construct::Creation, inner::RuntimeInner},
    },
};

/// An instance of the new version, the providers whose calls it may get, and the configuration that these had when it
/// was constructed.
pub(super) struct Auditioned {
    pub(super) instance: Instance,
    pub(super) providers: Vec<ProviderId>,
    pub(super) present_config: Option<Arc<[u8]>>,
}

/// Has the reaper destroy candidates that no call has reached, and notes that their image is left.
pub(super) fn discard(inner: &RuntimeInner, auditioned: Vec<Auditioned>) {
    // All are objects of one file.
    let component = auditioned.first().map(|first| Arc::clone(&first.instance.implementation().component));
    destroy(inner, auditioned);
    component.into_iter().for_each(|component| inner.state().images_mut().retain(component));
}

fn destroy(inner: &RuntimeInner, auditioned: Vec<Auditioned>) {
    auditioned.into_iter().for_each(|auditioned| inner.discard(inner.state(), auditioned.instance));
}

/// Refuses a canary beside a trial, or beside another one. In the turn of a transaction the answer stays true.
///
/// # Errors
/// `OnTrial`.
pub(super) fn refuse_beside(inner: &RuntimeInner) -> Result<()> {
    let trials = inner.trials();
    if trials.is_running() || trials.canaries().status().is_some() {
        let text = "the runtime has a canary or a trial under way, and there is one at a time; confirm or abandon it \
                    first";
        return Err(Error::new(ErrorKind::OnTrial, text));
    }
    Ok(())
}

/// Refuses what a candidate cannot be tried for. Decides by the plan alone, before any code of the file runs.
///
/// # Errors
/// `Invalid`, `State`.
pub(super) fn refuse_members(members: &[Member]) -> Result<()> {
    let refused = |kind: ErrorKind, text: String| Err(Error::new(kind, text));
    let [Member { before: Some(before), after: Some(after), replaced, removed, patches, is_kept: false, .. }] = members
    else {
        let text = "a canary is of one component that a file replaces; make a plan of that alone, and put several on \
                    trial together";
        return refused(ErrorKind::Invalid, text.to_owned());
    };
    if replaced.is_empty() || !removed.is_empty() || patches.iter().any(|patch| patch.export.is_some()) {
        let text = format!(
            "a canary compares calls of the same interfaces, and `{after}` does not serve those of `{before}`; put it \
             on trial instead"
        );
        return refused(ErrorKind::Invalid, text);
    }
    if replaced.iter().any(|replaced| !matches!(replaced.state, StateChange::None)) {
        return refused(ErrorKind::State, has_state(&before.to_string()));
    }
    if replaced.iter().any(ReplacedProvider::is_behind_gate) {
        let text = format!("an interface that `{after}` needs changes with it, so it cannot serve beside `{before}`");
        return refused(ErrorKind::Invalid, text);
    }
    Ok(())
}

/// Refuses a candidate that keeps state.
fn refuse_state(implementation: &Implementation) -> Result<()> {
    match implementation.manifest.state_version {
        None => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::State, has_state(&implementation.component.to_string()))),
    }
}

fn has_state(component: &str) -> String {
    format!(
        "component `{component}` keeps state, of which a canary would have the old version and the candidate have a \
         part each; keep it in a component that both need, or put the new version on trial"
    )
}

impl Execution {
    /// Constructs the candidates of the plan. Returns `None` if the caller gave up.
    pub(super) fn audition(self, steps: Vec<Step>) -> Option<Result<Vec<Auditioned>>> {
        let inner = Arc::clone(&self.inner);
        let mut made = Vec::new();
        let mut is_whole = false;
        let end = self.run_phases(|execution| {
            execution.construct_candidates(steps, &mut made)?;
            // Their images serve, and are not retained as those of a refused transaction.
            execution.loaded.clear();
            is_whole = true;
            Err(Error::new(ErrorKind::Internal, "nothing is committed").into())
        });
        if end.is_some() && is_whole {
            return Some(Ok(made));
        }
        if is_whole {
            discard(&inner, made);
        } else {
            // The refused transaction has noted its images.
            destroy(&inner, made);
        }
        Some(end?.map(|_| Vec::new()))
    }

    fn construct_candidates(&mut self, steps: Vec<Step>, made: &mut Vec<Auditioned>) -> Result<(), Stop> {
        refuse_beside(&self.inner)?;
        refuse_members(&self.members)?;
        let deadline = Deadline::after(self.started, self.options.timeout);
        self.watch.enter(Phase::Load, self.thread, deadline)?;
        self.load(steps)?;
        self.check_allocators()?;
        self.watch.enter(Phase::Prepare, self.thread, deadline)?;
        for Replacement { providers, implementation, .. } in self.replacements() {
            // What the image tells, where several interfaces share an object.
            refuse_state(&implementation)?;
            let name = &implementation.component.id.name;
            let present_config = self.inner.state().config_of(&providers);
            let config = match self.planned_config(&implementation) {
                Some(planned) => Some(Arc::clone(planned)),
                None if self.options.unconfigured.contains(name) => None,
                None => present_config.clone(),
            };
            self.watch.step(Arc::clone(&implementation.component) as _, LifecycleStep::Constructor)?;
            let visibility = self.visibility();
            let made_now =
                self.inner.instantiate(&implementation, config.as_deref(), visibility, Creation::Construct)?;
            made.push(Auditioned { instance: made_now, providers, present_config });
            self.watch.step(Arc::clone(&implementation.component) as _, LifecycleStep::HealthCheck)?;
            made.last().map_or(Ok(()), |made| made.instance.check())?;
        }
        Ok(())
    }
}
