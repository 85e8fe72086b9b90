//! The way to a file, by directories that are checked before they are used.
//!
//! A path is a promise of whoever may change the directories in it. So [`open`] does not check a path and open it
//! afterwards: it goes the way itself, one name at a time. It opens each directory, checks what it has opened, and
//! looks up the next name in *that*, by its descriptor. A symbolic link is read and its text goes in front of the
//! names that are left. The last step opens the file itself, and follows no link. So there is no moment at which
//! another user could exchange what was checked for something else: a directory that passed has no writer but root
//! and the own user, or is sticky, and then what it gave belongs to one of the two.
//!
//! OpenSSH's `StrictModes` asks the same of each directory, by the path's text. Two things differ: a sticky
//! directory is passed (`/tmp`), and so is the group of one user.
//!
//! Links of `/proc` (`/proc/self/fd/3`, `/proc/1/root`) lead to what no text names. The kernel follows them; a
//! directory that they lead to is checked with every one above it. A file that they lead to is open in a process
//! already, and only the file itself is checked.
//!
//! Nothing here blocks on what a name stands for: what is not a regular file is opened by name alone (`O_PATH`).

use std::{
    ffi::{OsStr, OsString},
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Component, Path, PathBuf},
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::sys,
};

use super::{
    original::{regular, unopened},
    owners::{Owners, untrusted},
    show,
};

/// How many links a way may have, as for the kernel.
const LINKS: usize = 40;
/// How many directories may be above one.
const HEIGHT: usize = 1024;

/// A way as far as it has been gone.
struct Way {
    owners: Owners,
    /// The directory that was reached, and what is known of it.
    at: File,
    metadata: Metadata,
    /// How it was reached, for messages.
    name: PathBuf,
    /// The names that are left, the next one last.
    left: Vec<OsString>,
}

/// Opens a regular file by directories that `owners` accepts.
pub(super) fn open(file: &Path, owners: Owners) -> Result<(File, Metadata)> {
    let at = sys::open_start(file.is_absolute()).map_err(unopened)?;
    let metadata = at.metadata().map_err(unopened)?;
    let name = PathBuf::from(if file.is_absolute() { "/" } else { "." });
    let mut way = Way { owners, at, metadata, name, left: Vec::new() };
    way.check()?;
    if !file.is_absolute() {
        way.check_above()?;
    }
    way.push(file);
    let mut links = 0;
    while let Some(next) = way.left.pop() {
        let is_last = way.left.is_empty();
        let found = sys::open_at(&way.at, &next, libc::O_PATH | libc::O_NOFOLLOW).map_err(unopened)?;
        let metadata = found.metadata().map_err(unopened)?;
        if metadata.is_symlink() {
            links += 1;
            if links > LINKS {
                return Err(unopened(io::Error::from_raw_os_error(libc::ELOOP)));
            }
            way.check_link(&next, &metadata)?;
            if sys::is_of_proc(&way.at) {
                let led = sys::open_at(&way.at, &next, libc::O_PATH).map_err(unopened)?;
                let metadata = led.metadata().map_err(unopened)?;
                if is_last {
                    return way.last(&next, &metadata, 0);
                }
                way.enter(next.as_ref(), led, metadata)?;
                way.check_above()?;
                continue;
            }
            way.follow(&sys::read_link(&found).map_err(unopened)?)?;
        } else if is_last {
            return way.last(&next, &metadata, libc::O_NOFOLLOW);
        } else {
            way.enter(next.as_ref(), found, metadata)?;
        }
    }
    Err(Error::new(ErrorKind::NotALibrary, "a directory, not a shared library; give the path of one"))
}

impl Way {
    /// Puts the names of a path in front of those that are left.
    fn push(&mut self, path: &Path) {
        let names = path.components().rev().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
        self.left.extend(names.map(|part| part.as_os_str().to_owned()));
    }

    /// Goes into a directory that was opened, once it is accepted.
    fn enter(&mut self, name: &Path, directory: File, metadata: Metadata) -> Result<()> {
        if !metadata.is_dir() {
            return Err(unopened(io::Error::from_raw_os_error(libc::ENOTDIR)));
        }
        self.name.push(name);
        self.at = directory;
        self.metadata = metadata;
        self.check()
    }

    /// Goes on where a link leads to.
    fn follow(&mut self, text: &Path) -> Result<()> {
        if text.is_absolute() {
            let root = sys::open_start(true).map_err(unopened)?;
            let metadata = root.metadata().map_err(unopened)?;
            self.name = PathBuf::new();
            self.enter(Path::new("/"), root, metadata)?;
        }
        self.push(text);
        Ok(())
    }

    /// Opens the file at the end of the way.
    fn last(&self, name: &OsStr, found: &Metadata, flags: libc::c_int) -> Result<(File, Metadata)> {
        // Before it is opened, as opening alone may block or act; and once more afterwards, of what was opened.
        regular(found)?;
        let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY | flags;
        let opened = sys::open_at(&self.at, name, flags).map_err(unopened)?;
        let metadata = opened.metadata().map_err(unopened)?;
        regular(&metadata)?;
        Ok((opened, metadata))
    }

    fn check(&self) -> Result<()> {
        self.owners.check_directory(&self.name, &self.at, &self.metadata)
    }

    /// Checks every directory above the one that was reached.
    fn check_above(&self) -> Result<()> {
        let number = |metadata: &Metadata| (metadata.dev(), metadata.ino());
        let (mut name, mut seen) = (self.name.clone(), number(&self.metadata));
        let mut above = self.at.try_clone().map_err(unopened)?;
        for _ in 0..HEIGHT {
            above = sys::open_at(&above, OsStr::new(".."), libc::O_PATH | libc::O_DIRECTORY).map_err(unopened)?;
            let metadata = above.metadata().map_err(unopened)?;
            if number(&metadata) == seen {
                return Ok(());
            }
            name.push("..");
            self.owners.check_directory(&name, &above, &metadata)?;
            seen = number(&metadata);
        }
        Err(untrusted(format!(
            "more than {HEIGHT} directories are above {}; give the file a shorter path",
            show(&self.name)
        )))
    }

    /// Whose a link is counts only where everyone may add one; nobody may change a link.
    fn check_link(&self, name: &OsStr, link: &Metadata) -> Result<()> {
        if self.metadata.mode() & 0o022 == 0 {
            return Ok(());
        }
        self.owners.check_owner(&format!("the link {}", show(&self.name.join(name))), link)
    }
}
