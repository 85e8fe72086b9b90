//! `rollback`: the way back to components that served before.

use serde_json::json;

use crate::{
    arguments::Rollback,
    exit::{Failure, Outcome},
    output::Output,
};

use super::change::{self, Change};

/// Goes back. A rollback is a change like others: it can be planned, and be put on trial.
pub(crate) fn rollback(arguments: &Rollback, output: &Output) -> Result<Outcome, Failure> {
    let back = match (arguments.to, arguments.entry, arguments.original, arguments.steps) {
        (Some(generation), ..) => json!({ "to": generation }),
        (None, Some(number), ..) => json!({ "entry": number }),
        (None, None, true, _) => json!({ "original": true }),
        (None, None, false, steps) => json!({ "steps": steps.unwrap_or(1) }),
    };
    let mut change = Change::new(&arguments.commit.options);
    change.put("rollback", back);
    change::commit(&arguments.commit, change, output)
}
