//! Allocators that are the system's for some requests, and their own for others.

use std::{collections::HashMap, process::Command, ptr, sync::Mutex};

use super::*;
use crate::component::image::{allocate, free};

const OURS: Allocator = Allocator { allocate, free };
const HEADER: usize = 64;

/// The blocks that were made by an allocator's own rules.
static OWN: Mutex<Option<HashMap<usize, usize>>> = Mutex::new(None);

/// A block behind a header, in a block of the system's.
fn with_header(size: usize, align: usize) -> *mut u8 {
    let header = HEADER.max(align);
    // SAFETY: any block may be asked for.
    let start = unsafe { allocate(size + header, header, 0) };
    let block = start.wrapping_add(header);
    OWN.lock().unwrap().get_or_insert_default().insert(block.addr(), header);
    block
}

unsafe extern "C" fn free_either(block: *mut u8, size: usize, align: usize) {
    let own = OWN.lock().unwrap().as_mut().and_then(|own| own.remove(&block.addr()));
    let header = own.unwrap_or(0);
    // SAFETY: one of the functions here made the block, with that header or without.
    unsafe { free(block.wrapping_sub(header), size + header, header.max(align)) };
}

/// The length of the mapping that glibc makes for a block: with its header, in whole pages.
fn length(size: usize) -> usize {
    ((size + 8).next_multiple_of(16) + 8).next_multiple_of(4096)
}

/// A mapping for each block of 64 KiB or more, which lies in it as in a mapping of glibc's.
unsafe extern "C" fn mapped(size: usize, align: usize, kind: u32) -> *mut u8 {
    if size < MAPPED || align > 16 {
        // SAFETY: any block may be asked for.
        return unsafe { allocate(size, align, kind) };
    }
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping anywhere.
    let start = unsafe { libc::mmap(ptr::null_mut(), length(size), protection, flags, -1, 0) };
    start.cast::<u8>().wrapping_add(16)
}

unsafe extern "C" fn unmap(block: *mut u8, size: usize, align: usize) {
    if size < MAPPED || align > 16 {
        // SAFETY: `mapped` had it of the system's allocator.
        return unsafe { free(block, size, align) };
    }
    // SAFETY: the mapping is this block's.
    unsafe { libc::munmap(block.wrapping_sub(16).cast(), length(size)) };
}

impl Allocator {
    /// Whether one try is enough.
    fn gives_back_at_once(self, other: Allocator, request: Request) -> bool {
        let mut kept = Kept { blocks: [None; 2 * WANTED * TRIES], count: 0 };
        self.gives_back_once(other, request, sanitizer(), &mut kept).unwrap_or(false)
    }
}

unsafe extern "C" fn nothing(_: usize, _: usize, _: u32) -> *mut u8 {
    ptr::null_mut()
}

/// Allocators that serve a request by themselves where the condition holds.
macro_rules! own_where {
    ($(($size:ident, $align:ident, $kind:ident) $condition:expr;)*) => {[$({
        unsafe extern "C" fn some($size: usize, $align: usize, $kind: u32) -> *mut u8 {
            // SAFETY: any block may be asked for.
            if $condition { with_header($size, $align) } else { unsafe { allocate($size, $align, $kind) } }
        }
        (stringify!($condition), Allocator { allocate: some, free: free_either })
    }),*]};
}

/// Compares the allocator with itself. The tests of this process use one heap side by side, so single comparisons of 20
/// may fail.
#[track_caller]
fn assert_is_itself() {
    let differences: Vec<Request> = (0..20).filter_map(|_| OURS.difference(OURS)).collect();
    assert!(differences.len() < 5, "{differences:?}");
}

#[test]
fn an_allocator_is_itself_whatever_the_heap_is_like() {
    assert_is_itself();
    let sizes = [24, 1_500, 3_000, 70_000, 300_000, 2 << 20];
    let mut blocks: Vec<Vec<u8>> = (0..600).map(|number| Vec::with_capacity(sizes[number % 6] + number)).collect();
    let mut number = 0;
    blocks.retain(|_| {
        number += 1;
        number % 3 == 0
    });
    assert_is_itself();
    // Another thread has another heap of glibc's.
    thread::spawn(assert_is_itself).join().unwrap();
    drop(blocks);
}

#[test]
fn an_allocator_is_itself_in_a_heap_that_is_full_of_holes() {
    // Each hole lies between two blocks that stay, and fits a request better than what another free leaves.
    let sizes = (0..8).map(|doublings| 1_500 << doublings).chain([5_000]);
    let hole = |number: usize, size: usize| (Vec::<u8>::with_capacity(size + number % 64 * 56), Box::new([0_u64; 3]));
    let blocks = sizes.flat_map(|size| (0..(8 << 20) / size.max(20_000)).map(move |number| hole(number, size)));
    let (holes, kept): (Vec<_>, Vec<_>) = blocks.unzip();
    drop(holes);
    assert_is_itself();
    drop(kept);
}

