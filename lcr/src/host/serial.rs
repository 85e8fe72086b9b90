//! How the data that a runtime tells of itself is written by serde: moments, times and bounded texts.
//!
//! A moment is written as RFC 3339 in UTC with microseconds, so that a person reads it and a text sorts by it. A time
//! is a number of microseconds, in a field whose name ends in `_us`. [`cut`] bounds the texts of authors and programs,
//! which may have any length.

use std::{
    fmt::Display,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

/// Cuts a text between two characters so that at most `most` bytes are left.
pub(crate) fn cut(text: &mut String, most: usize) {
    // `str::floor_char_boundary` is younger than the oldest compiler that this crate takes.
    let boundary = (0..=most.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    text.truncate(boundary.unwrap_or(0));
}

/// What has a text of its own, such as a method's `kv.store.get`.
pub(crate) fn in_words<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// A moment: `2026-11-30T07:08:09.000123Z`.
pub(crate) mod moment {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(at: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        // Outside of what a calendar of four digits has: the nearest moment that it has.
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        to.collect_str(&humantime::format_rfc3339_micros((*at).clamp(SystemTime::UNIX_EPOCH, last)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        humantime::parse_rfc3339(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// A time in whole microseconds.
pub(crate) mod micros {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_micros)
    }
}

/// A time in whole microseconds, or no limit.
pub(crate) mod micros_or_none {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => micros::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_micros))
    }
}

/// A path, as text. Bytes that are no UTF-8 are written as U+FFFD, so such a path is not read back as it was.
pub(crate) mod path_or_none {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
        match path {
            Some(path) => to.serialize_some(&path.to_string_lossy()),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(PathBuf::from))
    }
}
