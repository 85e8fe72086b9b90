//! What came of a plan, told to whoever follows the runtime: subscribers of `tracing`, events, and the list of the last
//! refusals.
//!
//! All of it happens on the thread that committed, when the transaction is over and no lock is held. Nothing here
//! changes what came of the plan.

use std::{
    error::Error as StdError,
    iter,
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

use super::{report::Report, request::Options};

/// How many bytes of a plan's text a refusal keeps.
const LONGEST_PLAN: usize = 64 << 10;
/// How many bytes of the text of a refusal are kept, its causes included.
const LONGEST_TEXT: usize = 16 << 10;
/// How many causes of an error are told.
const MOST_CAUSES: usize = 16;

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
        // A subscriber that panics does not change the result.
        drop(catch_unwind(AssertUnwindSafe(|| match result {
            Ok(report) => tracing::info!(generation = report.generation, held = ?report.held, "{report}"),
            Err(error) => tracing::warn!(kind = %error.kind(), "a transaction was refused: {error}"),
        })));
        match result {
            Ok(report) => inner.emit(EventKind::Committed(Box::new(committed(report)))),
            Err(error) => {
                let Told { actor, reason, plan } = self;
                let stragglers = error.stragglers().to_vec();
                let (at, kind, text) = (SystemTime::now(), error.kind(), text_of(error));
                let refused = Refused { at, actor, reason, kind, text, plan, stragglers };
                inner.refusals.add(refused.clone());
                inner.emit(EventKind::Refused(Box::new(refused)));
            }
        }
    }
}

/// The text of an error with its causes.
pub(super) fn text_of(error: &Error) -> String {
    let mut text = error.to_string();
    let causes = iter::successors(error.source(), |&cause| cause.source());
    for cause in causes.take(MOST_CAUSES) {
        text.push_str(": ");
        // A component's own error says what it likes, and may panic.
        let cause = catch_unwind(AssertUnwindSafe(|| cause.to_string()));
        text.push_str(cause.as_deref().unwrap_or("(an error that cannot say what it is)"));
    }
    cut(&mut text, LONGEST_TEXT);
    text
}

fn committed(report: &Report) -> Committed {
    let members = report.members.iter().map(|member| CommittedMember {
        before: member.before.clone(),
        after: member.after.clone(),
        hash: member.hash,
        instances: member.instances,
        state_bytes: member.state_bytes,
        moved: member.moved,
        discarded_state: member.discarded_state,
        overrode_protection: member.overrode_protection,
    });
    Committed {
        generation: report.generation,
        actor: report.actor.clone(),
        reason: report.reason.clone(),
        members: members.collect(),
        held: report.held,
        total: report.total,
    }
}
