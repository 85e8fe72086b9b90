//! Memory that two processes share: a sealed memfd, and mappings of it.

use std::ffi::CStr;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr::NonNull;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MRemapFlags, MapFlags, ProtFlags, mmap, mremap, munmap};
use nix::sys::resource::{Resource, getrlimit};

/// The size to a multiple of which offsets and lengths here are rounded: the largest base page of the
/// supported platforms (aarch64 has kernels with 64 KiB).
pub(crate) const PAGE: usize = 64 << 10;

/// How large a file, and so a memfd, this process may make (RLIMIT_FSIZE).
pub(super) fn limit() -> io::Result<u64> {
    Ok(getrlimit(Resource::RLIMIT_FSIZE)?.0)
}

/// A memfd of exactly `len` bytes, all zero and none of them allocated yet; its size is sealed.
pub(crate) fn sealed(name: &CStr, len: usize) -> io::Result<OwnedFd> {
    // The kernel would also send SIGXFSZ.
    if len as u64 > limit()? {
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    }
    let fd = memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
    nix::unistd::ftruncate(&fd, len as libc::off_t)?;
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&fd, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(fd)
}

/// The size of a memfd that `sealed` made; anything else is refused as `InvalidInput`.
pub(crate) fn sealed_len(fd: impl AsFd) -> io::Result<usize> {
    let fd = fd.as_fd();
    let seals = SealFlag::from_bits_truncate(fcntl(fd, FcntlArg::F_GET_SEALS)?);
    if !seals.contains(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(nix::sys::stat::fstat(fd)?.st_size as usize)
}

/// A shared, writable mapping of a part of a sealed memfd; unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    address: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is owned by this value and no thread's property; what is done with its
// bytes is up to those who take its address.
unsafe impl Send for Mapping {}
// SAFETY: as above; a shared reference only gives the address away.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes (more than none) of `fd` from `offset`, a multiple of [`PAGE`].
    pub(crate) fn new(fd: impl AsFd, offset: usize, len: usize) -> io::Result<Mapping> {
        let size = NonZeroUsize::new(len).ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel chooses an address where nothing is mapped.
        let address = unsafe { mmap(None, size, access, MapFlags::MAP_SHARED, fd, offset as libc::off_t) }?;
        Ok(Mapping { address: address.cast(), len })
    }

    /// The first byte. Valid for [`len`](Self::len) bytes until this value is dropped or resized.
    pub(crate) fn address(&self) -> NonNull<u8> {
        self.address
    }

    /// How many bytes are mapped.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Maps more of the same, possibly elsewhere: earlier addresses are invalid on success.
    pub(crate) fn grow(&mut self, len: usize) -> io::Result<()> {
        // SAFETY: the old range is ours alone (`&mut self`), and the kernel chooses the new one.
        let address = unsafe { mremap(self.address.cast(), self.len, len, MRemapFlags::MREMAP_MAYMOVE, None) }?;
        self.address = address.cast();
        self.len = len;
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new` or `grow` and nothing uses it after this value.
        // It fails only for a range that is none, which this one is not.
        let _ = unsafe { munmap(self.address.cast(), self.len) };
    }
}

/// Makes sure that `len` bytes of `fd` from `offset` can be written through a mapping without SIGBUS, or fails
/// because there is no memory. Idempotent. It works in pieces and repeats a piece that a signal interrupts, so
/// that a fast timer of the application does not keep it from its end.
pub(crate) fn reserve(fd: impl AsFd, mut offset: usize, mut len: usize) -> io::Result<()> {
    const PIECE: usize = 1 << 20;
    let fd = fd.as_fd().as_raw_fd();
    while len > 0 {
        let piece = len.min(PIECE);
        // SAFETY: a system call on numbers; `fd` is open as its borrow lasts.
        if unsafe { libc::fallocate(fd, 0, offset as libc::off_t, piece as libc::off_t) } != 0 {
            match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => continue,
                error => return Err(error),
            }
        }
        (offset, len) = (offset + piece, len - piece);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_memory_keeps_its_size() {
        let fd = sealed(c"test", PAGE).unwrap();
        assert_eq!(sealed_len(&fd).unwrap(), PAGE);
        assert!(nix::unistd::ftruncate(&fd, 0).is_err());
        assert!(nix::unistd::ftruncate(&fd, 2 * PAGE as libc::off_t).is_err());
        assert!(reserve(&fd, PAGE, 1).is_err(), "grown by fallocate");
    }

    #[test]
    fn memory_that_is_not_sealed_is_refused() {
        let fd = memfd_create(c"test", MFdFlags::MFD_ALLOW_SEALING).unwrap();
        assert!(sealed_len(&fd).is_err());
        assert!(sealed_len(std::fs::File::open("/dev/null").unwrap()).is_err());
    }

    #[test]
    fn a_mapping_that_grows_keeps_its_bytes() {
        let fd = sealed(c"test", 64 * PAGE).unwrap();
        let mut small = Mapping::new(&fd, 0, PAGE).unwrap();
        // SAFETY: the first byte is mapped, and nothing else knows of it.
        unsafe { small.address().write(7) };
        small.grow(64 * PAGE).unwrap();
        // SAFETY: as above; the address is read again after the growth.
        assert_eq!(unsafe { small.address().read() }, 7);
        assert_eq!(small.len(), 64 * PAGE);
    }
}
