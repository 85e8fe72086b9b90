//! The operating system's part: barriers, futexes, thread ends, forks, users, file locks.
//!
//! Each function wraps one facility of Linux or POSIX and is safe to call. Everything
//! in the host that needs `libc` is in this file.

use std::{
    ffi::CStr,
    fs::File,
    io,
    mem::{ManuallyDrop, MaybeUninit},
    ops::Deref,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    panic::{self, AssertUnwindSafe},
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::ids::ThreadId;

static FORKS: AtomicU32 = AtomicU32::new(0);

/// How many forks lie between this process and the one that the program began as.
pub(in crate::host) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// In the child of a fork: counts it.
pub(in crate::host) fn note_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

const MEMBARRIER_PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const MEMBARRIER_REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

/// Whether [`membarrier`] may be used in this process; registers for it. A child of
/// `fork` must register again.
pub(in crate::host) fn register_membarrier() -> bool {
    // SAFETY: the call takes no pointers.
    unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 }
}

/// Executes a full fence on every running thread of this process.
///
/// # Errors
/// If [`register_membarrier`] did not say yes, or if the calling thread has been forbidden to
/// since (seccomp).
pub(in crate::host) fn membarrier() -> io::Result<()> {
    // SAFETY: the call takes no pointers.
    match unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The machine's page size in bytes.
pub(in crate::host) fn page_size() -> u64 {
    // SAFETY: asks for a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}

/// Sleeps while `word` is `expected`, at most `timeout`. May return early.
pub(in crate::host) fn futex_wait(word: &AtomicU32, expected: u32, timeout: Duration) {
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(timeout.subsec_nanos() as i32),
    };
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: both pointers are valid for the length of the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, expected, &raw const timeout) };
}

/// Wakes every sleeper of [`futex_wait`] on `word`.
pub(in crate::host) fn futex_wake(word: &AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the address is valid and only compared.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, i32::MAX) };
}

/// The kernel's number for the calling thread.
pub(in crate::host) fn thread_id() -> ThreadId {
    // SAFETY: the call takes nothing.
    ThreadId::of_kernel(unsafe { libc::gettid() }.cast_unsigned())
}

/// Has `end(value)` called when the calling thread ends. `value` must not be null. `of` has the
/// key, `u32::MAX` until there is one; it is always given with the same `end`.
/// Returns false if the system has no key left.
///
/// glibc runs destructors of thread-locals before those of keys, musl runs them among
/// those of keys; further keys' destructors may come later.
pub(in crate::host) fn at_thread_exit(
    of: &AtomicU32,
    value: *const (),
    end: unsafe extern "C" fn(*mut libc::c_void),
) -> bool {
    let mut key = of.load(Ordering::Acquire);
    if key == u32::MAX {
        let mut fresh = 0;
        // SAFETY: the pointer is valid, and `end` is a function for the process's life.
        if unsafe { libc::pthread_key_create(&raw mut fresh, Some(end)) } != 0 {
            return false;
        }
        match of.compare_exchange(u32::MAX, fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => key = fresh,
            Err(other) => {
                // SAFETY: nobody else knows the key that lost the race.
                unsafe { libc::pthread_key_delete(fresh) };
                key = other;
            }
        }
    }
    // SAFETY: the key exists for the process's life.
    unsafe { libc::pthread_setspecific(key, value.cast()) == 0 }
}

/// A thread of the runtime's. It goes on by itself when this is dropped.
pub(crate) struct Started(libc::pthread_t);

impl Started {
    /// Waits until the thread has ended.
    pub(crate) fn join(self) {
        let thread = ManuallyDrop::new(self).0;
        // SAFETY: the thread was neither joined nor detached, since both consume `self`.
        unsafe { libc::pthread_join(thread, ptr::null_mut()) };
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // SAFETY: as in `join`.
        unsafe { libc::pthread_detach(self.0) };
    }
}

/// Starts a thread of a name of at most 15 bytes, with a stack of at least so many bytes. A panic
/// ends the thread.
///
/// Not `std::thread`: that takes a lock of the standard library whenever a thread begins or ends.
/// A child of `fork` has that lock for ever if another thread of its parent had it, and could
/// start no thread any more.
pub(crate) fn start(name: &'static CStr, stack: usize, body: impl FnOnce() + Send + 'static) -> io::Result<Started> {
    type Body = (&'static CStr, Box<dyn FnOnce() + Send>);
    extern "C" fn run(body: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: `start` leaked the box for this thread.
        let (name, body) = *unsafe { Box::from_raw(body.cast::<Body>()) };
        // SAFETY: the name ends with a zero.
        unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) };
        // The panic hook has told of it.
        drop(panic::catch_unwind(AssertUnwindSafe(body)));
        ptr::null_mut()
    }
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: the pointer is valid; the call initialises what it points to.
    unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) };
    // SAFETY: they are initialised, and the size is a multiple of a page's.
    unsafe { libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), stack.next_multiple_of(64 << 10)) };
    let body: *mut Body = Box::into_raw(Box::new((name, Box::new(body))));
    let mut thread = MaybeUninit::uninit();
    // SAFETY: the pointers are valid, and `run` gets the box that it takes over.
    let error = unsafe { libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), run, body.cast()) };
    // SAFETY: they are initialised, and not used again.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    if error != 0 {
        // SAFETY: no thread has taken it over.
        drop(unsafe { Box::from_raw(body) });
        return Err(io::Error::from_raw_os_error(error));
    }
    // SAFETY: the call has succeeded and written it.
    Ok(Started(unsafe { thread.assume_init() }))
}

