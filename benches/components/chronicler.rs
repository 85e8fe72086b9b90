//! A component that logs.

use contract::logs::{Clerk, Logs};

#[derive(Default)]
struct There(Clerk);

#[lcr::component(name = "clerk")]
impl Logs for There {
    fn idle(&self, records: u64) -> u64 {
        self.0.idle(records)
    }
    fn traced_out(&self, records: u64) -> u64 {
        self.0.traced_out(records)
    }
    fn logged_out(&self, records: u64) -> u64 {
        self.0.logged_out(records)
    }
    fn traced(&self, records: u64) -> u64 {
        self.0.traced(records)
    }
}
