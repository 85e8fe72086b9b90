//! The prices of this year.

mod interface;
use interface::Prices;

#[derive(Default)]
struct New;

#[lcr::component(name = "prices", version = "2.0.0")]
impl Prices for New {
    fn price(&self, item: &str) -> Option<u64> {
        match item {
            "tea" => Some(330),
            "milk" => Some(120),
            _ => None,
        }
    }
}
