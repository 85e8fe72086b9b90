//! Version 2, whose state has a number of visits for each name, and which reads the state of version 1.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lcr::{BoxError, Context, RawState, Stateful};
use serde::{Deserialize, Serialize};

mod interface;
use interface::Visits;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Counts {
    /// Visits that version 1 counted, without names.
    unnamed: u64,
    by_name: BTreeMap<String, u64>,
    /// A field that was added later. With `#[serde(default)]` a state without this field can be read.
    #[serde(default)]
    last: Option<String>,
}

#[derive(Default)]
struct Named(Mutex<Counts>);

impl Named {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[lcr::component(state, name = "visits", version = "2.0.0")]
impl Visits for Named {
    fn visit(&self, name: &str) -> u64 {
        let mut counts = self.counts();
        *counts.by_name.entry(name.to_owned()).or_default() += 1;
        counts.last = Some(name.to_owned());
        counts.unnamed + counts.by_name.values().sum::<u64>()
    }

    fn of(&self, name: &str) -> u64 {
        self.counts().by_name.get(name).copied().unwrap_or(0)
    }
}

impl Stateful for Named {
    type State = Counts;

    /// The type differs from that of version 1, so the number is higher. Default: 1.
    const STATE_VERSION: u32 = 2;

    fn save(&self) -> Result<Counts, BoxError> {
        Ok(self.counts().clone())
    }

    fn restore(counts: Counts, _: &Context) -> Result<Named, BoxError> {
        Ok(Named(Mutex::new(counts)))
    }

    fn migrate(from: u32, raw: RawState<'_>) -> Result<Counts, BoxError> {
        match from {
            1 => Ok(Counts { unnamed: raw.decode()?, ..Counts::default() }),
            _ => Err(format!("state version {from} is not known here, only 1 and 2").into()),
        }
    }
}
