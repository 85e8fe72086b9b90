//! The first pass: reading JSON along a type. Everything that could be wrong is found here, and nothing is made but a
//! [`Draft`].
//!
//! serde_json reads; a [`Want`] says at each place what must be there. The way to the present place is kept in [`Way`]
//! and is left as it is at the first error.

mod visitors;

use std::{
    net,
    time::{Duration, SystemTime},
};

use serde::{
    Deserialize,
    de::{self, DeserializeSeed, Deserializer, Error as _},
};
use serde_json::value::RawValue;

use super::{draft::Draft, leaf, wire};
use crate::host::reflect::types::{Content, Fields, Form, Meaning, Scalar, Style, Type};

use visitors::{Bytes, Elements, Entries, Named, OneOf, Optional, Places, Tagged};

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Fault {
    /// The way to it, which begins with `.` or `[`; empty for the value itself.
    pub(super) path: String,
    pub(super) text: String,
}

/// Reads a value of the type, which must be the whole text.
pub(super) fn check(ty: &Type<'_>, text: &str) -> Result<Draft, Fault> {
    let mut way = Way { path: String::new(), room: ROOM };
    way.make_room(ty).map_err(|text| Fault { path: String::new(), text })?;
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Want { ty, way: &mut way }.deserialize(&mut json);
    read.and_then(|draft| json.end().map(|()| draft)).map_err(|error| Fault { path: way.path, text: error.to_string() })
}

/// The most memory that a value may need, in bytes: as much as a message of any sane caller, and less than what hurts a
/// process. A short text may stand for a large value: `null` for an `Option` of an array.
const ROOM: usize = 64 << 20;

/// The way to the value that is read.
pub(super) struct Way {
    path: String,
    /// How much memory may still be needed.
    room: usize,
}

impl Way {
    /// Counts the memory of one more value of the type.
    fn make_room(&mut self, ty: &Type<'_>) -> Result<(), String> {
        let left = self.room.checked_sub(ty.size);
        self.room = left.ok_or_else(|| format!("the value needs more than {ROOM} bytes of memory"))?;
        Ok(())
    }

    /// Reads what the step leads to. The way stays there if that fails.
    fn step<T, E>(&mut self, step: &str, read: impl FnOnce(&mut Way) -> Result<T, E>) -> Result<T, E> {
        let before = self.path.len();
        self.path += step;
        let value = read(self)?;
        self.path.truncate(before);
        Ok(value)
    }
}

/// A value of the type is wanted.
struct Want<'c, 't> {
    ty: &'t Type<'t>,
    way: &'c mut Way,
}

impl<'de> DeserializeSeed<'de> for Want<'_, '_> {
    type Value = Draft;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Draft, D::Error> {
        let Want { ty, way } = self;
        // Where one is wanted, and not for the mere possibility of one: of an error with a variant for faults, the
        // other variants can be made.
        if let Some(why) = ty.is_never_json() {
            return Err(D::Error::custom(why));
        }
        match &ty.form {
            Form::Unit => <()>::deserialize(json).map(|()| Draft::Unit),
            Form::Scalar(scalar) => read_scalar(ty, *scalar, json).map(Draft::Scalar),
            Form::Duration => read_duration(json),
            Form::Text(_) | Form::Counted(Content::Text) | Form::Arc(Content::Text) => read_text(json),
            Form::List(_, element) | Form::Counted(Content::List(element)) | Form::Arc(Content::List(element)) => {
                match element.is_byte() {
                    true => json.deserialize_any(Bytes { way }),
                    false => json.deserialize_seq(Elements { element, len: None, way }),
                }
            }
            Form::Array(element, len) => json.deserialize_seq(Elements { element, len: Some(*len), way }),
            Form::Option { value, .. } => json.deserialize_option(Optional { value, way }),
            Form::Result { ok, err, .. } => {
                let cases = [("Ok", &**ok), ("Err", &**err)];
                let (tag, inner) = json.deserialize_map(Tagged { cases: &cases, way })?;
                Ok(Draft::Variant(tag, Box::new(inner)))
            }
            Form::Box(inner) | Form::Counted(Content::One(inner)) | Form::Arc(Content::One(inner)) => {
                way.make_room(inner).map_err(D::Error::custom)?;
                Want { ty: inner, way }.deserialize(json).map(|inner| Draft::Inside(Box::new(inner)))
            }
            Form::Struct(meaning, fields) => read_struct(ty, *meaning, fields, way, json),
            Form::Enum(variants, _) => json.deserialize_any(OneOf { ty, variants, way }),
            Form::Serde => {
                let bytes = wire::Json::deserialize(json)?.encode().map_err(D::Error::custom)?;
                Ok(Draft::Bytes(bytes.into()))
            }
            Form::Handle | Form::Callback | Form::BoxedCallback => unreachable!("these are refused above"),
        }
    }
}

