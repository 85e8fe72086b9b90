//! What survives a kill: a listening socket and stored data. A server that counts its clients, and whose
//! count no kill sets back.
//!
//! Run `cargo run --example survive`, connect (`nc 127.0.0.1 PORT`), `kill -KILL` the instance and connect
//! again: no connection is refused, and the count goes on.

use std::{error::Error, io::Write as _, process};

#[sam::main(interval = "1s")]
fn main() -> Result<(), Box<dyn Error>> {
    let app = sam::app();
    // Bound by the first instance. The supervisor keeps it, so that clients wait in its queue while no
    // instance lives. Port 0 stays the port that the system chose then.
    let listener = app.listener("127.0.0.1:0")?;
    // What the instance before stored last. The first instance finds `None`.
    let mut clients = match app.stored()? {
        Some(bytes) => u64::from_le_bytes(bytes.as_slice().try_into()?),
        None => 0,
    };
    println!("instance {}, pid {}, listens on {}", app.instance(), process::id(), listener.local_addr()?);
    app.ready();
    loop {
        // Waiting for a client is no hang; serving one for more than a second is.
        app.pause_checks();
        let (mut client, _) = listener.accept()?;
        app.resume_checks();
        clients += 1;
        // Stored before the client hears of it, so that what was acknowledged is never lost. A kill in
        // the middle of this leaves the count before, whole.
        app.store(&clients.to_le_bytes())?;
        // A client that has gone away is no reason to end.
        let _ = writeln!(client, "client {clients}");
    }
}
