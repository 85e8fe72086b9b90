//! How many more images fit into this process.
//!
//! Beside memory, an image takes scarce resources of the process for as long as it is mapped, which by default is
//! for ever. Code that then finds none left breaks, and that need not be the code that took them:
//!
//! | resource | how many there are | taken by | if none is left |
//! |---|---|---|---|
//! | mappings | `vm.max_map_count`, 65,530 by default | each image, 4 or 5 | `mmap`, and so `malloc` and `pthread_create`, fail |
//! | thread keys | 1,024 (glibc) | images that do not lead these to the host (`component/libc_shims`) | std aborts |
//! | static thread-local storage | some 1,700 bytes (glibc) | images with the initial-exec model, such as mimalloc's by default | `dlopen` refuses |
//!
//! So this room reads from a file what the file takes, and measures what is left: when a plan is made, which says
//! how many times the file fits, and again before the loader is called. It refuses a file that does not fit, and
//! a file that would leave less than a reserve for the rest of the process ([`SPARE_MAPPINGS`],
//! [`SPARE_KEYS`]). The reserve also covers what other threads take between the measurement and the load.
//!
//! Counting mappings means reading one line of `/proc/self/maps` for each, which takes as long as many loads once
//! thousands of images are mapped. So while there are plenty, a count is used for a second, less what was loaded
//! since; near the limit every measurement counts anew.

use std::{
    fmt, fs,
    io::{BufRead as _, BufReader},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::sys,
};

use super::{elf::Takes, library::static_tls};

/// Mappings that are left to the rest of the process.
const SPARE_MAPPINGS: usize = 1024;
/// Thread keys that are left to the rest of the process.
const SPARE_KEYS: u32 = 64;
/// More mappings than this are plenty: no program makes as many within [`FRESH`].
const PLENTY: usize = 16 * SPARE_MAPPINGS;
/// How long a count of mappings is used while there are plenty.
const FRESH: Duration = Duration::from_secs(1);
/// If fewer images than this fit, a plan says so.
const FEW: usize = 1000;

/// How many images of a kind fit, and the resource that limits the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fits {
    pub(crate) images: usize,
    limit: Limit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Mappings,
    Keys,
    StaticTls,
}

impl Fits {
    /// The line of a plan about it; `None` while many images fit and mappings are the limit, which every image
    /// takes.
    pub(crate) fn note(self) -> Option<String> {
        (self.images < FEW || self.limit != Limit::Mappings).then(|| format!("{self} fit into this process"))
    }
}

impl fmt::Display for Fits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.limit {
            Limit::Mappings => "mappings",
            Limit::Keys => "thread keys",
            Limit::StaticTls => "static thread-local storage",
        };
        write!(f, "by its {what}, {} of its kind", self.images)
    }
}

/// How many images that take this much fit.
///
/// # Errors
/// [`ErrorKind::Load`] if none fits, with a way out.
pub(crate) fn measure(takes: &Takes) -> Result<Fits> {
    // A constructor may take keys before its image has met the host, and the file does not show that.
    if !takes.keys && !has_keys() {
        let text = format!(
            "the process has no more than {SPARE_KEYS} thread keys left, and a library's constructors may take some; \
             restart it"
        );
        return Err(Error::new(ErrorKind::Load, text));
    }
    let fits = [
        mappings().map(|left| Fits { images: left / takes.mappings.max(1), limit: Limit::Mappings }),
        takes.keys.then(|| Fits { images: keys(), limit: Limit::Keys }),
        takes
            .static_tls
            .and_then(|tls| Some(Fits { images: static_tls::fits(tls.size, tls.align)?, limit: Limit::StaticTls })),
    ];
    let fits = fits.into_iter().flatten().min_by_key(|fits| fits.images);
    let fits = fits.unwrap_or(Fits { images: usize::MAX, limit: Limit::Mappings });
    if fits.images > 0 {
        return Ok(fits);
    }
    let text = match fits.limit {
        Limit::Mappings => format!(
            "it takes {} mappings, and the process is within {SPARE_MAPPINGS} of its limit (sysctl vm.max_map_count); \
             let images go (unload), raise the limit or restart",
            takes.mappings
        ),
        Limit::Keys => format!(
            "it takes a thread key, and the process has no more than {SPARE_KEYS} left, which others need; link a std \
             of its own and lcr into it, or restart"
        ),
        Limit::StaticTls => format!(
            "it takes {} bytes of static thread-local storage, and the process has fewer left; build it without the \
             initial-exec model (mimalloc: feature local_dynamic_tls), or start the process with \
             GLIBC_TUNABLES=glibc.rtld.optional_static_tls=65536",
            takes.static_tls.map_or(0, |tls| tls.size)
        ),
    };
    Err(Error::new(ErrorKind::Load, text))
}

