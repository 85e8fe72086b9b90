//! The journal that `live_kv` keeps for its next instance: it has every acknowledged write, whichever engine the next
//! instance has, and wherever the journal was cut.
//!
//! Without a supervisor `sam` keeps descriptors in the process, so a second [`Keeper`] of
//! one name finds what a next instance would.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Write,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use kv::{Answer, Commands, Condition, Engine, EngineError, Page, Swap};
use lcr::Bytes;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};

use crate::live_kv::{commands_v1::CommandsV1, engine_hash::HashEngine, engine_tree::TreeEngine, keep::Keeper};

/// The layer's way to the engine. The keeper has its own, [`Watched`].
struct Shared(Arc<Watched>);

/// The keeper's way to the engine.
struct Watched {
    engine: Arc<dyn Engine>,
    /// A write was executed, and the keeper has not yet read its values.
    open: AtomicBool,
    /// Whether the layer worked meanwhile.
    disturbed: AtomicBool,
}

impl Shared {
    fn engine(&self) -> &dyn Engine {
        if self.0.open.load(Ordering::SeqCst) {
            self.0.disturbed.store(true, Ordering::SeqCst);
        }
        &*self.0.engine
    }

    /// Gives other threads time to run between a write and its record.
    fn written<T>(&self, result: T) -> T {
        self.0.open.store(true, Ordering::SeqCst);
        (0..20).for_each(|_| thread::yield_now());
        result
    }
}

impl Engine for Shared {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.engine().get(key)
    }

    fn set(&self, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        self.written(self.engine().set(key, value))
    }

    fn swap(&self, key: &[u8], value: &[u8], condition: Condition) -> Result<Swap, EngineError> {
        self.written(self.engine().swap(key, value, condition))
    }

    fn get_many(&self, keys: Vec<&[u8]>) -> Result<Vec<Option<Bytes>>, EngineError> {
        self.engine().get_many(keys)
    }

    fn set_many(&self, pairs: Vec<(&[u8], &[u8])>) -> Result<(), EngineError> {
        self.written(self.engine().set_many(pairs))
    }

    fn remove(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        self.written(self.engine().remove(keys))
    }

    fn contains(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        self.engine().contains(keys)
    }

    fn add(&self, key: &[u8], delta: i64) -> Result<i64, EngineError> {
        self.written(self.engine().add(key, delta))
    }

    fn count(&self) -> Result<u64, EngineError> {
        self.engine().count()
    }

    fn clear(&self) -> Result<(), EngineError> {
        self.engine().clear()
    }

    fn scan(&self, cursor: u64, count: u64) -> Result<Page, EngineError> {
        self.engine().scan(cursor, count)
    }

    fn describe(&self) -> Result<String, EngineError> {
        self.engine().describe()
    }
}

impl Engine for Watched {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.engine.get(key)
    }

    fn set(&self, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        self.engine.set(key, value)
    }

    fn swap(&self, key: &[u8], value: &[u8], condition: Condition) -> Result<Swap, EngineError> {
        self.engine.swap(key, value, condition)
    }

    fn get_many(&self, keys: Vec<&[u8]>) -> Result<Vec<Option<Bytes>>, EngineError> {
        self.open.store(false, Ordering::SeqCst);
        self.engine.get_many(keys)
    }

    fn set_many(&self, pairs: Vec<(&[u8], &[u8])>) -> Result<(), EngineError> {
        self.engine.set_many(pairs)
    }

    fn remove(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        self.engine.remove(keys)
    }

    fn contains(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        self.engine.contains(keys)
    }

    fn add(&self, key: &[u8], delta: i64) -> Result<i64, EngineError> {
        self.engine.add(key, delta)
    }

    fn count(&self) -> Result<u64, EngineError> {
        self.engine.count()
    }

    fn clear(&self) -> Result<(), EngineError> {
        self.engine.clear()
    }

    fn scan(&self, cursor: u64, count: u64) -> Result<Page, EngineError> {
        self.engine.scan(cursor, count)
    }

    fn describe(&self) -> Result<String, EngineError> {
        self.engine.describe()
    }
}

/// An instance: an engine, the layer over it, and what keeps it.
struct Instance {
    engine: Arc<Watched>,
    keeper: Keeper,
}

impl Instance {
    fn start(name: &'static str, engine: impl Engine + 'static) -> Instance {
        let engine = Arc::new(Watched {
            engine: Arc::new(engine),
            open: AtomicBool::new(false),
            disturbed: AtomicBool::new(false),
        });
        let commands = Arc::new(CommandsV1::over(Shared(Arc::clone(&engine))));
        let (keeper, restored) = Keeper::open(name, commands, Arc::<Watched>::clone(&engine)).unwrap();
        assert_eq!(restored.keys, engine.count().unwrap());
        assert!(restored.records > 0 || restored.keys == 0);
        Instance { engine, keeper }
    }

    fn ask(&self, line: &str) -> String {
        let Answer { reply, .. } = self.keeper.execute(line.split(' ').map(str::as_bytes).collect()).unwrap();
        String::from_utf8(reply).unwrap()
    }

    /// Every key and its value.
    fn contents(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let keys = self.engine.scan(0, u64::MAX).unwrap().keys;
        let value = |key: &Vec<u8>| self.engine.get(key).unwrap().unwrap().to_vec();
        keys.iter().map(|key| (key.clone(), value(key))).collect()
    }
}

