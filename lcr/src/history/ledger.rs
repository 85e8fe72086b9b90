//! What a journal comes to: which components the next process is to have, and why.
//!
//! This is a pure function of the records. It goes back from the last one:
//!
//! | it meets | then |
//! |---|---|
//! | a commit that was not on trial, or whose trial was confirmed | that is what serves next |
//! | a commit whose trial was rolled back or failed | it does not count; go further back |
//! | a commit whose trial has no end | the trial took the process down: its files are in quarantine; go further back |
//! | a commit of a patch of the program | it changed no component, so it says nothing; go further back |
//! | an intent without an outcome | the process ended before it could say; go further back |
//! | an end with `persist: false` | what that process committed does not count |
//! | an end with `unload: true` | nothing: the next process has what is linked |
//!
//! What serves next may have been committed while other components were on trial, or while their trial was rolled back:
//! [`unconfirmed`] takes back what was never confirmed.
//!
//! Records are ordered by their numbers, never by their times.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{change::trial::quarantine, error::Result, host::image::content_hash::ContentHash};

use super::{
    journal::{Journal, Place},
    kind::Kind,
    record::{Beside, Committed, End, Intended, Numbered, Present, Record, Start, TrialEnd, What, Withdrawn},
    unconfirmed::{self, Settled},
};

/// What the next process is to have.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The last confirmed commit, with its number; `None` if nothing was, or it was given back.
    pub(super) confirmed: Option<(u64, Committed)>,
    /// The numbers of the records that this was read from besides, and of the intents of those that are on trial.
    pub(super) read: Vec<u64>,
    /// What was linked into the program that made that commit.
    pub(super) linked: Vec<Present>,
    /// The intent whose trial took its process down.
    pub(super) fatal: Option<(u64, Intended)>,
    /// The last intent, if it has no outcome.
    pub(super) unfinished: Option<(u64, Intended)>,
    /// How many reloads at the end of the journal did not get to their outcome.
    pub(super) lost_reloads: u32,
    /// The files that may not be loaded.
    pub(super) quarantine: Vec<quarantine::Quarantined>,
    /// Whether the last process that said so wants the next one to reload.
    pub(super) reload_on_start: Option<bool>,
}

impl Ledger {
    /// How the last process ended, if it was not in order.
    pub(super) fn how_the_last_process_ended(&self) -> Option<String> {
        if let Some((number, fatal)) = &self.fatal {
            let names: Vec<String> =
                fatal.members.iter().flat_map(|change| &change.after).map(ToString::to_string).collect();
            return Some(format!(
                "the last process ended in the trial of {} (record {number}): the versions before it serve, and its \
                 files are in quarantine",
                names.join(", ")
            ));
        }
        self.unfinished.as_ref().map(|(number, _)| {
            format!(
                "the last process ended in a transaction (record {number}), of which nothing serves: what was \
                 confirmed before it does"
            )
        })
    }
}

/// How many reloads in a row may take their process down before the next one goes without.
pub(super) const MOST_LOST_RELOADS: u32 = 3;

/// Reads what a journal comes to.
pub(super) fn read(journal: &Journal) -> Result<Ledger> {
    read_first(journal, journal.places())
}

/// Reads what these first records of a journal come to. What is in quarantine, and how trials ended, is that of all.
pub(super) fn read_first(journal: &Journal, places: &[Place]) -> Result<Ledger> {
    let mut ledger = Ledger { quarantine: quarantine(journal)?, ..Ledger::default() };
    let ends = trial_ends(journal)?;
    let last_outcome = places.iter().rposition(|place| matches!(place.kind, Kind::Committed | Kind::Refused));
    let last_intent = places.iter().rposition(|place| place.kind == Kind::Intent);
    if let Some(intent) = last_intent.filter(|&intent| last_outcome.is_none_or(|outcome| outcome < intent)) {
        ledger.unfinished = intended(journal, &places[intent])?.map(|found| (places[intent].number, found));
    }
    ledger.lost_reloads = lost_reloads(journal)?;
    if let Some((number, intent)) = ledger.unfinished.as_ref().filter(|(_, intent)| intent.trial.is_some()) {
        // It may have been committed, and have taken its process down before that was written.
        ledger.fatal = Some((*number, intent.clone()));
    }
    let (mut counts, mut ended) = (true, false);
    let mut found = None;
    for (at, place) in places.iter().enumerate().rev() {
        match place.kind {
            Kind::Options if ledger.reload_on_start.is_none() => {
                if let Record::Options { reload_on_start } = journal.read(place)?.record {
                    ledger.reload_on_start = Some(reload_on_start);
                }
            }
            _ if found.is_some() => {}
            Kind::End => {
                if let Record::End { persist, unload } = journal.read(place)?.record {
                    (counts, ended) = (persist, true);
                    if unload {
                        found = Some(None);
                    }
                }
            }
            Kind::Start => (counts, ended) = (true, false),
            // What is present behind it may be less than was confirmed: that of a process that did not reload.
            Kind::Committed if counts && !place.is_patch => {
                let Record::Committed(committed) = journal.read(place)?.record else { continue };
                let end = ends.get(&committed.of).map(|end| end.end);
                let mut open = Some(committed.of).filter(|_| end.is_none());
                if !committed.on_trial || end == Some(End::Confirmed) {
                    let settled = unconfirmed::settle(journal, &places[..at], &ends, committed)?;
                    // Without it, what was confirmed before the trial is known for certain.
                    let Some(Settled { committed, read, open: trial }) = settled else { continue };
                    (open, ledger.read) = (trial, read);
                    found = Some(Some((at, committed)));
                }
                // A process that ended in order was not taken down.
                if let Some(of) = open.filter(|_| ledger.fatal.is_none() && !ended) {
                    let intent = places[..at].iter().rfind(|place| place.number == of);
                    let intent = intent.map(|intent| intended(journal, intent)).transpose()?.flatten();
                    ledger.fatal = intent.map(|intent| (of, intent));
                }
            }
            _ => {}
        }
    }
    if let Some(Some((at, committed))) = found {
        let start = places[..at].iter().rfind(|place| place.kind == Kind::Start);
        if let Some(Record::Start(Start { linked, .. })) =
            start.map(|start| journal.read(start)).transpose()?.map(|start| start.record)
        {
            ledger.linked = linked;
        }
        ledger.confirmed = Some((places[at].number, committed));
    }
    Ok(ledger)
}

