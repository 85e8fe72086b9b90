//! What a commit comes to without the trials before it that were never confirmed.
//!
//! Other components may be changed while some are on trial, and such a commit is confirmed at once. Among what was
//! present behind it are the versions on trial. If their trial is not confirmed, the commit counts, and they do not:
//! the versions before them take their places, with the bindings and configurations of then.
//!
//! What a trial did is the difference between its commit and the one before it. Only what is still as the trial made it
//! is put back.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::error::Result;

use super::{
    journal::{Journal, Place},
    kind::Kind,
    record::{Committed, End, Present, Record, TrialEnd},
};

/// A commit without the trials before it that were not confirmed.
pub(super) struct Settled {
    pub(super) committed: Committed,
    /// The numbers of the records that this was read from, and of the intents of those trials.
    pub(super) read: Vec<u64>,
    /// The number of the intent whose trial has no end.
    pub(super) open: Option<u64>,
}

/// Takes back what trials of the same process did that began before `committed`, whose place is the next one. `None` if
/// the journal does not have what was there before such a trial.
pub(super) fn settle(
    journal: &Journal,
    places: &[Place],
    ends: &HashMap<u64, TrialEnd>,
    mut committed: Committed,
) -> Result<Option<Settled>> {
    // A process begins with what was settled before it.
    let start = places.iter().rposition(|place| place.kind == Kind::Start).unwrap_or(0);
    let process = &places[start..];
    let (mut read, mut open) = (Vec::new(), None);
    for at in (0..process.len()).rev().filter(|&at| process[at].may_be_trial) {
        let Record::Committed(trial) = journal.read(&process[at])?.record else { continue };
        let end = ends.get(&trial.of).map(|end| end.end);
        // A trial that was rolled back was so by a commit of its own, which is among those that count.
        if !trial.on_trial || matches!(end, Some(End::Confirmed | End::RolledBack)) {
            continue;
        }
        let Some((number, before)) = before(journal, &process[..at])? else { return Ok(None) };
        read.extend([number, process[at].number, trial.of]);
        if end.is_none() {
            open = Some(trial.of);
        }
        let mut changed = HashSet::new();
        if end == Some(End::Failed) {
            // Since then plans may have put there what they wanted to have.
            for place in process[at + 1..].iter().filter(|place| place.kind == Kind::Committed) {
                if let Record::Committed(later) = journal.read(place)?.record {
                    read.push(place.number);
                    changed.extend(names(&later));
                }
            }
            changed.extend(names(&committed));
        }
        let [mut present, then, tried] = [&committed, &before, &trial].map(|commit| by_name(&commit.present));
        take_back(&mut present, &then, &tried, &changed);
        committed.present = present.into_values().collect();
        let nothing = HashSet::new();
        take_back(&mut committed.bindings, &before.bindings, &trial.bindings, &nothing);
        take_back(&mut committed.configurations, &before.configurations, &trial.configurations, &nothing);
    }
    Ok(Some(Settled { committed, read, open }))
}

/// What was present when the next record was written, by the last commit or else the start, and that record's number.
fn before(journal: &Journal, process: &[Place]) -> Result<Option<(u64, Committed)>> {
    let Some(place) = process.iter().rfind(|place| matches!(place.kind, Kind::Committed | Kind::Start)) else {
        return Ok(None);
    };
    let committed = match journal.read(place)?.record {
        Record::Committed(committed) => committed,
        Record::Start(start) => Committed { present: start.linked, ..Committed::default() },
        _ => return Ok(None),
    };
    Ok(Some((place.number, committed)))
}

fn by_name(present: &[Present]) -> BTreeMap<String, Present> {
    present.iter().map(|one| (one.id.name.clone(), one.clone())).collect()
}

/// The names of the components that a commit changed.
fn names(committed: &Committed) -> impl Iterator<Item = String> {
    let ids = committed.members.iter().flat_map(|member| member.before.iter().chain(&member.after));
    ids.map(|id| id.name.clone())
}

/// Makes everything that is as in `tried` as it is in `before`, except what is in `changed`.
fn take_back<T: Clone + PartialEq>(
    now: &mut BTreeMap<String, T>,
    before: &BTreeMap<String, T>,
    tried: &BTreeMap<String, T>,
    changed: &HashSet<String>,
) {
    let names: HashSet<&String> = before.keys().chain(tried.keys()).collect();
    for name in names.into_iter().filter(|&name| before.get(name) != tried.get(name) && !changed.contains(name)) {
        if now.get(name) != tried.get(name) {
            continue;
        }
        match before.get(name) {
            Some(value) => drop(now.insert(name.clone(), value.clone())),
            None => drop(now.remove(name)),
        }
    }
}
