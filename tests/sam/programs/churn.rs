//! A supervised program that stores data and descriptors without rest, and is killed at any moment. Each
//! instance examines what the instance before left, and ends with 99 if that is not what was acknowledged.

use std::{
    env,
    fmt::Display,
    fs,
    io::{Read as _, Seek as _, Write as _},
    os::fd::FromRawFd as _,
    path::Path,
    process,
    sync::atomic::Ordering,
    thread,
    time::Duration,
};

use sam_tests::{
    churn::{ACKNOWLEDGED, BORN, CHILD, DESCRIPTORS, HELD, HOLD, KEPT, NAMES, ROUNDS},
    lives,
    page::{Page, get, monotonic, set},
};

/// The exit code for a wrong state, which no restart mends.
const WRONG: i32 = 99;

fn main() {
    sam::Builder::new().fatal_exits(&[WRONG as u8]).supervise().unwrap();
    let born = monotonic();
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    let page = Page::open(Path::new(&env::args().nth(1).unwrap())).unwrap();
    set(&page[BORN], born);
    if page[DESCRIPTORS].compare_exchange(0, descriptors, Ordering::SeqCst, Ordering::SeqCst).is_err() {
        demand(descriptors == get(&page[DESCRIPTORS]), "an instance has another number of descriptors", descriptors);
    }
    let app = sam::app();
    app.resume_checks();
    let child = get(&page[CHILD]) as i32;
    demand(child == 0 || !lives(child), "a child outlived its instance", child);
    set(&page[CHILD], 0);
    let mut version = examine(&page);
    let mut random = fastrand::Rng::with_seed(u64::from(app.instance()));
    if random.u8(..8) == 0 {
        set(&page[CHILD], fork_child(random.bool()));
    }
    loop {
        version += 1;
        store(&page, version, random.usize(..8192));
        for name in 0..NAMES {
            keep(&page, name, version);
        }
        app.beat();
        page[ROUNDS].fetch_add(1, Ordering::SeqCst);
        while get(&page[HOLD]) != 0 {
            set(&page[HELD], born);
            app.beat();
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Examines everything that should be there, and returns the newest version.
fn examine(page: &Page) -> u64 {
    let data = sam::app().stored().unwrap().unwrap_or_default();
    let words: Vec<u64> = data.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
    let acknowledged = get(&page[ACKNOWLEDGED]);
    let stored = match words.split_last() {
        None => 0,
        Some((sum, words)) => {
            demand(*sum == checksum(words), "stored data is not whole", data.len());
            words[0]
        }
    };
    demand(stored == acknowledged || stored == acknowledged + 1, "stored data is of another version", stored);
    // Data that was stored without an acknowledgement counts as acknowledged once it was seen.
    set(&page[ACKNOWLEDGED], stored);
    for name in 0..NAMES {
        let acknowledged = get(&page[KEPT + name]);
        let kept = match sam::app().take_fd(&format!("name {name}")).unwrap() {
            None => 0,
            Some(fd) => {
                let mut text = String::new();
                let mut file = fs::File::from(fd);
                file.rewind().unwrap();
                file.read_to_string(&mut text).unwrap();
                text.parse().unwrap()
            }
        };
        demand(kept >= acknowledged && kept <= stored.max(acknowledged), "a descriptor is of another version", kept);
        set(&page[KEPT + name], kept);
    }
    stored
}

fn store(page: &Page, version: u64, filling: usize) {
    let mut words = Vec::with_capacity(filling + 2);
    words.push(version);
    words.extend((0..filling as u64).map(|index| version.wrapping_mul(index)));
    words.push(checksum(&words));
    let data: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    sam::app().store(&data).unwrap();
    set(&page[ACKNOWLEDGED], version);
}

fn checksum(words: &[u64]) -> u64 {
    words.iter().fold(0x9e37_79b9, |sum, word| (sum.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95))
}

fn keep(page: &Page, name: usize, version: u64) {
    // SAFETY: the name ends with a zero byte.
    let fd = unsafe { libc::memfd_create(c"version".as_ptr(), libc::MFD_CLOEXEC) };
    demand(fd >= 0, "no memory file", fd);
    // SAFETY: the descriptor is new and has no other owner.
    let mut file = unsafe { fs::File::from_raw_fd(fd) };
    file.write_all(version.to_string().as_bytes()).unwrap();
    sam::app().keep_fd(&format!("name {name}"), &file).unwrap();
    set(&page[KEPT + name], version);
}

/// A child that does nothing, in the instance's group or in a session of its own.
fn fork_child(is_stray: bool) -> u64 {
    // SAFETY: this process has one thread.
    match unsafe { libc::fork() } {
        0 => {
            if is_stray {
                // SAFETY: takes no pointers.
                unsafe { libc::setsid() };
            }
            loop {
                // SAFETY: takes no pointers.
                unsafe { libc::pause() };
            }
        }
        child => child as u64,
    }
}

fn demand(holds: bool, otherwise: &str, found: impl Display) {
    if !holds {
        eprintln!("churn: instance {}: {otherwise}: {found}", sam::app().instance());
        process::exit(WRONG);
    }
}
