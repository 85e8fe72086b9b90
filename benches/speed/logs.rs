//! The cost of a record of a component, and of one that the program filters out.

use std::{hint::black_box, time::Duration};

use contract::logs::{Clerk, Logs};
use lcr::{Handle, Runtime};
use tracing::{Event, Metadata, Subscriber, level_filters::LevelFilter, span, subscriber::Interest};

use crate::{
    Bench, Outcome,
    rounds::{Contestant, race},
    sheet::{Row, Section, nanoseconds},
};

const SLICE: Duration = Duration::from_millis(1);

/// The same loops as a part of this program.
struct Here(Clerk);

impl Logs for Here {
    fn idle(&self, records: u64) -> u64 {
        self.0.idle(records)
    }
    fn traced_out(&self, records: u64) -> u64 {
        self.0.traced_out(records)
    }
    fn logged_out(&self, records: u64) -> u64 {
        self.0.logged_out(records)
    }
    fn traced(&self, records: u64) -> u64 {
        self.0.traced(records)
    }
}

/// A subscriber that takes records of the level `INFO` and does nothing with them. It filters each callsite, as a
/// filter by targets does: it states no level for the whole program.
struct Taker;

impl Subscriber for Taker {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= LevelFilter::INFO
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        black_box(event);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// A kind of loop, its names here and there, and the most that a record may cost there.
type Kind = (&'static str, [&'static str; 2], fn(&dyn Logs, u64) -> u64, Option<f64>);

const IDLE: [&str; 2] = ["idle here", "idle there"];
const KINDS: [Kind; 4] = [
    ("an empty loop", IDLE, |logs, records| logs.idle(records), None),
    (
        "a record of `tracing` that is filtered out",
        ["tracing out here", "tracing out there"],
        |logs, records| logs.traced_out(records),
        Some(2.0),
    ),
    (
        "a record of `log` that is filtered out",
        ["log out here", "log out there"],
        |logs, records| logs.logged_out(records),
        Some(2.0),
    ),
    (
        "a record of `tracing` that arrives, with one field",
        ["tracing here", "tracing there"],
        |logs, records| logs.traced(records),
        None,
    ),
];

/// Races the loops in this program and in a component. Sets this program's subscriber, so this part is the last.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let runtime = Runtime::new()?;
    runtime.load(bench.artifacts.path("chronicler")?)?;
    let there: Handle<dyn Logs> = runtime.service()?;
    let here = black_box(Here(Clerk));
    tracing::subscriber::set_global_default(Taker)?;
    let mut contestants = Vec::new();
    for (_, [in_here, in_there], run, _) in KINDS {
        let (here, there) = (&here, &there);
        contestants.push(Contestant { name: in_here, run: Box::new(move |records| run(here, records)) });
        contestants.push(Contestant { name: in_there, run: Box::new(move |records| run(there, records)) });
    }
    let times = race(&mut contestants, bench.rounds, SLICE);
    let mut section = Section::new(
        "A record of a component",
        "A loop with one record in each turn, in a loaded component whose records go to the program's subscriber; in \
         brackets, the same loop in the program. The subscriber filters by callsite and does nothing with what \
         arrives.",
    );
    for (what, [in_here, in_there], _, bound) in KINDS {
        let ns = times.median(in_there);
        let row = Row::new(what, format!("{} ({})", nanoseconds(ns), nanoseconds(times.median(in_here))));
        let row = row.ratio(times.ratio(in_there, in_here), "the program's own");
        section.push(match bound {
            Some(most) => row.bound(format!("at most {most} ns"), ns <= most),
            None => row,
        });
    }
    Ok(section)
}
