//! A table of the injected faults and the recovery from each.

use std::fmt::Write;

use crate::{
    load::{Outcome, recovery::Recovery},
    survive::Injected,
    trials::fatal::Told,
};

use super::{
    changes::{align_right, micros, table as new_table},
    latency::duration,
    line, outcome as told,
};

/// A line for each fault.
pub(crate) fn table(injected: &[Injected]) -> String {
    let header = [
        "the server was",
        "which ended it",
        "next instance",
        "begins with",
        "first answer",
        "all served",
        "reconnects",
        "refused",
    ];
    let mut table = new_table(&header);
    table.set_width(200);
    for fault in injected {
        table.add_row([
            fault.kind.name().to_owned(),
            fault.ended.clone(),
            fault.next.to_string(),
            fault.serves.clone(),
            duration(micros(fault.first)),
            duration(micros(fault.all)),
            fault.reconnects.to_string(),
            fault.refused.to_string(),
        ]);
    }
    align_right(table, &[2, 4, 5, 6, 7])
}

/// What the instances said of the version whose trial ended the process.
pub(crate) fn trial(told: Option<&Told>) -> String {
    let Some(Told { before, quarantined, refused }) = told else {
        return "FAILED: the instance after a trial that ended the process did not say so\n".to_owned();
    };
    format!(
        "before the trial that ended the process: {before}\n\
         in quarantine after it: {quarantined}\n\
         offered once more, refused: {refused}\n"
    )
}

/// The counts of the clients.
pub(crate) fn facts(outcome: &Outcome, recovery: &Recovery, compactions: usize) -> String {
    let mut text = told(outcome);
    line(&mut text, "reconnects", &recovery.reconnects().to_string());
    line(&mut text, "connections refused", &recovery.refused().to_string());
    line(&mut text, "compactions of the journal", &compactions.to_string());
    let _ = writeln!(
        text,
        "The supervisor keeps acknowledged writes in the kernel's memory: they survive every end of the\n\
         server's process, but not the end of the supervisor or of the machine."
    );
    text
}
