//! Values of an image's fields, turned back into values of the host's `tracing` and `log`.

use std::{error::Error, fmt};

use crate::abi::{
    logs::{RawField, field},
    value::{Abi as _, sequences::RawSlice},
};

/// A slice that an image lends for a call.
///
/// # Safety
/// It is valid for `'a`.
pub(super) unsafe fn slice<'a, T>(raw: RawSlice<T>) -> &'a [T] {
    // SAFETY: the caller says so.
    unsafe { std::slice::from_raw_parts(raw.at, raw.len) }
}

/// A text that an image lends for a call.
///
/// # Safety
/// It is valid for `'a`, and a string of Rust.
pub(super) unsafe fn text<'a>(raw: RawSlice<u8>) -> &'a str {
    // SAFETY: the caller says so.
    unsafe { <&str>::from_repr(raw) }
}

/// The value of one field.
pub(super) enum Value<'a> {
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Str(&'a str),
    Bytes(&'a [u8]),
    Text(Text<'a>),
    Error(Box<dyn Error + 'static>),
}

/// The type by which `tracing` takes it.
#[cfg(feature = "tracing")]
type Text<'a> = tracing_core::field::DisplayValue<Formatted<'a>>;
#[cfg(not(feature = "tracing"))]
type Text<'a> = Formatted<'a>;

fn as_text(text: &str) -> Text<'_> {
    #[cfg(feature = "tracing")]
    return tracing_core::field::display(Formatted(text));
    #[cfg(not(feature = "tracing"))]
    return Formatted(text);
}

/// What an image has formatted: its `Debug` and its `Display` are the text as it is.
pub(super) struct Formatted<'a>(&'a str);

impl fmt::Debug for Formatted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Formatted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// An error of an image: its texts, and those of its sources.
#[derive(Debug)]
struct ImageError {
    text: String,
    source: Option<Box<ImageError>>,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for ImageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl<'a> Value<'a> {
    /// Reads the first of `fields`; if it is an error, the sources behind it, too. None if there is no value to read.
    ///
    /// # Safety
    /// Their texts are valid for `'a`, and strings of Rust where their kind says so.
    pub(super) unsafe fn read(fields: &[RawField]) -> Option<Value<'a>> {
        let (raw, behind) = fields.split_first()?;
        let [low, high] = raw.bits;
        let wide = u128::from(high) << 64 | u128::from(low);
        // SAFETY: the caller says so.
        let string = |raw: &RawField| unsafe { text::<'a>(raw.text) };
        Some(match raw.kind {
            field::BOOL => Value::Bool(low != 0),
            field::I64 => Value::I64(low as i64),
            field::U64 => Value::U64(low),
            field::I128 => Value::I128(wide as i128),
            field::U128 => Value::U128(wide),
            field::F64 => Value::F64(f64::from_bits(low)),
            field::STR => Value::Str(string(raw)),
            // SAFETY: the caller says so.
            field::BYTES => Value::Bytes(unsafe { slice(raw.text) }),
            field::TEXT => Value::Text(as_text(string(raw))),
            field::ERROR => {
                let sources = behind.iter().take_while(|raw| raw.kind == field::SOURCE).collect::<Vec<_>>();
                let source = sources
                    .into_iter()
                    .rfold(None, |source, raw| Some(Box::new(ImageError { text: string(raw).to_owned(), source })));
                Value::Error(Box::new(ImageError { text: string(raw).to_owned(), source }))
            }
            _ => return None,
        })
    }

    /// The value as `tracing` takes it.
    #[cfg(feature = "tracing")]
    pub(super) fn as_tracing(&self) -> &dyn tracing_core::field::Value {
        match self {
            Value::Bool(value) => value,
            Value::I64(value) => value,
            Value::U64(value) => value,
            Value::I128(value) => value,
            Value::U128(value) => value,
            Value::F64(value) => value,
            Value::Str(value) => value,
            Value::Bytes(value) => value,
            Value::Text(value) => value,
            Value::Error(value) => value,
        }
    }

    /// The value as `log` takes it.
    #[cfg(feature = "log")]
    pub(super) fn as_log(&self) -> log::kv::Value<'_> {
        match self {
            Value::Bool(value) => value.into(),
            Value::I64(value) => value.into(),
            Value::U64(value) => value.into(),
            Value::I128(value) => value.into(),
            Value::U128(value) => value.into(),
            Value::F64(value) => value.into(),
            Value::Str(value) => (*value).into(),
            Value::Text(value) => log::kv::Value::from_dyn_display(value),
            Value::Bytes(value) => log::kv::Value::from_dyn_debug(value),
            Value::Error(value) => log::kv::Value::from_dyn_display(value),
        }
    }
}
