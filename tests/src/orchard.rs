//! An orchard, each version of which keeps its state in another type, and writes it for the version before.

use std::{fs, path::Path, thread, time::Duration};

use lcr::BoxError;

/// Trees, by their kind.
#[lcr::interface(name = "test.orchard", version = 1)]
pub trait Orchard {
    /// Plants trees. Returns how many there are by now.
    fn plant(&self, kind: &str, trees: u64) -> u64;
    /// How many trees there are.
    fn trees(&self) -> u64;
    /// The version of the component.
    fn version(&self) -> u32;
    /// Panics.
    fn wither(&self) -> u32;
}

/// A kind of tree that refuses to go back to an older version.
pub const STUBBORN: &str = "stubborn";
/// A kind of tree at which a downgrade panics.
pub const ROTTEN: &str = "rotten";
/// A kind of tree at which a downgrade waits until the file behind this text is there.
pub const SLOW: &str = "slow until ";
/// A kind of tree that version 1 does not restore.
pub const FOREIGN: u64 = 1_000_000;

/// Does what a kind of tree does when its orchard is written as an older version.
///
/// # Errors
/// At [`STUBBORN`].
///
/// # Panics
/// At [`ROTTEN`].
pub fn uproot<'a>(mut kinds: impl Iterator<Item = &'a str>) -> Result<(), BoxError> {
    kinds.try_for_each(|kind| match kind.strip_prefix(SLOW) {
        Some(file) => {
            while !fs::exists(Path::new(file)).unwrap_or(true) {
                thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        }
        None if kind == ROTTEN => panic!("a rotten tree"),
        None if kind == STUBBORN => Err("a stubborn tree".into()),
        None => Ok(()),
    })
}
