//! A component that prints without ending its lines.

use std::{
    io::{self, Write as _},
    mem,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

/// A thread that prints waits for the thread that holds standard output.
static IS_HELD: AtomicBool = AtomicBool::new(false);

/// Prints at its end, too.
#[derive(Default)]
pub struct Press;

impl Press {
    pub fn hold(&self) {
        IS_HELD.store(true, Ordering::Relaxed);
        // A thread keeps the lock of standard output, and what it wrote under it.
        let (holds, held) = mpsc::channel();
        thread::spawn(move || {
            let mut output = io::stdout().lock();
            let _ = write!(output, "(held)");
            let _ = holds.send(());
            loop {
                thread::park();
            }
        });
        let _ = held.recv();
    }
    pub fn leak(&self) {
        IS_HELD.store(true, Ordering::Relaxed);
        mem::forget(io::stdout().lock());
    }
}

impl Drop for Press {
    fn drop(&mut self) {
        if !IS_HELD.load(Ordering::Relaxed) {
            print!("(dropped)");
        }
    }
}

/// The component, with what the attribute says of it.
macro_rules! printer {
    ($($says:tt)*) => {
        #[lcr::component(name = "printer", $($says)*)]
        impl lcr_tests::interfaces::Printer for press::Press {
            fn print(&self, text: &str) {
                print!("{text}");
            }
            fn hold(&self) {
                press::Press::hold(self);
            }
            fn leak(&self) {
                press::Press::leak(self);
            }
        }
    };
}
