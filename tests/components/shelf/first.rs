//! A shelf of the first edition.

use lcr_tests::shelf::first::Shelf;

/// Two books.
#[derive(Default)]
pub struct Board;

#[lcr::component(name = "shelf", version = "1.0.0")]
impl Shelf for Board {
    fn get(&self, at: u32) -> String {
        ["Emma", "Ulysses"].get(at as usize).map_or(String::new(), |book| book.to_string())
    }
    fn len(&self) -> u32 {
        2
    }
}
