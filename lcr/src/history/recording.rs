//! The history as the recorder of a runtime's transactions.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    change::{
        recorder::{
            Change, Ended, Ending, First, Intent, Outcome, Present, Recorded, Recorder, Sought, StagedFile, Token,
            text_of,
        },
        trial::quarantine,
    },
    error::{Error, ErrorKind, Result},
    events::CommittedMember,
    host::image::{
        content_hash::ContentHash,
        stage::{KeptFile, Neighbour},
    },
};

use super::{
    digits::to_hex,
    keeper::Keeper,
    line::LONGEST,
    notes::{Running, Set},
    past,
    record::{self, Beside, Committed, Intended, Quarantined, Record, Refusal, Refused, What, Withdrawn},
};

/// The token of a transaction that goes on unrecorded.
const UNRECORDED: Token = Token(0);

/// How much of the longest record is left to what an outcome says besides bindings and configurations.
const MARGIN: usize = 2 << 20;

impl Recorder for Keeper {
    fn note_intent(&self, intent: &Intent) -> Result<Token> {
        // The files stay until the journal names them.
        let noted = self.keep_files(intent).and_then(|_keeping| {
            let intended = intended(intent);
            self.with(|journal, notes| {
                let mut set = notes.set.clone();
                set.change(&intended);
                refuse_too_long(&set)?;
                let generation = intended.generation;
                let (on_trial, is_patch) = (intended.trial.is_some(), intended.is_patch);
                let is_reload = intended.what == What::Reload;
                let number = journal.append(Record::Intent(intended))?;
                let running = Running { generation, set, on_trial, is_reload, is_patch, has_trial_ended: false };
                notes.running.insert(number, running);
                Ok(Token(number))
            })
        });
        noted.or_else(|error| {
            // A start on a full disk brings back what was confirmed, as any other does.
            if self.options().allow_unrecorded || intent.is_reload {
                self.report(format!("a transaction goes on unrecorded: {}", text_of(&error)));
                self.note(|notes| notes.is_reload_unrecorded |= intent.is_reload);
                return Ok(UNRECORDED);
            }
            let text = format!(
                "the plan cannot be recorded, and nothing was changed: {}; mend that, or let the history \
                 allow_unrecorded()",
                text_of(&error)
            );
            Err(Error::new(ErrorKind::History, text))
        })
    }

    fn note_outcome(&self, token: Token, outcome: &Outcome<'_>) {
        if token == UNRECORDED || self.is_own().is_err() {
            return;
        }
        let Token(of) = token;
        let record = match outcome {
            Outcome::Refused(error) => {
                let running = self.note(|notes| notes.running.remove(&of));
                let is_patch = running.is_some_and(|running| running.is_patch);
                Record::Refused(Refused { is_patch, of, error: error.kind(), text: text_of(error) })
            }
            Outcome::Committed(report, present) => {
                // In one step: a trial that ends now is found among those that run, or among those that began.
                let (on_trial, is_patch, set) = self.note(|notes| {
                    let running = notes.running.remove(&of);
                    let on_trial = running.as_ref().is_some_and(|running| running.on_trial);
                    let is_patch = running.as_ref().is_some_and(|running| running.is_patch);
                    if let Some(running) = running {
                        notes.has_committed |= !running.is_reload && !running.is_patch;
                        if on_trial && !running.has_trial_ended {
                            notes.trials.push((report.generation, of));
                        }
                        notes.set = running.set;
                    }
                    (on_trial, is_patch, notes.set.clone())
                });
                let members = report.members.iter().map(CommittedMember::from);
                Record::Committed(Committed {
                    is_patch,
                    of,
                    generation: report.generation,
                    held_us: u64::try_from(report.held.as_micros()).unwrap_or(u64::MAX),
                    total_us: u64::try_from(report.total.as_micros()).unwrap_or(u64::MAX),
                    on_trial,
                    members: members.collect(),
                    present: present.iter().map(record::Present::from).collect(),
                    bindings: set.bindings,
                    configurations: set.configurations,
                })
            }
        };
        self.append_or_wait(record);
        self.retain();
    }

    fn note_refusal(&self, intent: &Intent, error: &Error) {
        let (error, text) = (error.kind(), text_of(error));
        self.append_or_wait(Record::Refusal(Refusal { plan: intended(intent), error, text }));
    }

    fn note_trial_end(&self, end: &Ending) -> Result<()> {
        self.is_own()?;
        let record = self.note(|notes| {
            let at = notes.trials.iter().position(|(generation, _)| *generation == end.generation);
            let of = if let Some(at) = at {
                notes.trials.remove(at).1
            } else {
                // Its outcome is about to be noted: there is one trial at a time.
                let is_its = |running: &Running| running.on_trial && running.generation < end.generation;
                let (of, running) = notes.running.iter_mut().find(|(_, running)| is_its(running))?;
                running.has_trial_ended = true;
                *of
            };
            let quarantined = end.quarantined.iter().map(Quarantined::from);
            let ended = match end.ended {
                Ended::Confirmed => record::End::Confirmed,
                Ended::RolledBack => record::End::RolledBack,
                Ended::Failed => record::End::Failed,
                Ended::Interrupted => record::End::Interrupted,
            };
            Some(Record::TrialEnd(record::TrialEnd {
                of,
                end: ended,
                why: end.why.clone(),
                quarantined: quarantined.collect(),
            }))
        });
        record.map_or(Ok(()), |record| self.append_now(record))
    }

    fn note_quarantined(&self, file: &quarantine::Quarantined) -> Result<()> {
        self.is_own()?;
        self.append_now(Record::Quarantined(Withdrawn { why: file.why.clone(), quarantined: vec![file.into()] }))
    }

