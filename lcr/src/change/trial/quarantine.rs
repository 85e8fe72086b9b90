//! The quarantine: files that failed a trial, by the hash of their content. No plan brings one of them back before an
//! operator releases it.
//!
//! A component may come with libraries from beside it (`$ORIGIN`), and is another version with others: the fault may
//! be mended there, and the component's own file be the same to the byte. So what is in quarantine is the file
//! together with those libraries. Journals of earlier versions of lcr have the file's hash only; such an entry
//! stands for the file with whatever comes with it.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{
    component::identity::ComponentId,
    error::{Error, ErrorKind},
    host::{image::content_hash::ContentHash, serial},
};

/// How many files are kept in quarantine. The oldest go first: who builds 1,024 bad versions knows it by then.
const MOST: usize = 1_024;

/// A file in quarantine: [`Runtime::quarantine`](crate::Runtime::quarantine).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quarantined {
    /// The hash of the file's content.
    pub hash: ContentHash,
    /// The hash of the file together with the libraries that came with it from beside it: the file's own if none did.
    /// `None` if an earlier version of lcr has recorded it: then the file is refused whatever comes with it.
    #[serde(default)]
    pub whole: Option<ContentHash>,
    /// The component in it.
    pub component: ComponentId,
    /// Since when, by the system's clock.
    #[serde(rename = "at", with = "serial::moment")]
    pub since: SystemTime,
    /// Why.
    pub why: String,
}

/// The files in quarantine, oldest first.
#[derive(Default)]
pub(super) struct Quarantine(Vec<Quarantined>);

impl Quarantine {
    /// Takes a file in. One that is there already stays as it is.
    pub(super) fn add(&mut self, quarantined: Quarantined) {
        let is_there = |known: &Quarantined| (known.hash, known.whole) == (quarantined.hash, quarantined.whole);
        if !self.0.iter().any(is_there) {
            self.0.push(quarantined);
            let surplus = self.0.len().saturating_sub(MOST);
            self.0.drain(..surplus);
        }
    }

    /// Finds a file by its hash, and that of it together with the libraries that come with it.
    pub(super) fn find(&self, (hash, whole): (ContentHash, ContentHash)) -> Option<&Quarantined> {
        self.0.iter().find(|known| known.whole.map_or(known.hash == hash, |known| known == whole))
    }

    /// Releases a file, by either hash. Returns false if it is not there.
    pub(super) fn release(&mut self, hash: &ContentHash) -> bool {
        let before = self.0.len();
        self.0.retain(|quarantined| !quarantined.has(hash));
        self.0.len() < before
    }

    pub(super) fn all(&self) -> Vec<Quarantined> {
        self.0.clone()
    }
}

impl Quarantined {
    /// Whether a hash is that of the file, or of the file together with what came with it.
    pub(crate) fn has(&self, hash: &ContentHash) -> bool {
        self.hash == *hash || self.whole == Some(*hash)
    }

    /// Why a plan that brings the file is refused.
    pub(super) fn refusal(&self) -> Error {
        let Quarantined { hash, whole, component, since, why } = self;
        let (hash, what) = match whole {
            Some(whole) if whole != hash => (whole, "this file with the libraries beside it"),
            _ => (hash, "this file"),
        };
        let since = humantime::format_rfc3339_seconds((*since).max(SystemTime::UNIX_EPOCH));
        let text = format!(
            "{what} ({component}, {}) failed a trial and is in quarantine since {since}: {why}; build a mended \
             version, or release it with Runtime::release, `lcr quarantine --release {}`",
            hash.short(),
            hash.short(),
        );
        Error::new(ErrorKind::Quarantined, text)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn quarantined(number: usize) -> Quarantined {
        let hash = ContentHash::of(&number.to_ne_bytes());
        let component = ComponentId::parse("kv 2.0.0").unwrap();
        let (since, why) = (SystemTime::UNIX_EPOCH, "it panicked in kv.entries.get".to_owned());
        Quarantined { hash, whole: Some(hash), component, since, why }
    }

    #[test]
    fn a_file_is_in_quarantine_once_and_until_it_is_released_and_the_number_is_bounded() {
        let mut quarantine = Quarantine::default();
        (0..MOST + 1).chain([5]).for_each(|number| quarantine.add(quarantined(number)));
        assert_eq!(quarantine.all().len(), MOST);
        let find = |quarantine: &Quarantine, number| {
            let hash = quarantined(number).hash;
            quarantine.find((hash, hash)).is_some()
        };
        assert!(!find(&quarantine, 0) && find(&quarantine, 1));
        assert!(quarantine.release(&quarantined(7).hash) && !quarantine.release(&quarantined(7).hash));
        assert!(!find(&quarantine, 7));
    }

    #[test]
    fn a_file_with_other_libraries_is_another_version_unless_its_entry_is_old() {
        let mut quarantine = Quarantine::default();
        let [bad, mended] = [b"bad", b"new"].map(|bytes| ContentHash::of(bytes));
        let (file, old) = (quarantined(1), quarantined(2));
        quarantine.add(Quarantined { whole: Some(bad), ..file.clone() });
        quarantine.add(Quarantined { whole: None, ..old.clone() });
        assert!(quarantine.find((file.hash, bad)).is_some() && quarantine.find((file.hash, mended)).is_none());
        assert!(quarantine.find((old.hash, bad)).is_some() && quarantine.find((old.hash, mended)).is_some());
        quarantine.add(Quarantined { whole: Some(mended), ..file.clone() });
        assert!(quarantine.release(&mended), "one of the two");
        assert!(quarantine.find((file.hash, bad)).is_some() && quarantine.find((file.hash, mended)).is_none());
        assert!(quarantine.release(&file.hash) && quarantine.find((file.hash, bad)).is_none());
        assert!(quarantine.release(&old.hash) && quarantine.all().is_empty());
    }

    #[test]
    fn a_refusal_says_since_when_why_and_how_to_release() {
        let text = quarantined(1).refusal().to_string();
        let parts = ["kv 2.0.0", "1970-01-01T00:00:00Z", "it panicked in kv.entries.get", "release"];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        let whole = ContentHash::of(b"whole");
        let text = Quarantined { whole: Some(whole), ..quarantined(1) }.refusal().to_string();
        assert!(text.contains("with the libraries beside it") && text.contains(&whole.short()), "{text}");
    }
}
