//! Tables of the replacements and of the refusals.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::ASCII_MARKDOWN};

use lcr::report::MemberReport;

use crate::replace::Change;

use super::latency::duration;

/// A line for each commit.
pub(crate) fn committed(changes: &[Change]) -> String {
    let mut table = table(&["at", "generation", "replaced", "state", "held", "in all"]);
    for change in changes {
        let Ok(report) = &change.result else { continue };
        let members: Vec<String> = report.members.iter().map(ToString::to_string).collect();
        let states: Vec<String> = report.members.iter().map(state).collect();
        table.add_row([
            format!("{:.2} s", change.at.as_secs_f64()),
            report.generation.to_string(),
            members.join("\n"),
            states.join("\n"),
            duration(micros(report.held)),
            duration(micros(change.took)),
        ]);
    }
    align_right(table, &[0, 1, 3, 4, 5])
}

/// How a member's state went.
pub(crate) fn way(member: &MemberReport) -> &'static str {
    match member.precopy {
        _ if member.moved > 0 => "by pointer",
        Some(_) => "copied ahead",
        None => "copied",
    }
}

/// How much of a member's state was copied while callers were held, in bytes.
pub(crate) fn copied_at_gate(member: &MemberReport) -> usize {
    member.precopy.map_or(member.state_bytes, |precopy| precopy.bytes_at_gate)
}

fn state(member: &MemberReport) -> String {
    format!("{:.2} MiB {}", copied_at_gate(member) as f64 / f64::from(1 << 20), way(member))
}

/// A line for each refusal, with the reason.
pub(crate) fn refused(changes: &[Change]) -> String {
    let mut table = table(&["at", "offered", "refused as", "reason", "in all"]);
    for change in changes {
        let Err(refused) = &change.result else { continue };
        table.add_row([
            format!("{:.2} s", change.at.as_secs_f64()),
            change.what.clone(),
            refused.kind.to_string(),
            refused.text.clone(),
            duration(micros(change.took)),
        ]);
    }
    align_right(table, &[0, 4])
}

pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Dynamic).set_width(120);
    table.set_header(header);
    table
}

pub(super) fn align_right(mut table: Table, columns: &[usize]) -> String {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// A duration in microseconds.
pub(crate) fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
