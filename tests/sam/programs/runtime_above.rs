//! `#[tokio::main]` above `#[sam::main]`, and an `ExitCode`.

use std::process::ExitCode;

#[tokio::main]
#[sam::main]
async fn main() -> ExitCode {
    let app = sam::app();
    let Ok(is_supervised) = tokio::spawn(async { app.is_supervised() }).await else { return ExitCode::FAILURE };
    println!("{} {is_supervised}", app.instance());
    match app.instance() {
        1 => ExitCode::from(9),
        2 => std::process::abort(),
        _ => ExitCode::SUCCESS,
    }
}
