//! `--check`: a client of a running server, possibly beside other clients, for a while or until a signal.

use std::{
    net::ToSocketAddrs,
    process,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, SystemTime},
};

use crate::{
    args::Args,
    load::{self, Load, latency::Activity},
    report,
    setup::{self, Fatal},
    trials::watch::Watch,
};

/// Writes to the server at `address` and reads everything back; `true` if all was there.
///
/// # Errors
/// `address` is not an address.
pub(crate) fn run(args: &Args, address: &str) -> Result<bool, Fatal> {
    let stopped = setup::stop_signals()?;
    let address = address.to_socket_addrs()?.next().ok_or("the name has no address")?;
    let (activity, watch, answered) = (Activity::default(), Watch::default(), AtomicU64::new(0));
    let (filled, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    // Keys of an earlier check would look like losses.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let prefix = format!("check-{}-{}", process::id(), now.as_millis());
    let load = Load {
        address,
        connections: args.connections,
        keys: args.keys,
        least: 0,
        prefix: &prefix,
        seed: args.seed(),
        activity: &activity,
        watch: &watch,
        filled: &filled,
        stop: &stop,
        recovery: None,
        answered: &answered,
    };
    let duration = Duration::from_secs(args.seconds.unwrap_or(5));
    let outcome = thread::scope(|scope| {
        let stop = &stop;
        scope.spawn(move || {
            // A message, or the end of the time.
            let _ = stopped.recv_timeout(duration);
            stop.store(true, Ordering::Release);
        });
        load::run(&load)
    });
    print!("{}", report::outcome(&outcome));
    Ok(outcome.is_clean())
}
