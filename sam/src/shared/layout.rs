//! How the board lies in memory: atomics only, so that any bytes are a valid board and zero
//! bytes are an empty one.

use std::sync::atomic::{AtomicU32, AtomicU64};

use super::exit_record::ExitRecordLayout;
use super::label::LabelLayout;

/// How many checks a board has.
pub(crate) const CHECKS: usize = 64;

/// The check of the application's own beats.
pub(crate) const MAIN: usize = 0;

/// One check, in a pair of cache lines of its own: threads that beat do not slow each other down.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct CheckLayout {
    /// The last beat: the time in nanoseconds, or `COUNTED` with where the processor's counter stood.
    pub(super) last: AtomicU64,
    /// How long the check may be silent, in nanoseconds. For the main check the policy's interval counts.
    pub(super) deadline: AtomicU64,
    /// `generation << 2 | kind`: see `board`.
    pub(super) state: AtomicU32,
    pub(super) label: LabelLayout,
    /// The check of this index of the previous instance. The supervisor writes it before this instance begins.
    pub(super) past: PastCheckLayout,
}

/// A check of the previous instance, as it stood at its end.
#[repr(C)]
#[derive(Debug)]
pub(super) struct PastCheckLayout {
    /// How long the check had been silent, in nanoseconds.
    pub(super) silent: AtomicU64,
    pub(super) deadline: AtomicU64,
    pub(super) kind: AtomicU32,
    pub(super) label: LabelLayout,
}

/// The whole board. The table at the top of `board` says which process writes what. What most instances touch
/// is in the first page: touching another page for the first time costs more than all that they do there.
#[repr(C)]
#[derive(Debug)]
pub(super) struct BoardLayout {
    /// The [`LAYOUT_VERSION`] of the process that made the board.
    pub(super) layout: AtomicU32,
    pub(super) instance: AtomicU32,
    pub(super) interval: AtomicU64,
    pub(super) waits_for_ready: AtomicU32,
    /// Whether beats are counts of the processor's counter.
    pub(super) by_counter: AtomicU32,
    pub(super) previous: ExitRecordLayout,
    /// From here on a cache line that the supervisor writes.
    pub(super) asked: Line<AtomicU64>,
    pub(super) stop_asked: AtomicU32,
    /// The last warning: see `warning`.
    pub(super) warned: AtomicU32,
    /// From here on a cache line that the instance writes.
    pub(super) phase: Line<AtomicU32>,
    pub(super) failed: AtomicU32,
    pub(super) warn_signal: AtomicU32,
    pub(super) by_asking: AtomicU32,
    /// How many checks, from the first on, have ever been used. The supervisor looks at no others.
    pub(super) used: AtomicU32,
    pub(super) answered: AtomicU64,
    pub(super) checks: [CheckLayout; CHECKS],
}

/// Tells this board and this vault from those of a version that laid them out otherwise: an instance may
/// be a newer program than its supervisor. Change this number with either layout.
pub(super) const LAYOUT_VERSION: u32 = 0x5a4d_0004;

/// A value at the beginning of a pair of cache lines.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Line<T>(pub(super) T);
