//! How an instance ended, as the supervisor tells the next instance.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::label::{Label, LabelLayout};
use crate::state::Exit;

/// How an instance ended, and which resources it had used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExitRecord {
    pub(crate) exit: Exit,
    /// The overdue check for which the supervisor warned or killed the instance, if it did so.
    pub(crate) hung: Option<Label>,
    /// Whether the instance had called `mark_failed`.
    pub(crate) failed: bool,
    /// The time from the instance's start to its end.
    pub(crate) lived: Duration,
    /// Processor time in the instance's own code and in that of its children.
    pub(crate) user: Duration,
    /// Processor time that the kernel spent for them.
    pub(crate) system: Duration,
    /// The most resident memory that the instance had at once, in KiB.
    pub(crate) max_rss: u64,
}

const NONE: u32 = 0;
const CODE: u32 = 1;
const SIGNAL: u32 = 2;
const CORE: u32 = 3;

/// The same on the board. The supervisor writes it once, before the instance begins, and the instance reads
/// it. `kind` is 0 while there is nothing to tell.
#[repr(C)]
#[derive(Debug)]
pub(super) struct ExitRecordLayout {
    kind: AtomicU32,
    value: AtomicU32,
    hung: AtomicU32,
    failed: AtomicU32,
    lived: AtomicU64,
    user: AtomicU64,
    system: AtomicU64,
    max_rss: AtomicU64,
    check: LabelLayout,
}

impl ExitRecordLayout {
    pub(super) fn write(&self, ended: &ExitRecord) {
        let (kind, value) = match ended.exit {
            Exit::Code(code) => (CODE, code),
            Exit::Signal { signal, core: false } => (SIGNAL, signal),
            Exit::Signal { signal, core: true } => (CORE, signal),
        };
        self.value.store(value as u32, Ordering::Relaxed);
        self.failed.store(ended.failed.into(), Ordering::Relaxed);
        self.hung.store(ended.hung.is_some().into(), Ordering::Relaxed);
        if let Some(check) = &ended.hung {
            self.check.write(check);
        }
        for (cell, duration) in [(&self.lived, ended.lived), (&self.user, ended.user), (&self.system, ended.system)] {
            cell.store(duration.as_nanos().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        self.max_rss.store(ended.max_rss, Ordering::Relaxed);
        self.kind.store(kind, Ordering::Release);
    }

    pub(super) fn read(&self) -> Option<ExitRecord> {
        let kind = self.kind.load(Ordering::Acquire);
        let value = self.value.load(Ordering::Relaxed) as i32;
        let exit = match kind {
            CODE => Exit::Code(value),
            SIGNAL | CORE => Exit::Signal { signal: value, core: kind == CORE },
            // NONE, or a word that was overwritten.
            NONE.. => return None,
        };
        let duration = |cell: &AtomicU64| Duration::from_nanos(cell.load(Ordering::Relaxed));
        Some(ExitRecord {
            exit,
            hung: (self.hung.load(Ordering::Relaxed) != 0).then(|| self.check.read()),
            failed: self.failed.load(Ordering::Relaxed) != 0,
            lived: duration(&self.lived),
            user: duration(&self.user),
            system: duration(&self.system),
            max_rss: self.max_rss.load(Ordering::Relaxed),
        })
    }
}
