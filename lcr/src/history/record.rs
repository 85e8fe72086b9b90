//! What the journal says, as data: the records and their JSON.
//!
//! Each record has a number, which is greater than those of all records before it, and the time of the system's
//! clock. *Numbers order records; times are for people*, since a clock may be set back. Fields are added and never
//! change their meaning; a reader skips fields that it does not know. A journal with a record whose `entry` a reader
//! does not know is refused, because to skip the record could bring back the wrong version. It is no damage: a newer
//! version has written it, which each start of a process names.

use std::{collections::BTreeMap, path::PathBuf, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    change::trial::quarantine,
    component::identity::ComponentId,
    error::ErrorKind,
    events::CommittedMember,
    host::{
        actor::Actor,
        image::{
            content_hash::ContentHash,
            stage::{Neighbour, whole},
        },
        objects::patch_libraries::Standing,
        serial,
    },
};

/// The form of the journal that this version writes, and the only one that it reads.
pub(super) const FORMAT: u32 = 1;

/// A record with its number and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Numbered {
    pub(super) number: u64,
    #[serde(with = "serial::moment")]
    pub(super) at: SystemTime,
    #[serde(flatten)]
    pub(super) record: Record,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub(super) enum Record {
    /// The first record of a file.
    Journal { format: u32, program: String },
    /// A process has taken the journal.
    Start(Start),
    /// A transaction is about to begin.
    Intent(Intended),
    /// It was committed.
    Committed(Committed),
    /// It was refused, or its process ended before it could commit.
    Refused(Refused),
    /// A plan was refused before it began.
    Refusal(Refusal),
    /// A trial has ended.
    TrialEnd(TrialEnd),
    /// A canary has put files into quarantine.
    Quarantined(Withdrawn),
    /// A file left quarantine.
    Released { hash: ContentHash },
    /// An option was changed that the next process reads.
    Options { reload_on_start: bool },
    /// The process gave the journal up in order.
    End { persist: bool, unload: bool },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Start {
    pub(super) by: Actor,
    /// What was there before anything was reloaded.
    pub(super) linked: Vec<Present>,
    /// The version of lcr that writes from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lcr: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Intended {
    /// Whether it is about a patch of the program. It is the first field: a record is looked at without being parsed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_patch: bool,
    pub(super) by: Actor,
    pub(super) reason: Option<String>,
    pub(super) what: What,
    /// The generation that the plan changes.
    pub(super) generation: u64,
    pub(super) members: Vec<Change>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) bindings: BTreeMap<String, Option<String>>,
    /// In hexadecimal digits; null where the plan takes one back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) configurations: BTreeMap<String, Option<String>>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) override_protected: bool,
    /// What the new versions are tried by; `None` if they are not on trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trial: Option<String>,
}

/// What asked for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// A plan of the program or of an operator.
    Plan,
    /// A plan that goes back to what was present before.
    Rollback,
    /// The start of a process, which brings back what was confirmed last.
    Reload,
}

/// One component of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) before: Option<ComponentId>,
    pub(super) after: Option<ComponentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hash: Option<ContentHash>,
    /// The file, as the plan named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) beside: Vec<Beside>,
    /// Whether a component was to take the place of another one, which a refused plan may not have found.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) replaces: bool,
}

/// A library that comes with a component's file from beside it, and is kept as that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beside {
    /// The names under which it is needed.
    pub(super) names: Vec<String>,
    pub(super) hash: ContentHash,
}

impl Beside {
    /// The hash of a file together with these libraries, which came with it.
    pub(super) fn whole(file: ContentHash, beside: &[Beside]) -> ContentHash {
        whole(file, beside.iter().map(|one| (&one.names[..], one.hash)))
    }

