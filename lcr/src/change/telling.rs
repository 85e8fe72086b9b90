//! What came of a plan, or of a rehearsal that was refused, told to whoever follows the runtime: subscribers of
//! `tracing`, events, and the list of the last refusals.
//!
//! All of it happens on the thread that committed, when the transaction is over and no lock is held. Nothing here
//! changes what came of the plan.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::SystemTime,
};

use crate::{
    error::{Error, Result},
    host::{
        actor::Actor,
        serial::cut,
        service::{
            events::kind::{Committed, CommittedMember, EventKind, Refused},
            inner::RuntimeInner,
        },
    },
};

use super::{
    description::of::text_of,
    report::{MemberReport, Report},
    request::Options,
};

/// How many bytes of a plan's text a refusal keeps.
const LONGEST_PLAN: usize = 64 << 10;

/// What is told of a plan whatever comes of it; taken before its steps go.
pub(super) struct Told {
    actor: Actor,
    reason: Option<String>,
    plan: String,
}

impl Told {
    /// `plan` is the text of the plan.
    pub(super) fn new(mut plan: String, options: &Options) -> Told {
        cut(&mut plan, LONGEST_PLAN);
        Told { actor: options.actor.clone(), reason: options.reason.clone(), plan }
    }

    /// Tells what came of the plan.
    pub(super) fn tell(self, inner: &RuntimeInner, result: &Result<Report>) {
        let transaction = inner.transaction_number();
        // A subscriber that panics does not change the result.
        drop(catch_unwind(AssertUnwindSafe(|| match result {
            Ok(report) => tracing::info!(
                transaction,
                generation = report.generation,
                held = ?report.held,
                elapsed = ?report.total,
                "{report}"
            ),
            Err(error) => tracing::warn!(transaction, kind = %error.kind(), "a transaction was refused: {error}"),
        })));
        match result {
            Ok(report) => inner.tell(EventKind::Committed(Box::new(committed(report)))),
            Err(error) => self.refused(inner, error, false),
        }
    }

    /// Tells that a rehearsal was refused. A history does not have it: a history records what the program was asked to
    /// become, and a rehearsal asks for nothing. A build server that rehearses each build would push out the entries
    /// that count.
    pub(super) fn tell_rehearsal(self, inner: &RuntimeInner, error: &Error) {
        drop(catch_unwind(AssertUnwindSafe(|| {
            tracing::warn!(kind = %error.kind(), "a rehearsal was refused: {error}");
        })));
        self.refused(inner, error, true);
    }

    /// Tells that a canary was refused. A history has its commit, if it comes to one.
    #[cfg(feature = "reflect")]
    pub(super) fn tell_canary(self, inner: &RuntimeInner, error: &Error) {
        drop(catch_unwind(AssertUnwindSafe(|| {
            tracing::warn!(kind = %error.kind(), "a canary was refused: {error}");
        })));
        self.refused(inner, error, false);
    }

    fn refused(self, inner: &RuntimeInner, error: &Error, is_rehearsal: bool) {
        let Told { actor, reason, plan } = self;
        let stragglers = error.stragglers().to_vec();
        let (at, kind, text) = (SystemTime::now(), error.kind(), text_of(error));
        let refused = Refused { at, actor, reason, kind, text, plan, is_rehearsal, stragglers };
        inner.refusals.add(refused.clone());
        inner.tell(EventKind::Refused(Box::new(refused)));
    }
}

impl From<&MemberReport> for CommittedMember {
    fn from(member: &MemberReport) -> CommittedMember {
        CommittedMember {
            before: member.before.clone(),
            after: member.after.clone(),
            hash: member.hash,
            instances: member.instances,
            state_bytes: member.state_bytes,
            moved: member.moved,
            discarded_state: member.discarded_state,
            overrode_protection: member.overrode_protection,
        }
    }
}

fn committed(report: &Report) -> Committed {
    let members = report.members.iter().map(CommittedMember::from);
    Committed {
        generation: report.generation,
        actor: report.actor.clone(),
        reason: report.reason.clone(),
        members: members.collect(),
        held: report.held,
        total: report.total,
        phases: report.phases.clone(),
    }
}
