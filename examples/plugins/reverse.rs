//! A plugin that reverses the characters of a text.

mod interface;
use interface::Filter;

#[derive(Default)]
struct Reverse;

#[lcr::component(name = "reverse", version = "1.0.0")]
impl Filter for Reverse {
    fn apply(&self, text: &str) -> String {
        text.chars().rev().collect()
    }
}
