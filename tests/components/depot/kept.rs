//! A depot that keeps its numbers in a `State`, and tells their changes.

use std::collections::BTreeMap;

use lcr::{State, Tracked};
use lcr_tests::depot::Depot;

#[derive(Default)]
struct Kept {
    numbers: State<Tracked<BTreeMap<String, u64>>>,
}

#[lcr::component(name = "depot", version = "4.0.0", state = numbers, incremental = numbers)]
impl Depot for Kept {
    fn put(&self, name: &str, number: u64) {
        self.numbers.write().insert(name.to_owned(), number);
    }
    fn take(&self, name: &str) -> Option<u64> {
        self.numbers.write().remove(name)
    }
    fn get(&self, name: &str) -> Option<u64> {
        self.numbers.read().get(name).copied()
    }
    fn count(&self) -> u64 {
        self.numbers.read().len() as u64
    }
    fn kind(&self) -> String {
        "kept".to_owned()
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
