//! Whether two images have one allocator: whether a block that one of them freed comes back to the other one.
//!
//! Nothing in a library says which global allocator it was linked with. But an allocator gives a block that was freed
//! to the same thread's next request of that size. So one image makes and frees a block, and the other image asks for
//! one of its size: if the same address comes back, in both directions, the two images use one list of free blocks. One
//! success in some tries is enough, since a foreign block never comes back. An allocator of an image's own (an arena,
//! another malloc linked into the image, blocks with a header) hands out other addresses.
//!
//! A `GlobalAlloc` may pass some requests on to the system's allocator and serve others by itself. So each class of
//! requests for which authors do that is tried:
//!
//! | class | requests |
//! |---|---|
//! | small | each 16 bytes from 1 byte to 1,032 |
//! | large | each doubling from 1,500 bytes to 6 MB |
//! | aligned | each alignment from 16 to 4,096 bytes, for three sizes from 24 bytes to 5 kB; 64 and 4,096 for 300 kB |
//! | zeroed, grown by `realloc` | five sizes from 40 bytes to 400 kB |
//!
//! A large block may be a mapping, which the kernel may give to two allocators one after the other. So a large request
//! has to succeed twice: when glibc has freed a mapping once, it takes blocks of that size from its heap.
//!
//! What no probe can show is the author's word (`docs/soundness.md`): that the allocator does not treat what lies
//! between these requests, another thread or another time in another way.
//!
//! A small block comes back whatever other threads do: what a thread frees, glibc keeps for it. A large one may go to
//! another thread of the same heap; where that happens each time, the state is copied. Of 300 comparisons beside 20
//! threads that did nothing else but allocate none failed.
//!
//! That an image has the allocator of the host is a fact of its file. So a file that was found to have it is not tried
//! again ([`HostAllocated`]): of a thousand replacements none depends on what other threads do meanwhile. It is no fact
//! of a file that comes with libraries beside it, which may be others the next time: such an image is always tried.
//!
//! An allocator that does not reuse blocks at once (musl's, AddressSanitizer's) shows nothing, and the images
//! count as different. AddressSanitizer is asked whose a block is, where it is in the process.

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Mutex, OnceLock, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    abi::{blocks::BlockKind, tables::ImageTable},
    component::image,
    host::sys,
};

use super::content_hash::ContentHash;

/// The step between small sizes: one of each class of a small allocator.
const STEP: usize = 16;
/// The smallest block that glibc has, also for requests of fewer bytes.
const SMALLEST: usize = 24;
/// The largest block that glibc keeps in a list of its own for the thread.
const SMALL: usize = 1032;
/// From here on a block may be a mapping, and has to come back twice.
const MAPPED: usize = 64 << 10;
/// How often a request is tried, while the blocks of the tries before are kept: a freed block may be joined with a free
/// one before it, or another free one may fit as well.
const TRIES: usize = 16;
/// How often all tries are made, which other threads of the same heap may disturb. They get a pause in between.
const ROUNDS: usize = 16;
const PAUSE: Duration = Duration::from_micros(500);
/// How many blocks are asked for in one try, at most, of each image.
const WANTED: usize = 4;

/// The functions of an image's allocator.
#[derive(Clone, Copy)]
pub(crate) struct Allocator {
    allocate: unsafe extern "C" fn(usize, usize, u32) -> *mut u8,
    free: unsafe extern "C" fn(*mut u8, usize, usize),
}

/// A block that one image makes, and frees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    size: usize,
    align: usize,
    kind: BlockKind,
}

impl Request {
    const fn plain(size: usize) -> Request {
        Request { size, align: 8, kind: BlockKind::Plain }
    }

    /// All that are tried.
    fn all() -> impl Iterator<Item = Request> {
        let small = std::iter::once(1).chain((8..=SMALL).step_by(STEP));
        let large = (0..13).map(|doublings| 1_500 << doublings);
        let aligned = (4..=12)
            .flat_map(|power| [24, 500, 5_000].map(|size| Request { size, align: 1 << power, kind: BlockKind::Plain }));
        let both = [64, 4_096].map(|align| Request { size: 300_000, align, kind: BlockKind::Plain });
        let made = [BlockKind::Zeroed, BlockKind::Grown]
            .into_iter()
            .flat_map(|kind| [40, 600, 6_000, 96_000, 400_000].map(|size| Request { size, align: 8, kind }));
        small.chain(large).map(Request::plain).chain(aligned).chain(both).chain(made)
    }

