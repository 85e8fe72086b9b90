//! Replaces a component again and again: `soak retained|unloaded REPLACEMENTS`.
//!
//! The component asks for `thread::current`, leaves a value with a destructor in a thread-local of its callers,
//! and starts threads that it joins. Two threads call it without a pause, and at every tenth replacement a thread
//! calls it that then ends. The program prints its use of resources as it goes, and fails if that grows:
//!
//! | of the process | `retained` | `unloaded` |
//! |---|---|---|
//! | thread keys, threads, descriptors | constant | constant |
//! | mappings | 8 for each image at most | constant |
//! | resident memory | not bounded | 16 MiB, and 128 bytes for each replacement |
//!
//! "Constant" means the use after a tenth of the replacements (200 at most), and a few more for what is under
//! way. With images retained the mappings of the process run out at last. Then a replacement is refused, the last
//! version serves on, and the program ends.

use std::{
    env,
    error::Error,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use lcr::{ErrorKind, Handle, Runtime};
use lcr_tests::till::v1::Till;

/// How often the program prints.
const PAUSE: Duration = Duration::from_secs(10);
/// How many images may wait for a thread to call again.
const IMAGES_WAITING: usize = 2;
const MAPPINGS_OF_AN_IMAGE: usize = 8;

/// The resources of the process at one moment.
#[derive(Clone, Copy, Debug)]
struct Taken {
    resident_kib: usize,
    mappings: usize,
    threads: usize,
    descriptors: usize,
    keys: usize,
}

impl Taken {
    fn now() -> Result<Taken, Box<dyn Error>> {
        let status = fs::read_to_string("/proc/self/status")?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
        };
        Ok(Taken {
            resident_kib: field("VmRSS:"),
            mappings: fs::read_to_string("/proc/self/maps")?.lines().count(),
            threads: field("Threads:"),
            descriptors: fs::read_dir("/proc/self/fd")?.count(),
            keys: keys(),
        })
    }
}

/// How many of the process's thread keys are taken.
fn keys() -> usize {
    let mut free = Vec::new();
    loop {
        let mut key = 0;
        // SAFETY: makes a key without a destructor, which is deleted below.
        if unsafe { libc::pthread_key_create(&raw mut key, None) } != 0 {
            break;
        }
        free.push(key);
    }
    for key in &free {
        // SAFETY: it was just made, and no thread has a value for it.
        unsafe { libc::pthread_key_delete(*key) };
    }
    // SAFETY: asks for a constant of the system.
    let all = unsafe { libc::sysconf(libc::_SC_THREAD_KEYS_MAX) };
    usize::try_from(all).unwrap_or(0).saturating_sub(free.len())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let usage = "usage: soak retained|unloaded REPLACEMENTS";
    let is_unloaded = match words.next().as_deref() {
        Some("retained") => false,
        Some("unloaded") => true,
        _ => return Err(usage.into()),
    };
    let replacements: usize = words.next().ok_or(usage)?.parse()?;
    let program = env::current_exe()?;
    let name = if is_unloaded { "libtill_1_unload.so" } else { "libtill_1.so" };
    let library = program.parent().ok_or("a program is in a directory")?.join(name);

    let rt = Runtime::new()?;
    rt.load(&library)?;
    let till: Handle<dyn Till> = rt.service()?;
    let (stop, added) = (AtomicBool::new(false), AtomicU64::new(0));
    let call = |till: &Handle<dyn Till>| -> Result<(), lcr::Fault> {
        till.add(0, 1)?;
        added.fetch_add(1, Ordering::Relaxed);
        till.settle("by a soak")?;
        till.work(2).map(drop)
    };
    let soaked = thread::scope(|scope| {
        for _ in 0..2 {
            let (till, stop, call) = (till.clone(), &stop, &call);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    call(&till).expect("a caller is served");
                    thread::sleep(Duration::from_micros(200));
                }
            });
        }
        let soaked = soak(&rt, &library, replacements, is_unloaded, |number| {
            call(&till)?;
            if number % 10 == 0 {
                let (till, call) = (till.clone(), &call);
                thread::scope(|scope| scope.spawn(move || call(&till)).join().expect("the thread does not panic"))?;
            }
            Ok(())
        });
        stop.store(true, Ordering::Relaxed);
        soaked
    });
    let replaced = soaked?;
    let sums = till.sums()?.0;
    let added = added.into_inner();
    if sums.sums.get(&0) != Some(&added) || !sums.is_whole() {
        return Err(format!("{added} were added, and there is {sums:?}").into());
    }
    println!("{replaced} replacements, {added} additions, none lost");
    Ok(())
}

