//! `Serde` values as JSON. Their type is not known, so every value of serde's data model has a form of its own, unless
//! its reader takes one for the other:
//!
//! | value | JSON |
//! |---|---|
//! | numbers up to 64 bits, `bool`, texts, `char` | as usual |
//! | sequences, tuples | an array |
//! | structs, maps | an object; of a key that is no text, `"$:"` and its JSON |
//! | variants | `"Name"` without a content, else `{"Name": content}` |
//! | `None`, `Some` | `null`, or the value |
//! | `()`, `Some` of it or of an option | `{"$unit": null}`, `{"$some": null}` |
//! | bytes, floats that are no numbers | `{"$hex": "00ff"}`, `{"$float": "NaN"}` |
//! | larger integers | `{"$u128": "1"}`, `{"$i128": "-1"}` |
//!
//! A key that begins with `$` has another `$` before it. Lost are the widths of numbers, which readers do not ask for,
//! and the bits of a NaN.

use std::fmt;

use serde::{
    Serialize, Serializer,
    de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap as _, SerializeSeq as _},
};

use super::{
    leaf,
    out::{Full, NotWritten, Out},
};
use crate::wire::{self, Item, Items};

/// An encoded value as JSON of at most `limit` bytes.
pub(in crate::host::reflect) fn as_json(bytes: &[u8], limit: usize) -> Result<String, NotWritten> {
    let mut out = Out::new(limit);
    write(bytes, &mut out)?;
    Ok(out.into_text())
}

/// Writes an encoded value.
pub(super) fn write(bytes: &[u8], out: &mut Out) -> Result<(), NotWritten> {
    let mut items = Items::new(bytes)?;
    let first = items.next()?;
    value(first, &mut items, out, wire::DEPTH)?;
    if items.is_at_end() { Ok(()) } else { Err(NotWritten::Broken("bytes behind a `Serde` value".to_owned())) }
}

/// An encoded value as it is encoded when it was read of its JSON: with one width of integers and of floats, and texts
/// for names of variants and characters. Two values that a reader takes for one are equal then. `None` if JSON of at
/// most `limit` bytes and of serde_json's depth cannot say it.
pub(in crate::host::reflect) fn canonical(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let json: Json = serde_json::from_str(&as_json(bytes, limit).ok()?).ok()?;
    json.encode().ok()
}

impl From<wire::Error> for NotWritten {
    fn from(error: wire::Error) -> NotWritten {
        NotWritten::Broken(format!("a `Serde` value that cannot be read: {error}"))
    }
}

fn value(item: Item<'_>, items: &mut Items<'_>, out: &mut Out, levels: usize) -> Result<(), NotWritten> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(NotWritten::Broken(format!("a `Serde` value of more than {} levels", wire::DEPTH)));
    };
    match item {
        Item::None => out.raw("null")?,
        Item::Unit => out.raw("{\"$unit\":null}")?,
        Item::Bool(value) => out.raw(if value { "true" } else { "false" })?,
        Item::Char(value) => out.string(value.encode_utf8(&mut [0; 4]))?,
        Item::Unsigned(value) if value > u64::MAX.into() => out.number(format_args!("{{\"$u128\":\"{value}\"}}"))?,
        Item::Unsigned(value) => out.number(value)?,
        Item::Signed(value) if i64::try_from(value).is_err() => {
            out.number(format_args!("{{\"$i128\":\"{value}\"}}"))?;
        }
        Item::Signed(value) => out.number(value)?,
        Item::F32(value) => float(value.into(), out)?,
        Item::F64(value) => float(value, out)?,
        Item::Text(text) | Item::Name(text) => out.string(text)?,
        Item::Bytes(bytes) => {
            out.raw("{\"$hex\":")?;
            out.hex(bytes)?;
            out.raw("}")?;
        }
        Item::Some => match items.next()? {
            inner @ (Item::None | Item::Unit | Item::Some) => {
                out.raw("{\"$some\":")?;
                value(inner, items, out, levels)?;
                out.raw("}")?;
            }
            inner => value(inner, items, out, levels)?,
        },
        Item::Seq(count) => {
            out.raw("[")?;
            for place in 0..count {
                out.separate(place)?;
                let element = items.next()?;
                value(element, items, out, levels)?;
            }
            out.raw("]")?;
        }
        Item::Map(count) => {
            out.raw("{")?;
            for place in 0..count {
                out.separate(place)?;
                key(items, out, levels)?;
                out.raw(":")?;
                let element = items.next()?;
                value(element, items, out, levels)?;
            }
            out.raw("}")?;
        }
        Item::Variant(name) => {
            out.raw("{")?;
            plain_key(name, out)?;
            out.raw(":")?;
            let content = items.next()?;
            value(content, items, out, levels)?;
            out.raw("}")?;
        }
    }
    Ok(())
}

