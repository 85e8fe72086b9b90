//! The file that a plan names: opening it without blocking, its first bytes, and its limits.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt},
    path::Path,
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::{image::elf, sys},
};

/// Opens a regular file. Refuses others before it opens them, since opening alone may block (FIFO) or act
/// (a watchdog device); and once more afterwards, since another file may have taken the place meanwhile.
pub(super) fn open(file: &Path) -> Result<(File, fs::Metadata)> {
    regular(&fs::metadata(file).map_err(unopened)?)?;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(file).map_err(unopened)?;
    let metadata = opened.metadata().map_err(unopened)?;
    regular(&metadata)?;
    Ok((opened, metadata))
}

/// The error of a file that cannot be opened.
pub(super) fn unopened(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::new(ErrorKind::NotFound, "no such file").with_source(error),
        _ => Error::io("the file cannot be opened", error),
    }
}

/// Refuses what is not a regular file.
pub(super) fn regular(metadata: &fs::Metadata) -> Result<()> {
    let kind = metadata.file_type();
    let found = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () => "no regular file",
    };
    Err(Error::new(ErrorKind::NotALibrary, format!("{found}, not a shared library; give the path of one")))
}

/// Reads all bytes up to the end that it finds, whatever length the file had when it was opened.
pub(super) fn read(file: File, expected: u64, limit: u64) -> Result<Vec<u8>> {
    fits(expected, limit)?;
    let failed = |error| Error::io("the file cannot be read", error);
    let mut bytes = Vec::new();
    let capacity = usize::try_from(expected).unwrap_or(usize::MAX).saturating_add(1);
    bytes.try_reserve_exact(capacity).map_err(|error| failed(error.into()))?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 {
        0 => Err(empty()),
        len => fits(len, limit).map(|()| bytes),
    }
}

/// Reads a text beside a library, `limit` bytes at most. The file may be empty.
pub(super) fn read_at_most(file: File, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::io("the file cannot be read", error))?;
    match bytes.len() as u64 {
        len if len > limit => Err(Error::new(ErrorKind::Invalid, format!("it has more than {limit} bytes"))),
        _ => Ok(bytes),
    }
}

/// Refuses a file of more than `limit` bytes.
pub(super) fn fits(len: u64, limit: u64) -> Result<()> {
    if len <= limit {
        return Ok(());
    }
    let text = format!("a file of {len} bytes, the limit is {limit}; raise Trust::max_bytes");
    Err(Error::new(ErrorKind::NotALibrary, text))
}

/// Refuses a file of `len` bytes that this process may not write.
pub(super) fn may_write(len: u64) -> Result<()> {
    let limit = sys::file_size_limit();
    if len <= limit {
        return Ok(());
    }
    let text = format!(
        "a file of {len} bytes, and this process may write none of more than {limit} (RLIMIT_FSIZE); \
         raise that limit (ulimit -f, LimitFSIZE=)"
    );
    Err(Error::new(ErrorKind::Io, text))
}

/// Refuses a file whose first bytes show that it is no library. Leaves the file's position at its start. A
/// file that claims to be empty may be one of `/proc`, and is looked at when it has been read.
pub(super) fn look(file: &File, len: u64) -> Result<()> {
    if len == 0 {
        return Ok(());
    }
    let mut first = [0; elf::FIRST];
    let mut seen = 0;
    while seen < first.len() {
        match file.read_at(&mut first[seen..], seen as u64) {
            Ok(0) => break,
            Ok(more) => seen += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("the file cannot be read", error)),
        }
    }
    elf::look(&first[..seen], len)
}

/// The error of an empty file.
pub(super) fn empty() -> Error {
    Error::new(ErrorKind::NotALibrary, "an empty file; copy or build it again")
}

/// A path for a message of one line.
pub(crate) fn show(path: &Path) -> String {
    path.to_string_lossy().replace(char::is_control, "?")
}
