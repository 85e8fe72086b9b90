//! What survives a kill: a listening socket and stored data. The server counts its clients, and no kill
//! sets the count back.
//!
//! Run `cargo run --example survive`, connect (`nc 127.0.0.1 PORT`), kill the instance (`kill -KILL PID`),
//! and connect again: the connection is not refused, and the count goes on.

use std::{error::Error, io::Write as _, process};

#[sam::main(interval = "1s")]
fn main() -> Result<(), Box<dyn Error>> {
    let app = sam::app();
    // The first instance binds the address, and the supervisor keeps the socket, so clients wait in the
    // socket's queue while no instance lives. Port 0 stays the port that the system chose at first.
    let listener = app.listener("127.0.0.1:0")?;
    // The bytes that the instance before stored last. The first instance finds `None`.
    let mut clients = match app.stored()? {
        Some(bytes) => u64::from_le_bytes(bytes.as_slice().try_into()?),
        None => 0,
    };
    println!("instance {}, pid {}, listens on {}", app.instance(), process::id(), listener.local_addr()?);
    app.ready();
    loop {
        // Waiting for a client is no hang. Serving a client for more than a second is one.
        app.pause_checks();
        let (mut client, _) = listener.accept()?;
        app.resume_checks();
        clients += 1;
        // The count is stored before the client is told, so no acknowledged count is lost. A kill in the
        // middle of `store` leaves the count of before.
        app.store(&clients.to_le_bytes())?;
        // A client that has gone away is no reason for the server to end.
        let _ = writeln!(client, "client {clients}");
    }
}
