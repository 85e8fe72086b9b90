//! A supervised program whose first instance leaves heads: processes in sessions of their own that fork for
//! ever while their parents end, so that no list of processes ever shows all of them. The next instance
//! prints whether a head is left. An argument says how the first instance ends.

use std::{
    env,
    fs::File,
    io::Write as _,
    os::fd::AsRawFd as _,
    process, ptr,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

const HEADS: usize = 8;

/// How often the heads fork before the first instance ends.
const FORKS: u64 = 400;

/// The time after which heads end by themselves.
const LIMIT: Duration = Duration::from_secs(20);

fn say(text: &str) {
    let line = format!("{} {text}\n", sam::app().instance());
    let _ = std::io::stdout().write_all(line.as_bytes());
    let _ = std::io::stdout().flush();
}

fn fork() -> i32 {
    // SAFETY: this process has one thread.
    unsafe { libc::fork() }
}

/// Forks for ever, and ends the parent each time. Does not return.
fn grow(forks: &AtomicU64) -> ! {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        match fork() {
            0 => {
                // SAFETY: takes no pointers.
                unsafe { libc::setsid() };
                forks.fetch_add(1, Ordering::Relaxed);
            }
            // There may be no room for another process just now.
            -1 => thread::sleep(Duration::from_millis(1)),
            _ => break,
        }
    }
    // SAFETY: always sound.
    unsafe { libc::_exit(0) }
}

fn main() -> process::ExitCode {
    if let Err(error) = sam::Builder::new().supervise() {
        eprintln!("hydra: {error}");
        return error.kind().exit_status().into();
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [lock, end] = &*arguments else { panic!("hydra LOCK END") };
    let lock = File::create(lock).expect("the lock can be opened");
    // The lock is held as long as a process lives that has inherited it.
    // SAFETY: takes no pointers.
    let is_alone = unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0;
    say(if is_alone { "is alone" } else { "has company" });
    sam::app().resume_checks();
    if sam::app().instance() > 1 {
        return process::ExitCode::SUCCESS;
    }
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: the kernel chooses an address where nothing is mapped.
    let page = unsafe { libc::mmap(ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    // SAFETY: it is mapped, aligned, zero, never unmapped, and touched as an atomic only.
    let forks: &AtomicU64 = unsafe { &*page.cast() };
    for _ in 0..HEADS {
        if fork() == 0 {
            grow(forks);
        }
    }
    while forks.load(Ordering::Relaxed) < FORKS {
        sam::app().beat();
        thread::sleep(Duration::from_millis(1));
    }
    say("is grown");
    match &**end {
        "dies" => process::abort(),
        "serves" => loop {
            sam::app().beat();
            thread::sleep(Duration::from_millis(10));
        },
        _ => loop {
            thread::sleep(Duration::from_secs(1));
        },
    }
}
