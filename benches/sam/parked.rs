//! How often a supervisor wakes up in two seconds in which every check of its program, of 50 ms
//! each, is parked. Prints the number.

use std::{error::Error, fs, os::unix::process::parent_id, thread, time::Duration};

fn main() -> Result<(), Box<dyn Error>> {
    // The program's own beat is not due within the time.
    sam::Builder::new().interval(Duration::from_secs(60)).log(false).supervise()?;
    let app = sam::app();
    app.resume_checks();
    let checks: Vec<_> = ["reader", "writer", "timer"]
        .into_iter()
        .map(|name| app.check(name, Duration::from_millis(50)))
        .collect::<Result<_, _>>()?;
    let parked: Vec<_> = checks.iter().map(sam::Check::parked).collect();
    // The deadlines from before pass once more.
    thread::sleep(Duration::from_millis(200));
    let before = switches()?;
    thread::sleep(Duration::from_secs(2));
    println!("{}", switches()? - before);
    drop(parked);
    app.pause_checks();
    Ok(())
}

/// How often the supervisor, which has one thread, left a core.
fn switches() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{}/status", parent_id()))?;
    let counts = status.lines().filter_map(|line| line.split_once("ctxt_switches:"));
    Ok(counts.map(|(_, count)| count.trim().parse::<u64>()).sum::<Result<_, _>>()?)
}
