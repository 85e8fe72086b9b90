//! Bad engines, each with one fault; they show that a refusal leaves the server as it is.
//!
//! The library's root says in `FAULT` what is wrong with it. Apart from that this is a
//! working engine, the smallest there can be: an ordered map under a mutex.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use kv::{Condition, Engine, EngineError, Page, Snapshot, Swap, integer, position};
use lcr::{BoxError, Bytes, Context};

use crate::FAULT;

/// What is wrong.
#[allow(dead_code, reason = "each library has one of them")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The constructor returns an error.
    CreateFails,
    /// The constructor panics.
    CreatePanics,
    /// The health check of the new instance fails.
    Unhealthy,
    /// The state of the predecessor is refused.
    RestoreFails,
    /// Taking the state over panics.
    RestorePanics,
    /// Giving the state away hangs, the first time.
    SaveHangs,
    /// Every other entry of the state is lost as it is taken over.
    LosesHalf,
}

/// How long a save hangs: longer than every deadline here.
const HANG: Duration = Duration::from_secs(2);

type Map = BTreeMap<(u64, Vec<u8>), Bytes>;

/// The engine.
#[derive(Default)]
pub(crate) struct FaultyEngine {
    map: Mutex<Map>,
    hung: AtomicBool,
    /// Entries that were handed over and are not here.
    missing: u64,
}

impl FaultyEngine {
    fn create(_: &Context) -> Result<FaultyEngine, BoxError> {
        match FAULT {
            Fault::CreateFails => Err("this engine's constructor returns an error".into()),
            Fault::CreatePanics => panic!("this engine's constructor panics"),
            _ => Ok(FaultyEngine::default()),
        }
    }

    fn healthy(&self) -> Result<(), BoxError> {
        match (FAULT, self.missing) {
            (Fault::Unhealthy, _) => Err("this engine is never healthy".into()),
            (_, 0) => Ok(()),
            (_, missing) => Err(format!("{missing} of the entries that were handed over are missing").into()),
        }
    }

    fn map(&self) -> MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(key: &[u8]) -> (u64, Vec<u8>) {
    (position::of(key), key.to_vec())
}

#[lcr::component(
    create = FaultyEngine::create,
    healthy = FaultyEngine::healthy,
    state,
    name = "kv-engine-faulty",
    version = "1.0.0"
)]
impl Engine for FaultyEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.map().get(&place(key)).cloned())
    }

    fn set(&self, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        self.map().insert(place(key), value.to_vec().into());
        Ok(())
    }

    fn swap(&self, key: &[u8], value: &[u8], condition: Condition) -> Result<Swap, EngineError> {
        let mut map = self.map();
        let previous = map.get(&place(key)).cloned();
        let stored = condition.holds(previous.is_some());
        if stored {
            map.insert(place(key), value.to_vec().into());
        }
        Ok(Swap { stored, previous })
    }

    fn get_many(&self, keys: Vec<&[u8]>) -> Result<Vec<Option<Bytes>>, EngineError> {
        let map = self.map();
        Ok(keys.into_iter().map(|key| map.get(&place(key)).cloned()).collect())
    }

    fn set_many(&self, pairs: Vec<(&[u8], &[u8])>) -> Result<(), EngineError> {
        self.map().extend(pairs.into_iter().map(|(key, value)| (place(key), value.to_vec().into())));
        Ok(())
    }

    fn remove(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        let mut map = self.map();
        Ok(keys.into_iter().filter(|key| map.remove(&place(key)).is_some()).count() as u64)
    }

    fn contains(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        let map = self.map();
        Ok(keys.into_iter().filter(|key| map.contains_key(&place(key))).count() as u64)
    }

    fn add(&self, key: &[u8], delta: i64) -> Result<i64, EngineError> {
        let mut map = self.map();
        let sum = integer::add(map.get(&place(key)).map(|value| &**value), delta)?;
        map.insert(place(key), sum.to_string().into_bytes().into());
        Ok(sum)
    }

    fn count(&self) -> Result<u64, EngineError> {
        Ok(self.map().len() as u64)
    }

    fn clear(&self) -> Result<(), EngineError> {
        self.map().clear();
        Ok(())
    }

    fn scan(&self, cursor: u64, count: u64) -> Result<Page, EngineError> {
        let map = self.map();
        let mut rest = map.range((cursor, Vec::new())..).peekable();
        let mut keys = Vec::new();
        while let Some(((position, key), _)) = rest.next() {
            keys.push(key.clone());
            let is_last_of_group = rest.peek().is_none_or(|((next, _), _)| next != position);
            if keys.len() as u64 >= count && is_last_of_group {
                return Ok(Page { next: position::after(*position), keys });
            }
        }
        Ok(Page { next: 0, keys })
    }

    fn describe(&self) -> Result<String, EngineError> {
        Ok("ordered map under a mutex".to_owned())
    }
}

impl lcr::Stateful for FaultyEngine {
    type State = Snapshot;

    fn save(&self) -> Result<Snapshot, BoxError> {
        if FAULT == Fault::SaveHangs && !self.hung.swap(true, Ordering::Relaxed) {
            thread::sleep(HANG);
        }
        let map = self.map();
        let mut snapshot = Snapshot::with_capacity(map.len() as u64);
        for ((_, key), value) in &*map {
            snapshot.push(key, value);
        }
        Ok(snapshot)
    }

    fn restore(snapshot: Snapshot, _: &Context) -> Result<FaultyEngine, BoxError> {
        match FAULT {
            Fault::RestoreFails => return Err("this engine refuses every state".into()),
            Fault::RestorePanics => panic!("this engine panics at every state"),
            _ => {}
        }
        let mut map = Map::new();
        for (number, pair) in snapshot.pairs().enumerate() {
            let (key, value) = pair?;
            if FAULT != Fault::LosesHalf || number % 2 == 0 {
                map.insert(place(key), value.to_vec().into());
            }
        }
        let missing = snapshot.entries() - map.len() as u64;
        Ok(FaultyEngine { map: Mutex::new(map), missing, ..FaultyEngine::default() })
    }
}
