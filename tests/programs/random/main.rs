//! A random program of safe code: `random SEED MILLISECONDS THREADS IMAGES UNLOAD LOG SCRATCH`.
//!
//! Threads draw operations from the seed. They load, replace, configure, bind and remove components, call them
//! in every way, keep values and drop them in any place, and end at any moment. Each operation must end in
//! success or in a typed error, and the sums in the tills must be right. Otherwise the program aborts and says
//! what was violated.
#![forbid(unsafe_code)]

#[macro_use]
mod stage;
mod actor;
mod agent;
mod changes;
mod keepsake;

use std::{
    env,
    error::Error,
    fs::File,
    panic,
    path::PathBuf,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use actor::Actor;
use lcr_tests::till::v1::Till as _;
use stage::{House, Log, Pool, Stage};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let mut next = || words.next().ok_or("usage: random SEED MILLISECONDS THREADS IMAGES UNLOAD LOG SCRATCH");
    let (seed, millis, threads): (u64, u64, usize) = (next()?.parse()?, next()?.parse()?, next()?.parse()?);
    let (images, unload): (usize, bool) = (next()?.parse()?, next()?.parse()?);
    let (log, scratch) = (File::create(next()?)?, PathBuf::from(next()?));
    let components = env::current_exe()?.parent().ok_or("a program is in a directory")?.to_owned();
    // Panics are ordinary operations, so none is printed.
    panic::set_hook(Box::new(|_| {}));

    let open = |fences| House::open(&components, fences).map(|house| RwLock::new(Arc::new(house)));
    let stage = Arc::new(Stage {
        houses: [open(false)?, open(true)?],
        tills: Pool::default(),
        pinned: Pool::default(),
        bytes: Pool::default(),
        callbacks: Pool::default(),
        plans: Pool::default(),
        log: Arc::new(Log::new(log)),
        unload,
        images: AtomicUsize::new(images),
        components,
        scratch,
    });
    let _ = agent::STAGE.set(Arc::downgrade(&stage));
    let stop = Arc::new(AtomicBool::new(false));
    let actors: Vec<_> = (0..threads)
        .map(|number| {
            let (stage, stop) = (Arc::clone(&stage), Arc::clone(&stop));
            let body = move || {
                let actor = Actor::new(stage, seed, number);
                while !stop.load(Ordering::Relaxed) {
                    actor.step();
                }
                actor.end()
            };
            thread::Builder::new().name(format!("actor-{number}")).spawn(body)
        })
        .collect::<Result<_, _>>()?;
    let end = Instant::now() + Duration::from_millis(millis);
    let is_running = || actors.iter().any(|actor| !actor.is_finished());
    while is_running() {
        thread::sleep(Duration::from_millis(20));
        stop.fetch_or(Instant::now() >= end, Ordering::Relaxed);
        stage.log.watch();
    }
    let mut steps = 0;
    for actor in actors {
        let ended = actor.join();
        must!(ended.is_ok(), "a thread panicked outside of an operation");
        steps += ended.unwrap_or(0);
    }
    let changes = finish(stage);
    println!("seed {seed}: {steps} operations, generations {changes:?}");
    Ok(())
}

/// Checks that no addition was lost, and ends both runtimes.
fn finish(stage: Arc<Stage>) -> [u64; 2] {
    stage.log.write(format_args!("all threads have ended"));
    drop((stage.plans.drain(), stage.pinned.drain(), stage.callbacks.drain()));
    for (bytes, seed) in stage.bytes.drain() {
        must!(*bytes == *lcr_tests::till::bytes_of(seed, bytes.len()), "bytes changed");
    }
    drop(stage.tills.drain());
    // Another thread may have been about to build an instance that it found missing.
    let generations = [0, 1].map(|number| {
        let house = stage.house(number);
        let sums = house.till.sums();
        let account = &house.account;
        let total = sums.as_ref().map(|sums| sums.0.sums.values().sum::<u64>());
        must!(
            total.as_ref().is_ok_and(|total| *total == account.acknowledged()),
            "house {number} was given {} and has {total:?}",
            account.acknowledged()
        );
        house.rt.generation()
    });
    let log = Arc::clone(&stage.log);
    let (ended, is_ended) = mpsc::channel::<()>();
    log.busy(63, true);
    let watch = thread::spawn(move || {
        while is_ended.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
            log.watch();
        }
    });
    must!(Arc::strong_count(&stage) == 1, "what is left holds the stage");
    drop(stage);
    drop(ended);
    must!(watch.join().is_ok(), "the watch panicked");
    generations
}