fn intended(journal: &Journal, place: &Place) -> Result<Option<Intended>> {
    Ok(match journal.read(place)?.record {
        Record::Intent(intended) => Some(intended),
        _ => None,
    })
}

/// The ends of trials, by the number of the intent.
pub(super) fn trial_ends(journal: &Journal) -> Result<HashMap<u64, TrialEnd>> {
    let mut ends = HashMap::new();
    for place in journal.places().iter().filter(|place| place.kind == Kind::TrialEnd) {
        if let Record::TrialEnd(end) = journal.read(place)?.record {
            ends.insert(end.of, end);
        }
    }
    Ok(ends)
}

/// The files that failed a trial, or as a canary, and were not released since.
fn quarantine(journal: &Journal) -> Result<Vec<quarantine::Quarantined>> {
    let mut quarantined: Vec<quarantine::Quarantined> = Vec::new();
    let is_about = |place: &&Place| matches!(place.kind, Kind::TrialEnd | Kind::Quarantined | Kind::Released);
    for place in journal.places().iter().filter(is_about) {
        let Numbered { at, record, .. } = journal.read(place)?;
        let (why, files) = match record {
            Record::TrialEnd(TrialEnd { why, quarantined, .. }) => (why, quarantined),
            Record::Quarantined(Withdrawn { why, quarantined }) => (why, quarantined),
            Record::Released { hash } => {
                quarantined.retain(|file| !file.has(&hash));
                continue;
            }
            _ => continue,
        };
        let known: HashSet<_> = quarantined.iter().map(|file| (file.hash, file.whole)).collect();
        let files = files.into_iter().filter(|file| !known.contains(&(file.hash, file.whole)));
        quarantined.extend(files.map(|file| file.since(at, why.clone())));
    }
    Ok(quarantined)
}

/// How many reloads at the end of the journal have no outcome.
fn lost_reloads(journal: &Journal) -> Result<u32> {
    let mut lost = 0;
    // A program that patches at its start does so without a reload, too, which is none that did well.
    for place in journal.places().iter().rev().filter(|place| !place.is_patch) {
        match place.kind {
            Kind::Intent => match journal.read(place)?.record {
                Record::Intent(Intended { what: What::Reload, .. }) => lost += 1,
                _ => return Ok(lost),
            },
            Kind::Refused => {
                // That of a reload without an outcome, which the next process has noted.
                let Record::Refused(refused) = journal.read(place)?.record else { return Ok(lost) };
                if refused.text != LOST {
                    return Ok(lost);
                }
            }
            Kind::Committed | Kind::End => return Ok(lost),
            _ => {}
        }
    }
    Ok(lost)
}

/// What the next process notes of an intent without an outcome.
pub(super) const LOST: &str = "its process ended before it was committed";

/// The hashes that the records of a journal name.
pub(super) fn hashes(journal: &Journal) -> Result<HashSet<ContentHash>> {
    let mut hashes = HashSet::new();
    for place in journal.places() {
        match journal.read(place)?.record {
            Record::Committed(committed) => {
                hashes.extend(committed.present.iter().flat_map(|one| of_file(one.hash, &one.beside)));
            }
            Record::Intent(intended) => {
                hashes.extend(intended.members.iter().flat_map(|change| of_file(change.hash, &change.beside)));
            }
            _ => {}
        }
    }
    Ok(hashes)
}

