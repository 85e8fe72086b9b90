//! `--sizes`: how long a replacement holds callers, against the size of the state.
//!
//! For each size: a server, whose clients fill it and then load it with requests of every kind. Under that load the
//! engine is replaced by another build of itself, and then by an engine of another structure and back. At the end
//! the clients read back every acknowledged write. With `--redis-benchmark` that program is a client, too, and one
//! error reply fails the run.

mod benchmark;
mod probe;

use std::{
    io, slice,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use lcr::{Report, Runtime};

use crate::{
    args::Args,
    artifacts::{Artifacts, ENGINE_HASH, ENGINE_HASH_NEXT, ENGINE_TREE},
    load::{self, Load, Outcome, latency::Activity},
    replace::PRECOPY_BACKLOG,
    report::{
        self,
        changes::{copied_at_gate, way},
    },
    setup::{self, Fatal},
    trials::watch::Watch,
};

use benchmark::Benchmark;
use probe::Probe;

/// The least length of a value. With its key, an entry then has [`ENTRY`] bytes or a few more.
const VALUE: usize = 88;
const ENTRY: usize = 105;

/// How often the engine is replaced by another build of itself, and how often by the other engine.
const BUILDS: usize = 20;
const STRUCTURES: usize = 4;

/// The pause between two replacements. The probe measures the longest request in it, too.
const PAUSE: Duration = Duration::from_millis(100);

/// A shut gate that finds a call inside opens again after this time. The call's thread may have lost its
/// processor to another one, so to wait for it could hold all callers for a slice of the scheduler's.
const GATE_WAIT: Duration = Duration::from_micros(100);

/// How long callers may be held for the last changes of an engine that was copied ahead. Without optimisation the
/// last changes take longer.
const PRECOPY_HOLD: Duration = Duration::from_millis(if cfg!(debug_assertions) { 100 } else { 2 });

/// The most rounds of a copy. Where threads wait for their processors, a round may take much longer than the one
/// before.
const PRECOPY_ROUNDS: u32 = 200;

/// The pause between two lines on how far the clients are.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// How long callers may be held, and how long a transaction may take while they go on.
const DEADLINE: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(600);

/// The replacements of one kind at one size.
pub(crate) struct Row {
    pub(crate) keys: usize,
    /// Bytes of keys and values.
    pub(crate) bytes: usize,
    /// What replaced what.
    pub(crate) what: &'static str,
    pub(crate) replaced: Vec<Replaced>,
    /// How much memory of images stays mapped for each replacement, in bytes.
    pub(crate) retained: usize,
}

/// One replacement.
pub(crate) struct Replaced {
    /// How long callers were held.
    pub(crate) held: Duration,
    /// How the state went.
    pub(crate) way: &'static str,
    /// How much state was copied while they were held, in bytes.
    pub(crate) copied: usize,
    /// How long it took from the commit's request to the end of the old instance.
    pub(crate) took: Duration,
    /// The longest request of the probe meanwhile, and in the pause before.
    pub(crate) longest: Duration,
    pub(crate) longest_before: Duration,
}

/// Measures each size and prints the table; `true` if no request failed and nothing was lost.
///
/// # Errors
/// It could not begin, or a replacement was refused.
pub(crate) fn run(args: &Args, sizes: &[usize]) -> Result<bool, Fatal> {
    let artifacts = setup::artifacts(args, &[])?;
    let (mut rows, mut clean) = (Vec::new(), true);
    for mib in sizes {
        let (more, outcome) = measure(args, &artifacts, (mib << 20) / ENTRY)?;
        rows.extend(more);
        print!("{}", report::outcome(&outcome));
        clean &= outcome.is_clean();
    }
    println!("\n{}\n", report::sizes::table(&rows));
    println!("{}", if clean { "No request failed and no acknowledged write was lost." } else { "FAILED" });
    Ok(clean)
}

fn measure(args: &Args, artifacts: &Artifacts, keys: usize) -> Result<(Vec<Row>, Outcome), Fatal> {
    let (activity, watch) = (Activity::default(), Watch::default());
    // A commit then asks no other processor for a barrier while callers are held. Each call has a fence of its own
    // instead, which is little beside a request.
    let runtime = Runtime::builder().fences(true).build()?;
    let (_changer, server) = setup::open(&runtime, artifacts, &activity, "127.0.0.1:0", args.threads)?;
    println!("writing {keys} keys over {} connections", args.connections);
    let (answered, filled, stop) = (AtomicU64::new(0), AtomicBool::new(false), AtomicBool::new(false));
    let load = Load {
        address: server.address(),
        connections: args.connections,
        keys,
        least: VALUE,
        prefix: "size",
        seed: args.seed(),
        activity: &activity,
        watch: &watch,
        filled: &filled,
        stop: &stop,
        recovery: None,
        answered: &answered,
    };
    let probe = Probe::default();
    let is_done = AtomicBool::new(false);
    let (outcome, rows) = thread::scope(|scope| {
        scope.spawn(|| tell(&load, &is_done));
        let replacing = scope.spawn(|| {
            let rows = replace_all(&runtime, artifacts, &probe, &load);
            stop.store(true, Ordering::Release);
            rows
        });
        let probing = scope.spawn(|| probe.run(&load));
        let benchmarking = args.redis_benchmark.then(|| scope.spawn(|| Benchmark::of(&load).run()));
        let outcome = load::run(&load);
        let benchmarked = benchmarking.map(|thread| {
            thread.join().unwrap_or_else(|_| Outcome::failed("the thread of redis-benchmark panicked".to_owned()))
        });
        let outcome = benchmarked.into_iter().fold(outcome, Outcome::and);
        let probed = probing.join();
        let outcome = match probed {
            Ok(Ok(())) => outcome,
            Ok(Err(error)) => outcome.and(Outcome::failed(format!("the probe: {error}"))),
            Err(_) => outcome.and(Outcome::failed("the probe's thread panicked".to_owned())),
        };
        is_done.store(true, Ordering::Release);
        (outcome, replacing.join())
    });
    let rows = rows.map_err(|_| "the replacing thread panicked")??;
    let faults = server.tally().faults();
    server.stop();
    runtime.wait_drained(TIMEOUT)?;
    let outcome = if faults == 0 { outcome } else { outcome.and(Outcome::failed(format!("{faults} faults"))) };
    Ok((rows, outcome))
}

fn replace_all(runtime: &Runtime, artifacts: &Artifacts, probe: &Probe, load: &Load<'_>) -> io::Result<Vec<Row>> {
    while !load.filled.load(Ordering::Acquire) {
        thread::sleep(Duration::from_millis(1));
    }
    let kinds = [
        ("another build", BUILDS, [ENGINE_HASH_NEXT, ENGINE_HASH]),
        ("another structure", STRUCTURES, [ENGINE_TREE, ENGINE_HASH]),
    ];
    let mut rows = Vec::new();
    for (what, times, engines) in kinds {
        println!("replacing the engine by {what}, {times} times");
        let mut row = Row { keys: load.keys, bytes: load.keys * ENTRY, what, replaced: Vec::new(), retained: 0 };
        let retained_before = runtime.status().retained_image_bytes;
        for engine in engines.into_iter().cycle().take(times) {
            let longest_before = probe.during(|| thread::sleep(PAUSE)).1;
            let plan = runtime.plan().replace(artifacts.path(engine)).timeout(TIMEOUT).deadline(DEADLINE);
            let plan = plan.gate_wait(GATE_WAIT).precopy_hold(PRECOPY_HOLD).precopy_backlog(PRECOPY_BACKLOG);
            let plan = plan.precopy_rounds(PRECOPY_ROUNDS).build();
            if row.replaced.is_empty() {
                println!("{plan}");
            }
            let start = Instant::now();
            let (report, longest) = probe.during(|| load.activity.during(|| plan.commit()));
            let report = report.map_err(io::Error::other)?;
            // The old instance and its map are destroyed meanwhile, which also takes the processor.
            runtime.wait_drained(TIMEOUT).map_err(io::Error::other)?;
            let (copied, way) = report.members.first().map_or((0, ""), |member| (copied_at_gate(member), way(member)));
            let (held, took) = (report.held, start.elapsed());
            if took > TOLD_EVERY {
                println!("        held {held:.1?}, {took:.1?} in all{}", rounds(&report));
            }
            row.replaced.push(Replaced { held, way, copied, took, longest, longest_before });
        }
        row.retained = (runtime.status().retained_image_bytes - retained_before) / times;
        // The largest size takes minutes, so each row is shown as it is there.
        println!("{}", report::sizes::table(slice::from_ref(&row)));
        rows.push(row);
    }
    Ok(rows)
}

/// How a state was copied ahead, for a line of progress.
fn rounds(report: &Report) -> String {
    let precopy = report.members.first().and_then(|member| member.precopy);
    precopy.map_or_else(String::new, |precopy| {
        let (rounds, expected) = (precopy.rounds, precopy.expected_hold);
        format!(
            ", copied in {rounds} rounds, {} bytes behind the gate in expected {expected:.1?}",
            precopy.bytes_at_gate
        )
    })
}

/// Says again and again how far the clients are.
fn tell(load: &Load<'_>, is_done: &AtomicBool) {
    let start = Instant::now();
    let mut told = TOLD_EVERY;
    while !is_done.load(Ordering::Acquire) {
        thread::sleep(Duration::from_millis(20));
        if start.elapsed() < told {
            continue;
        }
        told += TOLD_EVERY;
        let doing = match (load.filled.load(Ordering::Acquire), load.stop.load(Ordering::Acquire)) {
            (false, _) => "writing",
            (true, false) => "under load",
            (true, true) => "reading back",
        };
        let answered = load.answered.load(Ordering::Relaxed);
        println!("{:>4} s  {answered:>9} requests answered, {doing}", start.elapsed().as_secs());
    }
}
