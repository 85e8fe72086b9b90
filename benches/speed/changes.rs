//! The cost of a replacement for callers: the time of its commit, and of the hand-over of state.

use std::time::Duration;

use contract::interfaces::{Hoard, PAGE, Step, Tally};
use lcr::{Handle, Report, Runtime};

use crate::{
    Bench, Outcome,
    rounds::{median, quantile},
    sheet::{Row, Section, nanoseconds},
    stamps::Stamps,
};

/// Measures both.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let Bench { artifacts, rounds, .. } = *bench;
    let mut section = Section::new(
        "Replacing",
        "Every component is a file of its own, copied from one library with another name and version, and is served \
         through a handle that is held. For comparison, from another 2-core machine: Erlang/OTP commits 1 / 10 / 100 \
         modules in 250 / 750 / 4,600 us, and holds 1 / 1,000 / 10,000 processes for 0.55 / 12 / 133 ms.",
    );
    let plain = Stamps::of(artifacts.path("plain")?, "plain")?;
    for components in [1, 10, 100] {
        let reports = replace_all(&plain, components, rounds.div_ceil(components).clamp(5, 40))?;
        section.push(commit(components, &reports));
    }
    let tally = Stamps::of(artifacts.path("tally")?, "tally")?;
    for (references, milliseconds) in [(1, 0.1), (1_000, 2.0), (10_000, 20.0)] {
        let held = hand_over(&tally, references, 9)?;
        section.push(gate(references, milliseconds, held));
    }
    let hoard = Stamps::of(artifacts.path("hoard")?, "hoard")?;
    for (references, mib, rounds, milliseconds) in
        [(1, 0, 45, 0.05), (1, 256, 45, 0.05), (1_000, 0, 15, 0.5), (10_000, 0, 9, 4.0)]
    {
        let held = by_pointer(&hoard, references, mib, rounds)?;
        section.push(pointers(references, mib, milliseconds, held));
    }
    Ok(section)
}

/// Replaces this many components in one transaction, again and again.
fn replace_all(stamps: &Stamps, components: usize, rounds: usize) -> Outcome<Vec<Report>> {
    let runtime = Runtime::new()?;
    let mut handles = Vec::new();
    for number in 0..components {
        runtime.load(stamps.write(number, 0)?)?;
        handles.push(runtime.service_of::<dyn Step>(&stamps.name(number))?);
    }
    let mut reports = Vec::new();
    for round in 1..=rounds {
        let mut plan = runtime.plan();
        for number in 0..components {
            plan = plan.replace(stamps.write(number, round)?);
        }
        reports.push(plan.commit()?);
        for handle in &handles {
            handle.step(1);
        }
        runtime.wait_drained(Duration::from_secs(10))?;
        stamps.clear()?;
    }
    Ok(reports)
}

fn commit(components: usize, reports: &[Report]) -> Row {
    let typical = |part: fn(&Report) -> Duration| median(reports.iter().map(|report| ns(part(report))).collect());
    let (commit, total) = (typical(|report| report.commit), typical(|report| report.total));
    let held = reports.iter().map(|report| report.held).max().unwrap_or_default();
    let what = format!("commit of {components} components without state (whole transaction {})", nanoseconds(total));
    let row = Row::new(what, nanoseconds(commit));
    match components {
        100 => row.bound("at most 50 us, no caller held", commit <= 50_000.0 && held.is_zero()).bounded_by(COPY),
        _ => row,
    }
}

const COPY: &str = "the copy of the world's table, one membarrier, and reading every thread's frames";

/// Median nanoseconds for which callers were held while references with state moved.
fn hand_over(stamps: &Stamps, references: usize, rounds: usize) -> Outcome<f64> {
    let runtime = Runtime::new()?;
    runtime.load(stamps.write(0, 0)?)?;
    let handles: Vec<Handle<dyn Tally>> =
        (0..references).map(|_| runtime.reference(&())).collect::<lcr::Result<_>>()?;
    let mut held = Vec::new();
    for round in 1..=rounds {
        for handle in &handles {
            handle.add(1);
        }
        held.push(ns(runtime.replace(stamps.write(0, round)?)?.held));
        if handles.iter().any(|handle| handle.add(0) != round as u64) {
            return Err("a count was lost in the hand-over".into());
        }
        runtime.wait_drained(Duration::from_secs(10))?;
    }
    stamps.clear()?;
    Ok(median(held))
}

fn gate(references: usize, milliseconds: f64, held: f64) -> Row {
    let row = Row::new(format!("hand-over of {references} references with state: callers held"), nanoseconds(held));
    let each = format!("{} for each reference", nanoseconds(held / references as f64));
    row.bound(format!("at most {milliseconds} ms"), held <= milliseconds * 1e6)
        .bounded_by(format!("a save, an encoded state, a restore and an allocation each: {each}"))
}

/// Nanoseconds for which callers were held while the states of so many references moved by pointer. The states have
/// `mib` MiB together.
fn by_pointer(stamps: &Stamps, references: usize, mib: usize, rounds: usize) -> Outcome<Vec<f64>> {
    let runtime = Runtime::new()?;
    runtime.load(stamps.write(0, 0)?)?;
    let handles: Vec<Handle<dyn Hoard>> =
        (0..references).map(|_| runtime.reference(&())).collect::<lcr::Result<_>>()?;
    handles.iter().for_each(|handle| handle.fill(((mib << 20) / PAGE / references) as u64));
    let mut held = Vec::new();
    for round in 1..=rounds {
        for handle in &handles {
            handle.add(1);
        }
        let report = runtime.replace(stamps.write(0, round)?)?;
        if report.members.iter().any(|member| member.moved != references) {
            return Err("a state did not move by pointer".into());
        }
        held.push(ns(report.held));
        if handles.iter().any(|handle| handle.add(0) != round as u64) {
            return Err("a count was lost in the hand-over".into());
        }
        runtime.wait_drained(Duration::from_secs(10))?;
    }
    stamps.clear()?;
    Ok(held)
}

fn pointers(references: usize, mib: usize, milliseconds: f64, held: Vec<f64>) -> Row {
    let (half, most) = (median(held.clone()), quantile(held, 1.0));
    let what = format!(
        "hand-over by pointer of {references} references with {mib} MiB in all: callers held (at most {})",
        nanoseconds(most)
    );
    let each = format!("{} for each reference", nanoseconds(half / references as f64));
    Row::new(what, nanoseconds(half))
        .bound(format!("median at most {milliseconds} ms"), half <= milliseconds * 1e6)
        .bounded_by(format!(
            "two worlds with a membarrier each; for each reference a take, a gift and an entry: {each}"
        ))
}

fn ns(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}
