//! A program with a constructor that starts a thread before `main`.

use std::{sync::mpsc, thread, time::Duration};

extern "C" fn construct() {
    let builder = thread::Builder::new().name("early-bird".to_owned());
    let (ready, is_ready) = mpsc::channel();
    let body = move || {
        // The thread has named itself by now.
        ready.send(()).unwrap();
        thread::sleep(Duration::from_secs(3600));
    };
    builder.spawn(body).unwrap();
    is_ready.recv().unwrap();
}

#[used]
// SAFETY: the loader calls what this section holds, with arguments that `construct` ignores.
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = construct;

#[sam::main]
fn main() {
    println!("instance {}", sam::app().instance());
}
