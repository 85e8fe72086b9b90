//! A component for which its image's std keeps values of the calling thread, and whose values and threads
//! outlast a call. Each image has a copy of all of this, thread-locals included.

use std::{cell::RefCell, sync::mpsc, thread, time::Duration};

/// Methods that leave something behind which holds the image.
#[lcr::interface(name = "test.keeper", version = 1)]
pub trait Keeper {
    /// Asks std for the current thread, parks for a moment, and waits on a channel with a time-out.
    fn park(&self) -> u64;
    /// Leaves a value with a destructor in a thread-local, and returns how many there were before.
    fn leave_local(&self) -> u64;
    /// Starts a thread that asks std for itself, and joins it.
    fn join_thread(&self) -> u64;
    /// Starts a thread that lives for a while, and does not join it.
    fn leave_thread(&self, lives: Duration);
    /// Returns bytes whose destructor takes this long.
    fn slow_bytes(&self, takes: Duration) -> lcr::Bytes;
    /// Returns the text, shared and in an `Arc`.
    fn texts(&self, text: &str) -> (lcr::Shared<str>, std::sync::Arc<str>);
}

/// See [`Keeper::park`].
pub fn park() -> u64 {
    thread::park_timeout(Duration::from_nanos(1));
    let (_keep, receiver) = mpsc::channel::<u64>();
    assert!(receiver.recv_timeout(Duration::from_nanos(1)).is_err());
    u64::from(thread::current().name().is_some())
}

struct Left(Vec<u64>);

impl Drop for Left {
    fn drop(&mut self) {
        // This destructor is code of the image, and asks its std for the thread once more.
        self.0.push(park());
    }
}

thread_local! {
    static LEFT: RefCell<Left> = const { RefCell::new(Left(Vec::new())) };
}

/// See [`Keeper::leave_local`].
pub fn leave_local() -> u64 {
    LEFT.with_borrow_mut(|left| {
        left.0.push(1);
        left.0.len() as u64 - 1
    })
}

/// The owner of [`Keeper::slow_bytes`].
pub struct Slow(pub Duration);

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

/// Implements the component, with the options that the attribute gives it.
#[macro_export]
macro_rules! keeper {
    ($($says:tt)*) => {
        #[derive(Default)]
        struct Keeping;

        impl Drop for Keeping {
            fn drop(&mut self) {
                $crate::keeper::park();
            }
        }

        #[lcr::component(name = "keeper", version = "1.0.0", $($says)*)]
        impl $crate::keeper::Keeper for Keeping {
            fn park(&self) -> u64 {
                $crate::keeper::park()
            }
            fn leave_local(&self) -> u64 {
                $crate::keeper::leave_local()
            }
            fn join_thread(&self) -> u64 {
                std::thread::spawn($crate::keeper::park).join().unwrap_or(9)
            }
            fn leave_thread(&self, lives: std::time::Duration) {
                let thread = std::thread::Builder::new().name("left-by-keeper".to_owned());
                drop(thread.spawn(move || std::thread::sleep(lives)).expect("a thread can be started"));
            }
            fn texts(&self, text: &str) -> (lcr::Shared<str>, std::sync::Arc<str>) {
                (text.to_owned().into(), text.into())
            }
            fn slow_bytes(&self, takes: std::time::Duration) -> lcr::Bytes {
                lcr::Bytes::from_owner($crate::keeper::Slow(takes))
            }
        }
    };
}
