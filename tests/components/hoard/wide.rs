//! The hoard, version 3: a number of its state is wider, which serde reads as before.

#[macro_use]
#[path = "keeper.rs"]
mod keeper;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Texts by key.
#[derive(Default, lcr::Layout, Serialize, Deserialize)]
pub struct Treasure {
    by_key: BTreeMap<u64, Coin>,
    puts: u64,
    counter: u64,
}

/// One text.
#[derive(lcr::Layout, Serialize, Deserialize)]
pub enum Coin {
    /// A short one, with its length.
    Small(String, u64),
    /// A long one, in pieces.
    Chain(Vec<Coin>),
}

impl Coin {
    fn new(text: &str) -> Coin {
        Coin::Small(text.to_owned(), text.len() as u64)
    }

    fn text(&self) -> String {
        match self {
            Coin::Small(text, _) => text.clone(),
            Coin::Chain(pieces) => pieces.iter().map(Coin::text).collect(),
        }
    }
}

chest!(Treasure, Coin::new, Coin::text);
keeper!(Treasure, "3.0.0", 3);
