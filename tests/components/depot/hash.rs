//! A depot that keeps its numbers in a hash map.

mod shed;

use std::{collections::HashMap, sync::Mutex};

use lcr::{BoxError, Context, Stateful, Tracked};
use lcr_tests::depot::Depot;
use shed::Shed;

type Map = Tracked<HashMap<String, u64>>;

struct Hashed {
    shed: Mutex<Shed<Map>>,
}

impl Hashed {
    fn with(map: Map, context: &Context) -> Result<Hashed, BoxError> {
        Ok(Hashed { shed: Mutex::new(Shed::open(map, context)?) })
    }
    fn open(context: &Context) -> Result<Hashed, BoxError> {
        // What a constructor begins with is not what its predecessor had.
        Hashed::with([("the successor's own".to_owned(), 1)].into_iter().collect(), context)
    }
    fn check(&self) -> Result<(), BoxError> {
        self.shed.lock().unwrap().check()
    }
}

#[lcr::component(
    name = "depot",
    version = "1.0.0",
    create = Self::open,
    healthy = Self::check,
    state,
    incremental = shed
)]
impl Depot for Hashed {
    fn put(&self, name: &str, number: u64) {
        self.shed.lock().unwrap().map.insert(name.to_owned(), number);
    }
    fn take(&self, name: &str) -> Option<u64> {
        self.shed.lock().unwrap().map.remove(name)
    }
    fn get(&self, name: &str) -> Option<u64> {
        self.shed.lock().unwrap().map.get(name).copied()
    }
    fn count(&self) -> u64 {
        self.shed.lock().unwrap().map.len() as u64
    }
    fn kind(&self) -> String {
        "hash".to_owned()
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}

impl Stateful for Hashed {
    type State = Map;

    fn save(&self) -> Result<Map, BoxError> {
        Ok(self.shed.lock().unwrap().map.clone())
    }
    fn restore(map: Map, context: &Context) -> Result<Hashed, BoxError> {
        Hashed::with(map, context)
    }
}