fn journal(name: &str) -> File {
    File::from(sam::app().take_fd(name).unwrap().unwrap())
}

const WRITES: &[&str] = &[
    "SET a 1",
    "MSET b 2 c 3 d 4",
    "INCR a",
    "DEL b x",
    "SET d 5 XX",
    "SET e 6 XX",
    "SET a y NX",
    "INCRBY n -7",
    "DECR n",
    "INCR d e",
    "FLUSHALL now",
    "MSET p 1 q",
    "FLUSHALL",
    "SET a 9",
    "MSET b 10 a 11",
    "DEL a b",
    "SET z 12",
];

#[test]
fn after_every_write_another_engine_finds_everything_in_the_journal() {
    let first = Instance::start("every", HashEngine::default());
    for write in WRITES {
        first.ask(write);
        let next = Instance::start("every", TreeEngine::default());
        assert_eq!(next.contents(), first.contents(), "{write}");
    }
    assert_eq!(first.contents().len(), 1, "the writes leave one key");
}

#[test]
fn a_journal_cut_at_any_byte_is_what_it_was_after_its_last_whole_record() {
    let first = Instance::start("whole", HashEngine::default());
    let mut states = vec![(0, first.contents())];
    for write in WRITES {
        first.ask(write);
        states.push((first.keeper.journal_len(), first.contents()));
    }
    let file = journal("whole");
    let mut bytes = vec![0; usize::try_from(first.keeper.journal_len()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    for end in 0..=bytes.len() {
        // Behind the cut: nothing, the zeros of a page never written, or other bytes.
        for behind in [&[][..], &[0; 40], b"other bytes"] {
            let mut cut = tempfile::tempfile().unwrap();
            cut.write_all(&[&bytes[..end], behind].concat()).unwrap();
            sam::app().keep_fd("cut", &cut).unwrap();
            let next = Instance::start("cut", TreeEngine::default());
            let (len, expected) = states.iter().rfind(|(len, _)| *len <= end as u64).unwrap();
            assert_eq!((next.keeper.journal_len(), &next.contents()), (*len, expected), "cut at {end}");
            assert_eq!(cut.metadata().unwrap().len(), *len, "the bytes after the last whole record are gone");
            next.ask("SET more 1");
            assert_eq!(Instance::start("cut", HashEngine::default()).contents(), next.contents());
        }
    }
}

/// Threads that write to the same keys, until `stop`, and read what others write.
fn quarrel(instance: &Instance, writes: usize, stop: &AtomicBool) {
    thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(number);
                for write in 0..writes {
                    let (one, two) = (random.u8(..20), random.u8(..20));
                    match random.u8(..100) {
                        0..40 => instance.ask(&format!("SET k{one} {number}.{write}")),
                        40..60 => instance.ask(&format!("MSET k{one} {number}.{write} k{two} {number}.{write}")),
                        60..80 => instance.ask("INCR sum"),
                        80..90 => instance.ask(&format!("DEL k{one} k{two}")),
                        90..99 => instance.ask(&format!("GET k{one}")),
                        _ => instance.ask("FLUSHALL"),
                    };
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
    });
}

#[test]
fn the_journal_has_the_order_of_the_engine_and_no_client_sees_a_write_that_it_lacks() {
    for _ in 0..8 {
        let first = Instance::start("order", HashEngine::default());
        quarrel(&first, 300, &AtomicBool::new(false));
        assert!(!first.engine.disturbed.load(Ordering::SeqCst), "a request ran between a write and its record");
        assert_eq!(Instance::start("order", TreeEngine::default()).contents(), first.contents());
    }
}

#[test]
fn a_compaction_under_writes_makes_the_journal_short_and_loses_nothing() {
    let first = Instance::start("compact", HashEngine::default());
    for key in 0..2_000 {
        first.ask(&format!("SET key{key} {key}"));
    }
    assert!(!first.keeper.compact_if_due(|| ()).unwrap(), "a short journal is not compacted");
    let value = "v".repeat(100_000);
    for _ in 0..100 {
        first.ask(&format!("SET large {value}"));
    }
    let (long, stop) = (first.keeper.journal_len(), AtomicBool::new(false));
    thread::scope(|scope| {
        let quarrel = scope.spawn(|| quarrel(&first, usize::MAX, &stop));
        let mut pages = 0;
        let compacted = first.keeper.compact_if_due(|| pages += 1).unwrap();
        assert!(compacted && pages > 0);
        stop.store(true, Ordering::Relaxed);
        quarrel.join().unwrap();
    });
    assert!(first.keeper.journal_len() < long);
    assert_eq!(Instance::start("compact", TreeEngine::default()).contents(), first.contents());
}

#[test]
fn a_write_that_cannot_be_kept_is_not_acknowledged() {
    let first = Instance::start("sealed", HashEngine::default());
    first.ask("SET a 1");
    let sealed = sealable();
    sam::app().keep_fd("sealed", &sealed).unwrap();
    let next = Instance::start("sealed", HashEngine::default());
    fcntl(&sealed, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_GROW)).unwrap();
    let refused = next.keeper.execute(vec![b"SET", b"a", b"2"]).unwrap_err();
    assert!(refused.to_string().contains("could not be kept"), "{refused}");
    assert!(next.ask("PING").contains("PONG"));
}

fn sealable() -> File {
    let flags = nix::sys::memfd::MFdFlags::MFD_ALLOW_SEALING;
    File::from(nix::sys::memfd::memfd_create(c"sealed", flags).unwrap())
}
