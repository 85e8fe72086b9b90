//! `--serve`: serving others until a signal, and replacing meanwhile.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use lcr::Runtime;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{
    args::Args,
    load::latency::{Activity, histogram},
    replace::Changer,
    report::{changes::micros, latency::duration},
    site::{self, Fatal},
};

/// Serves on `address`; `true` if nothing failed.
///
/// # Errors
/// Serving could not begin.
pub(crate) fn run(args: &Args, address: &str) -> Result<bool, Fatal> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let artifacts = site::artifacts(args, &[])?;
    let activity = Activity::default();
    let runtime = Runtime::new()?;
    let (changer, server) = site::open(&runtime, &artifacts, &activity, address, args.threads)?;
    println!("serving on {} with {} threads; stop with SIGINT or SIGTERM", server.address(), args.threads);
    let start = Instant::now();
    let stop = AtomicBool::new(false);
    let replaced = thread::scope(|scope| {
        let replacing = args.replace_every.map(|pause| {
            scope.spawn({
                let stop = &stop;
                move || keep_replacing(changer, pause, stop)
            })
        });
        signals.forever().next();
        stop.store(true, Ordering::Release);
        replacing.map(|thread| thread.join())
    });
    let seconds = start.elapsed().as_secs_f64();
    let tally = server.tally();
    println!(
        "served {} requests on {} connections in {seconds:.1} s, {} protocol errors, {} faults",
        tally.requests(),
        tally.connections(),
        tally.protocol_errors(),
        tally.faults()
    );
    let mut clean = tally.faults() == 0;
    server.stop();
    match replaced {
        Some(Ok(replaced)) => {
            clean &= replaced.refused.is_empty();
            replaced.print();
        }
        Some(Err(_)) => return Err("the replacing thread panicked".into()),
        None => {}
    }
    runtime.wait_drained(Duration::from_secs(10))?;
    Ok(clean)
}

/// What replacing all the time came to.
struct Replaced {
    held: Histogram<u64>,
    refused: Vec<String>,
}

fn keep_replacing(mut changer: Changer<'_>, pause: Duration, stop: &AtomicBool) -> Replaced {
    let mut replaced = Replaced { held: histogram(), refused: Vec::new() };
    while !stop.load(Ordering::Acquire) {
        thread::sleep(pause);
        match changer.replace().result {
            Ok(report) => replaced.held.saturating_record(micros(report.held)),
            Err(refused) => {
                eprintln!("a good component was refused ({}): {}", refused.kind, refused.text);
                replaced.refused.push(refused.text);
            }
        }
    }
    replaced
}

impl Replaced {
    fn print(&self) {
        println!(
            "replaced components {} times, {} refused; callers held p50 {}, p99 {}, at most {}",
            self.held.len(),
            self.refused.len(),
            duration(self.held.value_at_quantile(0.5)),
            duration(self.held.value_at_quantile(0.99)),
            duration(self.held.max())
        );
    }
}
