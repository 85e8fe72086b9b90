//! How much static thread-local storage the C library has left, by trying.
//!
//! glibc keeps some room after the thread-locals of a program for libraries that want theirs at a fixed distance
//! from the thread pointer (the initial-exec model). It has no function that tells how much is left:
//! `dl_iterate_phdr` shows what was taken only after the thread has used it. So [`fits`] makes a library in memory
//! that wants so many bytes and has nothing else, no code either. The loader maps it if there is room, and unmaps
//! it at once, which gives the room back (seen to be exact at every fill level, 0.1 ms a try).
//!
//! On other machines and C libraries nothing is tried, and the result is `None`.

use std::{io::Write as _, os::fd::AsRawFd as _, path::PathBuf};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::host::sys;

use super::loader;

/// The largest result.
const MOST: u64 = 4096;

/// How many blocks of this size and alignment fit. `None` if that cannot be found out.
pub(in crate::host) fn fits(size: u64, align: u64) -> Option<usize> {
    if !cfg!(all(target_arch = "x86_64", target_env = "gnu")) {
        return None;
    }
    let _turn = loader::enter().ok()?;
    // `fits` blocks fit, `end` do not; each try is between the two.
    let (mut fits, mut end) = (0, MOST);
    while fits + 1 < end {
        // Few blocks fit, so small numbers come first.
        let middle = if end == MOST { (fits * 2).clamp(1, MOST - 1) } else { fits.midpoint(end) };
        if try_once(size.checked_mul(middle)?, align)? {
            fits = middle;
        } else {
            end = middle;
        }
    }
    usize::try_from(fits).ok()
}

/// Whether a block fits. `None` if the try itself fails.
fn try_once(size: u64, align: u64) -> Option<bool> {
    let bytes = library(size, align);
    if bytes.len() as u64 > sys::file_size_limit() {
        return None;
    }
    let mut file = sys::memory_file(c"lcr-static-tls")?;
    file.write_all(&bytes).ok()?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // SAFETY: the library has no code, no initialiser and no destructor.
    let opened = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) };
    match opened {
        Ok(library) => {
            library.close().ok()?;
            Some(true)
        }
        Err(libloading::Error::DlOpen { source }) => source.to_string().contains("static TLS").then_some(false),
        Err(_) => None,
    }
}

/// A library for x86-64 with that much thread-local storage, and one relocation of its data that
/// wants the storage's distance from the thread pointer.
fn library(size: u64, align: u64) -> Vec<u8> {
    const HEADERS: u64 = 64 + 4 * 56;
    const DYNAMIC: u64 = HEADERS;
    const ENTRIES: u64 = 10;
    const SYMBOL: u64 = DYNAMIC + ENTRIES * 16;
    const HASH: u64 = SYMBOL + 24;
    const RELOCATION: u64 = HASH + 16;
    const NAMES: u64 = RELOCATION + 24;
    const DATA: u64 = NAMES + 8;
    const LEN: u64 = DATA + 8;
    let mut file = Vec::with_capacity(LEN as usize);
    let mut put = |bytes: &[u8]| file.extend_from_slice(bytes);
    // ELF, 64 bits, little-endian; a shared library for x86-64.
    put(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    put(&[3, 0, 62, 0, 1, 0, 0, 0]);
    [0, 64, 0].iter().for_each(|number: &u64| put(&number.to_le_bytes()));
    [0, 0, 64, 56, 4, 64, 0, 0].iter().for_each(|number: &u16| put(&number.to_le_bytes()));
    // Kind, rights (read 4, write 2), place, size in the file, size in memory, alignment.
    let segments: [(u32, u32, u64, u64, u64, u64); 4] = [
        (1, 6, 0, LEN, LEN, 4096),                      // PT_LOAD
        (2, 6, DYNAMIC, ENTRIES * 16, ENTRIES * 16, 8), // PT_DYNAMIC
        (7, 4, DATA, 0, size, align.max(1)),            // PT_TLS
        (0x6474_e551, 6, 0, 0, 0, 16),                  // PT_GNU_STACK
    ];
    for (kind, rights, place, in_file, in_memory, align) in segments {
        [kind, rights].iter().for_each(|number| put(&number.to_le_bytes()));
        [place, place, place, in_file, in_memory, align].iter().for_each(|number| put(&number.to_le_bytes()));
    }
    let dynamic: [(u64, u64); ENTRIES as usize] = [
        (4, HASH),       // DT_HASH
        (5, NAMES),      // DT_STRTAB
        (10, 1),         // DT_STRSZ
        (6, SYMBOL),     // DT_SYMTAB
        (11, 24),        // DT_SYMENT
        (7, RELOCATION), // DT_RELA
        (8, 24),         // DT_RELASZ
        (9, 24),         // DT_RELAENT
        (30, 16),        // DT_FLAGS: DF_STATIC_TLS
        (0, 0),
    ];
    dynamic.iter().for_each(|(tag, value)| [tag, value].iter().for_each(|number| put(&number.to_le_bytes())));
    put(&[0; 24]); // the empty symbol
    [1, 1, 0, 0].iter().for_each(|number: &u32| put(&number.to_le_bytes())); // one bucket, one chain
    [DATA, 18, 0].iter().for_each(|number| put(&number.to_le_bytes())); // R_X86_64_TPOFF64 of the empty symbol
    put(&[0; 16]); // names, data
    file
}
