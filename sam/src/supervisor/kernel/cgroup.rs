//! The cgroup of an instance. By it SIGKILL reaches everything that descends from the instance, whatever
//! process groups and sessions those processes have made, and however fast they fork.
//!
//! Below its own cgroup (version 2) the supervisor makes `sam-PID`, and below that two cgroups, `0` and
//! `1`, which instances use in turns: the child that stands by must not die with the instance that lives.
//! The supervisor makes a cgroup anew for each instance, so that none finds what another has set.
//!
//! # Invariants
//! 1. A child is in its cgroup before the supervisor starts it, so nothing that an instance starts is
//!    outside. A forked child moves itself. That may take the kernel a grace period of its RCU (10 to
//!    20 ms), which passes while the child stands by. A child that executes a program at once is born in
//!    the cgroup instead (`clone3`).
//! 2. A kill by the cgroup reaches only what is in it: neither the supervisor nor a probe.
//! 3. A supervisor holds a lock (`flock`) on its `sam-PID` as long as it lives. If it is killed, the lock
//!    is gone, and the next supervisor that begins in the same cgroup removes `sam-PID`, unless a process
//!    lives in it.
//!
//! Where systemd runs, only systemd makes cgroups, except below those that it has delegated, which it
//! marks by an attribute (its `CGROUP_DELEGATION` document). Under [`Cgroup::Auto`] the supervisor makes
//! none elsewhere.

mod remove;

use std::{
    ffi::{CStr, CString, OsStr},
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
        unix::{
            ffi::{OsStrExt as _, OsStringExt as _},
            fs::FileExt as _,
        },
    },
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    error::{Error, Result},
    options::{Cgroup, Options},
    supervisor::kernel::sys,
};
use remove::{open_at, remove};

/// The names of the two cgroups that instances use in turns.
const NAMES: [&CStr; 2] = [c"0", c"1"];

/// The longest path that the status file shows: it has room for other things, too.
const SHOWN: usize = 512;

/// How often the supervisor chooses another name because a process has taken that name, or removed it.
const RACES: u32 = 16;

/// The cgroups of a supervisor's instances.
pub(crate) struct Cgroups {
    dir: OwnedFd,
    path: CString,
    /// The paths of the two, as `/proc/PID/cgroup` has them. Empty: too long to be shown.
    shown: [Vec<u8>; 2],
    is_needed: bool,
}

/// The cgroup of one instance.
pub(crate) struct InstanceCgroup {
    dir: OwnedFd,
    events: File,
    index: usize,
}

impl Cgroups {
    /// Makes `sam-PID`, where the options and the system allow that.
    pub(crate) fn open(options: &Options) -> Result<Option<Cgroups>> {
        let keeps_strays = options.keeps_strays() || std::process::id() == 1;
        match options.cgroup {
            Cgroup::Off => Ok(None),
            Cgroup::Auto if keeps_strays => Ok(None),
            Cgroup::Auto => {
                let made =
                    own().and_then(|own| if is_delegated(&own.0) { Cgroups::make(&own, false) } else { refused() });
                Ok(made.ok())
            }
            Cgroup::Need => {
                let made = own().and_then(|own| Cgroups::make(&own, true));
                let what = "cannot make a cgroup for the instances, which is needed; give this process the right to \
                            write below its own cgroup of version 2 (Delegate=yes in its unit), or need none";
                made.map(Some).map_err(|error| Error::io(what, error))
            }
        }
    }

    fn make((own, path): &(PathBuf, Vec<u8>), is_needed: bool) -> io::Result<Cgroups> {
        // A process moves into a cgroup only with the right to write here, too.
        OpenOptions::new().write(true).open(own.join("cgroup.procs"))?;
        remove_stale(own);
        let pid = std::process::id();
        let mut made = Cgroups::make_as(own, path, &format!("sam-{pid}"), is_needed);
        for _ in 0..RACES {
            // A process of another namespace may have the same number; and another supervisor that begins
            // may find a `sam-PID` that is not locked yet, and take it for stale.
            let is_lost = made.as_ref().err().map(io::Error::kind).is_some_and(|kind| {
                matches!(kind, io::ErrorKind::AlreadyExists | io::ErrorKind::WouldBlock | io::ErrorKind::NotFound)
            });
            if !is_lost {
                break;
            }
            made = Cgroups::make_as(own, path, &format!("sam-{pid}-{:x}", sys::random()), is_needed);
        }
        made
    }

