//! A supervised `main`, with every key.

/// What the program does.
#[sam::main(
    interval = "1m 30s",
    checks = "asks",
    probe = "curl -fs localhost",
    probe_every = "10s",
    probe_limit = "5s",
    probe_failures = 3,
    ready_at_start = false,
    start_limit = "30s",
    warn_signal = "USR1",
    grace = "2s",
    policy = "restart",
    backoff = "100ms..30s",
    healthy_after = "10s",
    budget = "10/60s",
    clean_exits(3, 4),
    fatal_exits(78),
    respawn = "exec-after-fault",
    standby = false,
    huge_pages = false,
    strays = "keep",
    cgroup = "off",
    outlive = true,
    stop_signal = "15",
    stop_limit = "10s",
    kill_mode = "mixed",
    pass_signals = "group",
    status = "status.json",
    events = "events.jsonl",
    reopen_signal = "SIGHUP",
    log = false
)]
#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
