//! The quarantine: files that failed a trial, by the hash of their content. No plan brings one of them back before an
//! operator releases it.

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
        if self.find(&quarantined.hash).is_none() {
            self.0.push(quarantined);
            let surplus = self.0.len().saturating_sub(MOST);
            self.0.drain(..surplus);
        }
    }

    pub(super) fn find(&self, hash: &ContentHash) -> Option<&Quarantined> {
        self.0.iter().find(|quarantined| quarantined.hash == *hash)
    }

    /// Releases a file. Returns false if it is not there.
    pub(super) fn release(&mut self, hash: &ContentHash) -> bool {
        let before = self.0.len();
        self.0.retain(|quarantined| quarantined.hash != *hash);
        self.0.len() < before
    }

    pub(super) fn all(&self) -> Vec<Quarantined> {
        self.0.clone()
    }
}

impl Quarantined {
    /// Why a plan that brings the file is refused.
    pub(super) fn refusal(&self) -> Error {
        let Quarantined { hash, component, since, why } = self;
        let since = humantime::format_rfc3339_seconds((*since).max(SystemTime::UNIX_EPOCH));
        let text = format!(
            "this file ({component}, {}) failed a trial and is in quarantine since {since}: {why}; build a mended \
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
        Quarantined { hash, component, since: SystemTime::UNIX_EPOCH, why: "it panicked in kv.entries.get".to_owned() }
    }

    #[test]
    fn a_file_is_in_quarantine_once_and_until_it_is_released_and_the_number_is_bounded() {
        let mut quarantine = Quarantine::default();
        (0..MOST + 1).chain([5]).for_each(|number| quarantine.add(quarantined(number)));
        assert_eq!(quarantine.all().len(), MOST);
        assert!(quarantine.find(&quarantined(0).hash).is_none() && quarantine.find(&quarantined(1).hash).is_some());
        assert!(quarantine.release(&quarantined(7).hash) && !quarantine.release(&quarantined(7).hash));
        assert!(quarantine.find(&quarantined(7).hash).is_none());
    }

    #[test]
    fn a_refusal_says_since_when_why_and_how_to_release() {
        let text = quarantined(1).refusal().to_string();
        let parts = ["kv 2.0.0", "1970-01-01T00:00:00Z", "it panicked in kv.entries.get", "release"];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
}