fn of_file(hash: Option<ContentHash>, beside: &[Beside]) -> impl Iterator<Item = ContentHash> {
    hash.into_iter().chain(beside.iter().map(|beside| beside.hash))
}

/// The commit of an intent; `None` if it has none.
pub(super) fn committed(journal: &Journal, number: u64) -> Result<Option<Committed>> {
    let later = journal.places().iter().filter(|place| place.kind == Kind::Committed && place.number > number);
    for place in later {
        match journal.read(place)?.record {
            Record::Committed(committed) if committed.of == number => return Ok(Some(committed)),
            _ => {}
        }
    }
    Ok(None)
}

/// What is to be done to a program with certain linked components, so that it has what was confirmed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// Files to put in the place of linked components of these names.
    pub(super) replace: Vec<Present>,
    /// Files to add.
    pub(super) add: Vec<Present>,
    /// Linked components to remove.
    pub(super) remove: Vec<String>,
    /// What stays other than it was, and why.
    pub(super) notes: Vec<String>,
}

/// Compares what was confirmed with what is linked now. `then` is what was linked when it was confirmed.
pub(super) fn steps(confirmed: &[Present], then: &[Present], now: &[Present]) -> Steps {
    let by_name = |list: &[Present]| -> BTreeMap<String, Present> {
        list.iter().map(|one| (one.id.name.clone(), one.clone())).collect()
    };
    let (target, then, now) = (by_name(confirmed), by_name(then), by_name(now));
    let mut steps = Steps::default();
    // A program that was built anew with a later version of a linked component is not taken back.
    let is_newer = |name: &str| match (now.get(name), then.get(name)) {
        (Some(now), Some(then)) => now.id.version > then.id.version,
        (Some(_), None) => true,
        (None, _) => false,
    };
    for (name, one) in &target {
        match now.get(name) {
            _ if one.hash.is_none() => {
                if !one.is_object() && !now.contains_key(name) {
                    steps
                        .notes
                        .push(format!("component `{}` was linked into the program, and is not any more", one.id));
                }
            }
            Some(linked) if is_newer(name) && linked.id.version > one.id.version => {
                steps.notes.push(format!(
                    "component `{}` is linked in a later version than the confirmed `{}`, and serves",
                    linked.id, one.id
                ));
            }
            Some(linked) if linked.is_same_as(one) => {}
            Some(_) => steps.replace.push(one.clone()),
            None => steps.add.push(one.clone()),
        }
    }
    for (name, one) in &now {
        if target.contains_key(name) {
            continue;
        }
        if then.contains_key(name) && !is_newer(name) {
            steps.remove.push(name.clone());
        } else {
            steps.notes.push(format!("component `{}` is new in the program, and serves", one.id));
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::identity::ComponentId;
    use semver::Version;

    fn one(name: &str, major: u64, file: Option<&[u8]>) -> Present {
        let id = ComponentId::new(name, Version::new(major, 0, 0));
        Present { id, hash: file.map(ContentHash::of), source: None, beside: Vec::new(), patches: Vec::new() }
    }

    #[test]
    fn what_was_replaced_added_and_removed_is_so_again() {
        let linked = [one("a", 1, None), one("b", 1, None), one("c", 1, None)];
        let confirmed = [one("a", 2, Some(b"a2")), one("b", 1, None), one("d", 1, Some(b"d1"))];
        let steps = steps(&confirmed, &linked, &linked);
        assert_eq!(steps.replace, [confirmed[0].clone()]);
        assert_eq!(steps.add, [confirmed[2].clone()]);
        assert_eq!((steps.remove, steps.notes), (vec!["c".to_owned()], Vec::new()));
    }

    #[test]
    fn a_program_that_was_built_anew_is_not_taken_back_to_an_older_version() {
        let (then, now) = ([one("a", 1, None)], [one("a", 3, None), one("e", 1, None)]);
        let steps = steps(&[one("a", 2, Some(b"a2"))], &then, &now);
        assert!(steps.replace.is_empty() && steps.add.is_empty() && steps.remove.is_empty());
        assert_eq!(steps.notes.len(), 2);
        // An older confirmed version than the linked one, which has not changed, is what the operator went back to.
        let steps = super::steps(&[one("a", 2, Some(b"a2"))], &[one("a", 3, None)], &[one("a", 3, None)]);
        assert_eq!(steps.replace.len(), 1);
    }

    #[test]
    fn what_the_program_does_not_link_any_more_is_named_and_its_own_objects_are_not() {
        let mut object = one("clock", 0, None);
        object.id.version.build = semver::BuildMetadata::new("provided").unwrap();
        let steps = steps(&[one("a", 1, None), object], &[one("a", 1, None)], &[]);
        assert_eq!(steps.notes, ["component `a 1.0.0` was linked into the program, and is not any more"]);
    }
}