    /// The request of the next try. A large one is for some more bytes each time: blocks of one size that lie about
    /// free, as those of the tries before, are given out in turn.
    fn next(self) -> Request {
        static TURN: AtomicUsize = AtomicUsize::new(0);
        let more = if self.size > SMALL { TURN.fetch_add(1, Ordering::Relaxed) % 32 * 7 * STEP } else { 0 };
        Request { size: self.size + more, ..self }
    }

    /// What is asked for to get the block again, when it was freed: a small block may be larger than it was asked for,
    /// by one class, and one that was aligned by two. A large one that was aligned has been joined with what lies
    /// before it and behind it, which `memalign` had freed; the same request, first of all, cuts it out in the same way.
    fn wanted(self) -> impl Iterator<Item = Request> {
        let plain = |steps| Request::plain(if steps > 0 { self.size.max(SMALLEST) } else { self.size } + steps * STEP);
        let (is_large, is_aligned) = (self.size > SMALL, self.align > 16);
        let more = [!is_large || is_aligned, is_aligned].map(|is_wanted| is_wanted.then_some(()));
        let aligned = (is_large && is_aligned).then_some(self);
        [aligned, Some(plain(0)), more[0].map(|()| plain(1)), more[1].map(|()| plain(2))].into_iter().flatten()
    }
}

impl Allocator {
    /// The allocator of the image with this table, which stays mapped while the value is used.
    pub(in crate::host) fn of(table: &ImageTable) -> Allocator {
        Allocator { allocate: table.allocate, free: table.free }
    }

    /// The allocator of the host's own image.
    pub(crate) fn of_host() -> Allocator {
        Allocator { allocate: image::allocate, free: image::free }
    }

    /// Whether `self` and `other` are one allocator.
    #[cfg(all(test, not(loom), not(miri)))]
    fn is(self, other: Allocator) -> bool {
        self.difference(other).is_none()
    }

    /// The first request after which a freed block does not come back from the other allocator; `None` if `self` and
    /// `other` are one. Takes some hundred microseconds, on one thread, where they are one and no other thread uses the
    /// same heap, and some 10 ms where they are not; and at most 100 MB of addresses, of which few pages are touched.
    pub(crate) fn difference(self, other: Allocator) -> Option<Request> {
        let sanitizer = sanitizer();
        let is_found =
            |request| self.gives_back_to(other, request, sanitizer) && other.gives_back_to(self, request, sanitizer);
        let is_found_in_a_round = |request| {
            (0..ROUNDS).any(|round| {
                if round > 0 {
                    thread::sleep(PAUSE);
                }
                is_found(request)
            })
        };
        Request::all().find(|&request| {
            let times = if request.size < MAPPED { 1 } else { 2 };
            !(0..times).all(|_| is_found_in_a_round(request))
        })
    }

    /// Whether `other` is given the block that `self` has made for the request, and freed.
    fn gives_back_to(self, other: Allocator, request: Request, sanitizer: Option<Owns>) -> bool {
        let mut kept = Kept { blocks: [None; 2 * WANTED * TRIES], count: 0 };
        (0..TRIES).any(|_| self.gives_back_once(other, request.next(), sanitizer, &mut kept).unwrap_or(false))
    }

    /// One try. Answers nothing where a block was not to be had, which is no proof.
    fn gives_back_once(
        self,
        other: Allocator,
        request: Request,
        sanitizer: Option<Owns>,
        kept: &mut Kept,
    ) -> Option<bool> {
        let first = self.make(request);
        if first.is_null() {
            return None;
        }
        // The thread's cache may be full, and again each time: glibc answers a request for zeros from the heap, and fills
        // the cache with what else it finds there. So a block leaves it for each size that is asked for below.
        let has_room = request.size > SMALL || request.wanted().all(|room| kept.make(self, room).is_some());
        let freed = first.addr();
        // SAFETY: any address may be asked about.
        let is_of_sanitizer = sanitizer.map(|owns| unsafe { owns(first) } != 0);
        self.release(first, request);
        if !has_room {
            return None;
        }
        for wanted in request.wanted() {
            let block = kept.make(other, wanted)?;
            let is_found = match (sanitizer, is_of_sanitizer) {
                // SAFETY: any address may be asked about.
                (Some(owns), Some(is_first)) => is_first && unsafe { owns(block) } != 0,
                _ => block.addr() == freed,
            };
            if is_found {
                return Some(true);
            }
        }
        Some(false)
    }

