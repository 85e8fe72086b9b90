//! Content that means something to one compiler only, maps whose keys cannot be looked up, and a `Cow` that does not own.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex},
};

#[derive(Clone, lcr::Abi)]
struct Config {
    name: String,
}

type Forever = Cow<'static, str>;

#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn shared(&self) -> lcr::Shared<Config>;
    fn counted(&self, config: Arc<Config>);
    fn locked(&self, count: Arc<Mutex<u64>>);
    fn map(&self, by_number: HashMap<f64, u64>);
    fn text(&self, text: Forever);
    fn result(&self) -> Forever;
}

fn main() {}
