//! The functions that images call for `log`, and the levels of images.
//!
//! An image's level is a static of its own, which its macros look at. `log` does not tell when the program's level
//! changes. So while a runtime has images that log, one thread looks at it every [`PERIOD`] and passes a change on:
//! after that time, the new level holds for images.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use log::{
    Level, LevelFilter, Metadata, Record,
    kv::{self, Key, Source, VisitSource},
};

use crate::{
    abi::{
        holds::Holds,
        logs::{ImageLog, LogTable, RawPair, RawRecord},
        value::sequences::RawSlice,
    },
    host::sys,
};

use super::{
    contained::contained,
    values::{Value, slice, text},
};

pub(super) static TABLE: LogTable = LogTable { open, enabled, log: record, flush };

/// How often the program's level is looked at.
const PERIOD: Duration = Duration::from_millis(50);

/// The stack of the thread that looks.
const STACK: usize = 64 << 10;

/// An image that logs.
pub(super) struct Image {
    holds: usize,
    table: &'static ImageLog,
}

/// The images that log, and the level that they were told.
pub(super) struct Images {
    images: Vec<Image>,
    told: u32,
    /// How many images runtimes have.
    held: usize,
    /// The process in which the thread looks: a child of `fork` does not have it.
    watched_in: u32,
}

static IMAGES: Mutex<Images> = Mutex::new(Images { images: Vec::new(), told: 0, held: 0, watched_in: 0 });

pub(super) fn images() -> MutexGuard<'static, Images> {
    IMAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(level: LevelFilter) -> u32 {
    level as u32
}

impl Images {
    /// Passes the program's level on, if it changed.
    fn look(&mut self) {
        let level = number(log::max_level());
        if level != self.told {
            self.told = level;
            self.images.iter().for_each(|image| image.tell(level));
        }
    }

    /// Starts the thread that looks, unless it runs or no image logs.
    fn watch(&mut self) {
        let process = std::process::id();
        if !self.images.is_empty() && self.watched_in != process && sys::start(c"lcr-log-level", STACK, watch).is_ok() {
            self.watched_in = process;
        }
    }
}

impl Image {
    fn tell(&self, level: u32) {
        // SAFETY: the image is mapped, since `close` did not take it out.
        unsafe { (self.table.set_level)(level) };
    }
}

fn watch() {
    loop {
        thread::sleep(PERIOD);
        let mut images = images();
        if images.held == 0 {
            images.watched_in = 0;
            return;
        }
        images.look();
    }
}

/// See [`super::Held`].
pub(super) fn hold() {
    let mut images = images();
    images.held += 1;
    images.look();
    images.watch();
}

/// See [`super::Held`].
pub(super) fn release() {
    images().held -= 1;
}

/// See [`super::close`].
pub(super) fn close(holds: *const Holds) -> Option<Image> {
    let mut images = images();
    let at = images.images.iter().position(|image| image.holds == holds.addr())?;
    Some(images.images.swap_remove(at))
}

/// See [`super::Closed::reopen`].
pub(super) fn reopen(image: Image) {
    let mut images = images();
    image.tell(images.told);
    images.images.push(image);
}

unsafe extern "C" fn open(holds: *const Holds, table: *const ImageLog) {
    // SAFETY: the table lives in the image, and is not used once the image is closed.
    let table = unsafe { &*table };
    let mut images = images();
    images.look();
    let image = Image { holds: holds.addr(), table };
    image.tell(images.told);
    images.images.push(image);
}

fn level(number: u32) -> Level {
    Level::iter().nth((number as usize).saturating_sub(1)).unwrap_or(Level::Trace)
}

unsafe extern "C" fn enabled(number: u32, target: RawSlice<u8>) -> bool {
    let level = level(number);
    if level > log::max_level() {
        return false;
    }
    // SAFETY: the image's text is valid for the call.
    let target = unsafe { text(target) };
    let metadata = Metadata::builder().level(level).target(target).build();
    contained(|| log::logger().enabled(&metadata)).unwrap_or(false)
}

unsafe extern "C" fn record(raw: *const RawRecord) {
    // SAFETY: the image's record is valid for the call.
    let raw = unsafe { &*raw };
    // SAFETY: as above; texts are strings of Rust.
    let text = |slice: RawSlice<u8>| unsafe { text(slice) };
    let some = |slice: RawSlice<u8>| Some(text(slice)).filter(|text| !text.is_empty());
    // SAFETY: as above.
    let pairs = unsafe { Pairs::read(raw.pairs) };
    contained(|| {
        let mut record = Record::builder();
        record.level(level(raw.level)).target(text(raw.target)).key_values(&pairs);
        record.module_path(some(raw.module)).file(some(raw.file)).line(Some(raw.line).filter(|&line| line != 0));
        log::logger().log(&record.args(format_args!("{}", text(raw.text))).build());
    });
}

unsafe extern "C" fn flush() {
    contained(|| log::logger().flush());
}

/// The keys and values of an image's record.
struct Pairs<'a>(Vec<(&'a str, Value<'a>)>);

impl<'a> Pairs<'a> {
    /// # Safety
    /// The pairs and their texts are valid for `'a`.
    unsafe fn read(raw: RawSlice<RawPair>) -> Pairs<'a> {
        // SAFETY: the caller says so.
        let raw: &[RawPair] = unsafe { slice(raw) };
        let pair = |pair: &RawPair| {
            // SAFETY: as above.
            let key = unsafe { text(pair.key) };
            // SAFETY: as above.
            let value = unsafe { Value::read(&[pair.value]) };
            value.map(|value| (key, value))
        };
        Pairs(raw.iter().filter_map(pair).collect())
    }
}

impl Source for Pairs<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        for (key, value) in &self.0 {
            visitor.visit_pair(Key::from_str(key), value.as_log())?;
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}
