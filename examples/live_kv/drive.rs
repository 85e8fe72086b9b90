//! Without arguments: a server, its clients and its replacements in one process; then a
//! server in a process of its own ([`survive`]).

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use lcr::Runtime;

use crate::{
    args::Args,
    artifacts::{FAULTY, TRIED},
    load::{self, Load, client::Client, latency::Activity, reply::Reply},
    replace::{Change, Changer, faulty::Candidate},
    report,
    setup::{self, Fatal},
    survive,
    trials::{Bad, Tried, watch::Watch},
};

/// Serves, drives, replaces, checks and reports; `true` if every check held.
///
/// # Errors
/// It could not begin.
pub(crate) fn run(args: &Args) -> Result<bool, Fatal> {
    let artifacts = setup::artifacts(args, &[FAULTY, TRIED].concat())?;
    let (activity, watch) = (Activity::default(), Watch::default());
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
        watch: &watch,
        filled: &filled,
        stop: &stop,
        recovery: None,
        answered: &answered,
    };
    let (outcome, done) = thread::scope(|scope| {
        let changing = scope.spawn(|| {
            let schedule = Schedule { changer, changes: Vec::new(), trials: Vec::new(), args, load: &load };
            let done = schedule.run();
            stop.store(true, Ordering::Release);
            done
        });
        let outcome = load::run(&load);
        (outcome, changing.join())
    });
    let (changes, trials) = done.map_err(|_| "the replacing thread panicked")??;
    let counted = counted(server.address());
    // A worker adds a turn to the tally after the turn's answers.
    let facts = || {
        let (executed, faults) = (server.tally().requests(), server.tally().faults());
        Facts { counted, executed, faults, charged: watch.faults() }
    };
    let deadline = Instant::now() + Duration::from_secs(2);
    while !facts().agree() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    let facts = facts();
    server.stop();
    let drained = runtime.wait_drained(Duration::from_secs(10));
    let status = runtime.status();
    println!("\n{}\n\n{}\n", report::changes::committed(&changes), report::changes::refused(&changes));
    println!("{}\n", report::trials::table(&trials, &watch));
    println!("{}", report::latency::draw(&outcome.latency));
    print!("{}", report::outcome(&outcome));
    print!("{}", report::trials::facts(&trials, &watch));
    print!("{}", report::run(&changes, &facts, &status));
    drained?;
    let clean = outcome.is_clean() && facts.agree() && changes.iter().all(Change::is_as_expected);
    let clean = clean && trials.iter().all(Tried::is_as_expected);
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
    /// Those of them that clients charged to a version on trial.
    pub(crate) charged: u64,
}

impl Facts {
    /// No count was lost.
    pub(crate) fn agree(&self) -> bool {
        self.counted.map(|counted| counted + self.faults) == Some(self.executed) && self.faults == self.charged
    }
}

/// The command layer's count, this request included.
fn counted(address: SocketAddr) -> Option<u64> {
    let reply = Client::connect(address).and_then(|mut client| client.ask(&[b"INFO", b"stats"]));
    let Ok(Reply::Bulk(Some(text))) = reply else { return None };
    let text = String::from_utf8(text).ok()?;
    text.lines().find_map(|line| line.strip_prefix("total_commands_processed:"))?.parse().ok()
}

/// Replaces good components in turn, and in between offers every bad one and tries every version that goes bad.
struct Schedule<'a> {
    changer: Changer<'a>,
    changes: Vec<Change>,
    trials: Vec<Tried>,
    args: &'a Args,
    load: &'a Load<'a>,
}

impl Schedule<'_> {
    fn run(mut self) -> Result<(Vec<Change>, Vec<Tried>), String> {
        self.wait_until_filled();
        let pause = self.args.replace_every.unwrap_or(Duration::from_millis(150));
        let start = Instant::now();
        let duration = Duration::from_secs(self.args.seconds.unwrap_or(10));
        println!("replacing for {} s, every {pause:?}", duration.as_secs());
        let (mut candidates, mut bad) = (Candidate::ALL.into_iter(), Bad::ALL.into_iter());
        let mut told = Duration::ZERO;
        while start.elapsed() < duration || candidates.len() + bad.len() > 0 {
            for _ in 0..3 {
                thread::sleep(pause);
                let change = self.changer.replace();
                self.changes.push(change);
            }
            if let Some(candidate) = candidates.next() {
                thread::sleep(pause);
                println!("        offering {}", candidate.name());
                let offered = self.changer.offer(candidate).map_err(|error| error.to_string())?;
                self.changes.extend(offered);
            }
            if let Some(bad) = bad.next() {
                thread::sleep(pause);
                self.try_out(bad)?;
            }
            if start.elapsed() >= told + Duration::from_secs(1) {
                told = start.elapsed();
                self.tell(told);
            }
        }
        Ok((self.changes, self.trials))
    }

    /// The bad engines take the state over by pointer, so an engine with hash maps must serve.
    fn try_out(&mut self, bad: Bad) -> Result<(), String> {
        while !self.changer.has_hash_engine() {
            let change = self.changer.replace();
            self.changes.push(change);
        }
        println!("        on trial: a version that {}", bad.name());
        self.trials.push(self.changer.try_out(bad, self.load.watch)?);
        Ok(())
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
