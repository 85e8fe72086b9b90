//! A table of what was done to the server, and what it came to.

use std::fmt::Write;

use crate::{
    load::{Outcome, recovery::Recovery},
    survive::Harmed,
};

use super::{
    changes::{align_right, micros, table as new_table},
    latency::duration,
    line, outcome as told,
};

/// A line for each harm.
pub(crate) fn table(harmed: &[Harmed]) -> String {
    let header =
        ["the server was", "which ended it", "next instance", "first answer", "all served", "reconnects", "refused"];
    let mut table = new_table(&header);
    for harm in harmed {
        table.add_row([
            harm.kind.name().to_owned(),
            harm.ended.clone(),
            harm.next.to_string(),
            duration(micros(harm.first)),
            duration(micros(harm.all)),
            harm.reconnects.to_string(),
            harm.refused.to_string(),
        ]);
    }
    align_right(table, &[2, 3, 4, 5, 6])
}

/// What clients saw of all of it.
pub(crate) fn facts(outcome: &Outcome, recovery: &Recovery, compactions: usize) -> String {
    let mut text = told(outcome);
    line(&mut text, "reconnects", &recovery.reconnects().to_string());
    line(&mut text, "connections refused", &recovery.refused().to_string());
    line(&mut text, "compactions of the journal", &compactions.to_string());
    let _ = writeln!(
        text,
        "What was acknowledged is in memory of the kernel's, held by the supervisor: it survives any end\n\
         of the server's process, and not one of the supervisor or of the machine."
    );
    text
}
