//! Keeps a history in a directory, prints which counter serves after the start, and obeys its further arguments: a
//! number has the counter of that version serve, `trial` puts version 2 on trial, `trial_by_calls` does so for more
//! calls than come, `confirm` confirms it, `abandon` rolls it back, `clock` loads a clock, `load=FILE` loads that file,
//! `remove` removes the counter, `forget` forgets what may be forgotten, `wait` waits to be killed. It prints `N` when
//! the counter of version N serves, that is when the commit has returned.
//!
//! `LCR_KILL_AT=N` has the process kill itself ahead of the N-th call that changes a file, and `LCR_FAIL_AT=N` has that
//! call, and each behind it, fail as on a full disk.

use std::{
    env,
    error::Error,
    io,
    sync::atomic::{AtomicI64, Ordering},
    thread,
    time::Duration,
};

use lcr::{Handle, Runtime, Trial, history::History};
use lcr_tests::{component, interfaces::Counter};

static KILL_IN: AtomicI64 = AtomicI64::new(0);
static FAIL_IN: AtomicI64 = AtomicI64::new(0);

fn fault(_: &'static str) -> io::Result<()> {
    if KILL_IN.fetch_sub(1, Ordering::SeqCst) == 1 {
        // SAFETY: the process ends.
        unsafe { libc::raise(libc::SIGKILL) };
        thread::park();
    }
    match FAIL_IN.load(Ordering::SeqCst) {
        0 => Ok(()),
        1 => Err(io::Error::from_raw_os_error(libc::ENOSPC)),
        left => {
            FAIL_IN.store(left - 1, Ordering::SeqCst);
            Ok(())
        }
    }
}

fn version(rt: &Runtime) -> u32 {
    let counter: lcr::Result<Handle<dyn Counter>> = rt.service();
    counter.map_or(0, |counter| counter.version())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let directory = arguments.next().ok_or("usage: recorded DIRECTORY [N | remove | wait]...")?;
    for (name, counter) in [("LCR_KILL_AT", &KILL_IN), ("LCR_FAIL_AT", &FAIL_IN)] {
        counter.store(env::var(name).map_or(0, |n| n.parse().unwrap_or(0)), Ordering::SeqCst);
    }
    let history = History::at(directory).__faults(fault);
    let rt = Runtime::builder().linked(false).history(history).build()?;
    println!("{}", version(&rt));
    for argument in arguments {
        match argument.as_str() {
            "wait" => loop {
                thread::park();
            },
            "remove" => drop(rt.plan().remove("counter").commit()?),
            "trial" | "trial_by_calls" => {
                let is_by_calls = argument == "trial_by_calls";
                let rules = if is_by_calls { Trial::for_calls(1_000) } else { Trial::until_confirmed() };
                drop(rt.plan().replace(component("counter_v2")).trial(rules).commit()?);
            }
            "forget" => {
                let history = rt.history().ok_or("no history")?;
                history.change(|options| options.keep_for = Some(Duration::ZERO))?;
            }
            "confirm" => drop(rt.confirm()?),
            "abandon" => drop(rt.abandon("it was tried")?),
            "clock" => drop(rt.load(component("clock_v1"))?),
            load if load.starts_with("load=") => drop(rt.load(&load["load=".len()..])?),
            number => {
                let file = component(&format!("counter_v{number}"));
                let plan = if version(&rt) == 0 { rt.plan().add(file) } else { rt.plan().replace(file) };
                drop(plan.commit()?);
            }
        }
        println!("{}", version(&rt));
    }
    Ok(())
}
