//! A supervised `main`, with every kind of value.

/// What the program does.
#[sam::main(
    interval = "1m 30s",
    policy = "restart",
    warn_signal = "USR1",
    backoff = "100ms..30s",
    budget = "10/60s",
    clean_exits(3, 4),
    ready = "explicit",
    status = "status.json",
    probe = "curl -fs localhost"
)]
#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
