//! Measures how long clients of a service on tokio wait while its component is replaced under a long call, again
//! and again. Shorter calls come at any moment, so some begin just before the gate shuts. The program ends with 1
//! if a client waited longer than 150 ms, or if another check failed.
//!
//! A call that blocks a worker also holds the request that tokio had put into that worker's own slot a moment
//! before, whatever is replaced. Such a request began before the call.
//!
//! `cargo build --release -p lcr-tests --examples && cargo run --release -p lcr-tests --example waits`

use std::{process::ExitCode, time::Duration};

use lcr_tests::service::{Trial, run};

const LIMIT: Duration = Duration::from_millis(150);

fn main() -> ExitCode {
    let mut is_good = true;
    let (short, others) = (Some(Duration::from_millis(600)), Some(Duration::from_millis(120)));
    let quiet = Trial {
        call: Duration::from_secs(8),
        place: "pool",
        timeout: None,
        clients: 8,
        rounds: 2,
        wrk: false,
        others: None,
    };
    for trial in [
        quiet.clone(),
        Trial { timeout: short, ..quiet.clone() },
        Trial { place: "worker", ..quiet.clone() },
        Trial { place: "worker", timeout: short, ..quiet.clone() },
        Trial { wrk: true, ..quiet.clone() },
        Trial { call: Duration::from_millis(300), rounds: 60, others, ..quiet.clone() },
    ] {
        let Trial { call, place, timeout, wrk, others, .. } = &trial;
        println!(
            "a call of {call:?} on a thread of the {place}, others of {others:?}, timeout {timeout:?}, wrk {wrk}:"
        );
        let seen = match run(&trial) {
            Ok(seen) => seen,
            Err(error) => {
                println!("  FAILED: {error}");
                is_good = false;
                continue;
            }
        };
        let longest = seen.busy.longest();
        let held: Vec<Duration> = seen.attempts.iter().filter_map(|attempt| attempt.as_ref().ok()).copied().collect();
        println!("  begun before the call: {}", seen.quiet);
        println!("  begun while replacing: {}", seen.busy);
        println!("  {} attempts, {} committed, held {held:?}", seen.attempts.len(), held.len());
        seen.wrk.iter().flat_map(|said| said.lines()).for_each(|line| println!("  wrk | {line}"));
        let is_quiet = !seen.events.iter().any(|event| event.contains("\"warned\"")) && seen.status.success();
        println!("  the gate was seen shut on a caller {} times", seen.shut_on_caller);
        let is_shut = seen.shut_on_caller > 0 && others.is_none();
        let verdict = !is_shut && longest <= LIMIT && is_quiet && held.len() >= trial.rounds;
        println!("  longest {longest:?}, limit {LIMIT:?}: {}", if verdict { "good" } else { "BAD" });
        is_good &= verdict;
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