    fn note_release(&self, hash: &ContentHash) {
        if self.is_own().is_err() {
            return;
        }
        // First, so that a history which opens just now does not put the file into quarantine once more.
        self.wait(Record::Released { hash: *hash });
        if self.is_busy() {
            return;
        }
        if let Err(error) = self.with(|_, _| Ok(())) {
            self.report(format!("a record waits to be written: {}", text_of(&error)));
        }
    }

    fn began(&self) -> u64 {
        Keeper::began(self)
    }

    fn find(&self, sought: Sought) -> Result<Recorded> {
        let began = Keeper::began(self);
        self.read(|journal, notes| past::find(journal, sought, began, notes))
    }

    fn firsts(&self) -> Result<BTreeMap<String, First>> {
        self.read(|journal, _| past::firsts(journal))
    }

    fn file(&self, present: &Present) -> Result<KeptFile> {
        self.is_own()?;
        self.files.of_component(&present.into())
    }
}

/// Files that are being kept, which no record names yet: retention leaves them alone.
struct Keeping<'a> {
    keeper: &'a Keeper,
    hashes: Vec<ContentHash>,
}

impl Drop for Keeping<'_> {
    fn drop(&mut self) {
        if self.hashes.is_empty() || self.keeper.is_own().is_err() {
            return;
        }
        self.keeper.note(|notes| {
            for hash in &self.hashes {
                // Another transaction may keep the same file.
                if let Some(at) = notes.keeping.iter().position(|kept| kept == hash) {
                    notes.keeping.swap_remove(at);
                }
            }
        });
    }
}

impl Keeper {
    /// Keeps the files of an intent.
    fn keep_files(&self, intent: &Intent) -> Result<Keeping<'_>> {
        let files = intent.members.iter().filter_map(|change| change.file.as_ref());
        let beside = |file: &StagedFile| file.beside.iter().map(|beside| beside.hash).collect::<Vec<_>>();
        let hashes: Vec<ContentHash> = files.flat_map(|file| beside(file).into_iter().chain([file.hash])).collect();
        // It opens the history, if that could not be opened before.
        self.with(|_, notes| {
            notes.keeping.extend(&hashes);
            Ok(())
        })?;
        let keeping = Keeping { keeper: self, hashes };
        for file in intent.members.iter().filter_map(|change| change.file.as_ref()) {
            // The private copy has other names written into it where libraries come with it.
            let from = if file.beside.is_empty() { &file.copy } else { &file.source };
            self.files.keep(&file.hash, from, file.signature.as_deref())?;
            for beside in &file.beside {
                self.files.keep(&beside.hash, &beside.source, beside.signature.as_deref())?;
            }
        }
        Ok(keeping)
    }
}

/// Refuses a plan whose outcome would be too long for a record: an outcome says everything that is set.
fn refuse_too_long(set: &Set) -> Result<()> {
    let len =
        |of: &BTreeMap<String, String>| of.iter().map(|(name, value)| name.len() + value.len() + 8).sum::<usize>();
    let len = len(&set.bindings) + len(&set.configurations);
    if len <= LONGEST - MARGIN {
        return Ok(());
    }
    let text = format!(
        "all bindings and configurations together would come to {len} bytes in the journal, the limit is {}; give \
         components shorter configurations",
        LONGEST - MARGIN
    );
    Err(Error::new(ErrorKind::History, text))
}

fn intended(intent: &Intent) -> Intended {
    let change = |change: &Change| record::Change {
        before: change.before.clone(),
        after: change.after.clone(),
        hash: change.file.as_ref().map(|file| file.hash),
        source: change.file.as_ref().map(|file| &file.source).or(change.unread.as_ref()).cloned(),
        replaces: change.replaces,
        beside: change.file.as_ref().map_or_else(Vec::new, |file| Beside::all(&file.beside)),
    };
    let configurations = intent.configurations.iter().map(|(name, bytes)| (name.clone(), bytes.as_deref().map(to_hex)));
    Intended {
        is_patch: intent.is_patch,
        by: intent.actor.clone(),
        reason: intent.reason.clone(),
        what: match (intent.is_reload, intent.is_rollback) {
            (true, _) => What::Reload,
            (_, true) => What::Rollback,
            _ => What::Plan,
        },
        generation: intent.generation,
        members: intent.members.iter().map(change).collect(),
        bindings: intent.bindings.clone(),
        configurations: configurations.collect(),
        override_protected: intent.override_protected,
        trial: intent.trial.clone(),
    }
}

impl From<record::Present> for Present {
    fn from(present: record::Present) -> Present {
        // Where the files are, and how they are signed, says whoever brings them.
        let record::Present { id, hash, source, beside, patches } = present;
        let beside = beside.into_iter().map(|Beside { names, hash }| Neighbour {
            names,
            hash,
            source: PathBuf::new(),
            signature: None,
        });
        Present { id, hash, source, beside: beside.collect(), patches }
    }
}

impl From<&Present> for record::Present {
    fn from(present: &Present) -> record::Present {
        record::Present {
            id: present.id.clone(),
            hash: present.hash,
            source: present.source.clone(),
            beside: Beside::all(&present.beside),
            patches: present.patches.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_whose_outcome_would_be_too_long_is_refused() {
        let mut set = Set::default();
        set.configurations.insert("a".to_owned(), "0".repeat(LONGEST - MARGIN - 100));
        refuse_too_long(&set).unwrap();
        set.configurations.insert("b".to_owned(), "0".repeat(100));
        let error = refuse_too_long(&set).unwrap_err();
        assert!(error.kind() == ErrorKind::History && error.to_string().contains("shorter configurations"), "{error}");
    }
}