/// Replaces and calls. Returns the number of replacements.
fn soak(
    rt: &Runtime,
    library: &Path,
    replacements: usize,
    is_unloaded: bool,
    mut call: impl FnMut(usize) -> Result<(), lcr::Fault>,
) -> Result<usize, Box<dyn Error>> {
    let warm = (replacements / 10).clamp(1, 200);
    let (mut before, mut said) = (Taken::now()?, Instant::now());
    for number in 1..=replacements {
        if let Err(error) = rt.replace(library) {
            call(number)?;
            let taken = Taken::now()?;
            println!("{number}: {}: {error}\n{taken:?}", error.kind().name());
            let has_room = taken.mappings < mappings_allowed()? * 9 / 10;
            if is_unloaded || has_room || error.kind() != ErrorKind::Load {
                return Err(error.into());
            }
            check(before, taken, number - warm, is_unloaded)?;
            return Ok(number - 1);
        }
        call(number)?;
        if number == warm {
            before = settled(rt, is_unloaded)?;
            println!("{number}: {before:?}");
        }
        if said.elapsed() >= PAUSE || number == replacements {
            let taken = settled(rt, is_unloaded)?;
            let retained = rt.status().retained_images;
            println!("{number}: {taken:?}, {retained} images retained");
            check(before, taken, number.saturating_sub(warm), is_unloaded)?;
            said = Instant::now();
        }
    }
    Ok(replacements)
}

/// The resources of the process when all replaced instances are destroyed.
fn settled(rt: &Runtime, is_unloaded: bool) -> Result<Taken, Box<dyn Error>> {
    rt.wait_drained(Duration::from_secs(60))?;
    let end = Instant::now() + Duration::from_secs(60);
    // The reaper unmaps an image when the threads that have thread-locals of it have called again.
    while is_unloaded && rt.status().retained_images > IMAGES_WAITING {
        if Instant::now() > end {
            return Err(format!("{} images are still mapped after a minute", rt.status().retained_images).into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Taken::now()
}

fn check(before: Taken, now: Taken, replaced: usize, is_unloaded: bool) -> Result<(), Box<dyn Error>> {
    let per_image = if is_unloaded { 0 } else { MAPPINGS_OF_AN_IMAGE * replaced };
    let memory = if is_unloaded { 16 * 1024 + replaced / 8 } else { usize::MAX / 2 };
    let bounds = [
        ("thread keys", before.keys, now.keys, 2),
        ("threads", before.threads, now.threads, 4),
        ("descriptors", before.descriptors, now.descriptors, 4),
        ("mappings", before.mappings, now.mappings, per_image + 16 + 8 * IMAGES_WAITING),
        ("KiB of memory", before.resident_kib, now.resident_kib, memory),
    ];
    for (what, before, now, more) in bounds {
        if now > before + more {
            return Err(format!("{now} {what}, and {before} before {replaced} replacements").into());
        }
    }
    Ok(())
}

/// How many mappings the system gives a process.
fn mappings_allowed() -> Result<usize, Box<dyn Error>> {
    Ok(fs::read_to_string("/proc/sys/vm/max_map_count")?.trim().parse()?)
}
