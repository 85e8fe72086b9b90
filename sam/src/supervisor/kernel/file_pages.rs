//! Gives back the pages of files that only the start needed.
//!
//! A supervisor is what the program was before its first instance, so it would have all that
//! start-up ever read mapped for as long as it lives: the loader's tables, constructors, the
//! application's own beginning. It is given back before the first fork, and what the loop
//! does need comes back from the page cache as it is touched. Instances lose nothing: `fork`
//! does not hand down the page tables of such mappings. Where instances execute another program,
//! so that the supervisor alone has its file mapped, it is given back once more
//! whenever the next stands by (a breakpoint that a debugger has set there meanwhile is lost).
//!
//! **Only what the file has** is given back: a mapping of which a page was ever written (by
//! relocations, by a debugger, by a tool that patches code) is left as it is, because the kernel
//! would bring back the file's bytes; and so is one of anything but a regular file, whose pages
//! a driver may have put there once. Whatever cannot be found out stays mapped; it is only
//! memory.

use std::{ops::Range, time::Duration};

use crate::{
    shared::now,
    supervisor::kernel::mappings::{Pages, private},
    time::Time,
};

/// The longest mapping that is looked into: to look costs a word of the kernel's for each page.
const LONGEST: usize = 256 << 20;

/// How long the first instance may be kept waiting for it: 400 mappings of 64 MiB took half a
/// second, 50,000 small ones a whole.
const LIMIT: Duration = Duration::from_millis(50);

/// What of this process can be given back.
#[derive(Debug)]
pub(crate) struct FilePages(Vec<Range<usize>>);

impl FilePages {
    /// Looks for it, as far as the time allows.
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

    /// Gives it back, until it is touched again.
    pub(crate) fn give_back(&self) {
        for range in &self.0 {
            let start = std::ptr::with_exposed_provenance_mut(range.start);
            // SAFETY: a private mapping of a regular file, none of whose pages is this process's own, so
            // the next access maps the page that was mapped until now: the file's. `look` saw to that, and
            // the supervisor, which has one thread, has written to none and unmapped none since.
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
