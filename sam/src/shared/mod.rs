//! The memory that both processes share: the board (health, fresh for each instance) and the vault (stored
//! data, one for the life of the supervisor). Both are sealed memfds: no process can shrink or grow
//! them, so no access to a mapping of them ends in SIGBUS by truncation.
//!
//! Nothing here allocates, takes a lock or waits for another process, except as [`vault::Writer`] says; so
//! the supervisor may use all of it after its start.

mod board;
mod clock;
mod exit_record;
mod label;
mod layout;
mod memory;
mod vault;
mod warning;

pub(crate) use board::{Board, CheckReading, can_warn};
pub(crate) use clock::{COUNTER, count, now};
pub(crate) use exit_record::ExitRecord;
pub(crate) use label::{LABEL, Label};
pub(crate) use layout::{CHECKS, MAIN};
pub(crate) use memory::PAGE;
pub(crate) use vault::{DEFAULT_CAPACITY, Vault, Writer};
pub(crate) use warning::Warned;

use crate::error::{Error, ErrorKind, Result};

/// Refuses a limit of file sizes that leaves no room for the shared memory: the kernel would send SIGXFSZ,
/// which kills without a word.
pub(crate) fn look_at_limit() -> Result<()> {
    let limit = memory::limit().map_err(|error| Error::io("cannot read the limit of file sizes", error))?;
    let least = vault::LEAST.max(board::LEN) as u64;
    if limit >= least {
        return Ok(());
    }
    let text = format!(
        "files may have {limit} bytes (RLIMIT_FSIZE), but the memory that a supervisor shares with its instances \
         needs {least}; raise the limit (ulimit -f), or do not supervise"
    );
    Err(Error::new(ErrorKind::NotSupported, text))
}
