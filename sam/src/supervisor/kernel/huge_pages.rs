//! Moves the application's memory to huge pages, once, before forks copy it again and again.
//!
//! Each instance is a fork of this process. At its end the kernel takes the dead process's memory apart,
//! page by page, before it tells the parent. For 100 MiB in pages of 4 KiB either costs a few
//! milliseconds, in which no instance serves; in pages of 2 MiB it costs next to nothing. So the
//! supervisor moves what the application has allocated before supervision began, by MADV_COLLAPSE
//! (Linux 6.1, `madvise(2)`).
//!
//! - Only blocks of which every page is present, and in no other process, are moved, so that this takes no
//!   memory that was not in use: neither for zeros that were only read, nor for pages that this process
//!   shares with the process that forked it.
//! - If the system's policy is `never` (`Documentation/admin-guide/mm/transhuge.rst`), nothing is
//!   collapsed.
//! - It costs a copy of the memory before the first instance begins: 0.3 to 1.3 ms for each MiB, as measured
//!   on one machine, and [`LIMIT`] at most. What is left then stays in small pages. The largest mappings
//!   come first.
//! - If an instance writes to a huge page, the kernel splits the page and copies a small one, as ever.

use std::{cmp::Reverse, fs, ops::Range, time::Duration};

use crate::{
    shared::now,
    supervisor::kernel::mappings::{Pages, private},
};

/// For how long the move may delay the first instance.
const LIMIT: Duration = Duration::from_millis(250);

/// Collapses what it can, as far as the kernel and [`LIMIT`] allow.
pub(crate) fn collapse_memory() {
    let Some(size) = huge_page() else { return };
    let (Ok(mut mappings), Ok(pages)) = (private(), Pages::open()) else { return };
    let until = now().after(LIMIT);
    mappings.retain(|mapping| !mapping.has_file && mapping.range.len() >= size);
    mappings.sort_by_key(|mapping| Reverse(mapping.range.len()));
    for mapping in mappings {
        for block in blocks(&mapping.range, size) {
            if now() >= until {
                return;
            }
            let is_whole = pages.of(&block).is_ok_and(|mut pages| pages.all(|page| page.is_own() && page.is_alone()));
            if is_whole && !collapse(&block) {
                break;
            }
        }
    }
}

/// How long a huge page is, if the system's policy allows any.
fn huge_page() -> Option<usize> {
    let setting = |name| fs::read_to_string(format!("/sys/kernel/mm/transparent_hugepage/{name}")).ok();
    let is_allowed = !setting("enabled")?.contains("[never]");
    let size = setting("hpage_pmd_size")?.trim_ascii().parse::<usize>().ok()?;
    (is_allowed && size.is_power_of_two()).then_some(size)
}

/// The aligned blocks of that size within a range.
fn blocks(range: &Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let (first, end) = (range.start.next_multiple_of(size), range.end);
    (first..end).step_by(size).map(move |start| start..start.saturating_add(size)).filter(move |block| block.end <= end)
}

/// Moves a block to a huge page. False if this mapping does not allow that, or the kernel has no huge page
/// left.
fn collapse(block: &Range<usize>) -> bool {
    let start = std::ptr::with_exposed_provenance_mut(block.start);
    // SAFETY: the bytes stay what they are, at the same addresses.
    unsafe { libc::madvise(start, block.len(), libc::MADV_COLLAPSE) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fork;

    #[test]
    fn blocks_are_aligned_and_within() {
        let of = |range| blocks(&range, 0x10).collect::<Vec<_>>();
        assert_eq!(of(0x10..0x30), [0x10..0x20, 0x20..0x30]);
        assert_eq!(of(0x11..0x4f), [0x20..0x30, 0x30..0x40]);
        assert_eq!(of(0x11..0x2f), []);
        assert_eq!(of(0x11..0x12), []);
    }

    /// How much of this process is in huge pages, in KiB.
    fn huge() -> u64 {
        let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
        let line = rollup.lines().find_map(|line| line.strip_prefix("AnonHugePages:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How much of this process's memory is its own, in KiB: neither shared with another process nor the page
    /// of zeros.
    fn anonymous() -> u64 {
        let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
        let sum = |name| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        sum("Private_Dirty:")
    }

    #[test]
    fn what_is_shared_or_was_only_read_takes_no_memory() {
        let Some(size) = huge_page() else {
            println!("not shown here: this system's policy has no huge pages");
            return;
        };
        let shared = vec![7_u8; 16 * size];
        std::hint::black_box(&shared);
        let mut child = fork(|| {
            let zeros = vec![0_u8; 16 * size];
            let sum: u64 = zeros.iter().step_by(4096).map(|&byte| u64::from(byte)).sum();
            assert_eq!((sum, shared[size]), (0, 7));
            let before = anonymous();
            collapse_memory();
            let after = anonymous();
            assert!(after < before + (8 * size / 1024) as u64, "{before} KiB became {after} KiB");
        });
        assert_eq!(child.wait(), Ok(0));
    }

    #[test]
    fn what_is_whole_is_gathered_and_keeps_its_bytes() {
        let Some(size) = huge_page() else {
            println!("not shown here: this system's policy has no huge pages");
            return;
        };
        // Alone: other tests' threads allocate and free meanwhile.
        let mut child = fork(|| {
            let whole: Vec<u8> = (0..8 * size).map(|index| (index / 4096 + index % 7) as u8).collect();
            let sparse = vec![0_u8; 8 * size];
            std::hint::black_box(&sparse);
            let touched = || {
                let start = sparse.as_ptr().addr();
                let pages = Pages::open().unwrap();
                pages.of(&(start..start + sparse.len())).unwrap().filter(|page| page.is_present()).count()
            };
            let before = (huge(), touched());
            collapse_memory();
            if huge() == before.0 {
                let text = b"not shown here: the kernel has no huge pages to give\n";
                let _ = nix::unistd::write(std::io::stderr(), text);
            }
            assert_eq!(touched(), before.1, "what was never touched was gathered");
            assert!((0..8 * size).all(|index| whole[index] == (index / 4096 + index % 7) as u8));
        });
        assert_eq!(child.wait(), Ok(0));
    }
}
