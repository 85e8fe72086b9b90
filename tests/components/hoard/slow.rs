//! The hoard, version 7: it takes ten minutes to write its state.

#[macro_use]
#[path = "keeper.rs"]
mod keeper;

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize, Serializer, ser::SerializeSeq};

/// Texts by key.
#[derive(Default, Serialize, Deserialize)]
pub struct Hoard {
    by_key: BTreeMap<u64, String>,
    #[serde(serialize_with = "slowly")]
    filler: Vec<String>,
    puts: u64,
    counter: u64,
}

/// Writes texts until the serializer ends it.
fn slowly<S: Serializer>(_: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    let text = "filler ".repeat(100);
    let mut texts = serializer.serialize_seq(None)?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(600) {
        texts.serialize_element(&text)?;
        thread::sleep(Duration::from_millis(1));
    }
    texts.end()
}

chest!(Hoard, str::to_owned, String::clone);
keeper!(Hoard, "7.0.0", 7);
