//! The hoard, version 6: the state of version 5.

#[macro_use]
#[path = "keeper.rs"]
mod keeper;

use std::collections::HashMap;

/// Texts by key.
#[derive(Default, lcr::Layout)]
pub struct Treasure {
    by_key: HashMap<u64, (String, &'static str)>,
    puts: u64,
    counter: u64,
}

chest!(Treasure, |text| (text.to_owned(), " of version 6"), |(text, of)| format!("{text}{of}"));
keeper!(Treasure, "6.0.0", 6, unload);
