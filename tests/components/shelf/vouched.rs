//! A shelf of a second version whose component, not its interface, replaces the first.

use lcr_tests::shelf::silent::Shelf;

/// One book.
#[derive(Default)]
pub struct Board;

#[lcr::component(name = "shelf", version = "2.2.0", replaces(1))]
impl Shelf for Board {
    fn find(&self, _: &str) -> Option<u32> {
        None
    }
    fn get(&self, at: u32) -> String {
        if at == 0 { "Persuasion".to_owned() } else { String::new() }
    }
    fn len(&self) -> u32 {
        1
    }
}
