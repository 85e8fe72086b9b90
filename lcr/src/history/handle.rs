//! The handle on a history that is kept: options, entries, export, verification, reload.

use std::{fmt, io::Write, path::Path, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    Runtime,
    change::{differences::Back, recorder::present, report::Report},
    error::{Error, ErrorKind, Result},
    host::service::inner::RuntimeInner,
};

use super::{
    entry::{self, Entry},
    keeper::Keeper,
    ledger,
    options::Options,
    record::{Present, Record},
    reload::{Reloaded, reload},
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
    /// `History`: the directory belongs to another process, the journal is damaged, the disk refused the last try to
    /// open it, or it can only be read. The next plan tries again.
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
        self.keeper.read(|journal, _| entry::read(journal, most))
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
        let (records, hashes) = self.keeper.read(|journal, _| {
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
    /// Goes back to what an entry had put in place, of this process or of an earlier one:
    /// `plan().rollback(Back::Entry(number)).reason(reason).commit()`. See
    /// [`PlanBuilder::rollback`](crate::PlanBuilder::rollback).
    ///
    /// # Errors
    /// As for [`PlanBuilder::rollback`](crate::PlanBuilder::rollback) and [`Plan::commit`](crate::Plan::commit);
    /// `Closed` if the runtime has ended.
    pub fn rollback(&self, number: u64, reason: impl Into<String>) -> Result<Report> {
        let runtime = Runtime::lent(Arc::clone(&self.inner));
        runtime.plan().rollback(Back::Entry(number)).reason(reason).commit()
    }
}

impl fmt::Debug for OpenHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenHistory").field("directory", &self.directory()).finish_non_exhaustive()
    }
}
