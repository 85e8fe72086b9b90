//! A keeper whose image stays mapped.

use std::{cell::RefCell, sync::mpsc, thread, time::Duration};

use lcr_tests::keeper::Keeper;

#[derive(Default)]
struct Keeping;

struct Left(Vec<u64>);

impl Drop for Left {
    fn drop(&mut self) {
        // What runs here is of the image, and asks its std for the thread once more.
        self.0.push(park());
    }
}

thread_local! {
    static LEFT: RefCell<Left> = const { RefCell::new(Left(Vec::new())) };
}

struct Slow(Duration);

impl AsRef<[u8]> for Slow {
    fn as_ref(&self) -> &[u8] {
        b"slow"
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        thread::sleep(self.0);
    }
}

fn park() -> u64 {
    thread::park_timeout(Duration::from_nanos(1));
    let (_keep, receiver) = mpsc::channel::<u64>();
    assert!(receiver.recv_timeout(Duration::from_nanos(1)).is_err());
    u64::from(thread::current().name().is_some())
}

impl Drop for Keeping {
    fn drop(&mut self) {
        park();
    }
}

#[lcr::component(name = "keeper", version = "1.0.0")]
impl Keeper for Keeping {
    fn park(&self) -> u64 {
        park()
    }
    fn leave_local(&self) -> u64 {
        LEFT.with_borrow_mut(|left| {
            left.0.push(1);
            left.0.len() as u64 - 1
        })
    }
    fn join_thread(&self) -> u64 {
        thread::spawn(park).join().unwrap_or(9)
    }
    fn leave_thread(&self, lives: Duration) {
        drop(thread::spawn(move || thread::sleep(lives)));
    }
    fn slow_bytes(&self, takes: Duration) -> lcr::Bytes {
        lcr::Bytes::from_owner(Slow(takes))
    }
}
