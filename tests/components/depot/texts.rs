//! Texts in the place of a depot's numbers: state version 2, which reads changes of version 1.

use std::collections::BTreeMap;

use lcr::{BoxError, Incremental, MapChanges, RawState, Tracked};

pub type Map = Tracked<BTreeMap<String, String>>;

#[derive(Default)]
pub struct Texts(pub Map);

impl Incremental for Texts {
    type Changes = MapChanges<String, String>;

    fn track(&mut self, most: usize) {
        self.0.track(most);
    }
    fn untrack(&mut self) {
        self.0.untrack();
    }
    fn changes(&mut self, limit: usize) -> Result<Self::Changes, BoxError> {
        self.0.changes(limit)
    }
    fn left(&self) -> usize {
        self.0.left()
    }
    fn apply(&mut self, changes: Self::Changes) -> Result<(), BoxError> {
        self.0.apply(changes)
    }
    fn migrate_changes(from: u32, raw: RawState<'_>) -> Result<Self::Changes, BoxError> {
        match from {
            1 => Ok(raw.decode::<MapChanges<String, u64>>()?.convert(|name| name, |number| number.to_string())),
            _ => Err(format!("numbers of version {from}").into()),
        }
    }
}
