//! Which programs can be asked: the sockets in the directories that belong to the users in whose names they are.

use std::{
    env, fs,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use super::directory;

/// How many sockets are listed.
const LISTED: usize = 10_000;

/// The control socket of a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Socket {
    /// The name of the program, as the server gave it.
    pub program: String,
    /// The number of the process, as the server gave it.
    pub pid: u32,
    /// The user who owns the socket.
    pub uid: u32,
    /// Where the socket is.
    pub path: PathBuf,
}

/// The sockets in the places where servers open them by default: those of this user, and of every user if this one is
/// root. Their processes may have ended: [`Client::connect_to`](super::Client::connect_to) tells. In the order of
/// programs and processes.
///
/// Reads directories, and connects nowhere. A directory that others may write is passed over, and so is a socket whose
/// program has a name that no server gives: a server takes letters and digits of ASCII, `_` and `-`. Nothing else is
/// certain of a socket in another user's directory; [`Client::connect_to`](super::Client::connect_to) compares.
pub fn sockets() -> Vec<Socket> {
    let user = directory::user();
    let mut directories = vec![directory::default_directory(), directory::fallback(user)];
    directories.push(PathBuf::from(format!("/run/user/{user}/lcr")));
    directories.extend(env::var_os("XDG_RUNTIME_DIR").map(|directory| Path::new(&directory).join("lcr")));
    if user == 0 {
        directories.extend(entries(Path::new("/run/user")).map(|directory| directory.join("lcr")));
        let is_ours = |path: &PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("lcr-"))
        };
        directories.extend(entries(Path::new("/tmp")).filter(is_ours));
    }
    directories.sort();
    directories.dedup();
    let mut found: Vec<Socket> = directories.iter().flat_map(|directory| sockets_in(directory, user)).collect();
    found.sort();
    found.dedup();
    found
}

/// The sockets in a directory of its owner alone.
fn sockets_in(directory: &Path, user: u32) -> Vec<Socket> {
    let Ok(of) = fs::symlink_metadata(directory) else { return Vec::new() };
    if !of.is_dir() || of.mode() & 0o022 != 0 || (of.uid() != user && user != 0) {
        return Vec::new();
    }
    let socket = |path: PathBuf| {
        let (program, pid) = directory::read_name(path.file_name()?.to_str()?)?;
        let is = fs::symlink_metadata(&path).ok()?;
        let is_one = is.file_type().is_socket() && is.uid() == of.uid() && directory::clean(program) == program;
        is_one.then(|| Socket { program: program.to_owned(), pid, uid: is.uid(), path: path.clone() })
    };
    entries(directory).filter_map(socket).collect()
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).take(LISTED)
}
