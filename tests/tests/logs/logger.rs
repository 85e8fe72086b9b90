//! Records of `log` reach the program's logger.

use std::{
    fmt::Write as _,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use lcr_tests::{in_a_process_of_its_own, scribe::Scribe as _, wait_until};
use log::{
    LevelFilter, Log, Metadata, Record,
    kv::{Error, Key, Value, VisitSource},
};

use super::{loaded, scribes};

/// Writes records down.
struct Book {
    lines: Mutex<Vec<String>>,
    flushed: AtomicU64,
    /// Only records of this target; empty for all.
    target: Mutex<&'static str>,
}

static BOOK: Book = Book { lines: Mutex::new(Vec::new()), flushed: AtomicU64::new(0), target: Mutex::new("") };

fn take() -> Vec<String> {
    std::mem::take(&mut BOOK.lines.lock().unwrap())
}

struct Pairs(String);

impl<'kvs> VisitSource<'kvs> for Pairs {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let kind = match () {
            () if value.to_bool().is_some() => "bool",
            () if value.to_i64().is_some() => "i64",
            () if value.to_u64().is_some() => "u64",
            () if value.to_borrowed_str().is_some() => "str",
            () => "other",
        };
        write!(self.0, " {key}:{kind}={value}").unwrap();
        Ok(())
    }
}

impl Log for Book {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = *self.target.lock().unwrap();
        target.is_empty() || target == metadata.target()
    }
    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut pairs = Pairs(String::new());
        record.key_values().visit(&mut pairs).unwrap();
        let within = |path: &str| path.split_once("::").map_or("", |(_, rest)| rest).to_owned();
        let target = if record.target().contains("::") { within(record.target()) } else { record.target().to_owned() };
        assert!(record.file().unwrap().ends_with("scribe/desk.rs"));
        let (level, module, line) = (record.level(), within(record.module_path().unwrap()), record.line().unwrap());
        self.lines.lock().unwrap().push(format!("{level} {target} {module}:{line}{}: {}", pairs.0, record.args()));
    }
    fn flush(&self) {
        self.flushed.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn records_arrive_with_all_that_they_say() {
    in_a_process_of_its_own(|| {
        log::set_logger(&BOOK).unwrap();
        log::set_max_level(LevelFilter::Trace);
        let [linked, loaded] = scribes().map(|(_rt, scribe)| {
            assert_eq!(scribe.log(), 5);
            take()
        });
        assert_eq!(loaded, linked);
        assert_eq!(loaded.len(), 5);
        assert!(loaded[0].starts_with("ERROR desk desk:") && loaded[0].ends_with(": an error: 1"), "{loaded:?}");
        let pairs = " small:i64=-5 large:u64=18446744073709551615 real:other=1.5 yes:bool=true text:str=a text shown:";
        assert!(loaded[1].starts_with("WARN elsewhere desk:") && loaded[1].contains(pairs), "{loaded:?}");
        assert!(loaded[1].ends_with("=Some(3): keys and values: 2"), "{loaded:?}");
        assert_eq!(BOOK.flushed.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn filters_of_the_logger_hold_before_a_record_is_formatted() {
    in_a_process_of_its_own(|| {
        log::set_logger(&BOOK).unwrap();
        let (_rt, scribe) = loaded("scribe");
        assert_eq!(scribe.log(), 0, "the level of a program is `Off` at first");
        for (level, records) in
            [(LevelFilter::Trace, 5), (LevelFilter::Warn, 2), (LevelFilter::Debug, 4), (LevelFilter::Off, 0)]
        {
            log::set_max_level(level);
            wait_until("the level holds for the component", || scribe.log() == records);
            take();
            assert_eq!((scribe.log(), take().len() as u64), (records, records));
        }
        log::set_max_level(LevelFilter::Trace);
        wait_until("the level holds for the component", || scribe.log() == 5);
        *BOOK.target.lock().unwrap() = "elsewhere";
        take();
        assert_eq!((scribe.log(), take().len()), (1, 1));
    });
}

#[test]
fn a_logger_that_the_component_has_set_stays() {
    in_a_process_of_its_own(|| {
        log::set_logger(&BOOK).unwrap();
        log::set_max_level(LevelFilter::Trace);
        let (_rt, scribe) = loaded("scribe_own_logger");
        assert_eq!((scribe.log(), scribe.own_logger(), take().len()), (0, 3, 0), "that logger formats nothing");
    });
}
