//! `--serve`: serving others until a signal, and replacing meanwhile.
//!
//! Under a supervisor this process is one instance of many. The first instance opened the listener, and
//! the journal says what the map holds. With `--control` each has a control socket, for the command `lcr`.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use kv::{Commands, Engine};
use lcr::{ErrorKind, Runtime, control, history::History};
use sam::report::{Exit, Report};

use crate::{
    args::Args,
    artifacts::TRIAL_ENGINE_ABORTS,
    fault_injection::FaultInjection,
    keep::{Keeper, Restored},
    load::latency::{Activity, histogram},
    replace::Changer,
    report::{changes::micros, latency::duration},
    server::{Server, heartbeat::DEADLINE, request::Limits},
    setup::{self, Fatal},
    trials::fatal,
};

/// How long a replacement may hold callers: shorter than the deadline of their health check.
const HELD: Duration = Duration::from_secs(1);
const _: () = assert!(HELD.as_nanos() < DEADLINE.as_nanos());

/// How often the main thread beats and looks at the journal.
const ROUND: Duration = Duration::from_millis(100);

/// Serves on `address`; `true` if nothing failed.
///
/// # Errors
/// Serving could not begin, or not go on.
pub(crate) fn run(args: &Args, address: &str) -> Result<bool, Fatal> {
    let stopped = setup::stop_signals()?;
    let artifacts = setup::artifacts(args, if args.inject_faults { &[TRIAL_ENGINE_ABORTS] } else { &[] })?;
    let activity = Activity::default();
    let builder = Runtime::builder();
    let builder = if args.control { builder.control(control::Server::builder()) } else { builder };
    let runtime = match &args.history {
        Some(directory) => builder.history(History::at(directory)).build()?,
        None => builder.build()?,
    };
    let changer = match Changer::resume(&runtime, &artifacts, &activity, HELD) {
        Some(changer) => changer,
        None => Changer::install(&runtime, &artifacts, &activity, HELD)?,
    };
    let commands: Arc<dyn Commands> = Arc::new(runtime.service::<dyn Commands>()?);
    let listener = sam::app().listener(address).map_err(|error| format!("cannot serve on {address}: {error}"))?;
    let kept = if sam::app().is_supervised() {
        Some(Keeper::open("journal", Arc::clone(&commands), Arc::new(runtime.service::<dyn Engine>()?))?)
    } else {
        None
    };
    let (keeper, restored) = kept.map(|(keeper, restored)| (Arc::new(keeper), restored)).unzip();
    let commands = keeper.clone().map_or(commands, |keeper| keeper);
    let trial = Arc::new(AtomicBool::new(false));
    let commands: Arc<dyn Commands> =
        if args.inject_faults { Arc::new(FaultInjection { commands, trial: Arc::clone(&trial) }) } else { commands };
    let server = Server::on(listener, args.threads, commands, Limits::default())?;
    if sam::app().instance() == 1 {
        println!("serving on {} with {} threads; stop with SIGINT or SIGTERM", server.address(), args.threads);
    }
    if let Some(Restored { records, keys }) = restored {
        let before = sam::app().previous_exit().map_or("this is the first".to_owned(), |report| ended(&report));
        let (instance, process) = (sam::app().instance(), process::id());
        let serving = fatal::serving(&runtime);
        println!(
            "instance {instance} process {process} has {keys} keys from {records} records, serves {serving}: {before}"
        );
    }
    for quarantined in runtime.quarantine() {
        println!("{}", fatal::in_quarantine(&quarantined));
    }
    let start = Instant::now();
    let stop = AtomicBool::new(false);
    sam::app().resume_checks();
    let replaced = thread::scope(|scope| {
        let replacing = args.replace_every.map(|pause| {
            scope.spawn({
                let (stop, trial) = (&stop, &*trial);
                move || keep_replacing(changer, pause, stop, trial)
            })
        });
        wait(&stopped, keeper.as_deref());
        sam::app().finalize();
        stop.store(true, Ordering::Release);
        replacing.map(ScopedJoinHandle::join)
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
    runtime.wait_drained(Duration::from_secs(60))?;
    Ok(clean)
}

/// Beats until a signal comes, and keeps the journal short.
fn wait(stopped: &Receiver<()>, keeper: Option<&Keeper>) {
    while stopped.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
        sam::app().beat();
        let Some(keeper) = keeper else { continue };
        let before = keeper.journal_len();
        match keeper.compact_if_due(|| sam::app().beat()) {
            Ok(false) => {}
            Ok(true) => println!("compacted the journal from {before} to {} bytes", keeper.journal_len()),
            // The old journal goes on, only longer; the next round tries again.
            Err(error) => eprintln!("the journal could not be compacted: {error}"),
        }
    }
}

/// How the previous instance ended, as text.
fn ended(report: &Report) -> String {
    let how = match report.exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal { signal, .. } => format!("signal {signal}"),
        _ => "unknown".to_owned(),
    };
    match &report.hung {
        Some(check) => format!("{check} hung, {how}"),
        None => how,
    }
}

/// The outcome of the replacements.
struct Replaced {
    held: Histogram<u64>,
    refused: Vec<String>,
    /// How many were given up because their time was over, as on a machine that stands still for a second. Nobody has
    /// lost anything, and the next one may succeed.
    put_off: u64,
}

fn keep_replacing(mut changer: Changer<'_>, pause: Duration, stop: &AtomicBool, trial: &AtomicBool) -> Replaced {
    let mut replaced = Replaced { held: histogram(), refused: Vec::new(), put_off: 0 };
    while !stop.load(Ordering::Acquire) {
        thread::sleep(pause);
        if trial.swap(false, Ordering::AcqRel) {
            changer.try_fatal();
            continue;
        }
        match changer.replace().result {
            Ok(report) => replaced.held.saturating_record(micros(report.held)),
            Err(late) if late.kind == ErrorKind::Deadline => {
                eprintln!("a replacement was put off: {}", late.text);
                replaced.put_off += 1;
            }
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
            "replaced components {} times, {} refused, {} put off; callers held p50 {}, p99 {}, at most {}",
            self.held.len(),
            self.refused.len(),
            self.put_off,
            duration(self.held.value_at_quantile(0.5)),
            duration(self.held.value_at_quantile(0.99)),
            duration(self.held.max())
        );
    }
}