    pub(super) fn all(neighbours: &[Neighbour]) -> Vec<Beside> {
        neighbours.iter().map(|one| Beside { names: one.names.clone(), hash: one.hash }).collect()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Committed {
    /// Whether it is about a patch of the program. It is the first field: a record is looked at without being parsed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_patch: bool,
    /// The number of the intent.
    pub(super) of: u64,
    pub(super) generation: u64,
    pub(super) held_us: u64,
    pub(super) total_us: u64,
    pub(super) on_trial: bool,
    pub(super) members: Vec<CommittedMember>,
    /// Every component that is present from now on.
    pub(super) present: Vec<Present>,
    /// Every binding and configuration that plans have set, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) bindings: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) configurations: BTreeMap<String, String>,
}

/// A component that is present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Present {
    pub(super) id: ComponentId,
    /// `None` if it is linked into the program, or an object of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hash: Option<ContentHash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) beside: Vec<Beside>,
    /// Where its patches stand, if it is a library of patches. Journals of earlier versions lack it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) patches: Vec<Standing>,
}

impl Present {
    /// Whether it has the same content, the libraries beside it included.
    pub(super) fn is_same_as(&self, other: &Present) -> bool {
        self.hash == other.hash && self.beside == other.beside
    }

    /// Whether it is an object of the program, which the program itself brings.
    pub(super) fn is_object(&self) -> bool {
        self.hash.is_none() && self.id.version.build.as_str() == "provided"
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Refused {
    /// Whether it is about a patch of the program. It is the first field: a record is looked at without being parsed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_patch: bool,
    pub(super) of: u64,
    pub(super) error: ErrorKind,
    pub(super) text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Refusal {
    #[serde(flatten)]
    pub(super) plan: Intended,
    pub(super) error: ErrorKind,
    pub(super) text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TrialEnd {
    /// The number of the intent.
    pub(super) of: u64,
    pub(super) end: End,
    pub(super) why: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) quarantined: Vec<Quarantined>,
}

/// What did worse as a canary. No intent and no outcome is recorded of one that is not committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Withdrawn {
    pub(super) why: String,
    pub(super) quarantined: Vec<Quarantined>,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum End {
    /// The new versions serve.
    Confirmed,
    /// The old versions serve again.
    RolledBack,
    /// The old versions could not be brought back.
    Failed,
    /// The process ended in the trial.
    Fatal,
    /// The runtime ended in order before the trial did.
    Interrupted,
}

/// A file that failed a trial, or as a canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Quarantined {
    pub(super) id: ComponentId,
    pub(super) hash: ContentHash,
    /// The hash of the file together with the libraries that came with it. Journals of earlier versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) whole: Option<ContentHash>,
}

impl Quarantined {
    /// Whether a hash is that of the file, or of the file together with what came with it.
    pub(super) fn has(&self, hash: &ContentHash) -> bool {
        self.hash == *hash || self.whole == Some(*hash)
    }

    /// As plans see it, which the end of a trial or canary has put there.
    pub(super) fn since(self, since: SystemTime, why: String) -> quarantine::Quarantined {
        let Quarantined { id: component, hash, whole } = self;
        quarantine::Quarantined { hash, whole, component, since, why }
    }
}

impl From<&quarantine::Quarantined> for Quarantined {
    fn from(file: &quarantine::Quarantined) -> Quarantined {
        Quarantined { id: file.component.clone(), hash: file.hash, whole: file.whole }
    }
}

impl Numbered {
    pub(super) fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    pub(super) fn parse(text: &[u8]) -> Result<Numbered, serde_json::Error> {
        serde_json::from_slice(text)
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_quarantine_has_the_form_of_earlier_journals_and_one_field_more() {
        let (id, hash) = (ComponentId::parse("kv 2.0.0").unwrap(), ContentHash::of(b"a"));
        let old = Quarantined { id, hash, whole: None };
        let text = serde_json::to_string(&old).unwrap();
        assert!(text.contains("\"hash\"") && !text.contains("whole"), "{text}");
        assert_eq!(serde_json::from_str::<Quarantined>(&text).unwrap(), old);
        let new = Quarantined { whole: Some(ContentHash::of(b"b")), ..old };
        assert_eq!(serde_json::from_str::<Quarantined>(&serde_json::to_string(&new).unwrap()).unwrap(), new);
    }
}
