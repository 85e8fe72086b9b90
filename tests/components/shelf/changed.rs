//! A shelf of a second version with a wider argument.

use lcr_tests::shelf::changed::Shelf;

/// One book.
#[derive(Default)]
pub struct Board;

#[lcr::component(name = "shelf", version = "2.3.0")]
impl Shelf for Board {
    fn get(&self, at: u64) -> String {
        format!("{at:x}")
    }
    fn len(&self) -> u32 {
        1
    }
}
