//! Prints without ending its lines, and may be unmapped.

use std::{
    io::{self, Write as _},
    mem,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use lcr_tests::interfaces::Printer;

/// Who prints waits for who holds standard output.
static IS_HELD: AtomicBool = AtomicBool::new(false);

/// Prints at its end, too.
#[derive(Default)]
pub struct Press;

impl Drop for Press {
    fn drop(&mut self) {
        if !IS_HELD.load(Ordering::Relaxed) {
            print!("(dropped)");
        }
    }
}

#[lcr::component(name = "printer", version = "2.0.0", unload)]
impl Printer for Press {
    fn print(&self, text: &str) {
        print!("{text}");
    }
    fn hold(&self) {
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
    fn leak(&self) {
        IS_HELD.store(true, Ordering::Relaxed);
        mem::forget(io::stdout().lock());
    }
}
