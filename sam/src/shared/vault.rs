//! The vault: stored data in shared memory, which outlives the instances.
//!
//! A sealed, sparse memfd: one page with the **commit word**, then two slots of `capacity` bytes.
//! The commit word is `slot << 63 | 1 << 62 | length`: which slot holds the data, and how much. It is
//! zero until the first store, so that an empty value that was stored is told from none.
//!
//! A store (1) reserves the pages of the *other* slot, (2) copies into it, (3) stores the commit
//! word. **A kill at any instruction leaves the vault whole**: before (3) the word names the old
//! slot, which nothing has touched since its own commit; (3) is one aligned 8-byte store, which
//! happens or does not; after it the word names the new slot, which (2) filled. The store is
//! `Release`, so that no processor shows the word before the bytes, and the next instance's load
//! is `Acquire`. The same holds when step (1) or a mapping fails: an error, and the old data
//! stays.
//!
//! Step (1) is what keeps (2) from SIGBUS when memory is short: the pages are there before they
//! are written. A warm store (a slot that has held as much in this instance) makes no system call.
//!
//! Writers: threads of the one living instance, one at a time ([`Writer`] takes `&mut self`).
//! Two instances never live at once, and a process that the application forks has no writer.
//! **The supervisor** only holds the descriptor. It maps and reads nothing of the vault, so what
//! an instance writes there cannot harm it. The next instance reads with `pread`, which no hole
//! and no wrong length can turn into a fault, and refuses a commit word that does not fit.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use super::memory::{self, Mapping, PAGE};

/// How many bytes a slot can hold: 1 GiB. That is the size of a sparse file; memory is used only for what is
/// stored.
pub(crate) const DEFAULT_CAPACITY: u64 = 1 << 30;

const NAME: &CStr = c"sam-vault";

/// The smallest file that is a vault.
pub(super) const LEAST: usize = 3 * PAGE;
const SLOT: u64 = 1 << 63;
/// Set by every store.
const STORED: u64 = 1 << 62;

/// The supervisor's side: the descriptor, and nothing else.
#[derive(Debug)]
pub(crate) struct Vault {
    fd: OwnedFd,
}

impl Vault {
    /// An empty vault with two slots of `capacity` bytes, rounded up to whole pages; with smaller slots if this
    /// process's limit of file sizes (RLIMIT_FSIZE) demands that.
    pub(crate) fn create(capacity: u64) -> io::Result<Vault> {
        let limit = memory::limit()?.min(i64::MAX as u64).saturating_sub(PAGE as u64) / 2 / PAGE as u64 * PAGE as u64;
        let capacity = capacity.clamp(1, SLOT >> 2).next_multiple_of(PAGE as u64).min(limit);
        let len = PAGE + 2 * usize::try_from(capacity).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(Vault { fd: memory::sealed(NAME, len)? })
    }

    /// Stores what the program stored before the first instance. The [`Writer`] that does it is gone when
    /// the call returns; the instance has another.
    pub(crate) fn fill(&self, data: Option<&[u8]>) -> io::Result<()> {
        data.map_or(Ok(()), |data| Writer::open(self.fd.try_clone()?)?.store(data))
    }
}

