//! The report that is printed at the end.

pub(crate) mod changes;
pub(crate) mod injected;
pub(crate) mod latency;
pub(crate) mod sizes;
pub(crate) mod trials;

use std::fmt::Write;

use crate::{drive::Facts, load::Outcome, replace::Change};

/// The counts of the clients.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    let mut text = String::new();
    for told in &outcome.told {
        let _ = writeln!(text, "FAILED: {told}");
    }
    for (what, count) in [
        ("requests answered", outcome.requests),
        ("requests failed", outcome.failures),
        ("writes acknowledged", outcome.acknowledged),
        ("entries read back", outcome.read_back),
        ("acknowledged writes lost", outcome.lost),
        ("scans of all keys", outcome.scans),
    ] {
        line(&mut text, what, &count.to_string());
    }
    text
}

/// The figures of the runtime and the host, and the verdict.
pub(crate) fn run(changes: &[Change], facts: &Facts, status: &lcr::Status) -> String {
    let mut text = String::new();
    let committed = changes.iter().filter(|change| change.result.is_ok()).count();
    line(&mut text, "replacements", &committed.to_string());
    line(&mut text, "candidates refused", &(changes.len() - committed).to_string());
    for change in changes.iter().filter(|change| !change.is_as_expected()) {
        let _ =
            writeln!(text, "FAILED: {} at {:.2} s did not come out as it should", change.what, change.at.as_secs_f64());
    }
    let counted = facts.counted.map_or("unknown".to_owned(), |counted| counted.to_string());
    line(&mut text, "counted by the host", &facts.executed.to_string());
    line(&mut text, "by the command layers", &counted);
    line(&mut text, "not answered by them", &facts.faults.to_string());
    line(&mut text, "generation", &status.generation.to_string());
    line(&mut text, "instances made, destroyed", &format!("{}, {}", status.constructed, status.destroyed));
    let mib = status.retained_image_bytes as f64 / f64::from(1 << 20);
    line(&mut text, "images retained", &format!("{}, {mib:.1} MiB", status.retained_images));
    text
}

fn line(text: &mut String, what: &str, value: &str) {
    let _ = writeln!(text, "{what:<26} {value:>12}");
}
