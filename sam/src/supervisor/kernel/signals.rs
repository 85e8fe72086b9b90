//! Signals: masks, dispositions, and the descriptor from which the supervisor reads signals. `nix` knows
//! no real-time signals, which programs use.

use std::{
    io, mem,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    ptr,
};

use super::sys::{checked, exit};

/// A thread's signal mask.
#[derive(Clone, Copy)]
pub(crate) struct Mask(libc::sigset_t);

/// Blocks every signal in this thread and returns what was blocked before.
pub(crate) fn block_all() -> io::Result<Mask> {
    // SAFETY: all-zero bytes are a valid sigset_t.
    let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { mem::zeroed() };
    // SAFETY: `all` is writable.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: both sets are initialised.
    let result = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before) };
    if result == 0 { Ok(Mask(before)) } else { Err(io::Error::from_raw_os_error(result)) }
}

/// Sets this thread's mask.
pub(crate) fn set_mask(mask: &Mask) {
    // SAFETY: the set is initialised; nothing is written.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask.0, ptr::null_mut()) };
}

/// Lets one signal through.
fn unblock(signal: i32) {
    // SAFETY: all-zero bytes are a valid sigset_t.
    let mut one: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: the set is writable.
    unsafe { libc::sigaddset(&raw mut one, signal) };
    // SAFETY: the set is initialised; nothing is written.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const one, ptr::null_mut()) };
}

/// What a signal does in this process.
#[derive(Clone, Copy)]
pub(crate) struct Disposition(i32, libc::sigaction);

/// Gives a signal its default effect and returns what it did before.
pub(crate) fn set_default(signal: i32) -> Option<Disposition> {
    // SAFETY: all-zero bytes are a valid sigaction: SIG_DFL, no flags.
    let (default, mut before): (libc::sigaction, libc::sigaction) = unsafe { mem::zeroed() };
    // SAFETY: both are initialised.
    let result = unsafe { libc::sigaction(signal, &raw const default, &raw mut before) };
    (result == 0).then_some(Disposition(signal, before))
}

/// Whether a signal is ignored in this process.
pub(crate) fn is_ignored(signal: i32) -> bool {
    // SAFETY: all-zero bytes are a valid sigaction.
    let mut now: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: `now` is writable; nothing is set.
    let result = unsafe { libc::sigaction(signal, ptr::null(), &raw mut now) };
    result == 0 && now.sa_sigaction == libc::SIG_IGN
}

/// Makes this process ignore a signal, or gives the signal its default effect.
pub(crate) fn set_ignored(signal: i32, is_ignored: bool) {
    // SAFETY: neither needs a handler.
    unsafe { libc::signal(signal, if is_ignored { libc::SIG_IGN } else { libc::SIG_DFL }) };
}

/// Restores what a signal did before.
pub(crate) fn set_back(disposition: &Disposition) {
    // SAFETY: the kernel wrote this disposition of this process's own; its handler, if it
    // has one, belongs to code that is still mapped.
    unsafe { libc::sigaction(disposition.0, &raw const disposition.1, ptr::null_mut()) };
}

/// A descriptor from which every blocked signal can be read.
pub(crate) fn signal_fd() -> io::Result<OwnedFd> {
    // SAFETY: all-zero bytes are a valid sigset_t.
    let mut all: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: the set is writable.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: the set is initialised.
    let fd = checked(unsafe { libc::signalfd(-1, &raw const all, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) })?;
    // SAFETY: it is new, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A signal that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signal {
    pub(crate) number: i32,
    /// The process that sent it.
    pub(crate) sender: i32,
    /// The word that was queued with the signal (`sigqueue(3)`).
    pub(crate) word: Option<i32>,
}

/// The next signal that came.
pub(crate) fn next_signal(fd: &OwnedFd) -> Option<Signal> {
    // SAFETY: all-zero bytes are a valid signalfd_siginfo.
    let mut info: libc::signalfd_siginfo = unsafe { mem::zeroed() };
    let size = size_of_val(&info);
    // SAFETY: `info` is writable for that many bytes.
    let read = unsafe { libc::read(fd.as_raw_fd(), (&raw mut info).cast(), size) };
    (usize::try_from(read) == Ok(size)).then(|| Signal {
        number: info.ssi_signo.cast_signed(),
        sender: info.ssi_pid.cast_signed(),
        word: (info.ssi_code == libc::SI_QUEUE).then_some(info.ssi_int),
    })
}

/// Ends this process by a signal, without a core dump.
pub(crate) fn die_of(signal: i32) -> ! {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is initialised.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
    set_default(signal);
    unblock(signal);
    // SAFETY: takes no pointers.
    unsafe { libc::raise(signal) };
    // Process 1 does not die of its own signals, and some signals kill no process.
    exit(128 + signal)
}
