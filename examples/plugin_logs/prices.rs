//! A plugin that logs by `tracing`. No line of it is about where the records go.

mod interface;
use interface::Prices;
use tracing::{debug, info, info_span};

#[derive(Default)]
struct List;

#[lcr::component(name = "prices", version = "1.0.0")]
impl Prices for List {
    fn price(&self, kind: &str, count: u64) -> Result<u64, lcr::Fault> {
        let _span = info_span!("price", kind).entered();
        let each = match kind {
            "apple" => 3,
            "pear" => 4,
            other => panic!("no price is known for {other}"),
        };
        debug!(each, "found in the list");
        let total = each * count;
        info!(count, total, "priced");
        Ok(total)
    }
}
