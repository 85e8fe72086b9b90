//! The check of the program: what it has written itself must come back.

use kv::{Engine, EngineError};
use lcr::{BoxError, Handle};

/// How many keys the program keeps for itself.
const KEYS: usize = 256;

/// Keys of the program's own, of which it knows the values.
pub(crate) struct Known {
    engine: Handle<dyn Engine>,
    entries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Known {
    /// Writes the entries.
    ///
    /// # Errors
    /// The engine fails.
    pub(crate) fn keep(engine: Handle<dyn Engine>) -> Result<Known, EngineError> {
        let entry = |number| {
            let key = format!("known:{number}").into_bytes();
            (key, format!("the value of key {number}").into_bytes())
        };
        let entries: Vec<_> = (0..KEYS).map(entry).collect();
        engine.set_many(entries.iter().map(|(key, value)| (&**key, &**value)).collect())?;
        Ok(Known { engine, entries })
    }

    /// Reads the entries back.
    ///
    /// # Errors
    /// One of them is not what it was.
    pub(crate) fn check(&self) -> Result<(), BoxError> {
        for (key, value) in &self.entries {
            let found = self.engine.get(key)?;
            if found.as_deref() != Some(value) {
                let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let found = found.as_deref().map_or("absent".to_owned(), |found| format!("{:?}", shown(found)));
                return Err(format!("{} is {found}, not {:?}", shown(key), shown(value)).into());
            }
        }
        Ok(())
    }
}
