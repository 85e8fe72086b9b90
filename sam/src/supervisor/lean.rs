//! Gives back the pages of files that only the start needed.
//!
//! A supervisor is what the program was before its first instance, so it would have all that
//! start-up ever read mapped for as long as it lives: the loader's tables, constructors, the
//! application's own beginning. It is given back once, before the first fork, and what the loop
//! does need comes back from the page cache as it is touched. Instances lose nothing: `fork`
//! does not hand down the page tables of such mappings.
//!
//! **Only what the file has** is given back: a mapping of which a page was ever written (by
//! relocations, by a debugger, by somebody who patches code) is left as it is, because the kernel
//! would bring back the file's bytes. Which those are is read from `pagemap` (Linux,
//! `Documentation/admin-guide/mm/pagemap.rst`). Whatever cannot be found out stays mapped; it is
//! only memory.

use std::{fs, io, ops::Range, os::unix::fs::FileExt as _};

use nix::unistd::{SysconfVar, sysconf};

/// The longest mapping that is looked into: to look costs a word of the kernel's for each page.
const LONGEST: usize = 256 << 20;

/// Of a page in `pagemap`: it is in memory or in swap.
const EXISTS: u64 = 0b11 << 62;
/// It is a file's, or shared.
const OF_A_FILE: u64 = 1 << 61;

/// Gives back what can be had again. Allocates: before the first fork.
pub(super) fn give_back() {
    let (Ok(maps), Ok(pagemap)) = (fs::read_to_string("/proc/self/maps"), fs::File::open("/proc/self/pagemap")) else {
        return;
    };
    let Some(page) = page_size() else { return };
    for range in maps.lines().filter_map(of_a_file) {
        if range.len() <= LONGEST && is_untouched(&pagemap, &range, page).unwrap_or(false) {
            let start = std::ptr::with_exposed_provenance_mut(range.start);
            // SAFETY: a private mapping of a file that nobody can write and nobody has written:
            // the next access finds the same bytes.
            unsafe { libc::madvise(start, range.len(), libc::MADV_DONTNEED) };
        }
    }
}

fn page_size() -> Option<usize> {
    sysconf(SysconfVar::PAGE_SIZE).ok().flatten()?.try_into().ok()
}

/// Where a line of `maps` has a private mapping of a file that cannot be written.
fn of_a_file(line: &str) -> Option<Range<usize>> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let access = words.next()?.as_bytes();
    let inode = words.nth(2)?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    (access.get(1) == Some(&b'-') && access.get(3) == Some(&b'p') && inode != "0")
        .then_some(address(start)?..address(end)?)
}

/// Whether all of its pages are the file's.
fn is_untouched(pagemap: &fs::File, range: &Range<usize>, page: usize) -> io::Result<bool> {
    const WORD: usize = size_of::<u64>();
    let mut words = vec![0; range.len() / page * WORD];
    pagemap.read_exact_at(&mut words, (range.start / page * WORD) as u64)?;
    let mut pages = words.chunks_exact(WORD).filter_map(|word| word.try_into().ok()).map(u64::from_ne_bytes);
    Ok(pages.all(|page| page & EXISTS == 0 || page & OF_A_FILE != 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fork;
    use std::{io::Write as _, num::NonZero, ptr::NonNull, slice};

    use nix::sys::mman::{MapFlags, ProtFlags, mmap, mprotect};

    const LEN: usize = 256 << 10;

    fn mapped(file: &fs::File, access: ProtFlags) -> NonNull<u8> {
        let length = NonZero::new(LEN).unwrap();
        // SAFETY: at an address that the kernel chooses.
        unsafe { mmap(None, length, access, MapFlags::MAP_PRIVATE, file, 0) }.unwrap().cast()
    }

    fn bytes(at: NonNull<u8>) -> &'static [u8] {
        // SAFETY: mapped for as long as the process lives, and written by nobody now.
        unsafe { slice::from_raw_parts(at.as_ptr(), LEN) }
    }

    /// How many pages of it this process has.
    fn present(at: NonNull<u8>) -> usize {
        let page = page_size().unwrap();
        let mut words = vec![0; LEN / page * 8];
        let pagemap = fs::File::open("/proc/self/pagemap").unwrap();
        pagemap.read_exact_at(&mut words, (at.addr().get() / page * 8) as u64).unwrap();
        words.chunks_exact(8).filter(|word| u64::from_ne_bytes((*word).try_into().unwrap()) & EXISTS != 0).count()
    }

    #[test]
    fn pages_that_the_file_has_are_given_back_and_what_was_written_stays() {
        // Alone: other tests' threads may write to what is being looked at.
        let mut child = fork(|| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&[7; LEN]).unwrap();
            let read = mapped(&file, ProtFlags::PROT_READ);
            let patched = mapped(&file, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE);
            // SAFETY: within the mapping.
            let within = unsafe { patched.add(5000) };
            // SAFETY: mapped for writing, and nobody reads it now.
            unsafe { within.write(9) };
            // SAFETY: the whole mapping.
            unsafe { mprotect(patched.cast(), LEN, ProtFlags::PROT_READ | ProtFlags::PROT_EXEC) }.unwrap();
            assert!(bytes(read).iter().all(|&byte| byte == 7));
            assert!(present(read) > 0);
            let before = present(patched);
            give_back();
            assert_eq!(present(read), 0);
            assert_eq!(present(patched), before);
            assert_eq!(bytes(patched)[5000], 9);
            assert!(bytes(read).iter().all(|&byte| byte == 7));
        });
        assert_eq!(child.wait(), Ok(0));
    }

    #[test]
    fn what_is_no_file_or_can_be_written_or_is_shared_is_left_alone() {
        let taken = [
            "7f00-7f10 r-xp 00000000 fe:00 42                         /usr/lib/a library.so",
            "7f00-7f10 r--p 00001000 fe:00 42                         /usr/lib/a.so (deleted)",
        ];
        let left = [
            "7f00-7f10 rw-p 00000000 fe:00 42 /usr/lib/a.so",
            "7f00-7f10 r--s 00000000 fe:00 42 /usr/share/a",
            "7f00-7f10 r-xp 00000000 00:00 0 [vdso]",
            "7f00-7f10 r-xp 00000000",
            "7f00 r-xp 00000000 fe:00 42",
            "",
        ];
        assert!(taken.iter().all(|line| of_a_file(line) == Some(0x7f00..0x7f10)));
        assert!(left.iter().all(|line| of_a_file(line).is_none()));
    }
}
