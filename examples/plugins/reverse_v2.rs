//! The next version of the plugin that writes backwards: by words.

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
