//! A keeper whose image may be unmapped, and whose C code leaves threads: `join_thread` leaves one of the C
//! library's, and `leave_thread` one that the C library knows nothing of.

use std::time::Duration;

use lcr_tests::keeper::{self, Keeper};

unsafe extern "C" {
    fn leave_thread_of_the_c_library(millis: u32) -> i32;
    fn leave_raw_thread(millis: u32) -> i32;
}

#[derive(Default)]
struct Keeping;

#[lcr::component(name = "keeper", version = "1.0.0", unload)]
impl Keeper for Keeping {
    fn park(&self) -> u64 {
        keeper::park()
    }
    fn leave_local(&self) -> u64 {
        keeper::leave_local()
    }
    fn join_thread(&self) -> u64 {
        // SAFETY: one thread at a time, which lives for less than the image.
        u64::from(unsafe { leave_thread_of_the_c_library(300) } != 0)
    }
    fn leave_thread(&self, lives: Duration) {
        // SAFETY: as above.
        assert_eq!(unsafe { leave_raw_thread(u32::try_from(lives.as_millis()).unwrap()) }, 0);
    }
    fn texts(&self, text: &str) -> (lcr::Shared<str>, std::sync::Arc<str>) {
        (text.to_owned().into(), text.into())
    }
    fn slow_bytes(&self, takes: Duration) -> lcr::Bytes {
        lcr::Bytes::from_owner(keeper::Slow(takes))
    }
}
