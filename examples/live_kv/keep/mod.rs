//! Keeping the map for the next instance of this process.
//!
//! [`Keeper`] stands between the server and the command layer. Before a write's reply
//! goes out, the journal ([`journal`]) has the keys that the write touched, each with its present
//! value. The next instance applies the journal's [`record`]s before it serves.
//!
//! Invariants
//! 1. The journal's order is the engine's. A request that may write runs alone: nothing
//!    else is executed between its execution and the end of its record.
//! 2. What a client has seen is in the journal, be it another client's write: requests that
//!    read share the same lock, so none runs between a write and its record.
//! 3. A record is whole or absent, and so is everything that one request does to several keys.
//! 4. The next instance has all of an unanswered request's effects, or none.
//!
//! The journal lies in the memory of the kernel: see [`journal`].

mod journal;
mod record;

use std::{
    fs::File,
    io,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use kv::{Answer, CommandError, Commands, Engine, EngineError, Touched};

use journal::{Journal, Log};
use record::Record;

/// Entries that a compaction copies at a time, which is how long it holds requests up.
const PAGE: u64 = 256;

/// A command layer that keeps its writes.
pub(crate) struct Keeper {
    /// The name under which the supervisor keeps the journal.
    name: &'static str,
    commands: Arc<dyn Commands>,
    engine: Arc<dyn Engine>,
    journal: RwLock<Journal>,
}

/// The records and keys that an instance restored at its start.
pub(crate) struct Restored {
    /// Records of the journal that it applied.
    pub(crate) records: u64,
    /// Keys after that.
    pub(crate) keys: u64,
}

impl Keeper {
    /// Restores what the supervisor keeps under `name`, or begins to keep it.
    ///
    /// # Errors
    /// The supervisor or the kernel refuses, or the engine does.
    pub(crate) fn open(
        name: &'static str,
        commands: Arc<dyn Commands>,
        engine: Arc<dyn Engine>,
    ) -> Result<(Keeper, Restored), Box<dyn std::error::Error>> {
        let (log, records) = match sam::app().take_fd(name)? {
            Some(fd) => Log::replay(File::from(fd), &*engine)?,
            None => {
                let log = Log::new()?;
                sam::app().keep_fd(name, &log.file)?;
                (log, 0)
            }
        };
        let restored = Restored { records, keys: engine.count()? };
        Ok((Keeper { name, commands, engine, journal: RwLock::new(Journal::over(log)) }, restored))
    }

    /// The length of the journal in bytes.
    pub(crate) fn journal_len(&self) -> u64 {
        self.read().len()
    }

    /// Writes a shorter journal if the journal has grown much beyond the map. Requests wait for
    /// one page at a time; in between this calls `alive`.
    ///
    /// From its beginning the new journal gets every record, and it gets a copy of every entry.
    /// If an entry changes before its page is copied, the copy has the change; if it changes later,
    /// its record follows the copy. The new journal takes the place of the old one when it is whole.
    ///
    /// # Errors
    /// The kernel has no memory, the engine fails, or the supervisor does not answer. The
    /// old journal then goes on.
    pub(crate) fn compact_if_due(&self, mut alive: impl FnMut()) -> Result<bool, Box<dyn std::error::Error>> {
        if !self.read().is_due() {
            return Ok(false);
        }
        let mut cursor = 0;
        let mut copying = self.write().begin()?;
        while copying {
            let mut journal = self.write();
            let page = self.engine.scan(cursor, PAGE)?;
            let keys: Vec<&[u8]> = page.keys.iter().map(Vec::as_slice).collect();
            // A record without entries would remove them all.
            if !keys.is_empty() && !journal.copy(self.record(&keys)?)? {
                return Ok(false);
            }
            drop(journal);
            alive();
            cursor = page.next;
            copying = cursor != 0;
        }
        self.write().swap(|file| sam::app().keep_fd(self.name, file))?;
        Ok(true)
    }

    /// A record of the present values of these keys.
    fn record(&self, keys: &[&[u8]]) -> Result<Record, EngineError> {
        let mut record = Record::new();
        for (key, value) in keys.iter().zip(self.engine.get_many(keys.to_vec())?) {
            record.add(key, value.as_deref());
        }
        Ok(record)
    }

    fn note(&self, journal: &mut Journal, words: &[&[u8]], touched: &Touched) -> io::Result<()> {
        let record = match touched {
            Touched::Nothing => return Ok(()),
            Touched::Everything => Record::new(),
            Touched::Words { .. } => {
                let keys = touched.keys(words);
                if keys.is_empty() {
                    return Ok(());
                }
                self.record(&keys).map_err(io::Error::other)?
            }
        };
        journal.write(record)
    }

    /// A panic of a thread that holds the lock leaves a journal whose records are whole.
    fn read(&self) -> RwLockReadGuard<'_, Journal> {
        self.journal.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Journal> {
        self.journal.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Commands for Keeper {
    fn execute(&self, words: Vec<&[u8]>) -> Result<Answer, CommandError> {
        let may_write = words.first().is_none_or(|name| self.may_write(name).unwrap_or(true));
        if !may_write {
            let shared = self.read();
            let answer = self.commands.execute(words.clone())?;
            if answer.touched == Touched::Nothing {
                return Ok(answer);
            }
            // The command layer was replaced in between, by one to which the name means
            // more. What the record says is true at its time, so its order is right, too.
            drop(shared);
            return self.kept(&mut self.write(), &words, answer);
        }
        let mut alone = self.write();
        let answer = self.commands.execute(words.clone())?;
        self.kept(&mut alone, &words, answer)
    }

    fn may_write(&self, name: &[u8]) -> Result<bool, CommandError> {
        self.commands.may_write(name)
    }
}

impl Keeper {
    /// The answer, once the journal has what the answer says. If the journal cannot be written, the
    /// map would be lost with this instance, so the instance asks for its end.
    fn kept(&self, journal: &mut Journal, words: &[&[u8]], answer: Answer) -> Result<Answer, CommandError> {
        match self.note(journal, words, &answer.touched) {
            Ok(()) => Ok(answer),
            Err(error) => {
                sam::app().mark_failed();
                Err(CommandError { why: format!("the write could not be kept: {error}") })
            }
        }
    }
}
