//! A rollback beside the replacement that it takes back.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use contract::{
    ADDEND,
    interfaces::{Step, Tally},
};
use lcr::{Back, Handle, Runtime, history::History};
use tempfile::TempDir;

use crate::{
    Bench, Outcome,
    rounds::Times,
    sheet::{Row, Section, nanoseconds},
    stamps::Stamps,
};

const REPLACE: &str = "replace";
const ROLLBACK: &str = "rollback";

/// Compares both, of a component without state and of one whose state is copied.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let mut section = Section::new(
        "Going back",
        "One process that keeps a history, in memory where the system has a place for that, so that waiting for a \
         disk hides nothing. In each round a build that the process has not seen yet replaces the first one, and \
         `rollback` by one step goes back. Both are timed until the transaction is over; callers have answers from \
         the new version before the next begins.",
    );
    let plain = Stamps::of(bench.artifacts.path("plain")?, "plain")?;
    let times = race(&plain, bench.rounds, |runtime| {
        let handle: Handle<dyn Step> = runtime.service()?;
        Ok(move || if handle.step(1) == ADDEND + 1 { Ok(()) } else { Err("a wrong answer".into()) })
    })?;
    compare("without state", &times, &mut section);
    let tally = Stamps::of(bench.artifacts.path("tally")?, "tally")?;
    let times = race(&tally, bench.rounds, |runtime| {
        let handle: Handle<dyn Tally> = runtime.service()?;
        let mut expected = 0;
        Ok(move || {
            expected += 1;
            if handle.add(1) == expected { Ok(()) } else { Err("a count was lost".into()) }
        })
    })?;
    compare("whose state is copied", &times, &mut section);
    Ok(section)
}

/// Replaces a component and goes back, in turn. `calls` makes what calls it, and looks at the answer.
fn race<C: FnMut() -> Outcome<()>>(
    stamps: &Stamps,
    rounds: usize,
    calls: impl FnOnce(&Runtime) -> Outcome<C>,
) -> Outcome<Times> {
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() { TempDir::new_in(memory)? } else { TempDir::new()? };
    let runtime = Runtime::builder().history(History::at(directory.path())).build()?;
    runtime.load(stamps.write(0, 0)?)?;
    let mut call = calls(&runtime)?;
    let mut times = Times::default();
    for round in 1..=rounds {
        let next = stamps.write(0, round)?;
        times.push(REPLACE, timed(|| runtime.replace(&next).map(drop))?);
        call()?;
        runtime.wait_drained(Duration::from_secs(10))?;
        times.push(ROLLBACK, timed(|| runtime.rollback(Back::Steps(1)).map(drop))?);
        call()?;
        runtime.wait_drained(Duration::from_secs(10))?;
        stamps.clear()?;
    }
    Ok(times)
}

fn timed(change: impl FnOnce() -> lcr::Result<()>) -> Outcome<f64> {
    let start = Instant::now();
    change()?;
    Ok(start.elapsed().as_nanos() as f64)
}

fn compare(what: &str, times: &Times, section: &mut Section) {
    section.push(Row::new(format!("replace a component {what}"), nanoseconds(times.median(REPLACE))));
    let ratio = times.ratio(ROLLBACK, REPLACE);
    let row = Row::new(format!("**roll back a component {what}**"), nanoseconds(times.median(ROLLBACK)));
    section.push(row.ratio(ratio, "the replacement").bound("at most 1.1x", ratio <= 1.1));
}
