//! Who may have written a file, as the owner and the mode of it and of the directories that lead to it tell.

use super::show;
use crate::{
    error::{Error, ErrorKind, Result},
    host::sys,
};
use std::{
    fs::{File, Metadata},
    io::Read,
    os::unix::fs::MetadataExt,
    path::Path,
};

/// What is asked of owners and modes: see [`Trust`](super::Trust).
#[derive(Clone, Copy)]
pub(super) struct Owners {
    pub(super) check_owner: bool,
    pub(super) check_mode: bool,
    /// The user that this process acts as.
    pub(super) user: u32,
}

impl Owners {
    /// Checks an open file; `metadata` is of its descriptor.
    pub(super) fn check(&self, file: &File, metadata: &Metadata) -> Result<()> {
        self.check_owner("it", metadata)?;
        let mode = metadata.mode() & 0o7777;
        if self.check_mode && mode & 0o002 != 0 {
            return Err(untrusted(format!("everyone may write to it (mode {mode:o}); chmod go-w it")));
        }
        if self.check_mode && mode & 0o020 != 0 && !has_private_group(file, metadata) {
            let group = metadata.gid();
            return Err(untrusted(format!(
                "group {group} may write to it (mode {mode:o}), as after a build with umask 002; chmod go-w it, \
                 build with umask 022, or set Trust::check_mode to false if you trust the group"
            )));
        }
        Ok(())
    }

    /// Checks a directory that leads to a file.
    pub(super) fn check_directory(&self, name: &Path, directory: &File, metadata: &Metadata) -> Result<()> {
        let name = show(name);
        self.check_owner(&format!("the directory {name}"), metadata)?;
        let (mode, sticky) = (metadata.mode() & 0o7777, 0o1000);
        if mode & sticky != 0 || mode & 0o022 == 0 {
            return Ok(());
        }
        if mode & 0o002 != 0 {
            let text = format!("everyone may replace it in {name} (mode {mode:o}); chmod o-w that directory");
            return Err(untrusted(text));
        }
        if self.check_mode && !has_private_group(directory, metadata) {
            let group = metadata.gid();
            return Err(untrusted(format!(
                "group {group} may replace it in {name} (mode {mode:o}); chmod g-w that directory, or set \
                 Trust::check_mode to false if you trust the group"
            )));
        }
        Ok(())
    }

    /// Refuses what belongs to another user.
    pub(super) fn check_owner(&self, what: &str, metadata: &Metadata) -> Result<()> {
        let (owner, user) = (metadata.uid(), self.user);
        if !self.check_owner || owner == user || owner == 0 {
            return Ok(());
        }
        let who = if user == 0 { "root".to_owned() } else { format!("root or user {user}") };
        Err(untrusted(format!("{what} belongs to user {owner}, not to {who}; chown it")))
    }
}

/// Whether the file's group is its owner's alone, as far as this machine's own files tell.
fn has_private_group(file: &File, metadata: &Metadata) -> bool {
    // With an access control list, the mode's bits of the group say what any of those whom the list names may do.
    if sys::may_have_list(file) {
        return false;
    }
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

pub(super) fn untrusted(text: String) -> Error {
    Error::new(ErrorKind::Untrusted, text)
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
