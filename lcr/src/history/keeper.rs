//! The keeper of a history: the journal and the files behind one lock, and what is done where they fail.
//!
//! Invariants:
//! 1. A history that cannot be opened or written never ends the process and never keeps a runtime from starting. It
//!    refuses changes (kind `History`), unless its options allow them unrecorded, and each try opens it once more. One
//!    that can only be read says what serves next, and what there was, all the same.
//! 2. A child of `fork` touches nothing of it: no file, and no lock, which a thread of the parent may have held.
//! 3. The lock is never held while code of a component or of the program runs.
//! 4. What could not be written behind a commit waits, and is written ahead of the next record. What will never fit is
//!    dropped and said, and so are the oldest refusals where too much waits. Nothing else is dropped.

use std::{
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use arc_swap::ArcSwap;

use crate::{
    change::{
        recorder::{reachable, text_of},
        trial::quarantine,
    },
    error::{Error, ErrorKind, Result},
    events::EventKind,
    host::{image::content_hash::ContentHash, service::inner::RuntimeInner},
};

use super::{
    disk::Disk,
    files::Files,
    journal::Journal,
    ledger::{self, Ledger},
    lock::Lock,
    notes::Notes,
    options::Options,
    record::{Beside, Change, Intended, Present, Quarantined, Record},
    retention,
    waiting::{MOST_WAITING, Waiting},
};

/// Keeps the history of one runtime.
pub(super) struct Keeper {
    process: u32,
    pub(super) directory: PathBuf,
    pub(super) disk: Disk,
    pub(super) files: Files,
    /// Never locked, so that a child of `fork` finds them whole.
    options: ArcSwap<Options>,
    open: Mutex<Desk>,
    /// Records that could not be written yet.
    waiting: Waiting,
    /// The generation with which the process began.
    began: AtomicU64,
    runtime: Weak<RuntimeInner>,
}

/// The journal, if it is open, and what is known beside it.
struct Desk {
    state: State,
    notes: Notes,
}

enum State {
    Open {
        journal: Journal,
        _lock: Lock,
    },
    /// It can only be read, because of this.
    Readable {
        journal: Journal,
        why: Error,
    },
    Closed(Error),
    /// The runtime has ended.
    Over,
}

impl Keeper {
    pub(super) fn new(directory: PathBuf, disk: Disk, options: Options, runtime: Weak<RuntimeInner>) -> Keeper {
        let files = Files::of(&directory, disk);
        let closed = State::Closed(Error::new(ErrorKind::History, "the history is not open yet"));
        let desk = Desk { state: closed, notes: Notes::default() };
        let (options, open, waiting) = (ArcSwap::from_pointee(options), Mutex::new(desk), Waiting::default());
        let (process, began) = (process::id(), AtomicU64::new(0));
        Keeper { process, directory, disk, files, options, open, waiting, began, runtime }
    }

    /// The generation with which the process began: that of the reload, or the first one.
    pub(super) fn began(&self) -> u64 {
        self.began.load(Ordering::Relaxed)
    }

    pub(super) fn begins_with(&self, generation: u64) {
        self.began.store(generation, Ordering::Relaxed);
    }

    pub(super) fn options(&self) -> Options {
        Options::clone(&self.options.load())
    }

    pub(super) fn set_options(&self, options: Options) {
        self.options.store(Arc::new(options));
    }

    /// Refuses what a child of `fork` asks for.
    pub(super) fn is_own(&self) -> Result<()> {
        if self.process == process::id() {
            return Ok(());
        }
        let text = "the history belongs to the process that this one was forked from; make a runtime with a history of \
                    its own";
        Err(Error::new(ErrorKind::History, text))
    }

    /// Says what is wrong, to whoever follows the runtime. Not under the lock.
    pub(super) fn report(&self, problem: String) {
        tracing::warn!("the history: {problem}");
        if let Some(runtime) = self.runtime.upgrade() {
            runtime.emit(EventKind::Recorded { problem });
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins: takes the directory, and reads what it comes to. `None` if it could not be opened.
    pub(super) fn begin(&self, linked: Vec<Present>) -> (Result<Ledger>, Vec<String>) {
        let mut notes = Vec::new();
        let mut desk = self.desk();
        desk.notes.linked = linked;
        let ledger = self.open(&mut desk, &mut notes);
        (ledger, notes)
    }

    /// Opens the journal and notes the start of this process, and how the last one ended.
    fn open(&self, desk: &mut Desk, notes: &mut Vec<String>) -> Result<Ledger> {
        let opened = self.try_open(&desk.notes.linked, notes);
        match opened {
            Ok((journal, lock, ledger)) => {
                desk.notes.has_start = true;
                desk.state = State::Open { journal, _lock: lock };
                Ok(ledger)
            }
            Err((error, None)) => {
                desk.state = State::Closed(copy(&error));
                Err(error)
            }
            // What can be read still says what is to serve.
            Err((why, Some((journal, ledger)))) => {
                desk.state = State::Readable { journal, why: copy(&why) };
                Ok(ledger)
            }
        }
    }

    /// Does something with the journal, which is opened if it was not.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Journal, &mut Notes) -> Result<T>) -> Result<T> {
        self.opened(|desk, said| match &mut desk.state {
            State::Open { journal, .. } => {
                self.write_waiting(journal, said).and_then(|()| act(journal, &mut desk.notes))
            }
            State::Readable { why, .. } | State::Closed(why) => Err(copy(why)),
            State::Over => Err(over()),
        })
    }

    /// Reads the journal, also if it can only be read.
    pub(super) fn read<T>(&self, act: impl FnOnce(&Journal, &Notes) -> Result<T>) -> Result<T> {
        self.opened(|desk, said| match &mut desk.state {
            State::Open { journal, .. } => self.write_waiting(journal, said).and_then(|()| act(journal, &desk.notes)),
            State::Readable { journal, .. } => act(journal, &desk.notes),
            State::Closed(why) => Err(copy(why)),
            State::Over => Err(over()),
        })
    }

    /// Does something on the desk, where the journal was opened if it could be.
    fn opened<T>(&self, act: impl FnOnce(&mut Desk, &mut Vec<String>) -> Result<T>) -> Result<T> {
        self.is_own()?;
        let (mut said, mut held) = (Vec::new(), Vec::new());
        let mut desk = self.desk();
        if matches!(desk.state, State::Readable { .. } | State::Closed(_))
            && let Ok(ledger) = self.open(&mut desk, &mut said)
            && matches!(desk.state, State::Open { .. })
        {
            said.extend(ledger.how_the_last_process_ended());
            held = self.held(&ledger);
        }
        let result = act(&mut desk, &mut said);
        drop(desk);
        if let Some(runtime) = self.runtime.upgrade().filter(|_| !held.is_empty()) {
            runtime.put_into_quarantine(held);
        }
        said.into_iter().for_each(|note| self.report(note));
        result
    }

    /// The files that no plan of this process brings back, unless they are released.
    pub(super) fn held(&self, ledger: &Ledger) -> Vec<quarantine::Quarantined> {
        let fatal = ledger.fatal.iter().flat_map(|(_, fatal)| quarantined(fatal));
        let fatal = fatal.map(|file| file.since(SystemTime::now(), FATAL.to_owned()));
        ledger.quarantine.iter().cloned().chain(fatal).filter(|file| !self.waiting.releases(file)).collect()
    }

    /// What is known of this process. The journal may be closed.
    pub(super) fn note<T>(&self, act: impl FnOnce(&mut Notes) -> T) -> T {
        act(&mut self.desk().notes)
    }

    /// Appends a record, or has it wait. Nothing that happened is undone because it could not be written.
    pub(super) fn append_or_wait(&self, record: Record) {
        if self.is_own().is_err() {
            return;
        }
        if self.is_busy() {
            return self.wait(record);
        }
        match self.with(|journal, _| journal.append(record.clone()).map(drop)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Invalid => self.report(never_written(&error)),
            Err(error) => {
                self.wait(record);
                self.report(format!("a record waits to be written: {}", text_of(&error)));
            }
        }
    }

    /// Appends a record whose writer tells what became of it. What cannot be written now waits.
    pub(super) fn append_now(&self, record: Record) -> Result<()> {
        let noted = self.with(|journal, _| journal.append(record.clone()).map(drop));
        if noted.is_err() {
            self.wait(record);
        }
        noted
    }

    /// Whether somebody writes just now. Whoever hangs in a write must not have a refusal or a release hang, too.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.open.try_lock(), Err(TryLockError::WouldBlock))
    }

    pub(super) fn wait(&self, record: Record) {
        if self.waiting.put(record) {
            self.report(format!("more than {MOST_WAITING} records wait to be written, and a refusal is not recorded"));
        }
    }

    fn write_waiting(&self, journal: &mut Journal, said: &mut Vec<String>) -> Result<()> {
        loop {
            let Some(record) = self.waiting.take() else { return Ok(()) };
            match journal.append(record.clone()) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Invalid => said.push(never_written(&error)),
                Err(error) => {
                    self.waiting.put_back(record);
                    return Err(error);
                }
            }
        }
    }

    /// Forgets what is older than the options say, if there is enough of it.
    pub(super) fn retain(&self) {
        let options = self.options();
        let slack = options.keep / 4 + 16;
        let reachable = self.runtime.upgrade().map_or_else(Vec::new, |runtime| reachable(&runtime));
        let result = self.with(|journal, notes| {
            // A transaction has two records and sometimes more. Those of patches are counted for themselves.
            let patches = journal.places().iter().filter(|place| place.is_patch).count();
            let is_long = patches.max(journal.places().len() - patches) > 2 * options.keep.saturating_add(slack);
            if is_long || options.keep_for.is_some() {
                self.forget(journal, &options, reachable.into_iter().chain(notes.keeping.iter().copied()))?;
            }
            Ok(())
        });
        if let Err(error) = result {
            self.report(format!("old records stay: {}", text_of(&error)));
        }
    }

    /// Forgets records, and the files that neither they nor anybody else wants.
    fn forget(
        &self,
        journal: &mut Journal,
        options: &Options,
        wanted: impl Iterator<Item = ContentHash>,
    ) -> Result<()> {
        let ledger = ledger::read(journal)?;
        let stay = retention::stay(journal, &ledger, options.keep, options.keep_for, SystemTime::now())?;
        if stay.len() + 1 < journal.places().len() {
            journal.rewrite(|place| stay.contains(&place.number))?;
            let mut hashes = ledger::hashes(journal)?;
            hashes.extend(wanted);
            self.files.keep_only(&hashes);
        }
        Ok(())
    }

    /// The runtime has ended.
    pub(super) fn end(&self) {
        if self.is_own().is_err() {
            return;
        }
        let options = self.options();
        let end = Record::End { persist: options.persist_on_shutdown, unload: options.unload_on_shutdown };
        if let Err(error) = self.with(|journal, _| journal.append(end).map(drop)) {
            self.report(format!("the end of the process is not recorded: {}", text_of(&error)));
        }
        self.desk().state = State::Over;
    }

    /// Why nothing can be recorded; `None` if records are written.
    pub(super) fn problem(&self) -> Option<Error> {
        if let Err(error) = self.is_own() {
            return Some(error);
        }
        match &self.desk().state {
            State::Open { .. } => None,
            State::Readable { why, .. } | State::Closed(why) => Some(copy(why)),
            State::Over => Some(over()),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.directory
    }
}

fn never_written(error: &Error) -> String {
    format!("a record cannot be written, and is dropped: {}", text_of(error))
}

/// Why a trial without an end is over.
pub(super) const FATAL: &str = "the process ended in the trial";

/// The files of a trial that took its process down.
pub(super) fn quarantined(intended: &Intended) -> Vec<Quarantined> {
    let file = |change: &Change| {
        let (id, hash) = (change.after.clone()?, change.hash?);
        Some(Quarantined { id, hash, whole: Some(Beside::whole(hash, &change.beside)) })
    };
    intended.members.iter().filter_map(file).collect()
}

fn over() -> Error {
    Error::new(ErrorKind::Closed, "the runtime is gone, and its history is closed")
}

/// The same error once more, of the kind that a caller of the history gets.
fn copy(error: &Error) -> Error {
    Error::new(ErrorKind::History, text_of(error))
}
