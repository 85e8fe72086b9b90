//! The history as the recorder of a runtime's transactions.

use crate::{
    change::recorder::{Change, Ended, Ending, Intent, Outcome, Present, Recorder, Token, text_of},
    error::{Error, ErrorKind, Result},
    events::CommittedMember,
    host::image::content_hash::ContentHash,
};

use super::{
    keeper::{Keeper, Running},
    record::{self, Committed, Intended, Quarantined, Record, Refusal, Refused, What, to_hex},
};

/// The token of a transaction that goes on unrecorded.
const UNRECORDED: Token = Token(0);

impl Recorder for Keeper {
    fn note_intent(&self, intent: &Intent) -> Result<Token> {
        let noted = self.keep_files(intent).and_then(|()| {
            let intended = intended(intent);
            self.with(|journal, notes| {
                let mut set = notes.set.clone();
                set.change(&intended);
                let (on_trial, is_reload) = (intended.trial.is_some(), intended.what == What::Reload);
                let number = journal.append(Record::Intent(intended))?;
                notes.running = Some(Running { number, set, on_trial, is_reload, has_trial_ended: false });
                Ok(Token(number))
            })
        });
        noted.or_else(|error| {
            // A start on a full disk brings back what was confirmed, as any other does.
            if self.options().allow_unrecorded || intent.is_reload {
                self.report(format!("a transaction goes on unrecorded: {}", text_of(&error)));
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
        let running = self.is_own().ok().and_then(|()| self.note(|notes| notes.running.take()));
        if token == UNRECORDED {
            return;
        }
        let Token(of) = token;
        let record = match outcome {
            Outcome::Refused(error) => Record::Refused(Refused { of, error: error.kind(), text: text_of(error) }),
            Outcome::Committed(report, present) => {
                let running = running.filter(|running| running.number == of);
                let on_trial = running.as_ref().is_some_and(|running| running.on_trial);
                let set = self.note(|notes| {
                    if let Some(running) = running {
                        notes.has_committed |= !running.is_reload;
                        if on_trial && !running.has_trial_ended {
                            notes.trials.push((report.generation, of));
                        }
                        notes.set = running.set;
                    }
                    notes.set.clone()
                });
                let members = report.members.iter().map(CommittedMember::from);
                Record::Committed(Committed {
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
        let record = self.note(|notes| {
            let at = notes.trials.iter().position(|(generation, _)| *generation == end.generation);
            let of = match (at, &mut notes.running) {
                (Some(at), _) => notes.trials.remove(at).1,
                // Its outcome is about to be noted: there is one trial at a time.
                (None, Some(running)) if running.on_trial => {
                    running.has_trial_ended = true;
                    running.number
                }
                (None, _) => return None,
            };
            let quarantined = end.quarantined.iter().map(|(id, hash)| Quarantined { id: id.clone(), hash: *hash });
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
        let Some(record) = record else { return Ok(()) };
        let noted = self.with(|journal, _| journal.append(record.clone()).map(drop));
        if noted.is_err() {
            self.wait(record);
        }
        noted
    }

    fn note_release(&self, hash: &ContentHash) {
        self.append_or_wait(Record::Released { hash: *hash });
    }
}

impl Keeper {
    /// Keeps the files of an intent.
    fn keep_files(&self, intent: &Intent) -> Result<()> {
        // It opens the history, if that could not be opened before.
        self.with(|_, _| Ok(()))?;
        for file in intent.members.iter().filter_map(|change| change.file.as_ref()) {
            // The private copy has other names written into it where libraries come with it.
            let from = if file.beside.is_empty() { &file.copy } else { &file.source };
            self.files.keep(&file.hash, from, file.signature.as_deref())?;
        }
        Ok(())
    }
}

fn intended(intent: &Intent) -> Intended {
    let change = |change: &Change| record::Change {
        before: change.before.clone(),
        after: change.after.clone(),
        hash: change.file.as_ref().map(|file| file.hash),
        source: change.file.as_ref().map(|file| file.source.clone()),
    };
    let configurations = intent.configurations.iter().map(|(name, bytes)| (name.clone(), bytes.as_deref().map(to_hex)));
    Intended {
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

impl From<&Present> for record::Present {
    fn from(present: &Present) -> record::Present {
        record::Present { id: present.id.clone(), hash: present.hash, source: present.source.clone() }
    }
}
