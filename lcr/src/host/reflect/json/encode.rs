//! Writing a value as JSON, in one pass over its memory and without a tree of it.

use std::net;

use super::{
    out::{Full, NotWritten, Out},
    wire,
};
use crate::host::reflect::{
    types::{Form, Meaning, Style},
    view::{At, List, Parts, View},
};

/// Whether secrets are written, or `"***"` in their place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Secrets {
    Hidden,
    Shown,
}

/// The value as one line of JSON, of at most `limit` bytes.
///
/// # Errors
/// If it would be longer, or has a part that is no value of its type.
pub(crate) fn encode(value: At<'_>, secrets: Secrets, limit: usize) -> Result<String, NotWritten> {
    let mut writer = Writer { out: Out::new(limit), secrets };
    writer.value(value)?;
    Ok(writer.out.into_text())
}

/// Bytes that are written as a text: UTF-8, without control characters other than tab and line ends.
pub(crate) fn bytes_as_text(bytes: &[u8]) -> Option<&str> {
    let is_odd = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r');
    if bytes.iter().any(is_odd) { None } else { str::from_utf8(bytes).ok() }
}

/// Bytes in their one form.
pub(super) fn bytes(out: &mut Out, bytes: &[u8]) -> Result<(), Full> {
    match bytes_as_text(bytes) {
        Some(text) => out.string(text),
        None => {
            out.raw("{\"hex\":")?;
            out.hex(bytes)?;
            out.raw("}")
        }
    }
}

struct Writer {
    out: Out,
    secrets: Secrets,
}

impl Writer {
    fn value(&mut self, value: At<'_>) -> Result<(), NotWritten> {
        let out = &mut self.out;
        match value.view() {
            View::Unit | View::None => out.raw("null")?,
            View::Bool(value) => out.raw(if value { "true" } else { "false" })?,
            View::Char(value) => out.string(value.encode_utf8(&mut [0; 4]))?,
            View::Unsigned(value) => match u8::try_from(value) {
                Ok(small) => out.u8(small)?,
                Err(_) => out.number(value)?,
            },
            View::Signed(value) => out.number(value)?,
            View::F32(value) => out.float(value.into(), value)?,
            View::F64(value) => out.float(value, value)?,
            View::Duration(value) => {
                out.number(format_args!("{{\"secs\":{},\"nanos\":{}}}", value.as_secs(), value.subsec_nanos()))?;
            }
            View::Text(text) => out.string(text)?,
            View::Bytes(value) => bytes(out, value)?,
            View::List(list) => return self.list(list),
            View::Some(inner) if inner.ty.is_nullable => return self.tagged("Some", inner),
            View::Some(inner) | View::Inside(inner) => return self.value(inner),
            View::Ok(inner) => return self.tagged("Ok", inner),
            View::Err(inner) => return self.tagged("Err", inner),
            View::Struct(meaning, parts) => return self.structure(meaning, parts),
            View::Variant(variant, parts) => {
                if parts.fields.style == Style::Empty {
                    out.string(variant.name)?;
                    return Ok(());
                }
                out.raw("{")?;
                out.string(variant.name)?;
                out.raw(":")?;
                self.fields(parts)?;
                self.out.raw("}")?;
            }
            View::Serde(bytes) => wire::write(bytes, out)?,
            View::Handle(_) | View::Function(_) => out.string(&format!("<{}>", value.ty.shape))?,
            View::Broken(broken) => return Err(broken.into()),
        }
        Ok(())
    }

    fn tagged(&mut self, name: &str, value: At<'_>) -> Result<(), NotWritten> {
        self.out.number(format_args!("{{\"{name}\":"))?;
        self.value(value)?;
        Ok(self.out.raw("}")?)
    }

    fn list(&mut self, list: List<'_>) -> Result<(), NotWritten> {
        self.out.raw("[")?;
        for (place, element) in list.iter().enumerate() {
            self.out.separate(place)?;
            self.value(element)?;
        }
        Ok(self.out.raw("]")?)
    }

    fn structure(&mut self, meaning: Meaning, parts: Parts<'_>) -> Result<(), NotWritten> {
        let Some(first) = parts.first() else { return self.fields(parts) };
        match meaning {
            Meaning::Address => Ok(self.out.string(&address_as_text(first))?),
            Meaning::Map => match first.view() {
                View::List(entries) if has_text_keys(entries) => self.object(entries),
                _ => self.value(first),
            },
            _ if meaning.is_its_field() || meaning == Meaning::Fault => self.value(first),
            _ => self.fields(parts),
        }
    }

    fn fields(&mut self, parts: Parts<'_>) -> Result<(), NotWritten> {
        let (open, close) = match parts.fields.style {
            Style::Empty => return Ok(self.out.raw("null")?),
            Style::Newtype => ("", ""),
            Style::Named => ("{", "}"),
            Style::Places => ("[", "]"),
        };
        self.out.raw(open)?;
        for (place, (field, value)) in parts.iter().enumerate() {
            self.out.separate(place)?;
            if parts.fields.style == Style::Named {
                self.out.string(field.name)?;
                self.out.raw(":")?;
            }
            if field.is_secret && self.secrets == Secrets::Hidden {
                self.out.raw("\"***\"")?;
            } else {
                self.value(value)?;
            }
        }
        Ok(self.out.raw(close)?)
    }

    /// A map whose keys are texts.
    fn object(&mut self, entries: List<'_>) -> Result<(), NotWritten> {
        self.out.raw("{")?;
        for (place, entry) in entries.iter().enumerate() {
            self.out.separate(place)?;
            let View::Struct(_, pair) = entry.view() else { continue };
            for (place, (_, value)) in pair.iter().enumerate() {
                if place > 0 {
                    self.out.raw(":")?;
                }
                self.value(value)?;
            }
        }
        Ok(self.out.raw("}")?)
    }
}

/// An address of the Internet, out of its bytes.
pub(crate) fn address_as_text(octets: At<'_>) -> String {
    let View::List(octets) = octets.view() else { return String::new() };
    let octet = |octet: At<'_>| match octet.view() {
        View::Unsigned(octet) => octet as u8,
        _ => 0,
    };
    let octets: Vec<u8> = octets.iter().map(octet).collect();
    match (<[u8; 4]>::try_from(&octets[..]), <[u8; 16]>::try_from(&octets[..])) {
        (Ok(v4), _) => net::Ipv4Addr::from(v4).to_string(),
        (_, Ok(v6)) => net::Ipv6Addr::from(v6).to_string(),
        _ => String::new(),
    }
}

/// Whether the entries of a map are written as an object.
fn has_text_keys(entries: List<'_>) -> bool {
    match &entries.element.form {
        Form::Struct(_, pair) => matches!(pair.list.first().map(|key| &key.ty.form), Some(Form::Text(_))),
        _ => false,
    }
}
