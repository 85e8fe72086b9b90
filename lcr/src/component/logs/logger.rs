//! The logger of this image, which passes records on to the logger of the host.
//!
//! The macros of `log` compare a record's level with a static of the image before they do anything. The host keeps
//! that static at its own level ([`set_level`]), so a record that the host's level filters out costs what it costs in
//! the program. A logger that filters by target is asked before the record is formatted.

use std::{fmt::Write as _, sync::OnceLock};

use log::{
    Level, LevelFilter, Log, Metadata, Record,
    kv::{Error, Key, Value, VisitSource, VisitValue},
};

use crate::abi::{
    holds,
    logs::{ImageLog, LogTable, RawField, RawPair, RawRecord, field},
    value::{Abi as _, sequences::RawSlice},
};

use super::text::Text;

static HOST: OnceLock<&'static LogTable> = OnceLock::new();
static IMAGE: ImageLog = ImageLog { set_level };

/// Installs the logger, unless the image has one.
pub(super) fn install(table: &'static LogTable) {
    if log::set_logger(&Bridge).is_ok() && HOST.set(table).is_ok() {
        // SAFETY: both arguments live in the image.
        unsafe { (table.open)(holds::ours(), &raw const IMAGE) };
    }
}

/// See [`ImageLog::set_level`].
unsafe extern "C" fn set_level(level: u32) {
    let level = LevelFilter::iter().nth(level as usize).unwrap_or(LevelFilter::Trace);
    log::set_max_level(level);
}

fn number(level: Level) -> u32 {
    level as u32
}

/// The logger.
struct Bridge;

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let Some(host) = HOST.get() else { return false };
        // SAFETY: the target is valid for the call.
        unsafe { (host.enabled)(number(metadata.level()), metadata.target().into_repr()) }
    }

    fn log(&self, record: &Record<'_>) {
        let Some(host) = HOST.get().filter(|_| self.enabled(record.metadata())) else { return };
        let mut text = Text::new();
        // If an author's `Display` panics, the panic goes on to the author's code.
        let _ = write!(text, "{}", record.args());
        let mut pairs = Pairs::default();
        // The visitor refuses nothing.
        let _ = record.key_values().visit(&mut pairs);
        let pairs = pairs.finish();
        let raw = RawRecord {
            target: record.target().into_repr(),
            module: record.module_path().unwrap_or_default().into_repr(),
            file: record.file().unwrap_or_default().into_repr(),
            text: text.bytes().into_repr(),
            pairs: RawSlice { at: pairs.as_ptr(), len: pairs.len() },
            line: record.line().unwrap_or_default(),
            level: number(record.level()),
        };
        // SAFETY: the record is valid for the call.
        unsafe { (host.log)(&raw const raw) };
    }

    fn flush(&self) {
        if let Some(host) = HOST.get() {
            // SAFETY: any thread may call it.
            unsafe { (host.flush)() };
        }
    }
}

/// The keys and values of a record: few records have any, so these are on the heap.
#[derive(Default)]
struct Pairs {
    pairs: Vec<Pair>,
    text: Vec<u8>,
}

/// A key and a value; the texts are in [`Pairs::text`].
struct Pair {
    key: std::ops::Range<usize>,
    kind: u32,
    bits: u128,
    text: std::ops::Range<usize>,
}

impl Pairs {
    fn add(&mut self, text: &[u8]) -> std::ops::Range<usize> {
        let begin = self.text.len();
        self.text.extend_from_slice(text);
        begin..self.text.len()
    }

    fn finish(&self) -> Vec<RawPair> {
        let text = |range: &std::ops::Range<usize>| self.text[range.clone()].into_repr();
        let pair = |pair: &Pair| RawPair {
            key: text(&pair.key),
            value: RawField {
                kind: pair.kind,
                index: 0,
                bits: [pair.bits as u64, (pair.bits >> 64) as u64],
                text: text(&pair.text),
            },
        };
        self.pairs.iter().map(pair).collect()
    }

    fn set(&mut self, kind: u32, bits: u128, text: &[u8]) -> Result<(), Error> {
        let text = self.add(text);
        if let Some(pair) = self.pairs.last_mut() {
            (pair.kind, pair.bits, pair.text) = (kind, bits, text);
        }
        Ok(())
    }
}

impl<'kvs> VisitSource<'kvs> for Pairs {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let key = self.add(key.as_str().as_bytes());
        self.pairs.push(Pair { key, kind: field::TEXT, bits: 0, text: 0..0 });
        value.visit(self)
    }
}

impl<'v> VisitValue<'v> for &mut Pairs {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        self.set(field::TEXT, 0, value.to_string().as_bytes())
    }
    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        self.set(field::U64, value.into(), &[])
    }
    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        self.set(field::I64, value as u128, &[])
    }
    fn visit_u128(&mut self, value: u128) -> Result<(), Error> {
        self.set(field::U128, value, &[])
    }
    fn visit_i128(&mut self, value: i128) -> Result<(), Error> {
        self.set(field::I128, value as u128, &[])
    }
    fn visit_f64(&mut self, value: f64) -> Result<(), Error> {
        self.set(field::F64, value.to_bits().into(), &[])
    }
    fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
        self.set(field::BOOL, value.into(), &[])
    }
    fn visit_str(&mut self, value: &str) -> Result<(), Error> {
        self.set(field::STR, 0, value.as_bytes())
    }
}
