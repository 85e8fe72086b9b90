//! `#[sam::main]` above `#[tokio::main]`, and a `Result`.

use std::io;

#[sam::main]
#[tokio::main]
async fn main() -> Result<(), io::Error> {
    let app = sam::app();
    println!("{} {}", app.instance(), tokio::spawn(async { app.is_supervised() }).await?);
    match app.instance() {
        1 => Err(io::Error::other("as told")),
        2 => std::process::abort(),
        _ => Ok(()),
    }
}
