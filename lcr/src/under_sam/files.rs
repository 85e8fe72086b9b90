//! Files in memory, which the supervisor holds.

use std::{
    fs::File,
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::sys,
};

/// A file in memory with these bytes.
pub(super) fn memory(bytes: &[u8]) -> io::Result<File> {
    if bytes.len() as u64 > sys::file_size_limit() {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut file = sys::memory_file(c"lcr-states").ok_or_else(io::Error::last_os_error)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// The bytes of a file from its beginning, `most` at most.
pub(super) fn read_all(file: &File, most: usize) -> Result<Vec<u8>> {
    let failed = |error| Error::io("they cannot be read", error);
    let len = file.metadata().map_err(failed)?.len();
    if len > most as u64 {
        let text = format!("they have {len} bytes, and {most} may be kept; raise Under::max_bytes");
        return Err(Error::new(ErrorKind::State, text));
    }
    let mut bytes = Vec::new();
    let whole = usize::try_from(len).unwrap_or(usize::MAX);
    bytes.try_reserve_exact(whole).map_err(|error| failed(error.into()))?;
    // The place in the file is one with that of the supervisor's descriptor.
    let mut at = 0;
    while at < len {
        let mut part = [0; 64 << 10];
        let wanted = part.len().min(usize::try_from(len - at).unwrap_or(usize::MAX));
        match file.read_at(&mut part[..wanted], at).map_err(failed)? {
            0 => break,
            more => {
                bytes.extend_from_slice(&part[..more]);
                at += more as u64;
            }
        }
    }
    Ok(bytes)
}
