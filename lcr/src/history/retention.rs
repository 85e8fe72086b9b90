//! Which records stay when a journal grows too long.
//!
//! A record goes when it belongs to none of the last transactions, by count or by age. Never goes what the next
//! process needs: the last confirmed commit and its intent, a trial without an end, what is in quarantine, the options,
//! and the first and the last start, which say what was linked: the original.
//!
//! Age is judged by the times that the records have. A record from the future, where the clock was set back, is young.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use crate::error::Result;

use super::{
    journal::{Journal, Place},
    ledger::Ledger,
    record::{Kind, Record},
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
    let mut oldest = places.iter().filter(is_transaction).rev().nth(count.max(1) - 1).map_or(0, |place| place.number);
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
    let mut stay: HashSet<u64> = places.iter().map(|place| place.number).filter(|&number| number >= oldest).collect();
    let starts = || places.iter().filter(|place| place.kind == Kind::Start).map(|place| place.number);
    stay.extend(starts().next());
    stay.extend(starts().next_back());
    stay.extend(places.iter().rfind(|place| place.kind == Kind::Options).map(|place| place.number));
    if let Some((number, committed)) = &ledger.confirmed {
        stay.extend([*number, committed.of]);
        stay.extend(starts().rfind(|start| start < number));
    }
    stay.extend(ledger.fatal.iter().map(|(number, _)| *number));
    stay.extend(ledger.unfinished.iter().map(|(number, _)| *number));
    for place in places {
        let needed = match place.kind {
            Kind::TrialEnd => match journal.read(place)?.record {
                Record::TrialEnd(end) => {
                    let is_held = |hash| ledger.quarantine.iter().any(|file| file.hash == hash);
                    stay.contains(&end.of) || end.quarantined.iter().any(|file| is_held(file.hash))
                }
                _ => false,
            },
            // An end says what the commits before it come to.
            Kind::End => ledger.confirmed.as_ref().is_none_or(|(confirmed, _)| place.number > *confirmed),
            _ => false,
        };
        if needed {
            stay.insert(place.number);
        }
    }
    // A commit without its intent, or an intent without its outcome, would say something else.
    for place in places {
        let of = match place.kind {
            Kind::Committed | Kind::Refused if place.number >= oldest => match journal.read(place)?.record {
                Record::Committed(committed) => Some(committed.of),
                Record::Refused(refused) => Some(refused.of),
                _ => None,
            },
            _ => None,
        };
        stay.extend(of);
    }
    Ok(stay)
}