impl AsFd for Vault {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Vault> for OwnedFd {
    fn from(vault: Vault) -> OwnedFd {
        vault.fd
    }
}

/// The instance's side: maps what it needs, when it needs it.
#[derive(Debug)]
pub(crate) struct Writer {
    fd: OwnedFd,
    head: Mapping,
    slots: [Slot; 2],
    capacity: usize,
}

/// What this process knows of a slot.
#[derive(Debug, Default)]
struct Slot {
    /// A mapping from the slot's beginning on; none before the first store into the slot.
    mapping: Option<Mapping>,
    /// How many bytes of the slot this process has made sure have pages.
    reserved: usize,
}

impl Writer {
    /// The vault behind a descriptor that [`Vault::create`] made.
    pub(crate) fn open(fd: OwnedFd) -> io::Result<Writer> {
        let capacity = memory::sealed_len(&fd)?.saturating_sub(PAGE) / 2;
        if capacity == 0 || !capacity.is_multiple_of(PAGE) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "this memory is no vault"));
        }
        memory::reserve(&fd, 0, size_of::<AtomicU64>())?;
        let head = Mapping::new(&fd, 0, PAGE)?;
        Ok(Writer { fd, head, slots: Default::default(), capacity })
    }

    fn commit(&self) -> &AtomicU64 {
        // SAFETY: the first page is mapped as long as `self` lives, is aligned, and its first
        // eight bytes are only ever touched as this atomic.
        unsafe { self.head.address().cast::<AtomicU64>().as_ref() }
    }

    /// The slot that holds the data, and how many bytes; `None` before the first store.
    fn committed(&self) -> io::Result<Option<(usize, usize)>> {
        let word = self.commit().load(Ordering::Acquire);
        if word == 0 {
            return Ok(None);
        }
        let (slot, len) = (usize::from(word & SLOT != 0), (word & !(SLOT | STORED)) as usize);
        if word & STORED == 0 || len > self.capacity {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the stored data's length was overwritten"));
        }
        Ok(Some((slot, len)))
    }

    /// How many bytes are stored; `None` before the first store.
    pub(crate) fn stored_len(&self) -> io::Result<Option<usize>> {
        Ok(self.committed()?.map(|(_, len)| len))
    }

    /// Reads the stored data into the beginning of `into`, which must be long enough (else
    /// `InvalidInput`), and returns its length; `None` before the first store.
    pub(crate) fn restore(&self, into: &mut [u8]) -> io::Result<Option<usize>> {
        let Some((slot, len)) = self.committed()? else { return Ok(None) };
        let into = into.get_mut(..len).ok_or(io::ErrorKind::InvalidInput)?;
        let mut done = 0;
        while done < len {
            let offset = (self.offset(slot) + done) as libc::off_t;
            match nix::sys::uio::pread(&self.fd, &mut into[done..], offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => done += read,
                Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(len))
    }

    /// Stores `data` in place of what was stored; on an error that stays. `StorageFull` if `data`
    /// is longer than the capacity, or if there is no memory for it.
    pub(crate) fn store(&mut self, data: &[u8]) -> io::Result<()> {
        // An overwritten commit word does not prevent a new store.
        let slot = self.committed().ok().flatten().map_or(0, |(slot, _)| slot) ^ 1;
        if data.len() > self.capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if !data.is_empty() {
            let target = self.writable(slot, data.len())?;
            // SAFETY: `writable` gave at least `data.len()` mapped and reserved bytes, which no
            // reference covers and no reader looks at before the commit word names the slot;
            // `data` is a reference and cannot be a part of them.
            unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), target, data.len()) };
        }
        let word = if slot == 1 { SLOT } else { 0 } | STORED | data.len() as u64;
        self.commit().store(word, Ordering::Release);
        Ok(())
    }

    fn offset(&self, slot: usize) -> usize {
        PAGE + slot * self.capacity
    }

    /// The address of the first `len` (not 0) bytes of `slot`, mapped and reserved.
    #[inline]
    fn writable(&mut self, slot: usize, len: usize) -> io::Result<*mut u8> {
        match &self.slots[slot] {
            Slot { mapping: Some(mapping), reserved } if *reserved >= len && mapping.len() >= len => {
                Ok(mapping.address().as_ptr())
            }
            _ => self.enlarge(slot, len),
        }
    }

    #[cold]
    fn enlarge(&mut self, slot: usize, len: usize) -> io::Result<*mut u8> {
        let offset = self.offset(slot);
        let Slot { mapping, reserved } = &mut self.slots[slot];
        if *reserved < len {
            let until = len.next_multiple_of(PAGE).min(self.capacity);
            memory::reserve(&self.fd, offset + *reserved, until - *reserved)?;
            *reserved = until;
        }
        let mapping = match mapping {
            Some(mapping) => {
                if mapping.len() < len {
                    // Twice as much each time, so that growing data is not moved for each page.
                    mapping.grow(len.max(2 * mapping.len()).next_multiple_of(PAGE).min(self.capacity))?;
                }
                mapping
            }
            None => mapping.insert(Mapping::new(&self.fd, offset, len.next_multiple_of(PAGE).min(self.capacity))?),
        };
        Ok(mapping.address().as_ptr())
    }
}

#[cfg(test)]
mod tests;
