//! Instances that execute a program: another one, or this one anew. The descriptors of this program's instance
//! cross `exec` as numbers in the environment.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::process::CommandExt as _,
    },
    process::Command,
};

use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    unistd::getppid,
};

use crate::{
    app::InstanceFds,
    supervisor::{
        kernel::{dispositions, sys},
        protocols::notify_server::NotifyEnvironment,
    },
};

/// The instance's descriptors and the supervisor's number: `board,vault,socket,bell,pid`.
const SEAT: &str = "SAM_SEAT";

/// The status of a shell for a program that cannot be executed.
const NOT_EXECUTED: i32 = 126;

/// Takes the descriptors that this process was executed with: removes the variable from the environment, and
/// has the next `exec` close the descriptors. `None` if there is no such variable, or it was meant for
/// another process.
pub(crate) fn inherited() -> Option<InstanceFds> {
    let value = env::var(SEAT).ok()?;
    // SAFETY: the caller has found no other thread, and none is started here.
    unsafe { env::remove_var(SEAT) };
    let mut numbers = value.split(',').map(|number| number.parse::<i32>().ok());
    let mut number = || numbers.next().flatten();
    let fds = [number()?, number()?, number()?, number()?];
    if number()? != getppid().as_raw() {
        return None;
    }
    let [board, vault, socket, bell] = fds.map(adopt);
    Some(InstanceFds { board: board?, vault: vault?, socket: socket?, bell: bell? })
}

fn adopt(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: takes no pointers; fails if `fd` is not open.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    // A descriptor that was passed on purpose has no FD_CLOEXEC; another is not ours to take.
    if flags != 0 {
        return None;
    }
    // SAFETY: it is open, was passed for this purpose alone, and is taken once.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    Some(fd)
}

/// Passes on to the instance what a service manager meant for the process that it started: descriptors of
/// `sd_listen_fds(3)` (`LISTEN_PID`), and that the journal has this process's output. Called in the instance,
/// before it runs a line of the application.
pub(super) fn readdress(supervisor: i32, hidden: Option<&str>) {
    if let Some(name) = hidden {
        // SAFETY: as below.
        unsafe { env::remove_var(name) };
    }
    for name in ["LISTEN_PID", "SYSTEMD_EXEC_PID"] {
        if env::var(name).is_ok_and(|pid| pid == supervisor.to_string()) {
            // SAFETY: the child of a fork of a process of one thread has one thread.
            unsafe { env::set_var(name, std::process::id().to_string()) };
            if name == "LISTEN_PID" {
                // The supervisor's identity in another, optional form.
                // SAFETY: as above.
                unsafe { env::remove_var("LISTEN_PIDFDID") };
            }
        }
    }
}

/// Executes this program anew in the instance, with its descriptors. Does not return.
pub(super) fn execute_self(fds: &InstanceFds, supervisor: i32) -> ! {
    let fds = [&fds.board, &fds.vault, &fds.socket, &fds.bell];
    for fd in fds {
        let _ = fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty()));
    }
    let [board, vault, socket, bell] = fds.map(AsRawFd::as_raw_fd);
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_default();
    // The file that has this name now, so that a new version takes over at a restart.
    let file = env::current_exe().map_or_else(
        |_| "/proc/self/exe".into(),
        |file| match file.to_str() {
            Some(text) if text.ends_with(" (deleted)") => "/proc/self/exe".into(),
            _ => file,
        },
    );
    let mut command = Command::new(file);
    command.arg0(name).args(arguments).env(SEAT, format!("{board},{vault},{socket},{bell},{supervisor}"));
    dispositions::as_is(&mut command);
    execute(command)
}

/// The command by which the instance executes another program.
pub(super) fn command(program: &[OsString], instance: u32, notify_server: Option<&NotifyEnvironment>) -> Command {
    let mut command = Command::new(program.first().map_or(OsStr::new(""), OsString::as_os_str));
    command.args(program.iter().skip(1)).env("SAM_INSTANCE", instance.to_string());
    if let Some(notify_server) = notify_server {
        notify_server.give(&mut command);
    }
    dispositions::as_found(&mut command);
    command
}

/// Executes the command. Does not return.
pub(super) fn execute(mut command: Command) -> ! {
    fail(&command.exec())
}

fn fail(error: &io::Error) -> ! {
    // On standard error, as a shell does; the supervisor sees the status.
    eprintln!("sam: cannot execute the instance: {error}");
    sys::exit(NOT_EXECUTED + i32::from(error.kind() == io::ErrorKind::NotFound))
}
