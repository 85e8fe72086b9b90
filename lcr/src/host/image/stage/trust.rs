//! Who may have written a file that is about to become part of this process.

use super::show;
use crate::error::{Error, ErrorKind, Result};
use std::{
    fs::{self, File, Metadata},
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// What must hold of a file before the runtime loads it. A file that fails a check is refused with
/// `Untrusted`, or for its size with `NotALibrary`.
///
/// A user who can write to the file can run code as the user of this process. So every check is on by
/// default. OpenSSH's `StrictModes` asks the same of its files; on Debian it makes the same exception
/// for the owner's private group, which grants no other user anything.
///
/// ```
/// let mut trust = lcr::Trust::default();
/// trust.check_mode = false; // a build directory that a group of several users writes to
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trust {
    /// Whether the file must belong to root or to the user that this process acts as. Default: true.
    pub check_owner: bool,
    /// Whether others, and groups of several users, must not be able to write to the file. The owner's
    /// *private group* may: the group that has the number of its one user, and no other member in
    /// `/etc/group` and `/etc/passwd`. Systems with such groups set umask 002, so the group may write to
    /// what cargo builds there. Default: true.
    pub check_mode: bool,
    /// Whether others must not be able to replace the file: not everyone may write to its directory, or
    /// the directory is sticky as `/tmp` is. For a symbolic link, the directories of the link and of the
    /// file both count. Default: true.
    pub check_directory: bool,
    /// The largest file that the runtime reads, and the most that it and the libraries that come with it
    /// may have together, in bytes. Default: 1 GiB.
    pub max_bytes: u64,
}

impl Default for Trust {
    fn default() -> Trust {
        Trust { check_owner: true, check_mode: true, check_directory: true, max_bytes: 1 << 30 }
    }
}

impl Trust {
    /// Accepts files that any user owns, may write or may replace. The limit stays 1 GiB.
    #[must_use]
    pub fn anyone() -> Trust {
        Trust { check_owner: false, check_mode: false, check_directory: false, ..Trust::default() }
    }

    /// Checks an open file; `metadata` is of its descriptor, `user` the one we act as.
    pub(super) fn check(&self, file: &Path, metadata: &Metadata, user: u32) -> Result<()> {
        if self.check_owner && !matches!(metadata.uid(), owner if owner == user || owner == 0) {
            let owner = metadata.uid();
            return Err(untrusted(format!("it belongs to user {owner}, not to root or user {user}; chown it")));
        }
        let mode = metadata.mode() & 0o7777;
        if self.check_mode && mode & 0o002 != 0 {
            return Err(untrusted(format!("everyone may write to it (mode {mode:o}); chmod go-w it")));
        }
        if self.check_mode && mode & 0o020 != 0 && !has_private_group(metadata) {
            let group = metadata.gid();
            return Err(untrusted(format!(
                "group {group} may write to it (mode {mode:o}), as after a build with umask 002; chmod go-w it, \
                 build with umask 022, or set Trust::check_mode to false if you trust the group"
            )));
        }
        if self.check_directory {
            for directory in directories(file) {
                check_directory(&directory)?;
            }
        }
        Ok(())
    }
}

/// Whether the file's group is its owner's alone, as far as this machine's own files tell.
fn has_private_group(metadata: &Metadata) -> bool {
    let text = |path: &str| {
        let mut text = String::new();
        File::open(path).and_then(|file| file.take(ACCOUNTS).read_to_string(&mut text)).map(|_| text)
    };
    match (metadata.uid() == metadata.gid(), text("/etc/group"), text("/etc/passwd")) {
        (true, Ok(groups), Ok(users)) => is_private_group(metadata.gid(), &groups, &users),
        _ => false,
    }
}

/// How much of a list of accounts is read. Of a longer one, a group at its end is not found, and
/// then it counts as shared.
const ACCOUNTS: u64 = 4 << 20;

/// Whether the group `number` belongs to the user of that number and to no other: `groups` and
/// `users` are as in group(5) and passwd(5). Not root's: systems put others into that group.
fn is_private_group(number: u32, groups: &str, users: &str) -> bool {
    let is_number = |field: Option<&str>| field.and_then(|field| field.parse().ok()) == Some(number);
    let mut of_group = users.lines().filter(|line| is_number(line.split(':').nth(3)));
    let (Some(owner), None) = (of_group.next(), of_group.next()) else { return false };
    let mut owner = owner.split(':');
    let (Some(name), true) = (owner.next(), is_number(owner.nth(1))) else { return false };
    let mut entries = groups.lines().filter(|line| is_number(line.split(':').nth(2)));
    let (Some(entry), None) = (entries.next(), entries.next()) else { return false };
    let members = entry.split(':').nth(3).unwrap_or_default();
    number != 0 && members.split(',').all(|member| member.is_empty() || member == name)
}

fn untrusted(text: String) -> Error {
    Error::new(ErrorKind::Untrusted, text)
}

/// Where the path's last name is, and where it leads to.
fn directories(file: &Path) -> Vec<PathBuf> {
    let parent = |path: &Path| match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
        parent => parent.map(Path::to_owned),
    };
    let real = fs::canonicalize(file).ok();
    let mut directories: Vec<_> = parent(file).into_iter().chain(real.as_deref().and_then(parent)).collect();
    directories.dedup();
    directories
}

fn check_directory(directory: &Path) -> Result<()> {
    let metadata = fs::metadata(directory)
        .map_err(|error| Error::io(format!("its directory {} cannot be examined", show(directory)), error))?;
    let (mode, sticky) = (metadata.mode() & 0o7777, 0o1000);
    if mode & 0o002 != 0 && mode & sticky == 0 {
        let directory = show(directory);
        let text = format!("everyone may replace it in {directory} (mode {mode:o}); chmod o-w that directory");
        return Err(untrusted(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_group_has_the_number_of_its_one_member() {
        let users = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:\nbob:x:1001:1001::/:\neve:x:1002:1001::/:\n";
        let groups = "root:x:0:\nann:x:1000:\nbob:x:1001:\n";
        assert!(is_private_group(1000, groups, users));
        assert!(is_private_group(1000, "ann:x:1000:ann", users));
        assert!(!is_private_group(1001, groups, users), "another user's first group");
        assert!(!is_private_group(0, groups, users), "the group of root is a private one");
        for shared in ["", "ann:x:1000:bob", "ann:x:1000:ann,bob", "ann:x:1000:\nstaff:x:1000:bob"] {
            assert!(!is_private_group(1000, shared, users), "{shared}");
        }
        assert!(!is_private_group(1000, groups, ""), "a user without an entry");
    }
}