    fn make_as(own: &Path, path: &[u8], name: &str, is_needed: bool) -> io::Result<Cgroups> {
        let place = own.join(name);
        fs::create_dir(&place)?;
        let made = File::open(&place).and_then(|dir| {
            lock(&dir)?;
            // In a threaded subtree, and before Linux 5.14, the kernel kills no whole cgroup.
            if fs::read(place.join("cgroup.type"))? != b"domain\n" || !place.join("cgroup.kill").exists() {
                return Err(io::ErrorKind::Unsupported.into());
            }
            Ok(dir)
        });
        let dir = made.inspect_err(|_| drop(fs::remove_dir(&place)))?;
        let shown = |cgroup: &CStr| {
            let path = [path.strip_suffix(b"/").unwrap_or(path), name.as_bytes(), cgroup.to_bytes()].join(&b'/');
            if path.len() <= SHOWN { path } else { Vec::new() }
        };
        let path = CString::new(place.into_os_string().into_vec())?;
        Ok(Cgroups { dir: dir.into(), path, shown: NAMES.map(shown), is_needed })
    }

    /// A cgroup for an instance. The instance before the last has ended, so its cgroup is free. `None` if
    /// the kernel makes none and none is needed.
    pub(crate) fn cgroup(&self, instance: u32) -> io::Result<Option<InstanceCgroup>> {
        let index = usize::from(!instance.is_multiple_of(2));
        let make = || {
            remove(self.dir.as_raw_fd(), NAMES[index]);
            // SAFETY: the path ends with a zero byte.
            sys::checked(unsafe { libc::mkdirat(self.dir.as_raw_fd(), NAMES[index].as_ptr(), 0o755) })?;
            let dir = open_at(self.dir.as_raw_fd(), NAMES[index], libc::O_RDONLY | libc::O_DIRECTORY)?;
            let events = open_at(dir.as_raw_fd(), c"cgroup.events", libc::O_RDONLY)?;
            Ok(InstanceCgroup { dir, events: events.into(), index })
        };
        match make() {
            Err(_) if !self.is_needed => Ok(None),
            cgroup => cgroup.map(Some),
        }
    }

    /// Whether no instance may be without a cgroup.
    pub(crate) fn is_needed(&self) -> bool {
        self.is_needed
    }

    /// The path of an instance's cgroup, unless it is too long.
    pub(crate) fn shown(&self, cgroup: &InstanceCgroup) -> Option<&[u8]> {
        Some(&*self.shown[cgroup.index]).filter(|path| !path.is_empty())
    }

    /// Removes `sam-PID` with everything below, at the supervisor's end.
    pub(crate) fn remove(self) {
        for _ in 0..50 {
            if remove(libc::AT_FDCWD, &self.path) {
                return;
            }
            // The kernel may still be busy with the processes that died last.
            let _ = sys::wait(&mut [], Some(Duration::from_millis(1)));
        }
    }
}

impl InstanceCgroup {
    /// Moves this process into the cgroup.
    pub(crate) fn enter(&self) -> io::Result<()> {
        self.write(c"cgroup.procs", b"0")
    }

    /// Kills every process in the cgroup.
    pub(crate) fn kill(&self) {
        let _ = self.write(c"cgroup.kill", b"1");
    }

    /// Kills what is left in the cgroup. True if there was anything.
    pub(crate) fn kill_rest(&self) -> bool {
        let is_populated = is_populated(&self.events);
        if is_populated {
            self.kill();
        }
        is_populated
    }

    /// A descriptor that tells by POLLPRI that [`kill_rest`](InstanceCgroup::kill_rest) may find less.
    pub(crate) fn events(&self) -> RawFd {
        self.events.as_raw_fd()
    }

    fn write(&self, name: &CStr, bytes: &[u8]) -> io::Result<()> {
        let file = File::from(open_at(self.dir.as_raw_fd(), name, libc::O_WRONLY)?);
        file.write_at(bytes, 0).map(drop)
    }
}

impl AsFd for InstanceCgroup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