#[test]
fn an_allocator_is_itself_where_many_small_blocks_lie_about_free() {
    // glibc answers a request for zeros from the heap, and fills the thread's cache with the free blocks of that size
    // that it finds there. What is freed next finds the cache full.
    let is_itself = || {
        for size in [40, 600] {
            let blocks = (0..2_000).map(|_| (Vec::<u8>::with_capacity(size), Box::new([0_u64; 3])));
            let (holes, kept): (Vec<_>, Vec<_>) = blocks.unzip();
            drop(holes);
            // A large request sorts what lies about.
            drop(Vec::<u8>::with_capacity(100_000));
            let small = Request::all().filter(|request| request.size <= SMALL);
            let differ: Vec<_> = small.filter(|&request| !OURS.gives_back_to(OURS, request, sanitizer())).collect();
            assert!(differ.is_empty(), "{differ:?}");
            drop(kept);
        }
    };
    // What a thread frees, it gets back, whatever others do with its heap.
    thread::spawn(is_itself).join().unwrap();
}

#[test]
fn an_allocator_is_itself_where_a_large_aligned_block_lies_behind_a_free_one() {
    // Whether one try is enough depends on what has been in the heap, so this one has seen no other test.
    const CHILD: &str = "LCR_TEST_ALIGNED";
    if std::env::var_os(CHILD).is_none() {
        let test = "an_allocator_is_itself_where_a_large_aligned_block_lies_behind_a_free_one";
        let mut command = Command::new(std::env::current_exe().unwrap());
        let command = command.args([&format!("host::image::allocator::tests::{test}"), "--exact"]).env(CHILD, "1");
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{}: {text}", output.status);
        return;
    }
    // `memalign` frees what lies before the block that it makes, and what is freed then is joined with that.
    let missed = || {
        // Larger blocks come from the heap from now on, as in a process that has run for a while.
        drop(Vec::<u8>::with_capacity(8 << 20));
        let missed = [0, 1, 40].map(|holes| {
            let blocks = (0..holes).map(|_| (Vec::<u8>::with_capacity(400_000), Box::new([0_u64; 3])));
            let (holes, kept): (Vec<_>, Vec<_>) = blocks.unzip();
            drop(holes);
            let aligned = Request::all().filter(|request| request.size > SMALL && request.align > 16);
            let misses = |&request: &Request| {
                // A smaller one may fit another free block as well, and takes some tries.
                let gives_back = |_| match request.size >= MAPPED {
                    true => OURS.gives_back_at_once(OURS, request),
                    false => OURS.gives_back_to(OURS, request, sanitizer()),
                };
                !(0..20).all(gives_back)
            };
            let missed: Vec<_> = aligned.filter(misses).map(|request| request.to_string()).collect();
            drop(kept);
            missed
        });
        missed.concat()
    };
    // 18 of 20 turns go well here. If the request for the aligned block comes last, it is 3.
    let turns: Vec<_> = (0..20).map(|_| thread::spawn(missed).join().unwrap()).collect();
    let well = turns.iter().filter(|missed| missed.is_empty()).count();
    assert!(well >= 11, "{well} of 20: {turns:?}");
}

#[test]
fn an_allocator_that_serves_some_requests_by_itself_is_another_one() {
    let some = own_where! {
        (_size, _align, _kind) true;
        (size, _align, _kind) size == 1;
        (size, _align, _kind) size <= 64;
        (size, _align, _kind) size > 1_032;
        (size, _align, _kind) size >= 4_096;
        (size, _align, _kind) (32 << 10..256 << 10).contains(&size);
        (size, _align, _kind) size >= 128 << 10;
        (size, _align, _kind) size >= 2 << 20;
        (size, _align, _kind) size >= 4 << 20;
        (_size, align, _kind) align > 8;
        (_size, align, _kind) align > 16;
        (_size, align, _kind) align == 64;
        (_size, align, _kind) align >= 4_096;
        (size, align, _kind) align > 16 && size > 4_096;
        (_size, _align, kind) kind == BlockKind::Zeroed as u32;
        (size, _align, kind) kind == BlockKind::Zeroed as u32 && size >= 128 << 10;
        (_size, _align, kind) kind == BlockKind::Grown as u32;
    };
    for (condition, other) in some {
        assert!(!OURS.is(other) && !other.is(OURS), "{condition}");
    }
    for other in [Allocator { allocate: mapped, free: unmap }, Allocator { allocate: nothing, free: free_either }] {
        // The kernel gives an address of one to the other now and then.
        assert!((0..20).all(|_| !OURS.is(other) && !other.is(OURS)));
    }
    assert!(OWN.lock().unwrap().as_ref().is_none_or(HashMap::is_empty), "each block was freed once");
}
