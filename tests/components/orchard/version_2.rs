//! An orchard of version 2, which counts its trees by kind, and goes back to version 1.

use std::{collections::BTreeMap, sync::Mutex};

use lcr::{BoxError, Context, RawState, Stateful};
use lcr_tests::orchard::{Orchard, uproot};

/// How many trees there are, by kind.
#[derive(Default)]
pub struct ByKind(Mutex<BTreeMap<String, u64>>);

#[lcr::component(name = "orchard", version = "2.0.0", state)]
impl Orchard for ByKind {
    fn plant(&self, kind: &str, trees: u64) -> u64 {
        let mut kinds = self.0.lock().unwrap();
        *kinds.entry(kind.to_owned()).or_default() += trees;
        kinds.values().sum()
    }
    fn trees(&self) -> u64 {
        self.0.lock().unwrap().values().sum()
    }
    fn version(&self) -> u32 {
        2
    }
    fn wither(&self) -> u32 {
        panic!("an orchard withers")
    }
}

impl Stateful for ByKind {
    type State = BTreeMap<String, u64>;
    const STATE_VERSION: u32 = 2;
    const DOWNGRADES_TO: &'static [u32] = &[1];

    fn save(&self) -> Result<Self::State, BoxError> {
        Ok(self.0.lock().unwrap().clone())
    }
    fn restore(kinds: Self::State, _: &Context) -> Result<ByKind, BoxError> {
        Ok(ByKind(Mutex::new(kinds)))
    }
    fn migrate(from: u32, raw: RawState<'_>) -> Result<Self::State, BoxError> {
        match from {
            1 => Ok(BTreeMap::from([("unknown".to_owned(), raw.decode()?)])),
            _ => Err(format!("state version {from} is not known").into()),
        }
    }
    fn downgrade(to: u32, kinds: Self::State) -> Result<RawState<'static>, BoxError> {
        assert_eq!(to, 1);
        uproot(kinds.keys().map(String::as_str))?;
        RawState::of(&kinds.values().sum::<u64>())
    }
}
