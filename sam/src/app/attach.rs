//! What the supervisor gives an instance, and whether this process is that instance.
//!
//! A child that the application forks inherits memory and descriptors, but it is not the
//! instance: its beats would hide that the instance hangs. So [`Attached`] is valid only where a
//! private page says so. The kernel wipes that page in every child (MADV_WIPEONFORK), whether `fork` made
//! the child or a bare `clone`, which runs no `pthread_atfork` handler. Every call looks at the page first.
//! In such a child it takes no lock (a thread that the child lacks may hold it) and changes nothing. Where
//! the kernel, or a tool that imitates it, cannot wipe the page, a `pthread_atfork` handler writes it.

use std::{
    io,
    os::fd::OwnedFd,
    ptr::NonNull,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use super::client::SupervisorClient;
use crate::{
    error::{Error, ErrorKind, Result},
    shared::{Board, MAIN, Writer},
};

/// What the supervisor gives an instance. All four come from the supervisor's side: `Board`,
/// `Vault`, `wire::pair`, `wire::Bell::new`.
#[derive(Debug)]
pub(crate) struct InstanceFds {
    pub(crate) board: OwnedFd,
    pub(crate) vault: OwnedFd,
    /// The instance's end.
    pub(crate) socket: OwnedFd,
    /// The instance's end.
    pub(crate) bell: OwnedFd,
}

/// Makes this process the instance that `fds` were made for. Call it once in a process's life (a second
/// call is `Exists`), right after the fork or the exec, before the application's code, and after the
/// supervisor's ends, which a fork copies, too, were closed here.
pub(crate) fn attach(fds: InstanceFds) -> Result<()> {
    let attached = Attached {
        board: Board::map(fds.board).map_err(unmapped)?,
        vault: Mutex::new(Writer::open(fds.vault).map_err(|error| Error::io("cannot map the vault", error))?),
        client: SupervisorClient::new(fds.socket),
        bell: fds.bell,
        claimed: Mutex::new(1 << MAIN),
        here: Here::new().map_err(|error| Error::io("cannot map a page that forks wipe", error))?,
    };
    ATTACHED.set(attached).map_err(|_| Error::new(ErrorKind::Exists, "this process is a supervised instance already"))
}

fn unmapped(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidInput => Error::new(
            ErrorKind::NotSupported,
            "the supervisor has another version of sam than this program; restart the supervisor, too",
        ),
        _ => Error::io("cannot map the board", error),
    }
}

static ATTACHED: OnceLock<Attached> = OnceLock::new();

/// What connects an instance with its supervisor.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) board: Board,
    pub(super) vault: Mutex<Writer>,
    pub(super) client: SupervisorClient,
    pub(super) bell: OwnedFd,
    /// Which checks are in use, a bit for each. Its lock orders all changes of checks' states.
    pub(super) claimed: Mutex<u64>,
    here: Here,
}

/// Whether a supervisor watches this process.
#[derive(Clone, Copy, Debug)]
pub(super) enum Supervision {
    /// No supervisor: every call works within the process.
    Unsupervised,
    /// This process is the instance.
    Attached(&'static Attached),
    /// The instance has forked this process: its calls do nothing.
    ForkedChild,
}

/// Whether a supervisor watches the calling process. Two loads; async-signal-safe.
#[inline]
pub(super) fn supervision() -> Supervision {
    match ATTACHED.get() {
        None => Supervision::Unsupervised,
        Some(attached) if attached.here.is_here() => Supervision::Attached(attached),
        Some(_) => Supervision::ForkedChild,
    }
}

/// Whether an instance has forked this process.
#[inline]
pub(crate) fn is_detached() -> bool {
    matches!(supervision(), Supervision::ForkedChild)
}

/// The error of calls that change something, in a forked child.
#[cold]
pub(super) fn detached() -> Error {
    Error::new(
        ErrorKind::BadState,
        "an instance has forked this process, which has no supervisor; call it in the instance",
    )
}

/// A word that is 1 in the process that made it and 0 in that process's children.
#[derive(Debug)]
struct Here(NonNull<AtomicU32>);

// SAFETY: the page is never unmapped and only touched as an atomic.
unsafe impl Send for Here {}
// SAFETY: as above.
unsafe impl Sync for Here {}

/// The word that the fork handler clears, where there is one.
static WIPED: AtomicUsize = AtomicUsize::new(0);

impl Here {
    fn new() -> io::Result<Here> {
        const LEN: usize = crate::shared::PAGE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: the kernel chooses an address where nothing is mapped.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), LEN, access, flags, -1, 0) };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let Some(word) = NonNull::new(page.cast::<AtomicU32>()) else { return Err(io::ErrorKind::Other.into()) };
        // SAFETY: the range was just mapped, private and anonymous, and is ours.
        if unsafe { libc::madvise(page, LEN, libc::MADV_WIPEONFORK) } != 0 {
            extern "C" fn wipe() {
                let word = std::ptr::with_exposed_provenance::<AtomicU32>(WIPED.load(Ordering::Relaxed));
                // SAFETY: the address of a page that is never unmapped, stored before this handler
                // was registered.
                unsafe { &*word }.store(0, Ordering::Relaxed);
            }
            WIPED.store(word.as_ptr().expose_provenance(), Ordering::Relaxed);
            // SAFETY: the handler is one store; it may run in any child.
            match unsafe { libc::pthread_atfork(None, None, Some(wipe)) } {
                0 => {}
                error => return Err(io::Error::from_raw_os_error(error)),
            }
        }
        // SAFETY: zeros are a valid atomic, and the page is mapped for ever.
        unsafe { word.as_ref() }.store(1, Ordering::Relaxed);
        Ok(Here(word))
    }

    #[inline]
    fn is_here(&self) -> bool {
        // SAFETY: as in `new`.
        unsafe { self.0.as_ref() }.load(Ordering::Relaxed) != 0
    }
}
