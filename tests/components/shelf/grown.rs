//! A shelf of the grown edition, which has every method of its own but one.

use lcr_tests::shelf::grown::Shelf;

/// Three books.
#[derive(Default)]
pub struct Board;

#[lcr::component(name = "shelf", version = "1.1.0")]
impl Shelf for Board {
    fn edition(&self) -> String {
        "the component's".to_owned()
    }
    fn get(&self, at: u32) -> String {
        ["Emma", "Ulysses", "Dracula"].get(at as usize).map_or(String::new(), |book| book.to_string())
    }
    fn len(&self) -> u32 {
        3
    }
    fn first_or(&self, _: String) -> String {
        "Emma, first".to_owned()
    }
    fn each(&self, visit: &dyn Fn(u32, &str) -> bool) -> u32 {
        visit(99, "all of them").into()
    }
    fn give(&self, take: Box<dyn Fn(String) + Send>, tail: Vec<String>) -> u32 {
        take(format!("a pile of {}", 3 + tail.len()));
        assert!(tail.len() < 10, "too many books");
        1
    }
    fn clean(&self) -> Result<u32, lcr::Fault> {
        Ok(3)
    }
}