    fn make(self, request: Request) -> *mut u8 {
        // SAFETY: any thread may ask for any block.
        unsafe { (self.allocate)(request.size, request.align, request.kind as u32) }
    }

    /// Frees what [`make`](Allocator::make) answered for the same request.
    fn release(self, block: *mut u8, request: Request) {
        // SAFETY: the block is of this allocator, size and alignment: a try frees its block once, and `Kept` all others.
        unsafe { (self.free)(block, request.size, request.align) };
    }
}

/// Blocks that stay until the tries of a request are over: each try then finds another heap.
struct Kept {
    blocks: [Option<(Allocator, *mut u8, Request)>; 2 * WANTED * TRIES],
    count: usize,
}

impl Kept {
    /// A block of an allocator, if one is to be had.
    fn make(&mut self, allocator: Allocator, request: Request) -> Option<*mut u8> {
        let place = self.blocks.get_mut(self.count)?;
        let block = allocator.make(request);
        if block.is_null() {
            return None;
        }
        *place = Some((allocator, block, request));
        self.count += 1;
        Some(block)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for (allocator, block, request) in self.blocks.into_iter().flatten() {
            allocator.release(block, request);
        }
    }
}

/// What an image was made of.
#[derive(Clone, Copy)]
pub(crate) enum Whose {
    /// The program itself.
    Host,
    /// A file, which needs nothing that comes with it.
    File(ContentHash),
    /// A file, and libraries beside it.
    Several,
}

/// The files whose images were found to have the host's allocator.
#[derive(Default)]
pub(crate) struct HostAllocated(Mutex<HashSet<ContentHash>>);

/// How many files are kept; then they are found anew.
const FILES: usize = 4_096;

impl HostAllocated {
    /// As [`Allocator::difference`], for images of these.
    pub(crate) fn difference(&self, images: [(Whose, Allocator); 2]) -> Option<Request> {
        let [(_, one), (_, other)] = images;
        let have_the_hosts = images.into_iter().all(|(whose, allocator)| self.has_the_hosts(whose, allocator));
        if have_the_hosts { None } else { one.difference(other) }
    }

    fn has_the_hosts(&self, whose: Whose, allocator: Allocator) -> bool {
        let file = match whose {
            Whose::Host => return true,
            Whose::File(file) => file,
            Whose::Several => return false,
        };
        if self.with(|found| found.contains(&file)).unwrap_or(false) {
            return true;
        }
        let has = Allocator::of_host().difference(allocator).is_none();
        if has {
            self.with(|found| {
                if found.len() >= FILES {
                    found.clear();
                }
                found.insert(file);
            });
        }
        has
    }

    /// Does not wait for the lock: in the child of a fork a thread may have it that is not there.
    fn with<T>(&self, act: impl FnOnce(&mut HashSet<ContentHash>) -> T) -> Option<T> {
        match self.0.try_lock() {
            Ok(mut found) => Some(act(&mut found)),
            Err(TryLockError::Poisoned(found)) => Some(act(&mut found.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.kind {
            BlockKind::Plain => "",
            BlockKind::Zeroed => " with zeros",
            BlockKind::Grown => " that has grown",
        };
        write!(f, "a block{how} of {} bytes, aligned to {}", self.size, self.align)
    }
}

/// Whether an allocator made the block at an address.
type Owns = unsafe extern "C" fn(*const u8) -> i32;

/// `__sanitizer_get_ownership`, if AddressSanitizer is in the process: whether its allocator, which stands in malloc's
/// place for all images, made the block. The look-up itself allocates and frees, so it happens once, before a probe.
fn sanitizer() -> Option<Owns> {
    static FOUND: OnceLock<Option<Owns>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let found = sys::symbol(c"__sanitizer_get_ownership")?;
        // SAFETY: the sanitizer's interface gives the function this type.
        Some(unsafe { std::mem::transmute::<*mut (), Owns>(found.as_ptr()) })
    })
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests;
