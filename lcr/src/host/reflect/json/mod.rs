//! Values as JSON, both ways: `decode(encode(value)) == value` for every value that can be made from JSON.
//!
//! | value | JSON |
//! |---|---|
//! | integers, `NonZero` | a number, of any length; no exponent, no fraction |
//! | `f32`, `f64` | a number; `"NaN"`, `"inf"`, `"-inf"` |
//! | `bool`, `char`, `()` | `true`, `"x"`, `null` |
//! | `&str`, `String` | a string |
//! | `&[u8]`, `&mut [u8]`, `Vec<u8>`, `Bytes`, paths | see below |
//! | other sequences, arrays, tuples, sets, ranges | an array |
//! | `Option` | `null`, or the value; `{"Some": value}` if the value itself may be `null` |
//! | `Result` | `{"Ok": value}` or `{"Err": value}` |
//! | `Box`, `Arc`, `Shared`, newtypes | what is inside |
//! | structs | an object of all fields; an array of a tuple struct; `null` without fields |
//! | enums | `"Variant"` without fields, else `{"Variant": fields}`, the fields as those of a struct |
//! | maps | an object if keys are texts, else an array of `[key, value]` |
//! | `Duration` | `{"secs": 1, "nanos": 500000000}`, as serde has it |
//! | `SystemTime` | `[secs, nanos]` since the epoch, seconds rounded down |
//! | `Ipv4Addr`, `Ipv6Addr` | a string: `"127.0.0.1"`; in an `IpAddr` an array of bytes |
//! | `Serde` | see [`wire`] |
//! | handles, functions, `Fault` | a string that names the type, or an array; not to be read |
//!
//! **Bytes.** A string if they are UTF-8 without control characters other than tab and line ends; else
//! `{"hex": "00ff"}`. Most byte strings of interfaces are texts, and an operator wants to read and type them as such.
//! The others are rare and short, so the digits that an operator can read, cut and compare by eye are worth more than
//! the third that base64 would save. The object tells both apart whatever the bytes are. An array of numbers is read,
//! too. A fixed array `[u8; N]` is an array of numbers: it is a group of numbers more often than a text.
//!
//! **Reading is strict**: no field may be missing, unknown or there twice, and no number is rounded to an integer. The
//! first fault is told with the way to it: `argument 1.entries[3].key: ..`. A float is rounded to the nearest one, and
//! refused if it is beyond the largest.
//!
//! **Bounds.** Writing ends at a limit in bytes. Reading needs memory in proportion to the text, about 32 bytes for
//! each of its bytes, and no deeper stack than serde_json allows: 128 levels. That is more than a shape has; of a
//! `Serde` value, levels beyond are refused. So is a value of more than 64 MiB, which a short text may stand for.

mod build;
mod check;
mod default;
mod draft;
mod encode;
mod leaf;
mod out;
mod wire;

pub(in crate::host) use default::default;
pub(in crate::host) use encode::{Secrets, encode};
pub(super) use encode::{address_as_text, bytes_as_text};
pub(super) use wire::{as_json as wire_as_json, canonical as canonical_wire};

use super::{memory::Arena, types::Type, value::Value};
use crate::error::{Error, ErrorKind, Result};

/// Makes a value from JSON. `what` names it in errors: `argument 1`.
///
/// # Errors
/// `Invalid`, with the way to the first fault, if `text` is not JSON or is no value of the type; or if none can be made
/// from JSON.
pub(crate) fn decode<'t>(ty: &'t Type<'t>, text: &str, what: &str) -> Result<Value<'t>> {
    let draft = check::check(ty, text).map_err(|fault| {
        let path = if fault.path.is_empty() { what.to_owned() } else { format!("{what}{}", fault.path) };
        Error::new(ErrorKind::Invalid, format!("{path}: {}", fault.text))
    })?;
    let write = |at: *mut u8, arena: &mut Arena| {
        // SAFETY: the memory was made for the type.
        unsafe { build::write_draft(ty, draft, at, arena) };
    };
    // SAFETY: the draft is one of this type.
    Ok(unsafe { Value::build(ty, write) })
}
