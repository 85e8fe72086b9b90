//! Gives back the pages of files that only the start needed.
//!
//! A supervisor is what the program was before its first instance. So everything that the start-up has
//! read would stay mapped as long as the supervisor lives: the loader's tables, constructors, the
//! application's own beginning. The supervisor gives these pages back before the first fork, and the page
//! cache brings back what the loop needs as it is touched. Instances lose nothing, because `fork` does
//! not copy the page tables of such mappings. Where instances execute another program, so that only the
//! supervisor has its file mapped, the supervisor gives the pages back once more whenever the next
//! instance stands by. (A breakpoint that a debugger has set there since the start is lost.)
//!
//! **Only pages whose bytes the file has** are given back. If a page of a mapping was ever written (by
//! relocations, by a debugger, by a tool that patches code), the mapping stays as it is, because the
//! kernel would bring back the file's bytes. So does a mapping of anything but a regular file, whose
//! pages a driver may have put there once. A mapping about which the kernel tells nothing stays, too; it
//! costs memory, no more.

use std::{ops::Range, time::Duration};

use crate::{
    shared::now,
    supervisor::kernel::mappings::{Pages, private},
    time::Time,
};

/// The longest mapping whose pages are examined: the kernel returns a word for each page.
const LONGEST: usize = 256 << 20;

/// For how long the examination may delay the first instance: 400 mappings of 64 MiB took half a second,
/// 50,000 small ones a whole second.
const LIMIT: Duration = Duration::from_millis(50);

/// The ranges of addresses that can be given back.
#[derive(Debug)]
pub(crate) struct FilePages(Vec<Range<usize>>);

impl FilePages {
    /// Finds the ranges, as far as the time allows.
    pub(crate) fn look() -> FilePages {
        FilePages::look_until(now().after(LIMIT))
    }

    fn look_until(end: Time) -> FilePages {
        let (Ok(mappings), Ok(pages)) = (private(), Pages::open()) else { return FilePages(Vec::new()) };
        let ranges = mappings
            .into_iter()
            .take_while(|_| now() < end)
            .filter(|mapping| {
                let can_be_had =
                    !mapping.is_writable && mapping.range.len() <= LONGEST && mapping.is_of_a_regular_file();
                can_be_had && pages.of(&mapping.range).is_ok_and(|mut pages| !pages.any(|page| page.is_own()))
            })
            .map(|mapping| mapping.range)
            .collect();
        FilePages(ranges)
    }

    /// Gives the pages back. Each returns when it is touched again.
    pub(crate) fn give_back(&self) {
        for range in &self.0 {
            let start = std::ptr::with_exposed_provenance_mut(range.start);
            // SAFETY: a private mapping of a regular file, none of whose pages is this process's own, so
            // the next access maps the same page again: the file's. `look` made sure of that, and the
            // supervisor, which has one thread, has written to none and unmapped none since.
            unsafe { libc::madvise(start, range.len(), libc::MADV_DONTNEED) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::Write as _,
        num::NonZero,
        os::fd::{FromRawFd as _, OwnedFd},
        ptr::NonNull,
        slice,
    };

    use nix::sys::mman::{MapFlags, ProtFlags, mmap, mprotect};

    use super::*;
    use crate::testing::fork;

    const LEN: usize = 256 << 10;

    fn mapped(file: &File, access: ProtFlags) -> NonNull<u8> {
        let length = NonZero::new(LEN).unwrap();
        // SAFETY: at an address that the kernel chooses.
        unsafe { mmap(None, length, access, MapFlags::MAP_PRIVATE, file, 0) }.unwrap().cast()
    }

    fn bytes(at: NonNull<u8>) -> &'static [u8] {
        // SAFETY: mapped for as long as the process lives, and nothing writes to it now.
        unsafe { slice::from_raw_parts(at.as_ptr(), LEN) }
    }

    fn present(at: NonNull<u8>) -> usize {
        let start = at.addr().get();
        Pages::open().unwrap().of(&(start..start + LEN)).unwrap().filter(|page| page.is_present()).count()
    }

    #[test]
    fn pages_that_the_file_has_are_given_back_and_what_was_written_stays() {
        // Alone: other tests' threads may write to what is being looked at.
        let mut child = fork(|| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&[7; LEN]).unwrap();
            let read = mapped(file.as_file(), ProtFlags::PROT_READ);
            let patched = mapped(file.as_file(), ProtFlags::PROT_READ | ProtFlags::PROT_WRITE);
            // SAFETY: within the mapping.
            let within = unsafe { patched.add(5000) };
            // SAFETY: mapped for writing, and nothing reads it now.
            unsafe { within.write(9) };
            // SAFETY: the whole mapping.
            unsafe { mprotect(patched.cast(), LEN, ProtFlags::PROT_READ | ProtFlags::PROT_EXEC) }.unwrap();
            assert!(bytes(read).iter().all(|&byte| byte == 7));
            assert!(present(read) > 0);
            let before = present(patched);
            let all = present(read);
            FilePages::look_until(Time(0)).give_back();
            assert_eq!(present(read), all, "it is too late");
            FilePages::look_until(Time::NEVER).give_back();
            assert_eq!(present(read), 0);
            assert_eq!(present(patched), before);
            assert_eq!(bytes(patched)[5000], 9);
            assert!(bytes(read).iter().all(|&byte| byte == 7));
        });
        assert_eq!(child.wait(), Ok(0));
    }

    #[test]
    fn pages_that_a_driver_put_there_stay() {
        let mut child = fork(|| {
            let mut parameters = [0_u32; 30];
            // SAFETY: the kernel's `io_uring_params` has that size, and zeros are valid.
            let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 4, parameters.as_mut_ptr()) };
            let Ok(ring @ 0..) = i32::try_from(ring) else {
                let _ = nix::unistd::write(std::io::stderr(), b"not shown here: this process may make no io_uring\n");
                return;
            };
            // SAFETY: it is new, and nothing else owns it.
            let ring = File::from(unsafe { OwnedFd::from_raw_fd(ring) });
            let length = NonZero::new(4096).unwrap();
            // SAFETY: at an address that the kernel chooses.
            let at = unsafe { mmap(None, length, ProtFlags::PROT_READ, MapFlags::MAP_PRIVATE, &ring, 0) };
            let at = at.unwrap().cast::<u32>();
            FilePages::look_until(Time::NEVER).give_back();
            // SAFETY: mapped for reading.
            std::hint::black_box(unsafe { at.read_volatile() });
        });
        assert_eq!(child.wait(), Ok(0));
    }
}
