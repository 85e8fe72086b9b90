//! The start: what was confirmed last serves again, in one transaction.
//!
//! If the reload is refused, what is linked serves, and what is missing is said: by an event, by a record, and by
//! [`OpenHistory::reloaded`](super::OpenHistory::reloaded). Nothing here ends the start of the program.

use std::sync::Arc;

use crate::{
    change::{
        recorder::{present, text_of},
        report::Report,
        restore::{Restore, restore},
    },
    error::{Error, ErrorKind, Result},
    host::service::inner::RuntimeInner,
};

use super::{
    digits::from_hex,
    keeper::Keeper,
    ledger::{Ledger, MOST_LOST_RELOADS, Steps, steps},
    record::{Committed, Present},
};

/// What came of the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reloaded {
    /// The history was not asked to reload.
    NotAsked,
    /// There was nothing to bring back: what is linked serves.
    Nothing,
    /// What was confirmed last serves again, as this generation.
    #[non_exhaustive]
    Confirmed {
        /// The generation of the reload.
        generation: u64,
    },
    /// What was confirmed last could not be brought back, and what is linked serves.
    #[non_exhaustive]
    Refused {
        /// Why: what is missing, or what a component said.
        why: String,
    },
}

/// Begins the history of a runtime.
pub(super) fn begin(keeper: &Keeper, inner: &Arc<RuntimeInner>) -> Reloaded {
    let linked: Vec<Present> = present(inner).iter().map(Present::from).collect();
    keeper.begins_with(inner.serial());
    let (ledger, notes) = keeper.begin(linked.clone());
    notes.into_iter().for_each(|note| keeper.report(note));
    let ledger = match ledger {
        Ok(ledger) => ledger,
        Err(error) => {
            let why = text_of(&error);
            keeper.report(format!("it is not open, and what is linked serves: {why}"));
            return Reloaded::Refused { why };
        }
    };
    if let Some(problem) = keeper.problem() {
        keeper.report(text_of(&problem));
    }
    ledger.how_the_last_process_ended().into_iter().for_each(|text| keeper.report(text));
    inner.put_into_quarantine(keeper.held(&ledger));
    let wanted = keeper.options().reload_on_start.or(ledger.reload_on_start).unwrap_or(true);
    if !wanted {
        return Reloaded::NotAsked;
    }
    reload(keeper, inner, &ledger, &linked)
}

/// Brings back what was confirmed last.
pub(super) fn reload(keeper: &Keeper, inner: &Arc<RuntimeInner>, ledger: &Ledger, linked: &[Present]) -> Reloaded {
    let Some((number, confirmed)) = &ledger.confirmed else { return Reloaded::Nothing };
    let refused = |why: String| {
        keeper.report(format!("record {number} was not brought back, and what is linked serves: {why}"));
        Reloaded::Refused { why }
    };
    if ledger.lost_reloads >= MOST_LOST_RELOADS {
        return refused(format!(
            "the last {MOST_LOST_RELOADS} processes ended while they brought it back; OpenHistory::reload tries again"
        ));
    }
    let steps = steps(&confirmed.present, &ledger.linked, linked);
    steps.notes.iter().for_each(|note| keeper.report(note.clone()));
    let set_only = confirmed.bindings.is_empty() && confirmed.configurations.is_empty();
    if steps.replace.is_empty() && steps.add.is_empty() && steps.remove.is_empty() && set_only {
        return Reloaded::Nothing;
    }
    let reason = format!("record {number} of the history was confirmed last");
    match plan(keeper, reason, &steps, confirmed).and_then(|plan| restore(inner, plan)) {
        Ok((Report { generation, .. }, rest)) => {
            keeper.begins_with(generation);
            rest.into_iter().for_each(|note| keeper.report(note));
            Reloaded::Confirmed { generation }
        }
        Err(error) => {
            keeper.note(|notes| notes.is_reload_unrecorded = false);
            refused(text_of(&error))
        }
    }
}

/// The plan that does these steps.
pub(super) fn plan(keeper: &Keeper, reason: String, steps: &Steps, confirmed: &Committed) -> Result<Restore> {
    let bindings = confirmed.bindings.clone();
    let mut restore = Restore { reason, bindings, ..Restore::default() };
    let mut missing = Vec::new();
    for (one, is_replaced) in
        steps.replace.iter().map(|one| (one, true)).chain(steps.add.iter().map(|one| (one, false)))
    {
        restore.standing.insert(one.id.name.clone(), one.patches.clone());
        match keeper.files.of_component(one) {
            Ok(file) => restore.files.push((is_replaced.then(|| one.id.name.clone()), file)),
            Err(error) => missing.push(text_of(&error)),
        }
    }
    if !missing.is_empty() {
        return Err(Error::new(ErrorKind::History, missing.join("; ")));
    }
    restore.remove.clone_from(&steps.remove);
    for (component, digits) in &confirmed.configurations {
        let Some(config) = from_hex(digits) else {
            let text = format!("the configuration of component `{component}` is no text of digits");
            return Err(Error::new(ErrorKind::History, text));
        };
        restore.configurations.insert(component.clone(), config.into());
    }
    Ok(restore)
}
