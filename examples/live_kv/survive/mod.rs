//! The server's process is killed, stopped, made to deadlock and made to abort, each under
//! load from outside, and while its components are replaced. At last a version on trial ends it.
//!
//! Its supervisor starts the next instance each time. Clients see a broken connection and
//! connect again. They check that a new connection never fails, and that every acknowledged
//! write is there.

mod child;

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    args::Args,
    artifacts::Artifacts,
    load::{self, Load, Outcome, client::Client, latency::Activity, recovery::Recovery},
    report,
    setup::Fatal,
    trials::{fatal::Told, watch::Watch},
};

use child::Supervised;

/// Load between one fault and the next.
const PAUSE: Duration = Duration::from_millis(700);

/// How soon after a fault all clients must be served again.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A fault that is injected into an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SIGKILL.
    Kill,
    /// SIGSTOP: the process exists and does nothing.
    Stop,
    /// One of its threads waits for ever; the others serve on.
    Deadlock,
    /// The process aborts itself.
    Abort,
    /// A version on trial ends the process.
    Trial,
}

impl Kind {
    /// Those that may come again and again. A version on trial ends one process only.
    const REPEATED: [Kind; 4] = [Kind::Kill, Kind::Stop, Kind::Deadlock, Kind::Abort];

    /// Its description.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Kill => "killed by SIGKILL",
            Kind::Stop => "stopped by SIGSTOP",
            Kind::Deadlock => "a thread deadlocked",
            Kind::Abort => "aborted",
            Kind::Trial => "ended by a trial",
        }
    }

    fn inflict(self, server: &Supervised) -> Result<(), Fatal> {
        // Two of these are never answered: the connection ends with the process.
        let debug = |what: &[u8]| {
            let mut client = Client::connect(server.address)?;
            client.queue(&[b"DEBUG", what]);
            client.send().map(|()| client)
        };
        match self {
            Kind::Kill => server.signal(Signal::SIGKILL)?,
            Kind::Stop => server.signal(Signal::SIGSTOP)?,
            Kind::Deadlock => drop(debug(b"DEADLOCK")?.reply()),
            Kind::Abort => drop(debug(b"ABORT")?.reply()),
            Kind::Trial => drop(debug(b"TRIAL")?.reply()),
        }
        Ok(())
    }
}

/// An injected fault, and how the server recovered.
pub(crate) struct Injected {
    pub(crate) kind: Kind,
    /// The instance after it.
    pub(crate) next: u32,
    /// The supervisor's account of its end.
    pub(crate) ended: String,
    /// The components that the next instance begins with.
    pub(crate) serves: String,
    /// From the fault to the first answer of the next instance.
    pub(crate) first: Duration,
    /// From the fault until every client was answered again.
    pub(crate) all: Duration,
    pub(crate) reconnects: u64,
    pub(crate) refused: u64,
}

/// Starts a server, loads it and injects faults; `true` if nothing was refused or lost.
///
/// # Errors
/// The server does not begin, or no next instance serves.
pub(crate) fn run(args: &Args, artifacts: &Artifacts) -> Result<bool, Fatal> {
    let pause = args.replace_every.unwrap_or(Duration::from_millis(150));
    let history = tempfile::tempdir()?;
    let mut server = Supervised::start(args, artifacts, pause, history.path())?;
    let rounds = if args.seconds.is_some_and(|seconds| seconds < 5) { 1 } else { 2 };
    println!("\na supervised server on {}; replacing every {pause:?}, and injecting faults", server.address);
    let (activity, watch) = (Activity::default(), Watch::default());
    let (recovery, answered) = (Recovery::default(), AtomicU64::new(0));
    let (filled, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let load = Load {
        address: server.address,
        connections: args.connections,
        keys: args.keys,
        least: 0,
        prefix: "survive",
        seed: args.seed(),
        activity: &activity,
        watch: &watch,
        filled: &filled,
        stop: &stop,
        recovery: Some(&recovery),
        answered: &answered,
    };
    let (outcome, injected) = thread::scope(|scope| {
        let injecting = scope.spawn(|| {
            let injected = inject_faults(&mut server, &load, &recovery, rounds).map_err(|error| error.to_string());
            stop.store(true, Ordering::Release);
            injected
        });
        (load::run(&load), injecting.join())
    });
    let injected = injected.map_err(|_| "the thread that injects faults panicked")?;
    let (status, said) = server.stop()?;
    let injected = injected.inspect_err(|_| print!("{}", report::outcome(&outcome)))?;
    println!("\n{}\n", report::injected::table(&injected));
    let compactions = said.iter().filter(|line| line.starts_with("compacted ")).count();
    let told = Told::of(&said);
    print!("{}", report::injected::facts(&outcome, &recovery, compactions));
    print!("{}", report::injected::trial(told.as_ref()));
    for line in said.iter().filter(|line| line.starts_with("served ") || line.starts_with("replaced ")) {
        println!("the last instance {line}");
    }
    Ok(is_clean(&outcome, &recovery) && is_back(&injected, told.as_ref()) && status.success())
}

/// After the trial that ended the process, what served before it serves, and the version is refused.
fn is_back(injected: &[Injected], told: Option<&Told>) -> bool {
    let after = injected.iter().find(|injected| injected.kind == Kind::Trial);
    after.zip(told).is_some_and(|(after, told)| after.serves == told.before)
}

fn is_clean(outcome: &Outcome, recovery: &Recovery) -> bool {
    outcome.is_clean() && recovery.refused() == 0 && recovery.reconnects() > 0
}

fn inject_faults(
    server: &mut Supervised,
    load: &Load<'_>,
    recovery: &Recovery,
    rounds: usize,
) -> Result<Vec<Injected>, Fatal> {
    while !load.filled.load(Ordering::Acquire) {
        thread::sleep(Duration::from_millis(1));
    }
    let mut injected = Vec::new();
    for kind in (0..rounds).flat_map(|_| Kind::REPEATED).chain([Kind::Trial]) {
        thread::sleep(PAUSE);
        let (reconnects, refused) = (recovery.reconnects(), recovery.refused());
        recovery.begin();
        let start = Instant::now();
        kind.inflict(server)?;
        server.next()?;
        // The scanner is a client, too.
        let (first, last) = loop {
            if let Some(answered) = recovery.answered(load.connections + 1) {
                break answered;
            }
            if start.elapsed() > TIMEOUT {
                return Err(format!("not every client was served again after the server was {}", kind.name()).into());
            }
            thread::sleep(Duration::from_millis(1));
        };
        injected.push(Injected {
            kind,
            next: server.instance.number,
            ended: server.instance.before.clone(),
            serves: server.instance.serves.clone(),
            first: first - start,
            all: last - start,
            reconnects: recovery.reconnects() - reconnects,
            refused: recovery.refused() - refused,
        });
        println!("{:>6} {:<20} instance {} serves", "", kind.name(), server.instance.number);
    }
    // The version is refused now.
    drop(Client::connect(server.address)?.ask(&[b"DEBUG", b"TRIAL"])?);
    server.wait_for(Told::is_refusal)?;
    Ok(injected)
}
