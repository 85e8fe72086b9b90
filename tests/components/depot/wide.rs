//! A depot whose numbers have become texts: state version 2, which reads changes of version 1.

use std::{collections::BTreeMap, sync::Mutex};

use lcr::{BoxError, Context, Incremental, MapChanges, RawState, Stateful, Tracked};
use lcr_tests::depot::Depot;

type Map = Tracked<BTreeMap<String, String>>;

#[derive(Default)]
struct Texts(Map);

#[derive(Default)]
struct Wide {
    texts: Mutex<Texts>,
}

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

#[lcr::component(name = "depot", version = "3.0.0", state, incremental = texts)]
impl Depot for Wide {
    fn put(&self, name: &str, number: u64) {
        self.texts.lock().unwrap().0.insert(name.to_owned(), number.to_string());
    }
    fn take(&self, name: &str) -> Option<u64> {
        self.texts.lock().unwrap().0.remove(name)?.parse().ok()
    }
    fn get(&self, name: &str) -> Option<u64> {
        self.texts.lock().unwrap().0.get(name)?.parse().ok()
    }
    fn count(&self) -> u64 {
        self.texts.lock().unwrap().0.len() as u64
    }
    fn kind(&self) -> String {
        "texts".to_owned()
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}

impl Stateful for Wide {
    type State = Map;
    const STATE_VERSION: u32 = 2;

    fn save(&self) -> Result<Map, BoxError> {
        Ok(self.texts.lock().unwrap().0.clone())
    }
    fn restore(map: Map, _: &Context) -> Result<Wide, BoxError> {
        Ok(Wide { texts: Mutex::new(Texts(map)) })
    }
}
