use std::sync::atomic::{AtomicU64, Ordering};

use crate::Paper;

/// A stack without end.
#[derive(Default)]
pub struct Stack(AtomicU64);

#[lcr::component(name = "stationery")]
impl Paper for Stack {
    fn take(&self, sheets: u32) -> u64 {
        let sheets = u64::from(sheets);
        self.0.fetch_add(sheets, Ordering::Relaxed) + sheets
    }
}
