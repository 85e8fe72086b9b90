//! Which records stay when a journal grows too long.
//!
//! A record goes when it belongs to none of the last transactions, by count or by age. Never goes what the next
//! process needs: the last confirmed commit and its intent, and the one that was confirmed when this process began,
//! since an end may say that what came then does not count; a trial without an end; what is in quarantine; the options;
//! and the first start, which says what was linked: the original. What stays of a process stays with its start, and an
//! intent with its outcome, since they would say something else alone.
//!
//! Patches of the program are counted for themselves: one that puts them in and takes them off all the time has as many
//! entries as are kept, and forgets nothing of what operators did.
//!
//! Age is judged by the times that the records have. A record from the future, where the clock was set back, is young.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use crate::error::Result;

use super::{
    journal::{Journal, Place},
    kind::Kind,
    ledger::{self, Ledger},
    record::{Quarantined, Record},
};

/// The numbers of the records that stay.
pub(super) fn stay(
    journal: &Journal,
    ledger: &Ledger,
    count: usize,
    age: Option<Duration>,
    now: SystemTime,
) -> Result<HashSet<u64>> {
    let places = journal.places();
    let is_transaction = |place: &&Place| matches!(place.kind, Kind::Intent | Kind::Refusal);
    let last = |is_patch| {
        let counted = places.iter().filter(is_transaction).filter(|place| place.is_patch == is_patch);
        counted.rev().nth(count.max(1) - 1).map_or(0, |place| place.number)
    };
    let (mut oldest, oldest_patch) = (last(false), last(true));
    if let Some(age) = age {
        let limit = now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        let first = oldest;
        for place in places.iter().filter(is_transaction).filter(|place| place.number >= first) {
            if journal.read(place)?.at >= limit {
                break;
            }
            oldest = place.number + 1;
        }
    }
    let is_young = |place: &&Place| place.number >= oldest && (!place.is_patch || place.number >= oldest_patch);
    let mut stay: HashSet<u64> = places.iter().filter(is_young).map(|place| place.number).collect();
    let starts = || places.iter().filter(|place| place.kind == Kind::Start).map(|place| place.number);
    stay.extend(starts().next());
    stay.extend(starts().next_back());
    stay.extend(places.iter().rfind(|place| place.kind == Kind::Options).map(|place| place.number));
    let start = places.iter().rposition(|place| place.kind == Kind::Start).unwrap_or(0);
    let began_with = ledger::read_first(journal, &places[..start])?;
    for ledger in [ledger, &began_with] {
        stay.extend(ledger.confirmed.iter().flat_map(|(number, committed)| [*number, committed.of]));
        stay.extend(&ledger.read);
    }
    let confirmed = [&began_with, ledger].into_iter().find_map(|ledger| Some(ledger.confirmed.as_ref()?.0));
    stay.extend(ledger.fatal.iter().map(|(number, _)| *number));
    stay.extend(ledger.unfinished.iter().map(|(number, _)| *number));
    // A commit without its intent, or an intent without its outcome, would say something else.
    for place in places.iter().filter(|place| matches!(place.kind, Kind::Committed | Kind::Refused)) {
        let of = match journal.read(place)?.record {
            Record::Committed(committed) => committed.of,
            Record::Refused(refused) => refused.of,
            _ => continue,
        };
        if stay.contains(&of) || stay.contains(&place.number) {
            stay.extend([of, place.number]);
        }
    }
    let is_held = |file: &Quarantined| ledger.quarantine.iter().any(|held| held.hash == file.hash);
    for place in places {
        let needed = match place.kind {
            Kind::TrialEnd | Kind::Quarantined => match journal.read(place)?.record {
                Record::TrialEnd(end) => stay.contains(&end.of) || end.quarantined.iter().any(is_held),
                Record::Quarantined(withdrawn) => withdrawn.quarantined.iter().any(is_held),
                _ => false,
            },
            // An end says what the commits before it come to.
            Kind::End => confirmed.is_none_or(|confirmed| place.number > confirmed),
            _ => false,
        };
        if needed {
            stay.insert(place.number);
        }
    }
    // A release says which files are in quarantine no more that a record before it has put there.
    let mut put = Vec::new();
    let puts = |place: &Place| matches!(place.kind, Kind::TrialEnd | Kind::Quarantined) && stay.contains(&place.number);
    let mut releases = Vec::new();
    for place in places.iter().filter(|place| place.kind == Kind::Released || puts(place)) {
        match journal.read(place)?.record {
            Record::TrialEnd(end) => put.extend(end.quarantined),
            Record::Quarantined(withdrawn) => put.extend(withdrawn.quarantined),
            Record::Released { hash } if put.iter().any(|file| file.has(&hash)) => releases.push(place.number),
            _ => {}
        }
    }
    stay.extend(releases);
    let mut start = None;
    for place in places {
        if place.kind == Kind::Start {
            start = Some(place.number);
        } else if stay.contains(&place.number) {
            stay.extend(start);
        }
    }
    Ok(stay)
}
