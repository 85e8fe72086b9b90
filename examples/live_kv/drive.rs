//! Without arguments: a server, its clients and its replacements in one process; then a
//! server in a process of its own ([`survive`]).

use std::{
    io,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use lcr::Runtime;

use crate::{
    args::Args,
    artifacts::FAULTY,
    load::{self, Load, client::Client, latency::Activity, reply::Reply},
    replace::{Change, Changer, faulty::Candidate},
    report,
    setup::{self, Fatal},
    survive,
};

/// Serves, drives, replaces, checks and reports; `true` if every check held.
///
/// # Errors
/// It could not begin.
pub(crate) fn run(args: &Args) -> Result<bool, Fatal> {
    let artifacts = setup::artifacts(args, FAULTY)?;
    let activity = Activity::default();
    let runtime = Runtime::new()?;
    let (changer, server) = setup::open(&runtime, &artifacts, &activity, "127.0.0.1:0", args.threads)?;
    let seed = args.seed();
    println!("serving on {} with {} threads; seed {seed}", server.address(), args.threads);
    println!("writing {} keys over {} connections", args.keys, args.connections);
    let answered = AtomicU64::new(0);
    let (filled, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let load = Load {
        address: server.address(),
        connections: args.connections,
        keys: args.keys,
        least: 0,
        prefix: "live",
        seed,
        activity: &activity,
        filled: &filled,
        stop: &stop,
        recovery: None,
        answered: &answered,
    };
    let (outcome, changes) = thread::scope(|scope| {
        let changing = scope.spawn(|| {
            let changes = Schedule { changer, changes: Vec::new(), args, load: &load }.run();
            stop.store(true, Ordering::Release);
            changes
        });
        let outcome = load::run(&load);
        (outcome, changing.join())
    });
    let changes = changes.map_err(|_| "the replacing thread panicked")??;
    let counted = counted(server.address());
    // A worker adds a turn to the tally after the turn's answers.
    let deadline = Instant::now() + Duration::from_secs(2);
    while Some(server.tally().requests()) != counted && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    let facts = Facts { counted, executed: server.tally().requests(), faults: server.tally().faults() };
    server.stop();
    let drained = runtime.wait_drained(Duration::from_secs(10));
    let status = runtime.status();
    println!("\n{}\n\n{}\n", report::changes::committed(&changes), report::changes::refused(&changes));
    println!("{}", report::latency::draw(&outcome.latency));
    print!("{}", report::outcome(&outcome));
    print!("{}", report::run(&changes, &facts, &status));
    drained?;
    let clean = outcome.is_clean() && facts.agree() && changes.iter().all(Change::is_as_expected);
    let survived = survive::run(args, &artifacts)?;
    let clean = clean && survived;
    println!("\n{}", if clean { "No request failed and no acknowledged write was lost." } else { "FAILED" });
    Ok(clean)
}

/// The number of requests, as host and command layer counted them.
pub(crate) struct Facts {
    /// The command layer's count, which every replacement had to hand over.
    pub(crate) counted: Option<u64>,
    /// The host's count.
    pub(crate) executed: u64,
    /// Requests that the command layer could not answer.
    pub(crate) faults: u64,
}

impl Facts {
    /// No count was lost.
    pub(crate) fn agree(&self) -> bool {
        self.counted == Some(self.executed) && self.faults == 0
    }
}

/// The command layer's count, this request included.
fn counted(address: SocketAddr) -> Option<u64> {
    let reply = Client::connect(address).and_then(|mut client| client.ask(&[b"INFO", b"stats"]));
    let Ok(Reply::Bulk(Some(text))) = reply else { return None };
    let text = String::from_utf8(text).ok()?;
    text.lines().find_map(|line| line.strip_prefix("total_commands_processed:"))?.parse().ok()
}

/// Replaces good components in turn, and offers every bad one in between.
struct Schedule<'a> {
    changer: Changer<'a>,
    changes: Vec<Change>,
    args: &'a Args,
    load: &'a Load<'a>,
}

impl Schedule<'_> {
    fn run(mut self) -> io::Result<Vec<Change>> {
        self.wait_until_filled();
        let pause = self.args.replace_every.unwrap_or(Duration::from_millis(150));
        let start = Instant::now();
        let duration = Duration::from_secs(self.args.seconds.unwrap_or(10));
        println!("replacing for {} s, every {pause:?}", duration.as_secs());
        let mut candidates = Candidate::ALL.into_iter();
        let mut told = Duration::ZERO;
        while start.elapsed() < duration || candidates.len() > 0 {
            for _ in 0..3 {
                thread::sleep(pause);
                let change = self.changer.replace();
                self.changes.push(change);
            }
            if let Some(candidate) = candidates.next() {
                thread::sleep(pause);
                println!("        offering {}", candidate.name());
                self.changes.extend(self.changer.offer(candidate)?);
            }
            if start.elapsed() >= told + Duration::from_secs(1) {
                told = start.elapsed();
                self.tell(told);
            }
        }
        Ok(self.changes)
    }

    fn wait_until_filled(&self) {
        while !self.load.filled.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn tell(&self, elapsed: Duration) {
        let refused = self.changes.iter().filter(|change| change.result.is_err()).count();
        println!(
            "{:>4} s  {:>9} requests answered  {:>3} replacements  {refused} refusals",
            elapsed.as_secs(),
            self.load.answered.load(Ordering::Relaxed),
            self.changes.len() - refused
        );
    }
}
