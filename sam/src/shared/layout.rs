//! How the board lies in memory: atomics only, so that any bytes are a valid board and zero
//! bytes are an empty one.

use std::sync::atomic::{AtomicU32, AtomicU64};

use super::exit_record::ExitRecordLayout;
use super::label::LabelLayout;

/// How many checks a board has.
pub(crate) const CHECKS: usize = 64;

/// The check of the application's own beats.
pub(crate) const MAIN: usize = 0;

/// One check. Its own pair of cache lines: threads that beat do not slow each other down.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct CheckLayout {
    /// When it last beat: nanoseconds, or `COUNTED` and where the processor's counter stood.
    pub(super) last: AtomicU64,
    /// How long it may be silent, in nanoseconds; of the main check the policy's interval counts.
    pub(super) deadline: AtomicU64,
    /// `generation << 2 | kind`: see `board`.
    pub(super) state: AtomicU32,
    pub(super) label: LabelLayout,
    /// The same one of the previous instance. Written before this one begins.
    pub(super) past: PastCheckLayout,
}

/// A check of the previous instance, as it stood at its end.
#[repr(C)]
#[derive(Debug)]
pub(super) struct PastCheckLayout {
    /// How long it had been silent, in nanoseconds.
    pub(super) silent: AtomicU64,
    pub(super) deadline: AtomicU64,
    pub(super) kind: AtomicU32,
    pub(super) label: LabelLayout,
}

/// The whole board. Who writes what is the table at the top of `board`. What most instances
/// touch is in the first page: to touch one more for the first time costs more than what is done
/// there.
#[repr(C)]
#[derive(Debug)]
pub(super) struct BoardLayout {
    /// [`LAYOUT_VERSION`], of who made it.
    pub(super) layout: AtomicU32,
    pub(super) instance: AtomicU32,
    pub(super) interval: AtomicU64,
    pub(super) waits_for_ready: AtomicU32,
    /// Whether beats are told by the processor's counter.
    pub(super) by_counter: AtomicU32,
    pub(super) previous: ExitRecordLayout,
    /// A cache line of the supervisor's from here.
    pub(super) asked: Line<AtomicU64>,
    pub(super) stop_asked: AtomicU32,
    /// And of the instance's from here.
    pub(super) phase: Line<AtomicU32>,
    pub(super) failed: AtomicU32,
    pub(super) warn_signal: AtomicU32,
    pub(super) by_asking: AtomicU32,
    /// How many checks from the first have ever been used: the others need no look.
    pub(super) used: AtomicU32,
    pub(super) answered: AtomicU64,
    pub(super) checks: [CheckLayout; CHECKS],
}

/// Tells this board and this vault from those of a version that laid them out otherwise: an instance may
/// be a newer program than its supervisor. Change this number with either layout.
pub(super) const LAYOUT_VERSION: u32 = 0x5a4d_0003;

/// Something at the beginning of a pair of cache lines.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Line<T>(pub(super) T);
