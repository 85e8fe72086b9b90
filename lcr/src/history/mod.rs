//! The history of a runtime on disk: every change, who made it and what came of it, and the files to go back to.
//!
//! ```text
//! DIRECTORY/journal.jsonl     one record a line, appended
//! DIRECTORY/files/HASH.so     each component's file, by its content
//! DIRECTORY/lock              one owner at a time
//! ```
//! `options` say where and how. `keeper` has the journal and the files, and decides what happens where they fail;
//! `opening` is how it gets them;
//! `notes` is what it knows besides, and in `waiting` are the records that the disk does not take;
//! `recording` tells it what a transaction does. `line`, `record`, `kind` and `journal` are the file, from its bytes
//! up; `ledger` reads what it comes to, without what is `unconfirmed`, and `reload` brings that back when a process
//! starts. `past` finds what a rollback leads to. `retention` says what may be forgotten. `disk` is the only way to
//! change a file, `files` keeps components, `lock` the owner. `entry` and `handle` are what programs see.
//!
//! At every byte of a crash: an intent is durable before its transaction begins, so what is visible is in the journal.
//! An outcome is durable before the caller of `commit` goes on. The next process finds the records in order, the last
//! one perhaps torn (`line` says what that looks like), and serves what was confirmed last. What cannot be read is
//! said, with its place, and what is linked serves; an older version never comes back unsaid.

mod digits;
mod disk;
mod entry;
mod files;
mod handle;
mod journal;
mod keeper;
mod kind;
mod ledger;
mod line;
mod lock;
mod notes;
mod opening;
mod options;
mod past;
mod record;
mod recording;
mod reload;
mod retention;
mod runtime;
#[cfg(all(test, not(loom)))]
mod tests;
mod unconfirmed;
mod waiting;

pub use entry::{Entry, Member, Outcome};
pub use handle::{OpenHistory, Verified};
pub use options::{History, Options};
pub use record::{End, What};
pub use reload::Reloaded;

/// Reads bytes as a journal. Returns how many records it has. For the fuzzer.
#[cfg(feature = "fuzzing")]
pub(crate) fn read(bytes: &[u8]) -> Option<usize> {
    let index = journal::index(bytes).ok()?;
    let scan = line::scan(bytes).ok()?;
    scan.records.iter().for_each(|record| drop(journal::parse(&bytes[record.clone()])));
    Some(index.places.len())
}

/// A journal of these records. For the fuzzer.
#[cfg(feature = "fuzzing")]
pub(crate) fn write(records: &[&str]) -> Vec<u8> {
    let mut sum = line::FIRST_SUM;
    let lines = records.iter().flat_map(|record| {
        let (line, next) = line::line(&sum, record);
        sum = next;
        line
    });
    lines.collect()
}
