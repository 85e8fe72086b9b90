//! Health: a main loop that beats, a worker with a check of its own, and what the next instance learns of
//! the one before.
//!
//! Run `cargo run --example health`, and send signals from another terminal: `kill -STOP` to the instance
//! is a hang, `kill -KILL` a crash, and `kill` to the supervisor (its parent) a stop.

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

// The loop beats every 100 ms; half a second of silence is a hang.
#[sam::main(interval = "500ms", backoff = "50ms..1s")]
fn main() -> Result<(), Box<dyn Error>> {
    let app = sam::app();
    // SIGTERM is the operator's stop, or a warning that this instance is overdue.
    let told = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGTERM, Arc::clone(&told))?;

    let (jobs, queue) = mpsc::channel::<u64>();
    let worker = thread::spawn(move || work(&queue));
    app.resume_checks();
    println!("instance {}, pid {}", app.instance(), process::id());
    if let Some(report) = app.previous_exit() {
        println!("the one before {} and lived {:?}", ending(&report), report.lived);
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
    Err("warned: the next instance does better".into())
}

/// Adds jobs up until there are no more.
fn work(queue: &mpsc::Receiver<u64>) -> sam::Result<u64> {
    // A job takes one second at most. The check is of this thread alone: the loop's beats do not hide
    // that it hangs.
    let check = sam::app().check("worker", Duration::from_secs(1))?;
    let mut sum = 0;
    loop {
        // Waiting for a job is no hang.
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
