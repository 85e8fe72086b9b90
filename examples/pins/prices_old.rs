//! The prices of last year.

mod interface;
use interface::Prices;

#[derive(Default)]
struct Old;

#[lcr::component(name = "prices", version = "1.0.0")]
impl Prices for Old {
    fn price(&self, item: &str) -> Option<u64> {
        match item {
            "tea" => Some(300),
            "milk" => Some(100),
            _ => None,
        }
    }
}
