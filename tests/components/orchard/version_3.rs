//! An orchard of version 3, which keeps a list of what was planted in a `State`, and goes back to version 2.

use std::collections::BTreeMap;

use lcr::{BoxError, RawState, State};
use lcr_tests::orchard::{Orchard, uproot};

/// What was planted, in order.
type Planted = Vec<(String, u64)>;

/// A list.
#[derive(Default)]
pub struct List {
    planted: State<Planted>,
}

impl List {
    fn migrate(from: u32, raw: RawState<'_>) -> Result<Planted, BoxError> {
        match from {
            2 => Ok(raw.decode::<BTreeMap<String, u64>>()?.into_iter().collect()),
            _ => Err(format!("state version {from} is not known").into()),
        }
    }

    fn downgrade(to: u32, planted: Planted) -> Result<RawState<'static>, BoxError> {
        assert_eq!(to, 2);
        uproot(planted.iter().map(|(kind, _)| kind.as_str()))?;
        let mut kinds = BTreeMap::<String, u64>::new();
        planted.into_iter().for_each(|(kind, trees)| *kinds.entry(kind).or_default() += trees);
        RawState::of(&kinds)
    }
}

#[lcr::component(
    name = "orchard",
    version = "3.0.0",
    state = planted,
    state_version = 3,
    migrate = Self::migrate,
    downgrade = Self::downgrade,
    downgrades_to(2)
)]
impl Orchard for List {
    fn plant(&self, kind: &str, trees: u64) -> u64 {
        let mut planted = self.planted.write();
        planted.push((kind.to_owned(), trees));
        planted.iter().map(|(_, trees)| trees).sum()
    }
    fn trees(&self) -> u64 {
        self.planted.read().iter().map(|(_, trees)| trees).sum()
    }
    fn version(&self) -> u32 {
        3
    }
    fn wither(&self) -> u32 {
        panic!("an orchard withers")
    }
}