/// The last count of mappings.
struct Counted {
    at: Instant,
    /// How many may still be made, without the reserve and without those that images have taken since.
    left: usize,
}

/// How many mappings may still be made, without the reserve. `None` if the system does not say.
fn mappings() -> Option<usize> {
    let RoomLock(mut last) = lock();
    if let Some(Counted { at, left }) = *last
        && left > PLENTY
        && at.elapsed() < FRESH
    {
        return Some(left);
    }
    let left = count_mappings()?;
    *last = Some(Counted { at: Instant::now(), left });
    Some(left)
}

/// Notes that an image with so many mappings was loaded.
pub(in crate::host) fn took(mappings: usize) {
    let RoomLock(mut last) = lock();
    if let Some(last) = &mut *last {
        last.left = last.left.saturating_sub(mappings);
    }
}

fn count_mappings() -> Option<usize> {
    let limit: usize = fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()?;
    let mut lines = BufReader::with_capacity(64 << 10, fs::File::open("/proc/self/maps").ok()?);
    let mut taken = 0;
    loop {
        let bytes = lines.fill_buf().ok()?;
        if bytes.is_empty() {
            return Some(limit.saturating_sub(taken + SPARE_MAPPINGS));
        }
        taken += bytes.iter().filter(|&&byte| byte == b'\n').count();
        let len = bytes.len();
        lines.consume(len);
    }
}

/// How many thread keys may still be made, without the reserve. Makes the keys to count them, and deletes them
/// again. The C library gives the lowest free number, so this never makes the keys of the reserve.
fn keys() -> usize {
    let _turn = lock();
    sys::count_keys_below(sys::key_limit().saturating_sub(SPARE_KEYS), usize::MAX)
}

/// Whether a thread key may be made, without the reserve.
fn has_keys() -> bool {
    let _turn = lock();
    sys::count_keys_below(sys::key_limit().saturating_sub(SPARE_KEYS), 1) > 0
}

/// While this value lives, no other thread counts, or has keys that it made only to count them: for the thread
/// that counts, and for the time of a fork.
pub(in crate::host) struct RoomLock(MutexGuard<'static, Option<Counted>>);

/// See [`RoomLock`].
pub(in crate::host) fn lock() -> RoomLock {
    static ONE_AT_A_TIME: Mutex<Option<Counted>> = Mutex::new(None);
    RoomLock(ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::image::elf::StaticTls;

    const PLAIN: Takes = Takes { mappings: 5, keys: false, static_tls: None };

    #[test]
    fn an_ordinary_image_fits_a_thousand_times_and_needs_no_word() {
        let fits = measure(&PLAIN).unwrap();
        assert!(fits.images > FEW, "{fits}");
        assert_eq!(fits.note(), None);
    }

    #[test]
    fn what_takes_more_mappings_than_are_left_is_refused() {
        let error = measure(&Takes { mappings: usize::MAX, ..PLAIN }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Load);
        assert!(error.to_string().contains("vm.max_map_count"), "{error}");
    }

    #[test]
    fn a_load_is_counted_off_what_is_left_also_between_two_counts() {
        let before = mappings().unwrap();
        assert!(before > PLENTY + 10_000, "{before}");
        took(10_000);
        // Other tests of this process may count between the two.
        let after = mappings().unwrap();
        assert!(after <= before - 10_000 || after.abs_diff(count_mappings().unwrap()) < 1000, "{after} of {before}");
    }

    #[test]
    fn near_the_limit_every_measurement_counts() {
        took(mappings().unwrap() - PLENTY);
        let left = mappings().unwrap();
        assert!(left > PLENTY, "{left} is what was counted off, not what there is");
    }

    #[test]
    fn keys_are_counted_without_taking_any() {
        let before = keys();
        assert!((1..1024).contains(&before), "{before}");
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(|| (0..20).map(|_| keys()).min().unwrap())).collect();
        let least = threads.into_iter().map(|thread| thread.join().unwrap()).min().unwrap();
        // Other tests of this process take some.
        assert!(least + 32 >= before, "{least} of {before}");
        let note = measure(&Takes { keys: true, ..PLAIN }).unwrap().note().unwrap();
        assert!(note.contains("thread keys"), "{note}");
    }

    #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
    #[test]
    fn static_thread_local_storage_is_measured_and_given_back() {
        let takes = |size| Takes { static_tls: Some(StaticTls { size, align: 8 }), ..PLAIN };
        let few = measure(&takes(112)).unwrap();
        assert!((1..=16).contains(&few.images), "{few}");
        assert_eq!(measure(&takes(112)).unwrap(), few);
        assert!(measure(&takes(8)).unwrap().images > few.images);
        let error = measure(&takes(1 << 20)).unwrap_err();
        assert!(error.to_string().contains("1048576 bytes of static thread-local storage"), "{error}");
    }
}
