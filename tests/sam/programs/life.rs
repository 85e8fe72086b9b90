//! A short life with all that a supervisor does: a start, stored data, a kept descriptor, a probe, a crash, a
//! next instance, a hang, another instance, and the operator's stop.

use std::{env, fs, os::unix::process::parent_id, path::Path, process, thread, time::Duration};

fn main() {
    let folder = env::args().nth(1).unwrap();
    let probed = Path::new(&folder).join("probed");
    let millis = Duration::from_millis;
    sam::Builder::new()
        .interval(millis(30))
        .grace(millis(10))
        // The probe does not end by itself: only its supervisor's end, or the supervisor, ends it.
        .probe(format!("echo >>{}; exec sleep 600", probed.display()))
        .probe_every(millis(2))
        .probe_limit(millis(20))
        .probe_failures(1000)
        .supervise()
        .unwrap();
    let app = sam::app();
    app.resume_checks();
    match app.instance() {
        1 => {
            app.store(b"of the first").unwrap();
            let Ok(()) = app.keep_fd("null", fs::File::open("/dev/null").unwrap()) else { gone() };
            process::abort();
        }
        2 => {
            assert_eq!(app.stored().unwrap().unwrap(), b"of the first");
            let Ok(kept) = app.take_fd("null") else { gone() };
            assert!(kept.is_some());
            while !probed.exists() {
                app.beat();
                thread::sleep(millis(1));
            }
            // SAFETY: ignoring needs no handler.
            unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
            loop {
                thread::sleep(millis(1000));
            }
        }
        _ => {
            // SAFETY: takes no pointers.
            unsafe { libc::kill(parent_id().cast_signed(), libc::SIGTERM) };
            loop {
                app.beat();
                thread::sleep(millis(1));
            }
        }
    }
}

/// The supervisor was killed, and SIGKILL is on its way here.
fn gone() -> ! {
    process::exit(1)
}
