//! Version 2 of the plugin `reverse`, which reverses the words of a text.

mod interface;
use interface::Filter;

#[derive(Default)]
struct Reverse;

#[lcr::component(name = "reverse", version = "2.0.0")]
impl Filter for Reverse {
    fn apply(&self, text: &str) -> String {
        text.split(' ').rev().collect::<Vec<_>>().join(" ")
    }
}
