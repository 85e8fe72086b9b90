//! Sets what a supervised program finds around itself: its variables, user, folder and limits.
//!
//! The command looks up names of users: the C library's functions for that have no place in a library that
//! is linked statically. Before the first instance the supervisor tries out in a child whatever the
//! system may refuse, so that it refuses a wrong option at the start and not at each instance. The
//! instance itself sets everything in one place, between the fork and `exec`, in this order:
//!
//! 1. The limits: raising one may need the supervisor's rights.
//! 2. Supplementary groups, group, user: each step needs the rights that the last one gives up.
//! 3. The folder, as the user: a file system may let only its user in.
//! 4. The wish to die with the supervisor, which the kernel forgets at a change of the user.
//!
//! None of it changes probes or the supervisor's own files.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read as _, Write as _},
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    path::PathBuf,
    process::Command,
};

use nix::{
    sys::resource::{getrlimit, setrlimit},
    unistd::{ForkResult, Gid, Uid, chdir, fork, pipe, setgroups, setresgid, setresuid},
};

use crate::{
    error::{Error, ErrorKind, Result},
    options::surroundings::{Identity, Limit, Surroundings},
    supervisor::kernel::{program, sys},
};

/// The surroundings of a program, ready to be applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prepared {
    variables: Vec<(OsString, OsString)>,
    user: Option<Identity>,
    folder: Option<PathBuf>,
    limits: Vec<Limit>,
}

impl Prepared {
    pub(crate) fn new(given: &Surroundings) -> Prepared {
        let login = given.user.iter().flat_map(|user| user.variables.iter());
        let variables = login.chain(&given.variables).cloned().collect();
        Prepared { variables, user: given.user.clone(), folder: given.folder.clone(), limits: given.limits.clone() }
    }

    /// Finds out, in a child, whether `program` can be executed in these surroundings.
    pub(crate) fn try_out(&self, program: &OsStr) -> Result<()> {
        let failed = |error: io::Error| Error::io("cannot try out the program's user, folder and limits", error);
        let (reader, writer) = pipe().map_err(|error| failed(error.into()))?;
        // SAFETY: this process has one thread, so the child may do whatever a process may.
        match unsafe { fork() }.map_err(|error| failed(error.into()))? {
            ForkResult::Child => {
                let path = self.variables.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
                let result = self
                    .apply()
                    .and_then(|()| program::look_for_in(program, path.or_else(|| env::var_os("PATH")).as_deref()));
                let _ = report(writer, result.err().as_ref());
                sys::exit(0)
            }
            ForkResult::Parent { child } => {
                drop(writer);
                let mut text = String::new();
                let read = File::from(reader).read_to_string(&mut text);
                sys::reap(child.as_raw());
                read.map_err(failed)?;
                match text.split_once('\n') {
                    Some(("", _)) => Ok(()),
                    Some((kind, text)) => Err(Error::new(ErrorKind::from_name(kind).unwrap_or(ErrorKind::Io), text)),
                    // The child has not come to its end.
                    None => {
                        let text = "the limits leave no room for a program to begin; give higher ones";
                        Err(Error::new(ErrorKind::Io, text))
                    }
                }
            }
        }
    }

    /// Gives these surroundings to a program that is about to be executed. `supervisor`: the process with which
    /// the program is to die.
    pub(crate) fn give(self, command: &mut Command, supervisor: Option<i32>) {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let change = move || {
            self.apply().map_err(io::Error::other)?;
            if let Some(supervisor) = supervisor.filter(|_| self.user.is_some()) {
                sys::die_with(supervisor);
            }
            Ok(())
        };
        // SAFETY: the child of a fork of a process of one thread may do whatever a process may.
        unsafe { command.pre_exec(change) };
    }

    /// Changes this process.
    fn apply(&self) -> Result<()> {
        for limit in &self.limits {
            set_limit(limit)?;
        }
        if let Some(Identity { shown, user, group, groups, .. }) = &self.user {
            let (user, group) = (Uid::from_raw(*user), Gid::from_raw(*group));
            let groups: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
            let become_it = setgroups(&groups)
                .and_then(|()| setresgid(group, group, group))
                .and_then(|()| setresuid(user, user, user));
            let what = || {
                format!(
                    "cannot become the user {shown}, for which sam needs root's rights; without them leave out --user"
                )
            };
            become_it.map_err(|error| Error::io(what(), error))?;
        }
        if let Some(folder) = &self.folder {
            let what = || {
                format!(
                    "cannot enter {}; give --cwd a folder that exists and is open to the program's user",
                    folder.display()
                )
            };
            chdir(folder).map_err(|error| Error::io(what(), error))?;
        }
        Ok(())
    }
}

fn set_limit(limit: &Limit) -> Result<()> {
    setrlimit(limit.resource, limit.soft, limit.hard).map_err(|error| {
        let most = getrlimit(limit.resource).map_or(0, |(_, hard)| hard);
        let text = format!(
            "cannot set the limit {} to {}; without root's rights give {} at most",
            limit.name,
            Shown(limit.hard),
            Shown(most)
        );
        Error::io(text, error)
    })
}

struct Shown(u64);

impl std::fmt::Display for Shown {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == libc::RLIM_INFINITY { out.write_str("unlimited") } else { write!(out, "{}", self.0) }
    }
}

/// Writes the error for the other process: its kind, and its text with those of its sources; an empty line
/// if there is no error.
fn report(to: OwnedFd, error: Option<&Error>) -> io::Result<()> {
    let mut text = error.map_or("\n".to_owned(), |error| format!("{}\n{error}", error.kind()));
    let mut source = error.and_then(std::error::Error::source);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    File::from(to).write_all(text.as_bytes())
}
