//! A short life with everything in it: a start, stored data, a kept descriptor, a probe, a
//! crash, a next instance, a hang, another, and the operator's stop.

use std::{env, fs, os::unix::process::parent_id, path::Path, process, thread, time::Duration};

fn main() {
    let folder = env::args().nth(1).unwrap();
    let probed = Path::new(&folder).join("probed");
    let millis = Duration::from_millis;
    sam::Builder::new()
        .interval(millis(30))
        .grace(millis(10))
        // It does not end by itself: where its supervisor does not, nothing but that ends it.
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
