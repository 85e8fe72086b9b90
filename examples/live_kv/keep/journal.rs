//! The journal: a file in the kernel's memory, to which records are appended.
//!
//! The file has no name and no place on a disk. It lives as long as a process has a descriptor of
//! it, and the supervisor has one: the journal survives every end of the process that writes it,
//! but not the end of the supervisor or of the machine. A record is in the file when the system
//! call that writes it has returned. The end of the process cannot undo that, because the file is
//! not in the process.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
};

use kv::Engine;
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::record::{self, Record};

/// A file, and the length of its records.
pub(crate) struct Log {
    pub(crate) file: File,
    pub(crate) len: u64,
}

impl Log {
    /// An empty log.
    ///
    /// # Errors
    /// The kernel has no memory or no descriptor.
    pub(crate) fn new() -> io::Result<Log> {
        let file = memfd_create(c"live_kv-journal", MFdFlags::MFD_CLOEXEC)?;
        Ok(Log { file: File::from(file), len: 0 })
    }

    /// Applies the records that another process wrote to `file` to `engine`, and counts them. The next
    /// record overwrites what follows the last whole one.
    ///
    /// # Errors
    /// The file cannot be read, or the engine fails.
    pub(crate) fn replay(mut file: File, engine: &dyn Engine) -> io::Result<(Log, u64)> {
        file.seek(SeekFrom::Start(0))?;
        let end = file.metadata()?.len();
        let (mut len, mut records) = (0, 0);
        let mut reader = BufReader::with_capacity(1 << 20, (&file).take(end));
        while let Some((payload, size)) = record::next(&mut reader)? {
            record::apply(&payload, engine).map_err(io::Error::other)?;
            len += size;
            records += 1;
        }
        // The bytes that follow belong to no record, and must never look like one.
        file.set_len(len)?;
        Ok((Log { file, len }, records))
    }

    /// Appends a record. If that fails, the records before it stay.
    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        let written = self.file.write_all_at(record, self.len);
        match written {
            Ok(()) => self.len += record.len() as u64,
            Err(_) => self.file.set_len(self.len)?,
        }
        written
    }
}

/// The log that the next instance finds, and the one that will take its place.
pub(crate) struct Journal {
    log: Log,
    /// The second log that every record is written to during a compaction.
    next: Option<Log>,
    /// The supervisor may keep the next log already: its answer did not arrive.
    is_uncertain: bool,
    /// The length after the last compaction.
    base: u64,
}

/// Below this length a compaction is not worth it.
const FLOOR: u64 = 8 << 20;

impl Journal {
    /// A journal over a log that the supervisor keeps already.
    pub(crate) fn over(log: Log) -> Journal {
        Journal { log, next: None, is_uncertain: false, base: 0 }
    }

    /// Writes a record; when this returns, an end of the process does not undo it.
    ///
    /// # Errors
    /// The kernel has no memory for it.
    pub(crate) fn write(&mut self, record: Record) -> io::Result<()> {
        let bytes = record.finish()?;
        // The next log first: if that fails, the compaction is given up and nothing has changed.
        if let Some(next) = &mut self.next
            && let Err(error) = next.append(&bytes)
        {
            if self.is_uncertain {
                return Err(error);
            }
            self.next = None;
        }
        self.log.append(&bytes)
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.log.len
    }

    /// Whether it has doubled since the last compaction.
    pub(crate) fn is_due(&self) -> bool {
        self.log.len > FLOOR.max(self.base * 2)
    }

    /// Begins a compaction: from here on records go to an empty log, too. Returns `false` if an
    /// earlier compaction lacks only its [`swap`](Self::swap).
    ///
    /// # Errors
    /// As [`Log::new`].
    pub(crate) fn begin(&mut self) -> io::Result<bool> {
        if !self.is_uncertain {
            self.next = Some(Log::new()?);
        }
        Ok(!self.is_uncertain)
    }

    /// Writes a record of present values to the next log only. Returns `false` if the compaction was
    /// given up.
    ///
    /// # Errors
    /// The kernel has no memory for it.
    pub(crate) fn copy(&mut self, record: Record) -> io::Result<bool> {
        let Some(next) = &mut self.next else { return Ok(false) };
        next.append(&record.finish()?)?;
        Ok(true)
    }

    /// The next log takes the place of the first if `keep` succeeds. Otherwise both stay and get
    /// every record, because `keep` may have succeeded without an answer.
    ///
    /// # Errors
    /// The errors of `keep`.
    pub(crate) fn swap<E>(&mut self, keep: impl FnOnce(&File) -> Result<(), E>) -> Result<(), E> {
        if let Some(next) = &self.next {
            self.is_uncertain = true;
            keep(&next.file)?;
            self.is_uncertain = false;
        }
        if let Some(next) = self.next.take() {
            (self.base, self.log) = (next.len, next);
        }
        Ok(())
    }
}
