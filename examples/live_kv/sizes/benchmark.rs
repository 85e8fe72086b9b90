//! `redis-benchmark` as a client beside ours.

use std::{
    io,
    process::{Command, Output},
    sync::atomic::Ordering,
    thread,
    time::Duration,
};

use crate::load::{Load, Outcome};

/// What it sends, and how many lines of result that gives: PING has two forms.
const KINDS: &str = "ping,set,get,incr,mset";
const LINES: usize = 6;

/// Requests of each kind in one run of the program. It is started again and again until the load stops.
const REQUESTS: usize = if cfg!(debug_assertions) { 20_000 } else { 200_000 };

/// The program, over as many keys of its own as our clients have.
pub(crate) struct Benchmark<'a, 'l> {
    load: &'a Load<'l>,
}

impl<'a, 'l> Benchmark<'a, 'l> {
    pub(crate) fn of(load: &'a Load<'l>) -> Benchmark<'a, 'l> {
        Benchmark { load }
    }

    /// Runs the program again and again, from the end of the first writes to the end of the load. An error
    /// that it tells of is a failure.
    pub(crate) fn run(&self) -> Outcome {
        while !self.load.filled.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(1));
        }
        let mut outcome = Outcome::default();
        let mut runs = 0;
        loop {
            let output = self.once();
            runs += 1;
            match output.map(|output| judged(&output)) {
                Ok(Ok(())) => outcome.requests += (REQUESTS * LINES) as u64,
                Ok(Err(said)) => outcome.fail(format!("redis-benchmark, run {runs}: {said}")),
                Err(error) => outcome.fail(format!("redis-benchmark could not be run: {error}")),
            }
            if self.load.stop.load(Ordering::Acquire) || !outcome.is_clean() {
                break;
            }
        }
        println!("redis-benchmark ran {runs} times with {REQUESTS} requests of each kind over {} keys", self.load.keys);
        outcome
    }

    fn once(&self) -> io::Result<Output> {
        let (keys, requests) = (self.load.keys.to_string(), REQUESTS.to_string());
        let mut benchmark = Command::new("redis-benchmark");
        benchmark.args(["-h", &self.load.address.ip().to_string(), "-p", &self.load.address.port().to_string()]);
        benchmark.args(["-t", KINDS, "-r", &keys, "-n", &requests, "-d", "88", "-c", "50", "-P", "16", "-q"]);
        benchmark.output()
    }
}

/// Whether a run ended well.
///
/// # Errors
/// What the program said otherwise.
fn judged(output: &Output) -> Result<(), String> {
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let is_whole = said.matches("requests per second").count() == LINES;
    if output.status.success() && is_whole && !said.to_lowercase().contains("error") {
        return Ok(());
    }
    Err(format!("{}: {said}", output.status))
}
