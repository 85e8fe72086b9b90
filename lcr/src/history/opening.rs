//! How a history is opened: the directory is taken, the journal read, and the start of the process noted.
//!
//! A directory in which this process cannot write, because the disk is read-only or the directory is another user's, is
//! opened for reading if no other process has it: what was confirmed last serves as ever, and what there was can be
//! looked at. Nothing is recorded then, which every plan is told. Each plan tries to open it once more.

use std::io;

use crate::{
    Actor,
    change::recorder::text_of,
    error::{Error, ErrorKind, Result},
};

use super::{
    journal::Journal,
    keeper::{FATAL, Keeper, quarantined},
    ledger::{self, LOST, Ledger},
    lock::Lock,
    options::others_may_write,
    record::{End, Present, Record, Refused, Start, TrialEnd},
};

/// Why nothing can be recorded, and what can be read all the same.
pub(super) type Unrecorded = (Error, Option<(Journal, Ledger)>);

impl Start {
    /// A start of a process with this version of lcr.
    pub(super) fn new(by: Actor, linked: Vec<Present>) -> Start {
        Start { by, linked, lcr: Some(env!("CARGO_PKG_VERSION").to_owned()) }
    }
}

impl Keeper {
    #[allow(clippy::result_large_err, reason = "once a process")]
    pub(super) fn try_open(
        &self,
        linked: &[Present],
        notes: &mut Vec<String>,
    ) -> Result<(Journal, Lock, Ledger), Unrecorded> {
        let unread = |error: Error| (error, None);
        let failed = |error| Error::io(format!("make the directory {}", self.directory.display()), error);
        self.disk.make_directory(&self.directory).map_err(|error| unread(failed(error)))?;
        if others_may_write(&self.directory).map_err(|error| unread(failed(error)))? {
            let text = format!(
                "other users may write to {}, and what is there becomes part of this process; chmod 700 it, and \
                 chown it",
                self.directory.display()
            );
            return Err(unread(Error::new(ErrorKind::History, text)));
        }
        let lock = match Lock::take(&self.directory, self.disk) {
            Err(error) if is_read_only(&error) => return Err(self.open_to_read(error)),
            taken => taken.map_err(unread)?,
        };
        let program = Actor::this_process().program;
        let mut journal = match Journal::open(&self.directory, self.disk, &program) {
            Err(error) if is_read_only(&error) => {
                drop(lock);
                return Err(self.open_to_read(error));
            }
            opened => opened.map_err(unread)?,
        };
        if journal.cut > 0 {
            notes.push(format!(
                "the last {} bytes of the journal were an incomplete record, which a crash left, and are cut",
                journal.cut
            ));
        }
        let ledger = ledger::read(&journal).map_err(unread)?;
        self.files.remove_rest();
        let noted = note_last(&mut journal, &ledger)
            .and_then(|()| journal.append(Record::Start(Start::new(Actor::this_process(), linked.to_vec()))).map(drop));
        match noted {
            Ok(()) => Ok((journal, lock, ledger)),
            Err(error) => Err((error, Some((journal, ledger)))),
        }
    }

    /// Opens a directory for reading in which this process cannot write, as `error` says: on a disk that is read-only.
    fn open_to_read(&self, error: Error) -> Unrecorded {
        let read = || -> Result<_> {
            Lock::is_free(&self.directory)?;
            let journal = Journal::open_to_read(&self.directory, self.disk)?;
            let ledger = ledger::read(&journal)?;
            Ok((journal, ledger))
        };
        match read() {
            Ok(found) => {
                let text = format!(
                    "{} can only be read, so that nothing is recorded: {}",
                    self.directory.display(),
                    text_of(&error)
                );
                (Error::new(ErrorKind::History, text), Some(found))
            }
            // Why nothing can be written says more than why there is nothing to read.
            Err(unread) if unread.kind() == ErrorKind::Io => (error, None),
            Err(unread) => (unread, None),
        }
    }
}

/// Notes how the last process ended, as far as it could not do so itself.
fn note_last(journal: &mut Journal, ledger: &Ledger) -> Result<()> {
    if let Some((of, intended)) = &ledger.unfinished {
        let (error, text) = (ErrorKind::Internal, LOST.to_owned());
        journal.append(Record::Refused(Refused { is_patch: intended.is_patch, of: *of, error, text }))?;
    }
    if let Some((of, intended)) = &ledger.fatal {
        let (of, quarantined) = (*of, quarantined(intended));
        let end = TrialEnd { of, end: End::Fatal, why: FATAL.to_owned(), quarantined };
        journal.append(Record::TrialEnd(end))?;
    }
    Ok(())
}

/// Whether an error says that this process cannot write there at all, now or later.
fn is_read_only(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    let read_only = [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem];
    cause.is_some_and(|cause| read_only.contains(&cause.kind()))
}
