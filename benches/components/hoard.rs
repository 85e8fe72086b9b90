//! A component whose state moves by pointer, copied like `plain`.

use std::collections::BTreeMap;

use contract::interfaces::{Hoard, PAGE};
use lcr::State;

#[derive(Default, lcr::Layout)]
struct Hoarded {
    count: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

#[derive(Default)]
struct Kept {
    hoarded: State<Hoarded>,
}

#[lcr::component(name = "hoard-00000", version = "1.0.10000", state = hoarded)]
impl Hoard for Kept {
    fn add(&self, x: u64) -> u64 {
        let mut hoarded = self.hoarded.write();
        hoarded.count += x;
        hoarded.count
    }

    fn fill(&self, pages: u64) {
        let mut hoarded = self.hoarded.write();
        let first = hoarded.pages.len() as u64;
        hoarded.pages.extend((first..first + pages).map(|number| (number, vec![7; PAGE])));
    }
}
