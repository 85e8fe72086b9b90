//! Rolling back: a plan whose requests are found by what a revision had, and not named by the caller.
//!
//! Building such a plan compares the revision ([`revisions`](crate::host::service::revisions)) with what is present,
//! and makes a request for each difference: a component that comes back takes the place of the one that followed it,
//! one that the revision does not have is removed, and configurations, bindings and the list of patches become what
//! they were. From there on the plan is one like any other. It goes through the same resolution, gates, state ways and
//! refusals, and its commit is a revision of its own.
//!
//! 1. A rollback that is refused changes nothing, the revisions included: they change with commits only.
//! 2. A rollback is found for one generation. If another transaction commits between build and commit, the plan is
//!    refused: its steps would lead elsewhere.
//! 3. Going back to what is present already is refused with `Invalid`, so that a success is never a no-op.
//!
//! # For a trial
//!
//! [`take_back`] rolls back just what one transaction changed: its members, and the configurations and bindings that
//! it set. Commits of other components since then stay, and so do patches, which a trial is not about. It runs on any
//! thread, takes the transaction's turn (`Busy` if another one has it), carries the override of protection, and is a
//! commit with a report and a revision of its own. It returns `None` if nothing of that transaction is left to take
//! back.
//!
//! A state that the older version takes in no way does not refuse it, where the older version has no state at all: then
//! the state is discarded, and the report says so. A state that the older version refuses comes back as it was when
//! that version was replaced, if the snapshot is kept.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::{runtime::Runtime, service::inner::RuntimeInner},
};

use super::{
    differences::{Back, differences},
    plan::{Plan, PlanBuilder},
    planned_patches::resting,
    report::Report,
    request::Options,
};

impl Runtime {
    /// Goes back to what was present before: `plan().rollback(back).commit()`. See [`PlanBuilder::rollback`].
    ///
    /// # Errors
    /// As for [`PlanBuilder::rollback`] and [`Plan::commit`].
    pub fn rollback(&self, back: Back) -> Result<Report> {
        self.plan().rollback(back).commit()
    }
}

impl PlanBuilder<'_> {
    /// If the successor of a component refuses the present state, gives it the one that its own version had saved when
    /// it was replaced. What was written since is lost; the printed plan says which snapshot it is, and
    /// [`MemberReport::restored_snapshot`](crate::report::MemberReport::restored_snapshot) whether it came back. It is
    /// meant for a rollback to a version that cannot read what the newer one writes. `component` is the present name.
    /// Default: the plan is refused, and the newer version serves on.
    ///
    /// The plan is refused with `NotFound` if no snapshot is kept: a state that moved by pointer, or was copied ahead
    /// of
    /// the gate, has none. [`RuntimeBuilder::snapshots`](crate::RuntimeBuilder::snapshots) bounds what is kept.
    pub fn restore_snapshot(mut self, component: &str) -> Self {
        self.options.restore_snapshot.push(component.to_owned());
        self
    }

    /// Goes back to what was present before: the components, their configurations, the bindings, and the
    /// [patches](Runtime::patch) that have not ended.
    ///
    /// The plan replaces, adds and removes components as any plan does, and is refused for the same reasons: a
    /// component that the older generation did not have is removed, so it must not be in use; state goes back by
    /// pointer, by [`downgrade`](crate::Stateful::downgrade) of the newer version, or by `restore` or `migrate` of the
    /// older one. The images of replaced components stay mapped by
    /// default, so going back reads no file; a component that opted in to `unload` is loaded again, from a copy that
    /// the runtime keeps. An object of the program comes back if the program still has it.
    ///
    /// The commit is a generation of its own, to which the same rules apply: `Back::Steps(1)` after a rollback leads
    /// to what was before the rollback. [`Runtime::revisions`] lists the generations that this process can go back to;
    /// how many are kept says [`RuntimeBuilder::revisions`](crate::RuntimeBuilder::revisions).
    ///
    /// With a history on disk, a rollback reaches what earlier processes had, and what this one does not remember any
    /// more: steps go on there, an entry is named by [`Back::Entry`], and [`Back::Original`] is what was loaded first
    /// by any of them. Components come from the files that the history keeps. This blocks until the disk is read, at
    /// most for the plan's [`timeout`](PlanBuilder::timeout).
    ///
    /// The plan may make other changes as well, of other components. It belongs to the generation in which it is
    /// built: if another transaction commits before it does, it is refused with `Stale`.
    ///
    /// # Errors
    /// The plan is refused with `NotFound` if the generation or entry is not kept, if it was never committed, or if a
    /// file has the place of a component that was linked into the program of then and is not into this one; with
    /// `History` if a file is missing or damaged; and with `Invalid` if nothing differs, or if the plan has another
    /// rollback.
    pub fn rollback(mut self, back: Back) -> Self {
        self.backs.push(back);
        self
    }
}

/// Rolls back what the transaction that made `generation` has changed, and nothing else: see the module. Returns
/// `None` if nothing of that is left.
///
/// # Errors
/// As for [`Plan::commit`]; `NotFound` if that generation's revision is not kept.
pub(super) fn take_back(inner: &Arc<RuntimeInner>, generation: u64, mut options: Options) -> Result<Option<Report>> {
    let differences = {
        let state = inner.latest_state();
        let target = state.revisions().of_commit(generation.saturating_sub(1)).ok_or_else(|| {
            let text = format!("what generation {generation} changed is not kept any more; replace its components");
            Error::new(ErrorKind::NotFound, text)
        })?;
        differences(&state, target)
    };
    if differences.is_empty() {
        return Ok(None);
    }
    options.override_protected = true;
    options.discard_state.extend(differences.losing_state());
    options.restore_snapshot.extend(differences.replaced());
    let requests = differences.into_requests(&mut options);
    let plan = Plan::of(inner, requests, options);
    let rest = resting(&plan.resolution.members);
    let report = plan.commit()?;
    // A subscriber may call the runtime, so it is told behind the commit; if it panics, the commit stands.
    drop(catch_unwind(AssertUnwindSafe(|| {
        rest.iter().for_each(|text| tracing::warn!("what generation {generation} changed is taken back, and {text}"));
    })));
    Ok(Some(report))
}