fn float(value: f64, out: &mut Out) -> Result<(), Full> {
    if value.is_finite() {
        return out.float(value, value);
    }
    out.raw("{\"$float\":")?;
    out.float(value, value)?;
    out.raw("}")
}

fn plain_key(key: &str, out: &mut Out) -> Result<(), Full> {
    if key.starts_with('$') { out.string(&format!("${key}")) } else { out.string(key) }
}

fn key(items: &mut Items<'_>, out: &mut Out, levels: usize) -> Result<(), NotWritten> {
    match items.next()? {
        Item::Text(text) | Item::Name(text) => Ok(plain_key(text, out)?),
        other => {
            let mut inner = out.rest();
            value(other, items, &mut inner, levels)?;
            Ok(out.string(&format!("$:{}", inner.into_text()))?)
        }
    }
}

/// A `Serde` value that was read of JSON.
pub(super) enum Json {
    None,
    Unit,
    Some(Box<Json>),
    Bool(bool),
    Unsigned(u128),
    Signed(i128),
    Float(f64),
    Text(String),
    Bytes(Box<[u8]>),
    Seq(Vec<Json>),
    Map(Vec<(Json, Json)>),
}

impl Json {
    /// The value in the form in which it crosses.
    pub(super) fn encode(&self) -> Result<Vec<u8>, wire::Error> {
        wire::encode(self)
    }

    /// The value of a marked form.
    fn marked(mark: &str, value: Json) -> Option<Json> {
        Some(match (mark, value) {
            ("unit", Json::None) => Json::Unit,
            ("some", value) => Json::Some(Box::new(value)),
            ("hex", Json::Text(digits)) => Json::Bytes(leaf::hex(&digits)?),
            ("float", Json::Text(name)) => Json::Float(match &*name {
                "NaN" => f64::NAN,
                "inf" => f64::INFINITY,
                "-inf" => f64::NEG_INFINITY,
                _ => return None,
            }),
            ("u128", Json::Text(number)) => Json::Unsigned(number.parse().ok()?),
            ("i128", Json::Text(number)) => Json::Signed(number.parse().ok()?),
            _ => return None,
        })
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::None => to.serialize_none(),
            Json::Unit => to.serialize_unit(),
            Json::Some(inner) => to.serialize_some(inner),
            Json::Bool(value) => to.serialize_bool(*value),
            Json::Unsigned(value) => match u64::try_from(*value) {
                Ok(value) => to.serialize_u64(value),
                Err(_) => to.serialize_u128(*value),
            },
            Json::Signed(value) => match i64::try_from(*value) {
                Ok(value) => to.serialize_i64(value),
                Err(_) => to.serialize_i128(*value),
            },
            Json::Float(value) => to.serialize_f64(*value),
            Json::Text(text) => to.serialize_str(text),
            Json::Bytes(bytes) => to.serialize_bytes(bytes),
            Json::Seq(elements) => {
                let mut seq = to.serialize_seq(Some(elements.len()))?;
                elements.iter().try_for_each(|element| seq.serialize_element(element))?;
                seq.end()
            }
            Json::Map(entries) => {
                let mut map = to.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Json, D::Error> {
        json.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Unsigned(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Signed(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Json::Seq(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let key = match key.strip_prefix('$') {
                None => Json::Text(key),
                Some(plain) if plain.starts_with('$') => Json::Text(plain.to_owned()),
                Some(marked) => match marked.strip_prefix(':') {
                    Some(json) => serde_json::from_str(json).map_err(A::Error::custom)?,
                    None => {
                        let value = map.next_value()?;
                        let value = Json::marked(marked, value).filter(|_| entries.is_empty());
                        let is_alone = map.next_key::<String>()?.is_none();
                        return value.filter(|_| is_alone).ok_or_else(|| {
                            A::Error::custom(format_args!(
                                "no value is marked as {}; write `$$` for a key that begins with `$`",
                                leaf::cut(&key)
                            ))
                        });
                    }
                },
            };
            entries.push((key, map.next_value()?));
        }
        Ok(Json::Map(entries))
    }
}
