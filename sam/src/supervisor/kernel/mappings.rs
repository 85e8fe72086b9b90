//! What this process has mapped, by `maps` and `pagemap` of `/proc/self` (Linux,
//! `Documentation/filesystems/proc.rst` and `admin-guide/mm/pagemap.rst`). These functions allocate, so the
//! supervisor calls them only before its first fork.

use std::{fs, io, ops::Range, os::unix::fs::FileExt as _, path::Path};

/// The page is in memory.
const PRESENT: u64 = 1 << 63;
/// The page is in swap.
const SWAPPED: u64 = 1 << 62;
/// The page is a file's, or shared.
const OF_A_FILE: u64 = 1 << 61;

/// The page is mapped once: in no other process, and not twice in this one (Linux 4.2).
const ALONE: u64 = 1 << 56;

/// One private mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) range: Range<usize>,
    pub(crate) is_writable: bool,
    /// The mapping is of a file, and not anonymous.
    pub(crate) has_file: bool,
    path: Option<String>,
}

impl Mapping {
    /// Whether the mapping is of a regular file. In a mapping of something else (a device, a socket, a ring of
    /// `io_uring`) a driver may have put a page once.
    pub(crate) fn is_of_a_regular_file(&self) -> bool {
        let path = self.path.as_ref().filter(|_| self.has_file);
        path.is_some_and(|path| fs::metadata(Path::new(path)).is_ok_and(|file| file.is_file()))
    }
}

/// The private mappings that this process may read.
pub(crate) fn private() -> io::Result<Vec<Mapping>> {
    Ok(fs::read_to_string("/proc/self/maps")?.lines().filter_map(mapping).collect())
}

fn mapping(line: &str) -> Option<Mapping> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let &[b'r', write, _, b'p'] = words.next()?.as_bytes() else { return None };
    let inode = words.nth(2)?;
    // The stack moves, and the rest in brackets is the kernel's, but for the heap.
    let is_special = words.next().is_some_and(|name| name.starts_with('[') && name != "[heap]");
    let address = |text| usize::from_str_radix(text, 16).ok();
    let range = address(start)?..address(end)?;
    // No word before the path has a slash. The path of a deleted file leads nowhere.
    let path = line.find('/').and_then(|at| line.get(at..)).map(str::to_owned);
    (!is_special).then_some(Mapping { range, is_writable: write == b'w', has_file: inode != "0", path })
}

/// The state of each page of this process.
#[derive(Debug)]
pub(crate) struct Pages {
    file: fs::File,
    size: usize,
}

/// The state of one page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page(u64);

impl Pages {
    pub(crate) fn open() -> io::Result<Pages> {
        // SAFETY: takes no pointers.
        let size = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(0);
        let size = Some(size).filter(|size| size.is_power_of_two()).ok_or(io::ErrorKind::Unsupported)?;
        Ok(Pages { file: fs::File::open("/proc/self/pagemap")?, size })
    }

    /// The pages of a range.
    pub(crate) fn of(&self, range: &Range<usize>) -> io::Result<impl Iterator<Item = Page>> {
        const WORD: usize = size_of::<u64>();
        let mut words = vec![0; range.len() / self.size * WORD];
        self.file.read_exact_at(&mut words, (range.start / self.size * WORD) as u64)?;
        let pages = words.len() / WORD;
        Ok((0..pages).filter_map(move |page| {
            let word = words.get(page * WORD..)?.first_chunk()?;
            Some(Page(u64::from_ne_bytes(*word)))
        }))
    }
}

impl Page {
    /// Whether the page is in memory.
    #[cfg(test)]
    pub(crate) fn is_present(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// Whether the page is in memory and no other process has it, neither a child nor the parent of this one.
    /// The kernel's page of zeros is not alone.
    pub(crate) fn is_alone(self) -> bool {
        self.0 & PRESENT != 0 && self.0 & ALONE != 0
    }

    /// Whether the bytes are this process's own, and its forks': not those of a file.
    pub(crate) fn is_own(self) -> bool {
        self.0 & (PRESENT | SWAPPED) != 0 && self.0 & OF_A_FILE == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_path_leads_to_is_a_regular_file() {
        let own = std::env::current_exe().unwrap();
        let is_regular =
            |name: &str| mapping(&format!("7f00-7f10 r--p 0 fe:00 42 {name}")).unwrap().is_of_a_regular_file();
        assert!(is_regular(own.to_str().unwrap()));
        for other in ["/dev/zero", "socket:[42]", "anon_inode:[io_uring]", "/nowhere (deleted)", "/"] {
            assert!(!is_regular(other), "{other}");
        }
    }

    #[test]
    fn lines_of_maps_are_read() {
        let read = |line| mapping(line).map(|mapping| (mapping.is_writable, mapping.has_file));
        assert_eq!(read("7f00-7f10 r-xp 00000000 fe:00 42      /usr/lib/a library.so"), Some((false, true)));
        assert_eq!(read("7f00-7f10 r--p 00001000 fe:00 42      /usr/lib/a.so (deleted)"), Some((false, true)));
        assert_eq!(read("7f00-7f10 rw-p 00001000 fe:00 42      /usr/lib/a.so"), Some((true, true)));
        assert_eq!(read("7f00-7f10 rw-p 00000000 00:00 0"), Some((true, false)));
        assert_eq!(read("7f00-7f10 rw-p 00000000 00:00 0       [heap]"), Some((true, false)));
        assert_eq!(mapping("7f00-7f10 rw-p 00000000 00:00 0").unwrap().range, 0x7f00..0x7f10);
        for other in [
            "7f00-7f10 r--s 00000000 fe:00 42 /usr/share/a",
            "7f00-7f10 ---p 00000000 00:00 0",
            "7f00-7f10 r-xp 00000000 00:00 0 [vdso]",
            "7f00-7f10 rw-p 00000000 00:00 0 [stack]",
            "7f00-7f10 r-xp 00000000",
            "7f00 r-xp 00000000 fe:00 42",
            "",
        ] {
            assert_eq!(mapping(other), None, "{other}");
        }
    }
}