/// How many thread keys a process has (`PTHREAD_KEYS_MAX`).
pub(in crate::host) fn key_limit() -> u32 {
    // SAFETY: asks for a constant of the system.
    let limit = unsafe { libc::sysconf(libc::_SC_THREAD_KEYS_MAX) };
    // The least that POSIX allows.
    u32::try_from(limit).unwrap_or(128)
}

/// How many thread keys with a number below `end` are free, of `most`: makes and deletes them.
pub(in crate::host) fn count_keys_below(end: u32, most: usize) -> usize {
    let mut made = Vec::with_capacity(most.min(end as usize));
    while made.len() < most {
        let mut key = 0;
        // SAFETY: the pointer is valid; the key has no destructor.
        if unsafe { libc::pthread_key_create(&raw mut key, None) } != 0 {
            break;
        }
        if key >= end {
            // SAFETY: it was just made, and nobody else knows it.
            unsafe { libc::pthread_key_delete(key) };
            break;
        }
        made.push(key);
    }
    for &key in &made {
        // SAFETY: as above.
        unsafe { libc::pthread_key_delete(key) };
    }
    made.len()
}

/// A new file in memory, for reading and writing, which `exec` closes.
pub(in crate::host) fn memory_file(name: &CStr) -> Option<File> {
    // SAFETY: the name ends, and the flag is one that the call knows.
    let file = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    // SAFETY: it was opened just now, for nobody else.
    (file >= 0).then(|| File::from(unsafe { OwnedFd::from_raw_fd(file) }))
}

/// Has the C library call `end` with the destructors of the calling thread's thread-locals, if it
/// has a list of these.
pub(in crate::host) fn at_locals_end(end: unsafe extern "C" fn(*mut libc::c_void)) {
    type Register =
        unsafe extern "C" fn(unsafe extern "C" fn(*mut libc::c_void), *mut libc::c_void, *const u8) -> libc::c_int;
    unsafe extern "C" {
        static __dso_handle: u8;
    }
    // SAFETY: a name for the default scope.
    let function = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__cxa_thread_atexit_impl".as_ptr()) };
    if !function.is_null() {
        // SAFETY: the C library's function of that name has this type.
        let register = unsafe { std::mem::transmute::<*mut libc::c_void, Register>(function) };
        // SAFETY: `end` lives as long as the process, as this image does. The handle is an address.
        unsafe { register(end, ptr::null_mut(), &raw const __dso_handle) };
    }
}

/// A thread's first function.
pub(in crate::host) type ThreadStart = unsafe extern "C-unwind" fn(*mut libc::c_void) -> *mut libc::c_void;

/// `pthread_create`, with a function that `pthread_exit` may unwind.
///
/// # Safety
/// As for that; the new thread owns `argument`.
pub(in crate::host) unsafe fn create_thread(
    thread: *mut libc::pthread_t,
    how: *const libc::pthread_attr_t,
    start: ThreadStart,
    argument: *mut libc::c_void,
) -> i32 {
    // SAFETY: the two types differ in what an unwinding means only.
    let start =
        unsafe { std::mem::transmute::<ThreadStart, extern "C" fn(*mut libc::c_void) -> *mut libc::c_void>(start) };
    // SAFETY: the caller keeps the contract.
    unsafe { libc::pthread_create(thread, how, start, argument) }
}

/// The first signal whose handler is in the image that begins at `start`.
pub(in crate::host) fn signal_handled_by(start: usize) -> Option<i32> {
    (1..=64).find(|&signal| {
        // SAFETY: zeroes are an action.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: asks only, with room for the answer.
        let asked = unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
        // The default and "ignored" are small numbers, which are in no image.
        asked == 0 && image_start(ptr::without_provenance(action.sa_sigaction)) == Some(start)
    })
}

/// Where the image that has this address begins.
pub(in crate::host) fn image_start(address: *const ()) -> Option<usize> {
    // SAFETY: null pointers are one.
    let mut found: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: looks the address up, with room for the answer.
    (unsafe { libc::dladdr(address.cast(), &raw mut found) } != 0).then(|| found.dli_fbase.addr())
}

