//! What kind of record a text is, told from its first bytes: so a long journal opens fast.

use super::record::Numbered;

/// What kind of record a text is, told from its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Journal,
    Start,
    Intent,
    Committed,
    Refused,
    Refusal,
    TrialEnd,
    Quarantined,
    Released,
    Options,
    End,
}

impl Kind {
    const ALL: [(&'static str, Kind); 11] = [
        ("journal", Kind::Journal),
        ("start", Kind::Start),
        ("intent", Kind::Intent),
        ("committed", Kind::Committed),
        ("refused", Kind::Refused),
        ("refusal", Kind::Refusal),
        ("trial_end", Kind::TrialEnd),
        ("quarantined", Kind::Quarantined),
        ("released", Kind::Released),
        ("options", Kind::Options),
        ("end", Kind::End),
    ];
}

impl Numbered {
    /// Whether a text, which begins as [`look`](Numbered::look) expects it, says that it is about a patch of the
    /// program. What a program puts into a record can only stand behind that.
    pub(super) fn is_of_patch(text: &[u8]) -> bool {
        const ENTRY: &[u8] = b"\",\"entry\":\"";
        // The number and the time are ahead of it.
        let Some(at) = text.windows(ENTRY.len()).take(128).position(|bytes| bytes == ENTRY) else { return false };
        let rest = &text[at + ENTRY.len()..];
        let name = rest.iter().take(16).position(|&byte| byte == b'"').unwrap_or(0);
        rest[name..].starts_with(b"\",\"is_patch\":true")
    }

    /// The number and the kind of the record in a text, as [`to_text`](Numbered::to_text) writes them first. `None` if
    /// the text does not begin so.
    pub(super) fn look(text: &[u8]) -> Option<(u64, Kind)> {
        let (number, name) = Numbered::look_at_name(text)?;
        let (_, kind) = Kind::ALL.into_iter().find(|&(known, _)| known == name)?;
        Some((number, kind))
    }

    /// As [`look`](Numbered::look), for the name of a kind that this version may not know.
    pub(super) fn look_at_name(text: &[u8]) -> Option<(u64, &str)> {
        let rest = text.strip_prefix(b"{\"number\":")?;
        let digits = rest.iter().take(20).position(|byte| !byte.is_ascii_digit())?;
        let number = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
        let rest = rest[digits..].strip_prefix(b",\"at\":\"")?;
        let at = rest.iter().take(64).position(|&byte| byte == b'"')?;
        let rest = rest[at..].strip_prefix(b"\",\"entry\":\"")?;
        let name = &rest[..rest.iter().take(64).position(|&byte| byte == b'"')?];
        let is_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
        let name = Some(name).filter(|name| !name.is_empty() && name.iter().all(is_name))?;
        Some((number, std::str::from_utf8(name).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::{
        error::ErrorKind,
        history::record::{Committed, FORMAT, Record, Refused, Withdrawn},
        host::image::content_hash::ContentHash,
    };

    #[test]
    fn the_first_bytes_of_a_text_tell_its_number_and_kind() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let records = [
            (Record::Journal { format: FORMAT, program: "kv".to_owned() }, Kind::Journal),
            (Record::End { persist: true, unload: false }, Kind::End),
            (Record::Options { reload_on_start: true }, Kind::Options),
            (Record::Quarantined(Withdrawn { why: "slow".to_owned(), quarantined: Vec::new() }), Kind::Quarantined),
            (Record::Released { hash: ContentHash::of(b"a") }, Kind::Released),
        ];
        for (number, (record, kind)) in (7..).zip(records) {
            let numbered = Numbered { number, at, record };
            let text = numbered.to_text().unwrap();
            assert_eq!(Numbered::look(text.as_bytes()), Some((number, kind)), "{text}");
            assert_eq!(Numbered::parse(text.as_bytes()).unwrap(), numbered);
        }
        assert_eq!(Numbered::look(b"{\"number\":1,\"at\":\"x\",\"entry\":\"else\"}"), None);
    }

    #[test]
    fn the_first_bytes_of_a_text_tell_whether_it_is_about_a_patch_and_older_texts_are_not() {
        let refused = |is_patch| Refused { is_patch, of: 3, error: ErrorKind::Invalid, text: String::new() };
        let committed = |is_patch| Committed { is_patch, of: 3, ..Committed::default() };
        for is_patch in [false, true] {
            for record in [Record::Refused(refused(is_patch)), Record::Committed(committed(is_patch))] {
                let numbered = Numbered { number: 7, at: SystemTime::UNIX_EPOCH, record };
                let text = numbered.to_text().unwrap();
                assert_eq!(Numbered::is_of_patch(text.as_bytes()), is_patch, "{text}");
                assert_eq!(text.contains("is_patch"), is_patch, "as earlier versions wrote it: {text}");
                assert_eq!(Numbered::parse(text.as_bytes()).unwrap(), numbered);
            }
        }
    }
}
