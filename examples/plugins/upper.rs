//! A plugin that turns a text into capitals.

mod interface;
use interface::Filter;

#[derive(Default)]
struct Upper;

#[lcr::component(name = "upper", version = "1.0.0")]
impl Filter for Upper {
    fn apply(&self, text: &str) -> String {
        text.to_uppercase()
    }
}