/// Whether this process has a thread of that number. A kernel that refuses to say (a filter of
/// system calls, another user of that thread) counts as yes: only a thread that is not there is gone.
pub(in crate::host) fn is_alive(thread: ThreadId) -> bool {
    let process = std::process::id();
    // SAFETY: signal 0 only asks whether the thread is there.
    let answer = unsafe { libc::syscall(libc::SYS_tgkill, process, thread.to_kernel(), 0) };
    answer == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Has the three functions called around every `fork` of this process.
pub(in crate::host) fn at_fork(
    prepare: unsafe extern "C" fn(),
    parent: unsafe extern "C" fn(),
    child: unsafe extern "C" fn(),
) -> bool {
    // SAFETY: the functions live as long as the process: this image is never unmapped,
    // since a host is not a component.
    unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) == 0 }
}

/// The calling thread's name as the kernel has it; `main` for the first one, whose name
/// is the program's. Unlike [`std::thread::current`] it may be asked to the very end.
pub(in crate::host) fn thread_name() -> String {
    if thread_id().to_kernel() == std::process::id() {
        return "main".to_owned();
    }
    let mut name = [0_u8; 16];
    // SAFETY: the kernel writes at most 16 bytes, with a zero at the end.
    let result = unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr(), 0, 0, 0) };
    if result != 0 {
        return String::new();
    }
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    String::from_utf8_lossy(&name[..end]).into_owned()
}

/// The user that this process acts as.
pub(in crate::host) fn user() -> u32 {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// Locks an open file or directory for the life of its descriptor and the copies of it that
/// children of `fork` have. Whether nobody else has it locked.
pub(in crate::host) fn try_lock(file: &File) -> io::Result<bool> {
    // SAFETY: the descriptor is open as long as the file is borrowed.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        error => Err(error),
    }
}

/// How many bytes a file of this process may have (`RLIMIT_FSIZE`). A write beyond is answered
/// with SIGXFSZ, which ends a process that does not ignore it.
pub(in crate::host) fn file_size_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the pointer is valid for the length of the call.
    unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    if limit.rlim_cur == libc::RLIM_INFINITY { u64::MAX } else { limit.rlim_cur }
}

/// A file's bytes in memory, for reading. The file must not change meanwhile: whoever makes
/// one sees to it that nobody else can write to the file.
pub(in crate::host) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

impl Mapping {
    /// Maps all of a file that is open for reading, and is not empty. Its pages are there at
    /// once, not one fault at a time.
    pub(in crate::host) fn new(file: &File) -> io::Result<Mapping> {
        let len = usize::try_from(file.metadata()?.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_POPULATE;
        // SAFETY: a new mapping, at no address that is in use.
        let start = unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_READ, flags, file.as_raw_fd(), 0) };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => Ok(Mapping { start, len }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: that many bytes are mapped until `self` is dropped, and by contract constant.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and whoever borrowed from it is gone.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::thread;

    /// Has the kernel refuse a system call to the calling thread.
    fn refuse(call: libc::c_long) {
        let answers = [libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned(), libc::SECCOMP_RET_ALLOW];
        let number = u32::try_from(call).unwrap();
        let step = |code: u32, jf, k| libc::sock_filter { code: u16::try_from(code).unwrap(), jt: 0, jf, k };
        let mut steps = [
            step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
            step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, number),
            step(libc::BPF_RET | libc::BPF_K, 0, answers[0]),
            step(libc::BPF_RET | libc::BPF_K, 0, answers[1]),
        ];
        let filter = libc::sock_fprog { len: 4, filter: steps.as_mut_ptr() };
        // SAFETY: the call takes numbers only.
        assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
        // SAFETY: the filter is valid for the call, which copies it.
        let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) };
        assert_eq!(set, 0);
    }

    #[test]
    fn a_thread_that_the_kernel_does_not_tell_of_is_there() {
        let gone = thread::spawn(thread_id).join().unwrap();
        while is_alive(gone) {
            thread::yield_now();
        }
        let asking = thread_id();
        let filtered = thread::spawn(move || {
            assert!(is_alive(asking));
            refuse(libc::SYS_tgkill);
            is_alive(asking)
        });
        assert!(filtered.join().unwrap());
    }

    #[test]
    fn a_barrier_that_the_kernel_refuses_is_an_error() {
        assert!(register_membarrier());
        membarrier().unwrap();
        let filtered = thread::spawn(|| {
            refuse(libc::SYS_membarrier);
            membarrier().unwrap_err().raw_os_error()
        });
        assert_eq!(filtered.join().unwrap(), Some(libc::EPERM));
    }

    #[test]
    fn a_thread_has_its_name_and_its_stack_and_ends_with_a_panic_of_its_own() {
        let (send, received) = std::sync::mpsc::channel();
        let thread = start(c"lcr-test", 8 << 20, move || {
            let deep = [1_u8; 4 << 20];
            send.send((thread_name(), std::hint::black_box(&deep).len())).unwrap();
            panic!("as it should");
        });
        thread.unwrap().join();
        assert_eq!(received.recv().unwrap(), ("lcr-test".to_owned(), 4 << 20));
        assert!(received.recv().is_err(), "what the thread held is dropped");
        drop(start(c"lcr-test", 1, || ()).unwrap());
    }
}
