//! The fields of a record in the form in which they cross.
//!
//! Numbers cross as they are, strings as bytes, and everything else in the text of its `Debug`, which is formatted
//! here. All texts of a record lie in one buffer, which may move while it grows; so a field holds the place of its
//! text, and its address only once the record is complete.

use std::{
    error::Error,
    fmt::{self, Write as _},
};

use tracing_core::field::{Field, Visit};

use crate::abi::{
    logs::{RawField, field},
    value::{Abi as _, sequences::RawSlice},
};

use super::text::Text;

/// Fields of most records.
const ROOM: usize = 8;

/// A text that has no place yet.
const NO_TEXT: RawSlice<u8> = RawSlice { at: std::ptr::dangling(), len: 0 };

pub(super) struct Fields {
    near: [RawField; ROOM],
    len: usize,
    /// All fields, once they do not fit into `near`.
    far: Vec<RawField>,
    text: Text,
}

impl Fields {
    pub(super) fn new() -> Fields {
        const EMPTY: RawField = RawField { kind: field::BOOL, index: 0, bits: [0; 2], text: NO_TEXT };
        Fields { near: [EMPTY; ROOM], len: 0, far: Vec::new(), text: Text::new() }
    }

    fn push(&mut self, raw: RawField) {
        if self.far.is_empty() && self.len < ROOM {
            self.near[self.len] = raw;
        } else {
            if self.far.is_empty() {
                self.far.extend_from_slice(&self.near[..self.len]);
            }
            self.far.push(raw);
        }
        self.len += 1;
    }

    fn number(&mut self, field: &Field, kind: u32, bits: u128) {
        let (low, high) = (bits as u64, (bits >> 64) as u64);
        self.push(RawField { kind, index: index(field), bits: [low, high], text: NO_TEXT });
    }

    /// Adds a field whose text `write` appends to the buffer. If an author's `Debug` panics, the panic goes on to
    /// the author's code, as without a border.
    fn written(&mut self, field: &Field, kind: u32, write: impl FnOnce(&mut Text)) {
        let begin = self.text.len();
        write(&mut self.text);
        let text = RawSlice { len: self.text.len() - begin, ..NO_TEXT };
        self.push(RawField { kind, index: index(field), bits: [begin as u64, 0], text });
    }

    /// The complete record.
    pub(super) fn finish(&mut self) -> RawSlice<RawField> {
        let fields = if self.far.is_empty() { &mut self.near[..self.len] } else { &mut self.far[..] };
        let texts = self.text.bytes();
        for raw in fields.iter_mut().filter(|raw| raw.kind >= field::STR) {
            let begin = raw.bits[0] as usize;
            raw.text = texts[begin..begin + raw.text.len].into_repr();
        }
        RawSlice { at: fields.as_ptr(), len: fields.len() }
    }
}

fn index(field: &Field) -> u32 {
    u32::try_from(field.index()).unwrap_or(u32::MAX)
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, field::F64, value.to_bits().into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, field::I64, value as u128);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, field::U64, value.into());
    }
    fn record_i128(&mut self, field: &Field, value: i128) {
        self.number(field, field::I128, value as u128);
    }
    fn record_u128(&mut self, field: &Field, value: u128) {
        self.number(field, field::U128, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, field::BOOL, value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.written(field, field::STR, |text| text.push(value.as_bytes()));
    }
    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.written(field, field::BYTES, |text| text.push(value));
    }
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.written(field, field::ERROR, |text| {
            let _ = write!(text, "{value}");
        });
        let mut source = value.source();
        while let Some(error) = source {
            self.written(field, field::SOURCE, |text| {
                let _ = write!(text, "{error}");
            });
            source = error.source();
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.written(field, field::TEXT, |text| {
            let _ = write!(text, "{value:?}");
        });
    }
}
