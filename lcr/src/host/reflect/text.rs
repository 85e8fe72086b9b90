//! Printing a value, as `{:?}` does, in bounded length.
//!
//! Secrets are shown as `***`, bytes as a text or in hexadecimal digits, a `Serde` value as JSON.

use std::fmt::{self, Write};

use super::{
    json::{address_as_text, bytes_as_text, wire_as_json},
    types::{Meaning, Style},
    view::{At, Parts, View},
};

/// The end of a text that was cut.
const CUT: &str = "…";

/// The value in at most `limit` bytes; one that is longer ends with `…`.
pub(crate) fn text(value: At<'_>, limit: usize) -> String {
    let mut out = Bounded { text: String::new(), limit };
    if print(value, &mut out).is_err() {
        let room = limit.saturating_sub(CUT.len());
        let end = (0..=room.min(out.text.len())).rev().find(|&end| out.text.is_char_boundary(end));
        out.text.truncate(end.unwrap_or(0));
        out.text.push_str(&CUT[..if limit < CUT.len() { 0 } else { CUT.len() }]);
    }
    out.text
}

/// A text that refuses to grow over its limit.
struct Bounded {
    text: String,
    limit: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let room = self.limit - self.text.len();
        if piece.len() <= room {
            self.text.push_str(piece);
            return Ok(());
        }
        let fits = (0..=room).rev().find(|&end| piece.is_char_boundary(end)).unwrap_or(0);
        self.text.push_str(&piece[..fits]);
        Err(fmt::Error)
    }
}

fn print(value: At<'_>, out: &mut Bounded) -> fmt::Result {
    match value.view() {
        View::Unit => out.write_str("()"),
        View::Bool(value) => write!(out, "{value}"),
        View::Char(value) => write!(out, "{value:?}"),
        View::Unsigned(value) => write!(out, "{value}"),
        View::Signed(value) => write!(out, "{value}"),
        View::F32(value) => write!(out, "{value:?}"),
        View::F64(value) => write!(out, "{value:?}"),
        View::Duration(value) => write!(out, "{value:?}"),
        View::Text(text) => quoted(text, out),
        View::Bytes(bytes) => match bytes_as_text(bytes) {
            Some(text) => {
                out.write_char('b')?;
                quoted(text, out)
            }
            None => {
                out.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
            }
        },
        View::List(list) => {
            out.write_char('[')?;
            for (place, element) in list.iter().enumerate() {
                separate(place, out)?;
                print(element, out)?;
            }
            out.write_char(']')
        }
        View::None => out.write_str("None"),
        View::Some(value) => inside("Some", value, out),
        View::Ok(value) => inside("Ok", value, out),
        View::Err(value) => inside("Err", value, out),
        View::Inside(value) => print(value, out),
        View::Struct(meaning, parts) => match parts.first() {
            Some(octets) if meaning == Meaning::Address => out.write_str(&address_as_text(octets)),
            Some(value) if meaning.is_its_field() || meaning == Meaning::Map => print(value, out),
            _ => fields(&value.ty.shape.name, parts, out),
        },
        View::Variant(variant, parts) => fields(variant.name, parts, out),
        View::Serde(bytes) => match wire_as_json(bytes, out.limit - out.text.len()) {
            Ok(json) => write!(out, "Serde({json})"),
            Err(_) => write!(out, "Serde({} bytes)", bytes.len()),
        },
        // Neither an address, which would tell an attacker where memory is.
        View::Handle(_) | View::Function(_) => write!(out, "<{}>", value.ty.shape),
        View::Broken(broken) => write!(out, "<{broken}>"),
    }
}

/// A text in quotes, cut without a look at what is behind the limit.
fn quoted(text: &str, out: &mut Bounded) -> fmt::Result {
    let room = out.limit - out.text.len();
    let fits = (0..=text.len().min(room + 1)).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    write!(out, "{:?}", &text[..fits])
}

fn separate(place: usize, out: &mut Bounded) -> fmt::Result {
    if place > 0 { out.write_str(", ") } else { Ok(()) }
}

fn inside(name: &str, value: At<'_>, out: &mut Bounded) -> fmt::Result {
    write!(out, "{name}(")?;
    print(value, out)?;
    out.write_char(')')
}

fn fields(name: &str, parts: Parts<'_>, out: &mut Bounded) -> fmt::Result {
    out.write_str(name)?;
    let (open, close) = match parts.fields.style {
        Style::Empty => return Ok(()),
        Style::Named => (" { ", " }"),
        Style::Newtype | Style::Places => ("(", ")"),
    };
    out.write_str(open)?;
    for (place, (field, value)) in parts.iter().enumerate() {
        separate(place, out)?;
        if parts.fields.style == Style::Named {
            write!(out, "{}: ", field.name)?;
        }
        if field.is_secret {
            out.write_str("***")?;
        } else {
            print(value, out)?;
        }
    }
    out.write_str(close)
}
