//! The state of versions 1 and 2.

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
    Small(String, u32),
    /// A long one, in pieces.
    Chain(Vec<Coin>),
}

impl Coin {
    fn new(text: &str) -> Coin {
        match text.split_at_checked(8) {
            Some((first, rest)) if !rest.is_empty() => Coin::Chain(vec![Coin::new(first), Coin::new(rest)]),
            _ => Coin::Small(text.to_owned(), text.len() as u32),
        }
    }

    fn text(&self) -> String {
        match self {
            Coin::Small(text, length) => {
                assert_eq!(text.len(), *length as usize);
                text.clone()
            }
            Coin::Chain(pieces) => pieces.iter().map(Coin::text).collect(),
        }
    }
}

chest!(Treasure, Coin::new, Coin::text);
