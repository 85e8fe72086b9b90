//! The hoard, version 4: the state has another type and version, and reads those before.

#[macro_use]
#[path = "keeper.rs"]
mod keeper;
#[path = "chest.rs"]
#[allow(dead_code, reason = "only its form is read")]
mod chest;

use std::collections::BTreeMap;

use lcr::{BoxError, RawState};
use serde::{Deserialize, Serialize};

/// Texts by key, without their pieces.
#[derive(Default, lcr::Layout, Serialize, Deserialize)]
pub struct Hoard {
    by_key: BTreeMap<u64, String>,
    puts: u64,
    counter: u64,
}

impl Keeper {
    fn migrate(from: u32, raw: RawState<'_>) -> Result<Hoard, BoxError> {
        use lcr_tests::hoard::Chest as _;
        if from != 1 {
            return Err(format!("version {from} is not known").into());
        }
        let before: chest::Treasure = raw.decode()?;
        let texts = (0..=before.counts().0).filter_map(|key| Some((key, before.get(key)?)));
        Ok(Hoard { by_key: texts.collect(), puts: before.counts().1, counter: 0 })
    }
}

chest!(Hoard, str::to_owned, String::clone);
keeper!(Hoard, "4.0.0", 4, state_version = 2, migrate = Self::migrate);
