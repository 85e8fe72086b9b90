//! The hoard, version 5: serde knows nothing of its state, whose empty map points into the image.

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

chest!(Treasure, |text| (text.to_owned(), " of version 5"), |(text, of)| format!("{text}{of}"));
keeper!(Treasure, "5.0.0", 5, unload);
