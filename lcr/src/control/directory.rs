//! Where the sockets of programs lie: the user's directory for them, their names, and what dead processes left there.
//!
//! Invariants:
//! 1. The default directory belongs to the user and lets nobody else in, or is refused. It is opened without following
//!    a link, so what was checked is what was opened.
//! 2. A socket has a name only while a process listens on it, or until the next server of that user begins: it is bound
//!    under a name that no client looks for, and linked to its own once it listens.
//! 3. Nothing is removed but sockets on which nobody listens, and of whose process there is no sign.

use std::{
    env, fs, io,
    os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType},
    process::{Pid, geteuid, test_kill_process},
};

use crate::{Actor, Error, ErrorKind, Result};

/// How the name of a socket ends.
const SUFFIX: &str = ".sock";

/// How much of a program's name is in the name of its socket, in bytes.
const PROGRAM_LIMIT: usize = 40;

/// How many files of the directory are looked at for left-overs.
const LOOKED_AT: usize = 4096;

/// The user that this process acts as.
pub(super) fn user() -> u32 {
    geteuid().as_raw()
}

/// The name of this program, as sockets have it.
pub(super) fn program() -> String {
    clean(&Actor::this_process().program)
}

/// A name in which every character may be a part of a file's name, and none is `-`, which numbers servers.
pub(super) fn clean(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut clean: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    clean.truncate(PROGRAM_LIMIT);
    if clean.is_empty() { "program".to_owned() } else { clean }
}

/// The directory of the sockets of this user's programs. A client looks there, too.
pub(super) fn default_directory() -> PathBuf {
    let user = user();
    let own = |path: &PathBuf| path.is_absolute() && fs::metadata(path).is_ok_and(|is| is.is_dir() && is.uid() == user);
    match env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(own) {
        Some(directory) => directory.join("lcr"),
        None => fallback(user),
    }
}

/// The directory for programs without a runtime directory of their user.
pub(super) fn fallback(user: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/lcr-{user}"))
}

/// Makes the directory if there is none, and checks it.
///
/// # Errors
/// `Untrusted` if another user owns it or may enter it, or if it is a link; `Io`.
pub(super) fn make_private(directory: &Path) -> Result<()> {
    let refused = |what: &str, error| Error::io(format!("directory {} cannot be {what}", directory.display()), error);
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(refused("made", error)),
    }
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let opened = fs::OpenOptions::new().read(true).custom_flags(flags).open(directory);
    let found = match opened.and_then(|directory| directory.metadata()) {
        Ok(found) => found,
        Err(error) if matches!(error.raw_os_error(), Some(libc::ELOOP | libc::ENOTDIR)) => {
            return Err(untrusted(directory, "is a link or no directory"));
        }
        Err(error) => return Err(refused("opened", error)),
    };
    if found.uid() != user() {
        return Err(untrusted(directory, &format!("belongs to user {}", found.uid())));
    }
    if found.mode() & 0o077 != 0 {
        return Err(untrusted(directory, &format!("has mode {:o}", found.mode() & 0o7777)));
    }
    Ok(())
}

fn untrusted(directory: &Path, what: &str) -> Error {
    let text = format!(
        "directory {} {what}; the control socket needs one of its user's own with mode 0700: remove it, or name a path",
        directory.display()
    );
    Error::new(ErrorKind::Untrusted, text)
}

/// The name of a socket: of this process's first server if `number` is 1.
pub(super) fn file_name(program: &str, number: u32) -> String {
    let process = std::process::id();
    match number {
        0 | 1 => format!("{program}.{process}{SUFFIX}"),
        number => format!("{program}.{process}-{number}{SUFFIX}"),
    }
}

/// Program and process of a socket's name; `None` for other files.
pub(super) fn read_name(name: &str) -> Option<(&str, u32)> {
    let (program, process) = name.strip_suffix(SUFFIX)?.rsplit_once('.')?;
    let process = process.split_once('-').map_or(process, |(process, _)| process);
    // A leading dot is that of a socket that is not listened on yet.
    Some((program, process.parse().ok().filter(|&process| process != 0)?))
}

/// Removes the sockets that processes left which are gone.
pub(super) fn remove_left_overs(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten().take(LOOKED_AT) {
        let name = entry.file_name();
        let Some((_, process)) = name.to_str().and_then(read_name) else { continue };
        if entry.file_type().is_ok_and(|is| is.is_socket()) && is_gone(process) && is_left(&entry.path()) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// Whether there is no process of that number.
fn is_gone(process: u32) -> bool {
    let number = i32::try_from(process).ok().and_then(Pid::from_raw);
    number.is_none_or(|number| test_kill_process(number) == Err(rustix::io::Errno::SRCH))
}

/// Whether nobody listens on a socket. A process in another namespace of processes may.
pub(super) fn is_left(path: &Path) -> bool {
    let socket = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    );
    let (Ok(socket), Ok(address)) = (socket, SocketAddrUnix::new(path)) else { return false };
    rustix::net::connect(&socket, &address) == Err(rustix::io::Errno::CONNREFUSED)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_socket_has_program_and_process() {
        let process = std::process::id();
        for number in [1, 2, 12] {
            assert_eq!(read_name(&file_name("kv-server", number)), Some(("kv-server", process)));
        }
        for other in ["kv.sock", "kv.x.sock", "kv.0.sock", "kv.1", ".sock", "kv.99999999999.sock", "kv.-2.sock"] {
            assert_eq!(read_name(other), None, "{other}");
        }
        assert_eq!(read_name("a.b.7.sock"), Some(("a.b", 7)));
    }

    #[test]
    fn a_programs_name_becomes_a_part_of_a_files_name() {
        assert_eq!(clean("kv server/1.2"), "kv_server_1_2");
        assert_eq!(clean(""), "program");
        assert_eq!(clean(&"x".repeat(500)).len(), PROGRAM_LIMIT);
    }
}
