//! Entries: a transaction with all that the journal says of it.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{
    Actor,
    change::report::Change,
    component::identity::ComponentId,
    error::{ErrorKind, Result},
    events::CommittedMember,
    host::{image::content_hash::ContentHash, serial},
};

use super::{
    journal::Journal,
    kind::Kind,
    ledger::trial_ends,
    record::{self, End, Intended, Record, What},
};

/// A transaction, or a plan that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Its number in the history. Numbers grow, and order entries also where the clock went back.
    pub number: u64,
    /// When it began, by the system's clock.
    #[serde(with = "serial::moment")]
    pub at: SystemTime,
    /// Who asked.
    pub by: Actor,
    /// The reason that was given.
    pub reason: Option<String>,
    /// What asked for it.
    pub what: What,
    /// What it was to change.
    pub members: Vec<Member>,
    /// Whether it carried the override of protection.
    pub overrode_protection: bool,
    /// What came of it.
    pub result: Outcome,
    /// How its trial ended; `None` if it had none, or the trial is under way.
    pub trial: Option<End>,
    /// Why the trial ended so.
    pub trial_why: Option<String>,
}

/// One component of an [`Entry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Member {
    /// The component before; `None` if it was added, or the plan was refused before it was found.
    pub before: Option<ComponentId>,
    /// The component afterwards; `None` if it was removed, or the plan was refused because its file could not be read.
    pub after: Option<ComponentId>,
    /// Whether it was to take the place of another component.
    #[serde(default)]
    pub replaces: bool,
    /// The file, as the plan named it.
    #[serde(default)]
    pub source: Option<PathBuf>,
    /// The content hash of its file; `None` if there is none.
    pub hash: Option<ContentHash>,
}

/// What came of a transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It runs, or its outcome could not be written yet.
    Open,
    /// It was committed.
    #[non_exhaustive]
    Committed {
        /// The generation, as its process counted.
        generation: u64,
        /// How long callers were held.
        #[serde(rename = "held_us", with = "serial::micros")]
        held: Duration,
        /// How long it took.
        #[serde(rename = "total_us", with = "serial::micros")]
        total: Duration,
        /// What became of each component.
        members: Vec<CommittedMember>,
    },
    /// It was refused, or its process ended before it could commit.
    #[non_exhaustive]
    Refused {
        /// The class of the refusal.
        kind: ErrorKind,
        /// Why, with the causes.
        text: String,
    },
}

/// The last `most` entries of a journal, oldest first.
pub(super) fn read(journal: &Journal, most: usize) -> Result<Vec<Entry>> {
    let mut ends = trial_ends(journal)?;
    let mut outcomes: HashMap<u64, Outcome> = HashMap::new();
    let mut entries = VecDeque::new();
    for place in journal.places().iter().rev() {
        if entries.len() == most {
            break;
        }
        if !matches!(place.kind, Kind::Intent | Kind::Committed | Kind::Refused | Kind::Refusal) {
            continue;
        }
        let numbered = journal.read(place)?;
        let (plan, result) = match numbered.record {
            Record::Committed(committed) => {
                let outcome = Outcome::Committed {
                    generation: committed.generation,
                    held: Duration::from_micros(committed.held_us),
                    total: Duration::from_micros(committed.total_us),
                    members: committed.members,
                };
                outcomes.insert(committed.of, outcome);
                continue;
            }
            Record::Refused(refused) => {
                outcomes.insert(refused.of, Outcome::Refused { kind: refused.error, text: refused.text });
                continue;
            }
            Record::Refusal(refusal) => (refusal.plan, Outcome::Refused { kind: refusal.error, text: refusal.text }),
            Record::Intent(plan) => (plan, outcomes.remove(&place.number).unwrap_or(Outcome::Open)),
            _ => continue,
        };
        let end = ends.remove(&place.number);
        entries.push_front(entry(place.number, numbered.at, plan, result, end));
    }
    Ok(entries.into())
}

fn entry(number: u64, at: SystemTime, plan: Intended, result: Outcome, end: Option<record::TrialEnd>) -> Entry {
    let member = |change: record::Change| {
        let record::Change { before, after, hash, source, replaces, .. } = change;
        Member { before, after, hash, source, replaces }
    };
    let (trial, trial_why) = end.map(|end| (end.end, end.why)).unzip();
    Entry {
        number,
        at,
        by: plan.by,
        reason: plan.reason,
        what: plan.what,
        members: plan.members.into_iter().map(member).collect(),
        overrode_protection: plan.override_protected,
        result,
        trial,
        trial_why,
    }
}

/// As a report writes it. A replacement that was refused before it was known of what is `~ NAME`, and a file that could
/// not be read stands for its component.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after, &self.source) {
            (None, Some(after), _) if self.replaces => write!(f, "~ {after}"),
            (None, None, Some(file)) => write!(f, "{} {}", if self.replaces { '~' } else { '+' }, file.display()),
            (Some(before), None, Some(file)) => write!(f, "{before} -> {}", file.display()),
            (before, after, _) => Change(before, after).fmt(f),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.number, humantime::format_rfc3339_seconds(self.at.max(SystemTime::UNIX_EPOCH)))?;
        for (at, member) in self.members.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            member.fmt(f)?;
        }
        match &self.result {
            Outcome::Open => f.write_str(": open")?,
            Outcome::Committed { generation, .. } => write!(f, ": generation {generation}")?,
            Outcome::Refused { kind, text } => write!(f, ": refused ({kind}): {text}")?,
        }
        match self.trial {
            None => {}
            Some(End::Confirmed) => f.write_str(", confirmed")?,
            Some(End::RolledBack) => f.write_str(", rolled back")?,
            Some(End::Failed) => f.write_str(", failed")?,
            Some(End::Interrupted) => f.write_str(", interrupted")?,
            Some(End::Fatal) => f.write_str(", took its process down")?,
        }
        write!(f, "; by {}", self.by)?;
        self.reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}
