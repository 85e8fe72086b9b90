//! A patch of the clock: it is later than the clock says.

use lcr_tests::bank::Clock;

#[lcr::patch(interface = dyn Clock, name = "later", version = "1.0.0")]
fn version(next: &dyn Fn() -> u32) -> u32 {
    next() + 100
}
