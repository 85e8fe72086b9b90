//! Another patch of the clock: it says three times what the clock says.

use lcr_tests::bank::Clock;

#[lcr::patch(interface = dyn Clock, name = "thrice", version = "1.0.0")]
fn version(next: &dyn Fn() -> u32) -> u32 {
    next() * 3
}
