//! The cost of one call, for each kind of call.

use crate::{
    Bench, Outcome,
    call_kinds::CallKind,
    ours::{HANDLE, INSIDE, PINNED},
    peers::{ARC_SWAP, BARE},
    processes::{Task, race_apart},
    sheet::{Row, Section, nanoseconds},
};

/// Races all kinds of calls, first with calls that can overlap, then with dependent ones.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let Bench { artifacts, rounds, call_kinds, .. } = *bench;
    let streamed = race_apart(Task::Stream, rounds, artifacts)?;
    let chained = race_apart(Task::Chain, rounds, artifacts)?;
    let mut section = Section::new(
        "One call",
        format!(
            "A method that adds a number of its instance to its argument, in a loop of independent calls; in \
             brackets, the same with each call waiting for the last one's result. The ratio is to the {BARE} \
             into the same library."
        ),
    );
    for CallKind { name, .. } in call_kinds {
        let figure = format!("{} ({})", nanoseconds(streamed.median(name)), nanoseconds(chained.median(name)));
        let ratio = streamed.ratio(name, BARE);
        let row = Row::new(*name, figure).ratio(ratio, "bare");
        section.push(match *name {
            HANDLE => row.bound("at most 2.0x bare (aim 1.5x)", ratio <= 2.0).bounded_by(FRAME),
            PINNED => row.bound("at most 1.05x bare", ratio <= 1.05).bounded_by(OUTCOME),
            INSIDE => row.bound("at most 2.3x bare", ratio <= 2.3).bounded_by(FRAME),
            _ => row,
        });
    }
    let ratio = streamed.ratio(HANDLE, ARC_SWAP);
    let row = Row::new("`lcr` handle against `ArcSwap::load`", nanoseconds(streamed.median(HANDLE)));
    section.push(row.ratio(ratio, "`ArcSwap::load`").bound("at most 1/3", ratio <= 1.0 / 3.0).bounded_by(FRAME));
    Ok(section)
}

const FRAME: &str = "two reads of the current world and four stores to the thread's frame around each call";
const OUTCOME: &str = "the outcome's second register, tested after each call, and the method's null check before it";
