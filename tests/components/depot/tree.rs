//! A depot that keeps its numbers in a tree.

mod shed;

use std::{collections::BTreeMap, sync::RwLock};

use lcr::{BoxError, Context, Stateful, Tracked};
use lcr_tests::depot::Depot;
use shed::Shed;

type Map = Tracked<BTreeMap<String, u64>>;

struct Sorted {
    shed: RwLock<Shed<Map>>,
}

impl Sorted {
    fn with(map: Map, context: &Context) -> Result<Sorted, BoxError> {
        Ok(Sorted { shed: RwLock::new(Shed::open(map, context)?) })
    }
    fn open(context: &Context) -> Result<Sorted, BoxError> {
        Sorted::with([("the successor's own".to_owned(), 1)].into_iter().collect(), context)
    }
    fn check(&self) -> Result<(), BoxError> {
        self.shed.read().unwrap().check()
    }
}

#[lcr::component(
    name = "depot",
    version = "2.0.0",
    create = Self::open,
    healthy = Self::check,
    state,
    incremental = shed
)]
impl Depot for Sorted {
    fn put(&self, name: &str, number: u64) {
        self.shed.write().unwrap().map.insert(name.to_owned(), number);
    }
    fn take(&self, name: &str) -> Option<u64> {
        self.shed.write().unwrap().map.remove(name)
    }
    fn get(&self, name: &str) -> Option<u64> {
        self.shed.read().unwrap().map.get(name).copied()
    }
    fn count(&self) -> u64 {
        self.shed.read().unwrap().map.len() as u64
    }
    fn kind(&self) -> String {
        "tree".to_owned()
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}

impl Stateful for Sorted {
    type State = Map;

    fn save(&self) -> Result<Map, BoxError> {
        Ok(self.shed.read().unwrap().map.clone())
    }
    fn restore(map: Map, context: &Context) -> Result<Sorted, BoxError> {
        Sorted::with(map, context)
    }
}