/// Fields are wanted.
struct WantFields<'c, 't> {
    /// What they are the fields of.
    name: &'t str,
    fields: &'t Fields<'t>,
    way: &'c mut Way,
}

impl<'de> DeserializeSeed<'de> for WantFields<'_, '_> {
    type Value = Draft;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Draft, D::Error> {
        let WantFields { name, fields, way } = self;
        match (fields.style, &fields.list[..]) {
            (Style::Empty, _) => <()>::deserialize(json).map(|()| Draft::Unit),
            (Style::Newtype, [field]) => Want { ty: &field.ty, way }.deserialize(json),
            (Style::Named, _) => json.deserialize_map(Named { name, fields, way }),
            (_, list) => json.deserialize_seq(Places { parts: list.iter().map(|field| &field.ty).collect(), way }),
        }
    }
}

fn read_scalar<'de, D: Deserializer<'de>>(ty: &Type<'_>, scalar: Scalar, json: D) -> Result<u128, D::Error> {
    let raw = <&RawValue>::deserialize(json)?;
    leaf::scalar(&ty.shape.name, scalar, raw).map_err(D::Error::custom)
}

fn read_text<'de, D: Deserializer<'de>>(json: D) -> Result<Draft, D::Error> {
    String::deserialize(json).map(|text| Draft::Bytes(text.into_bytes().into()))
}

fn read_duration<'de, D: Deserializer<'de>>(json: D) -> Result<Draft, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a time: an object with `secs` and `nanos`")]
    struct Parts {
        secs: u64,
        nanos: u32,
    }
    let Parts { secs, nanos } = Parts::deserialize(json)?;
    if nanos < NANOSECONDS { Ok(Draft::Duration(secs, nanos)) } else { Err(too_many_nanoseconds(nanos)) }
}

const NANOSECONDS: u32 = 1_000_000_000;

fn too_many_nanoseconds<E: de::Error>(found: impl std::fmt::Display) -> E {
    E::custom(format_args!("expected nanoseconds below {NANOSECONDS}, found {found}"))
}

fn read_struct<'de, D: Deserializer<'de>>(
    ty: &Type<'_>,
    meaning: Meaning,
    fields: &Fields<'_>,
    way: &mut Way,
    json: D,
) -> Result<Draft, D::Error> {
    let own = |way| WantFields { name: &ty.shape.name, fields, way };
    let [field] = &fields.list[..] else { return own(way).deserialize(json) };
    let inner = &field.ty;
    match (meaning, &inner.form) {
        (Meaning::Own, _) => own(way).deserialize(json),
        (Meaning::Map, Form::List(_, element)) => match &element.form {
            Form::Struct(_, pair) if matches!(pair.list[0].ty.form, Form::Text(_)) => {
                json.deserialize_map(Entries { entry: element, value: &pair.list[1].ty, way })
            }
            _ => Want { ty: inner, way }.deserialize(json),
        },
        (Meaning::NonZero, Form::Scalar(scalar)) => match read_scalar(inner, *scalar, json)? {
            0 => Err(D::Error::custom("expected a number other than 0")),
            number => Ok(Draft::Scalar(number)),
        },
        (Meaning::Address, _) => {
            let text = String::deserialize(json)?;
            let octets = match &inner.form {
                Form::Array(_, 4) => text.parse().ok().map(|v4: net::Ipv4Addr| v4.octets().to_vec()),
                _ => text.parse().ok().map(|v6: net::Ipv6Addr| v6.octets().to_vec()),
            };
            let octets = octets
                .ok_or_else(|| D::Error::custom(format_args!("expected an address, found {}", leaf::cut(&text))))?;
            Ok(Draft::Parts(octets.into_iter().map(|octet| Draft::Scalar(octet.into())).collect()))
        }
        (Meaning::Time, _) => {
            let time = Want { ty: inner, way }.deserialize(json)?;
            let Draft::Parts(parts) = &time else { return Ok(time) };
            let [Draft::Scalar(seconds), Draft::Scalar(nanoseconds)] = parts[..] else { return Ok(time) };
            if nanoseconds >= NANOSECONDS.into() {
                return Err(too_many_nanoseconds(nanoseconds));
            }
            if is_time(seconds as i64, nanoseconds as u32) {
                Ok(time)
            } else {
                Err(D::Error::custom("no time of the system is so far from 1970"))
            }
        }
        _ => Want { ty: inner, way }.deserialize(json),
    }
}

/// Whether the receiver can make a `SystemTime` of these.
fn is_time(seconds: i64, nanoseconds: u32) -> bool {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let second = if seconds < 0 { epoch.checked_sub(whole) } else { epoch.checked_add(whole) };
    second.and_then(|second| second.checked_add(Duration::from_nanos(nanoseconds.into()))).is_some()
}
