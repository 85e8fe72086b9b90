//! Builds of the engine with hash maps that go bad under load; they show what a trial is for.
//!
//! The library's root says in `FAULT` what is wrong with it. What such a build holds is what the good builds hold, so
//! its state comes and goes by pointer, and whatever it has acknowledged is there when it is gone.
//!
//! One is wrong from its first call on, and in no way that a trial finds: the example `hot_fix` mends it as it serves.

#[path = "../engine/mod.rs"]
mod engine;
#[path = "fuse.rs"]
mod fuse;
#[path = "../engine/hash_map.rs"]
mod hash_map;

use std::{
    ops::Deref,
    process,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use fuse::Fuse;
use hash_map::HashShards;
use kv::{Condition, Engine, EngineError, Page, Swap, position};
use lcr::{Bytes, State};

use crate::FAULT;

/// What is wrong.
#[allow(dead_code, reason = "each library has one of them")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `get` returns half of the value, for one key in 16.
    AnswersWrongly,
    /// No call returns for a while.
    StopsAnswering,
    /// The process aborts.
    EndsTheProcess,
    /// `contains` counts a key once, however often it is named.
    CountsOnce,
}

/// How long no call returns. It ends by itself: callers with no way out of an engine with state would stay in it, and
/// nothing takes the state from under them. And it ends before a supervisor takes the threads of the server for hung,
/// which may be silent for two seconds.
const SILENCE: Duration = Duration::from_millis(1_200);

/// The engine.
#[derive(Default)]
pub(crate) struct BadEngine {
    shards: State<HashShards>,
    fuse: Fuse,
    silent_since: OnceLock<Instant>,
}

impl BadEngine {
    fn shards(&self) -> impl Deref<Target = HashShards> {
        match FAULT {
            _ if self.fuse.call().is_none() => {}
            Fault::AnswersWrongly | Fault::CountsOnce => {}
            Fault::StopsAnswering => {
                let since = self.silent_since.get_or_init(Instant::now);
                thread::sleep(SILENCE.saturating_sub(since.elapsed()));
            }
            Fault::EndsTheProcess => process::abort(),
        }
        self.shards.read()
    }
}

#[lcr::component(state = shards, incremental = shards, unload, name = "kv-engine-hash", version = "1.1.0")]
impl Engine for BadEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        let value = self.shards().get(key);
        let is_bad = FAULT == Fault::AnswersWrongly && self.fuse.has_burnt() && position::of(key).is_multiple_of(16);
        Ok(if is_bad { value.map(|value| value[..value.len() / 2].to_vec().into()) } else { value })
    }

    fn set(&self, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        self.shards().set(key, value);
        Ok(())
    }

    fn swap(&self, key: &[u8], value: &[u8], condition: Condition) -> Result<Swap, EngineError> {
        Ok(self.shards().swap(key, value, condition))
    }

    fn get_many(&self, keys: Vec<&[u8]>) -> Result<Vec<Option<Bytes>>, EngineError> {
        Ok(self.shards().get_many(&keys))
    }

    fn set_many(&self, pairs: Vec<(&[u8], &[u8])>) -> Result<(), EngineError> {
        self.shards().set_many(&pairs);
        Ok(())
    }

    fn remove(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        Ok(self.shards().remove(&keys))
    }

    fn contains(&self, mut keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        if FAULT == Fault::CountsOnce {
            keys.sort_unstable();
            keys.dedup();
        }
        Ok(self.shards().contains(&keys))
    }

    fn add(&self, key: &[u8], delta: i64) -> Result<i64, EngineError> {
        self.shards().add(key, delta)
    }

    fn count(&self) -> Result<u64, EngineError> {
        Ok(self.shards().count())
    }

    fn clear(&self) -> Result<(), EngineError> {
        self.shards().clear();
        Ok(())
    }

    fn scan(&self, cursor: u64, count: u64) -> Result<Page, EngineError> {
        Ok(self.shards().scan(cursor, count))
    }

    fn describe(&self) -> Result<String, EngineError> {
        Ok(self.shards().describe("hash map"))
    }
}