/// The cgroup of this process: its folder, and its path as the kernel has it.
fn own() -> io::Result<(PathBuf, Vec<u8>)> {
    let text = fs::read("/proc/self/cgroup")?;
    let path = text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"0::"));
    let path = path.map_or_else(refused, Ok)?;
    let mounts = BufReader::new(File::open("/proc/self/mountinfo")?);
    place(mounts, path).map_or_else(refused, |place| Ok((place, path.to_vec())))
}

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The folder of a cgroup of version 2, by a process's table of mounts: `proc_pid_mountinfo(5)`.
fn place(mounts: impl BufRead, path: &[u8]) -> Option<PathBuf> {
    mounts.split(b'\n').map_while(io::Result::ok).find_map(|line| {
        let mut fields = line.split(|&byte| byte == b' ');
        let (root, mount) = (plain(fields.nth(3)?), plain(fields.next()?));
        // Optional fields end with a dash.
        fields.find(|field| *field == b"-")?;
        if fields.next()? != b"cgroup2" {
            return None;
        }
        let below = path.strip_prefix(root.strip_suffix(b"/").unwrap_or(&root))?;
        let is_whole = below.is_empty() || below.starts_with(b"/");
        // A cgroup outside of this process's namespace has no folder here.
        let is_inside = !below.split(|&byte| byte == b'/').any(|name| name == b"..");
        let below = OsStr::from_bytes(below.strip_prefix(b"/").unwrap_or(below));
        (is_whole && is_inside).then(|| PathBuf::from(std::ffi::OsString::from_vec(mount)).join(below))
    })
}

/// A path without the escapes of `/proc`: `\040` is a space.
fn plain(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = field;
    while let Some((&byte, behind)) = rest.split_first() {
        let code = behind.get(..3).and_then(|code| u8::from_str_radix(str::from_utf8(code).ok()?, 8).ok());
        (rest, _) = match code.filter(|_| byte == b'\\') {
            Some(code) => (&behind[3..], plain.push(code)),
            None => (behind, plain.push(byte)),
        };
    }
    plain
}

/// Whether this process may make cgroups below its own: systemd does not run, or has marked it as delegated.
fn is_delegated(own: &Path) -> bool {
    let Ok(path) = CString::new(own.as_os_str().as_bytes()) else { return false };
    let is_marked = |name: &CStr| {
        let mut value = [0_u8; 1];
        // SAFETY: both strings end with a zero byte, the value is writable for one byte.
        let len = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
        len == 1 && value == *b"1"
    };
    !Path::new("/run/systemd/system").is_dir() || is_marked(c"user.delegate") || is_marked(c"trusted.delegate")
}

/// Takes the lock that a supervisor holds on its `sam-PID` while it lives.
fn lock(dir: &File) -> io::Result<()> {
    // SAFETY: takes no pointers.
    sys::checked(unsafe { libc::flock(dir.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) }).map(drop)
}

/// Removes what killed supervisors have left.
fn remove_stale(own: &Path) {
    let is_ours = |name: &str| {
        let rest = name.strip_prefix("sam-").unwrap_or("");
        rest.starts_with(|c: char| c.is_ascii_digit()) && rest.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-')
    };
    for entry in fs::read_dir(own).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_ours)
            && let Ok(dir) = File::open(entry.path())
            && lock(&dir).is_ok()
            && File::open(entry.path().join("cgroup.events")).is_ok_and(|events| !is_populated(&events))
            && let Ok(path) = CString::new(entry.path().into_os_string().into_vec())
        {
            remove(libc::AT_FDCWD, &path);
        }
    }
}

/// Whether a process lives in a cgroup or below it.
fn is_populated(events: &File) -> bool {
    let mut text = [0; 64];
    // A cgroup that was removed has no processes.
    let len = events.read_at(&mut text, 0).unwrap_or(0);
    text[..len].split(|&byte| byte == b'\n').any(|line| line == b"populated 1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(mounts: &str, path: &str) -> Option<String> {
        place(mounts.as_bytes(), path.as_bytes()).map(|place| place.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_cgroup_is_found_wherever_it_is_mounted() {
        let hybrid = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        assert_eq!(place_of(hybrid, "/").as_deref(), Some("/sys/fs/cgroup/unified/"));
        assert_eq!(place_of(hybrid, "/a/b").as_deref(), Some("/sys/fs/cgroup/unified/a/b"));
        let optional = "30 23 0:26 / /with\\040space rw shared:9 master:1 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(place_of(optional, "/a").as_deref(), Some("/with space/a"));
        let part = "30 23 0:26 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        assert_eq!(place_of(part, "/docker/x/y").as_deref(), Some("/sys/fs/cgroup/y"));
    }

    #[test]
    fn a_cgroup_that_no_mount_shows_is_nowhere() {
        let part = "30 23 0:26 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        for (mounts, path) in [
            ("", "/"),
            (part, "/docker"),
            (part, "/docker/xy"),
            ("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "/../other"),
            ("32 31 0:29 / /sys/fs/cgroup rw - cgroup cgroup rw,cpu\n", "/"),
            ("32 31 0:29 / /cgroup2 rw - tmpfs cgroup2 rw\n", "/"),
            ("32 31", "/"),
        ] {
            assert_eq!(place_of(mounts, path), None, "{mounts} {path}");
        }
    }
}
