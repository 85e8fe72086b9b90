//! Instructions per call, counted by callgrind: figures without noise.
//!
//! This program runs itself under `valgrind` with two different numbers of calls. The
//! difference in executed instructions, over the difference in calls, is the price of
//! one call, its loop included; whatever start-up cost cancels out.

use std::{env, hint::black_box, process::Command};

use crate::{
    Bench, Outcome,
    artifacts::Artifacts,
    peers::BARE,
    rounds::Times,
    sheet::{Row, Section},
    sittings::{Errand, Task},
    ways::Way,
};

const FEW: u64 = 1_000;
const MANY: u64 = 11_000;

/// What the process under valgrind does. Every number of calls is made in the same
/// copies of the loop.
pub(crate) fn make_calls(ways: &[Way<'_>], calls: u64) -> Times {
    for way in ways {
        black_box(way.stream()(calls));
    }
    Times::default()
}

/// Counts every way's instructions.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let mut section = Section::new("Instructions per call", "As counted by callgrind, the loop's own included.");
    if !has_valgrind() {
        section.push(Row::new("every way", "not counted: valgrind is not installed"));
        return Ok(section);
    }
    let bare = instructions_per_call(BARE, bench.artifacts)?;
    for way in bench.ways {
        let instructions = instructions_per_call(way.name, bench.artifacts)?;
        section.push(Row::new(way.name, format!("{instructions:.1}")).ratio(instructions / bare, "bare"));
    }
    Ok(section)
}

fn has_valgrind() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

fn instructions_per_call(way: &str, artifacts: &Artifacts) -> Outcome<f64> {
    let few = instructions(way, FEW, artifacts)?;
    let many = instructions(way, MANY, artifacts)?;
    Ok((many as f64 - few as f64) / (MANY - FEW) as f64)
}

/// Instructions of a whole process that makes a number of calls.
fn instructions(way: &str, calls: u64, artifacts: &Artifacts) -> Outcome<u64> {
    let errand = Errand::new(Task::Count, calls, Some(way));
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(env::current_exe()?);
    let output = command.args(errand.arguments(artifacts)).output()?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count.filter(|_| output.status.success()).ok_or_else(|| format!("callgrind did not count {way}: {report}").into())
}
