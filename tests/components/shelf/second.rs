//! A shelf of the second version.

use lcr_tests::shelf::second::Shelf;

/// One book.
#[derive(Default)]
pub struct Board;

#[lcr::component(name = "shelf", version = "2.0.0")]
impl Shelf for Board {
    fn find(&self, book: &str) -> Option<u32> {
        (book == "Middlemarch").then_some(0)
    }
    fn get(&self, at: u32) -> String {
        if at == 0 { "Middlemarch".to_owned() } else { String::new() }
    }
    fn len(&self) -> u32 {
        1
    }
}
