//! Loops that log, in the measuring process and in a component.

use std::hint::black_box;

/// The loops, each with the number of records.
#[lcr::interface(name = "bench.logs", version = 1)]
pub trait Logs {
    /// No record.
    fn idle(&self, records: u64) -> u64;
    /// Records of `tracing` that the filter takes out.
    fn traced_out(&self, records: u64) -> u64;
    /// Records of `log` that the level takes out.
    fn logged_out(&self, records: u64) -> u64;
    /// Records of `tracing` that arrive.
    fn traced(&self, records: u64) -> u64;
}

/// The implementation on both sides of the border.
#[derive(Debug, Default)]
pub struct Clerk;

/// A loop around one record. The sum keeps the loop.
macro_rules! records {
    ($records:ident, |$n:ident| $record:expr) => {{
        let mut sum = 0_u64;
        for $n in 0..$records {
            $record;
            sum = sum.wrapping_add(black_box($n));
        }
        sum
    }};
}

impl Clerk {
    /// See [`Logs::idle`].
    #[inline(never)]
    pub fn idle(&self, records: u64) -> u64 {
        (0..records).fold(0, |sum: u64, n| sum.wrapping_add(black_box(n)))
    }

    /// See [`Logs::traced_out`].
    #[inline(never)]
    pub fn traced_out(&self, records: u64) -> u64 {
        records!(records, |n| tracing::debug!(n, "a record that is filtered out"))
    }

    /// See [`Logs::logged_out`].
    #[inline(never)]
    pub fn logged_out(&self, records: u64) -> u64 {
        records!(records, |n| log::debug!("a record that is filtered out: {n}"))
    }

    /// See [`Logs::traced`].
    #[inline(never)]
    pub fn traced(&self, records: u64) -> u64 {
        records!(records, |n| tracing::info!(n, "a record that arrives"))
    }
}
