//! The handle on a history that is kept: options, entries, export, verification, reload.

use std::{fmt, io::Write, path::Path, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    change::{
        recorder::present,
        report::Report,
        restore::{Restore, restore},
    },
    error::{Error, ErrorKind, Result},
    host::service::inner::RuntimeInner,
};

use super::{
    entry::{self, Entry},
    keeper::Keeper,
    ledger::{self, steps},
    options::Options,
    record::{Present, Record},
    reload::{Reloaded, plan, reload},
};

/// The history that a runtime keeps. [`Runtime::history`](crate::Runtime::history) returns it.
///
/// Every method may be called from any thread and blocks on the disk, and while a record is written.
#[derive(Clone)]
pub struct OpenHistory {
    pub(super) keeper: Arc<Keeper>,
    pub(super) inner: Arc<RuntimeInner>,
    pub(super) reloaded: Arc<ArcSwap<Reloaded>>,
}

/// What [`OpenHistory::verify`] has found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// How many records the journal has, all of them whole.
    pub records: usize,
    /// How many files there are.
    pub files: usize,
    /// The files that are missing or damaged, each with what was found.
    pub bad_files: Vec<String>,
}

impl OpenHistory {
    /// The directory.
    pub fn directory(&self) -> &Path {
        self.keeper.path()
    }

    /// Why nothing is recorded now; `Ok` if records are written.
    ///
    /// # Errors
    /// `History`: the directory belongs to another process, the journal is damaged, or the disk refused the last try to
    /// open it. The next plan tries again.
    pub fn state(&self) -> Result<()> {
        self.keeper.problem().map_or(Ok(()), Err)
    }

    /// What came of the start.
    pub fn reloaded(&self) -> Reloaded {
        Reloaded::clone(&self.reloaded.load())
    }

    /// The options.
    pub fn options(&self) -> Options {
        self.keeper.options()
    }

    /// Changes the options, for this process. What is older than they say is forgotten at once. A changed
    /// `reload_on_start` is recorded, for the next process whose own options leave it open.
    ///
    /// # Errors
    /// `History` or `Io` if the change of `reload_on_start` could not be recorded; the options are changed.
    pub fn change(&self, change: impl FnOnce(&mut Options)) -> Result<()> {
        let before = self.keeper.options();
        let mut options = before.clone();
        change(&mut options);
        options.keep = options.keep.max(1);
        let reload = options.reload_on_start.filter(|_| options.reload_on_start != before.reload_on_start);
        self.keeper.set_options(options);
        if let Some(reload_on_start) = reload {
            self.keeper.with(|journal, _| journal.append(Record::Options { reload_on_start }).map(drop))?;
        }
        self.keeper.retain();
        Ok(())
    }

    /// The last `most` entries, oldest first.
    ///
    /// # Errors
    /// `History` or `Io` if the journal cannot be read.
    pub fn entries(&self, most: usize) -> Result<Vec<Entry>> {
        self.keeper.with(|journal, _| entry::read(journal, most))
    }

    /// Writes all entries as a JSON array, oldest first, one on each line.
    ///
    /// # Errors
    /// As for [`entries`](OpenHistory::entries); `Io` from `to`.
    pub fn export(&self, mut to: impl Write) -> Result<()> {
        let entries = self.entries(usize::MAX)?;
        let failed = |error| Error::io("write the history", error);
        to.write_all(b"[").map_err(failed)?;
        for (at, entry) in entries.iter().enumerate() {
            to.write_all(if at == 0 { b"\n" } else { b",\n" }).map_err(failed)?;
            serde_json::to_writer(&mut to, entry).map_err(|error| failed(error.into()))?;
        }
        to.write_all(b"\n]\n").map_err(failed)
    }

    /// Reads the journal and every file once more, and says what is damaged.
    ///
    /// # Errors
    /// `History` or `Io` if the journal itself is damaged or cannot be read.
    pub fn verify(&self) -> Result<Verified> {
        let (records, hashes) = self.keeper.with(|journal, _| {
            journal.verify()?;
            Ok((journal.places().len(), ledger::hashes(journal)?))
        })?;
        let bad = hashes.iter().filter_map(|hash| self.keeper.files.verified(hash).err());
        let mut bad_files: Vec<String> = bad.map(|error| error.to_string()).collect();
        bad_files.sort();
        Ok(Verified { records, files: self.keeper.files.count(), bad_files })
    }

    /// Brings back what was confirmed last, where the start did not: because it was not asked to, or because of what
    /// has been mended since.
    ///
    /// # Errors
    /// `Invalid` if this process has committed a plan already: what that put in place is not overwritten. `History` if
    /// the journal cannot be read.
    pub fn reload(&self) -> Result<Reloaded> {
        let (mut ledger, linked) = self.keeper.with(|journal, notes| {
            if notes.has_committed {
                let text = "this process has committed a plan since it began, which a reload would overwrite; roll \
                            back to what you want instead";
                return Err(Error::new(ErrorKind::Invalid, text));
            }
            Ok((ledger::read(journal)?, notes.linked.clone()))
        })?;
        let now: Vec<Present> = present(&self.inner).iter().map(Present::from).collect();
        if now != linked {
            let text = "what is present is not what this process began with, and a reload would overwrite it";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        // It is asked for.
        ledger.lost_reloads = 0;
        let reloaded = reload(&self.keeper, &self.inner, &ledger, &now);
        self.reloaded.store(Arc::new(reloaded.clone()));
        Ok(reloaded)
    }
}

impl OpenHistory {
    /// Goes back to what was present behind the commit of an entry, of this process or of an earlier one: each
    /// component comes from the file that the history has kept, in one transaction, with the bindings and
    /// configurations of then.
    /// It is an entry of its own. A component that was linked into the program comes from no file:
    /// [`Runtime::rollback`](crate::Runtime::rollback) has it, if this process replaced it.
    ///
    /// # Errors
    /// `NotFound` if no entry of that number was committed, or it is forgotten; `Invalid` if nothing differs, or a
    /// linked component would have to come back; `History` if a file is missing or damaged; as for
    /// [`Plan::commit`](crate::Plan::commit).
    pub fn rollback(&self, number: u64, reason: impl Into<String>) -> Result<Report> {
        let committed = self.keeper.with(|journal, _| ledger::committed(journal, number))?;
        let committed = committed.ok_or_else(|| {
            let text = format!("the history has no commit of entry {number}; OpenHistory::entries lists what it has");
            Error::new(ErrorKind::NotFound, text)
        })?;
        let now: Vec<Present> = present(&self.inner).iter().map(Present::from).collect();
        let steps = steps(&committed.present, &now, &now);
        if let [first, ..] = &steps.linked[..] {
            let text = format!(
                "component `{first}` was linked into the program, and no file brings it back; Runtime::rollback does, \
                 if this process has replaced it"
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        if steps.replace.is_empty() && steps.add.is_empty() && steps.remove.is_empty() {
            let text = format!("what entry {number} put in place is present; nothing to go back to");
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let plan = plan(&self.keeper, reason.into(), &steps, &committed)?;
        restore(&self.inner, Restore { is_rollback: true, ..plan })
    }
}

impl fmt::Debug for OpenHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenHistory").field("directory", &self.directory()).finish_non_exhaustive()
    }
}
