//! A table of the versions that were tried.

use std::fmt::Write;

use lcr::{Report, TrialCause, TrialOutcome};

use crate::trials::{Ended, Tried, watch::Watch};

use super::{
    changes::{align_right, micros, table as new_table, way},
    latency::duration,
    line,
};

/// A line for each version, and below them what was found.
pub(crate) fn table(trials: &[Tried], watch: &Watch) -> String {
    let header = [
        "on trial",
        "what it does",
        "caught by",
        "after",
        "and was",
        "its state",
        "held",
        "answers",
        "bad",
        "late",
        "writes kept",
    ];
    let mut table = new_table(&header);
    table.set_width(200);
    for tried in trials {
        let served = watch.served(tried.bad);
        let fate = match &tried.result {
            Ok(ended) => fate(ended),
            Err(_) => {
                let took = duration(micros(tried.took));
                ["its own check", &took, "refused", "stayed", ""].map(str::to_owned)
            }
        };
        let counts = [served.answered, served.bad, served.late, served.acknowledged].map(|count| count.to_string());
        let name = [tried.bad.component(), tried.bad.name()].map(str::to_owned);
        table.add_row(name.into_iter().chain(fate).chain(counts));
    }
    let mut text = align_right(table, &[3, 6, 7, 8, 9, 10]);
    text.push('\n');
    for tried in trials {
        let found = match &tried.result {
            Ok(Ended { end, .. }) => end.to_string(),
            Err(refused) => format!("no trial: {}", refused.text),
        };
        let verdict = if tried.is_as_expected() { "" } else { "FAILED: " };
        let _ = write!(text, "\n{verdict}{}: {found}", tried.bad.name());
    }
    text
}

/// What caught the version, after how long, what became of it and of its state, and how long callers were held.
fn fate(Ended { began, end, .. }: &Ended) -> [String; 5] {
    let caught_by = match end.cause {
        TrialCause::Fault => "its panic",
        TrialCause::Check => "the program's check",
        other => other.name(),
    };
    let (went, came) = (ways(began), end.back.as_ref().map(ways).unwrap_or_default());
    let held = [Some(began), end.back.as_ref()].map(|report| report.map(|report| duration(micros(report.held))));
    [
        caught_by.to_owned(),
        duration(micros(end.lasted)),
        end.outcome.to_string().replace('_', " "),
        if went == came { format!("{went} and back") } else { format!("{went}, back {came}") },
        held.into_iter().flatten().collect::<Vec<_>>().join(", "),
    ]
}

fn ways(report: &Report) -> String {
    let ways: Vec<&str> = report.members.iter().map(way).collect();
    ways.join(" and ")
}

/// The counts.
pub(crate) fn facts(trials: &[Tried], watch: &Watch) -> String {
    let mut text = String::new();
    let is_back =
        |tried: &&Tried| matches!(&tried.result, Ok(Ended { end, .. }) if end.outcome == TrialOutcome::RolledBack);
    let back = trials.iter().filter(is_back).count();
    line(&mut text, "rolled back by themselves", &back.to_string());
    line(&mut text, "refused before their trial", &(trials.len() - back).to_string());
    line(&mut text, "requests they failed", &watch.bad().to_string());
    text
}
