//! A shelf of a second version that does not replace the first.

use lcr_tests::shelf::silent::Shelf;

/// No book.
#[derive(Default)]
pub struct Board;

#[lcr::component(name = "shelf", version = "2.1.0")]
impl Shelf for Board {
    fn find(&self, _: &str) -> Option<u32> {
        None
    }
    fn get(&self, _: u32) -> String {
        String::new()
    }
    fn len(&self) -> u32 {
        0
    }
}
