//! Health: a main loop that beats, a worker thread with a check of its own, and what an instance learns
//! about the end of the instance before it.
//!
//! Run `cargo run --example health`, and send signals from another terminal. `kill -STOP` makes the
//! instance hang, `kill -KILL` makes it crash, and `kill` to the supervisor (the instance's parent) stops
//! both.

use std::{
    error::Error,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use sam::report::{Exit, Report};
use signal_hook::consts::SIGTERM;

// The loop beats every 100 ms. After half a second without a beat the supervisor takes it for hung.
#[sam::main(interval = "500ms", backoff = "50ms..1s")]
fn main() -> Result<(), Box<dyn Error>> {
    let app = sam::app();
    // SIGTERM is either an operator's stop, or the supervisor's warning that no beat came in time.
    let told = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGTERM, Arc::clone(&told))?;

    let (jobs, queue) = mpsc::channel::<u64>();
    let worker = thread::spawn(move || work(&queue));
    app.resume_checks();
    println!("instance {}, pid {}", app.instance(), process::id());
    if let Some(report) = app.previous_exit() {
        println!("the instance before {} and lived {:?}", ending(&report), report.lived);
    }
    for job in 0.. {
        app.beat();
        if told.load(Ordering::Relaxed) {
            break;
        }
        jobs.send(job)?;
        thread::sleep(Duration::from_millis(100));
    }
    drop(jobs);
    let sum = worker.join().map_err(|_| "the worker panicked")??;
    if app.is_stopping() {
        println!("stopped, the sum is {sum}");
        return Ok(());
    }
    Err("the supervisor warned this instance, so it makes way for the next one".into())
}

/// Adds up jobs until the queue is closed.
fn work(queue: &mpsc::Receiver<u64>) -> sam::Result<u64> {
    // A job takes one second at most. The check belongs to this thread alone, so beats of the main loop
    // do not hide a hang of this thread.
    let check = sam::app().check("worker", Duration::from_secs(1))?;
    let mut sum = 0;
    loop {
        // A thread that waits for a job does not hang.
        let parked = check.parked();
        let Ok(job) = queue.recv() else { return Ok(sum) };
        drop(parked);
        sum += job;
        check.beat();
    }
}

fn ending(report: &Report) -> String {
    match (&report.hung, report.exit) {
        (Some(check), _) => format!("missed its check {check}"),
        (None, Exit::Signal { signal, .. }) => format!("died of signal {signal}"),
        (None, Exit::Code(code)) => format!("exited with {code}"),
        (None, _) => "ended".to_owned(),
    }
}
