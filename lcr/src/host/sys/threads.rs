//! Threads: starting them, their numbers and names, their ends, and the keys for those.

use std::{
    ffi::CStr,
    fs, io,
    mem::{ManuallyDrop, MaybeUninit},
    panic::{self, AssertUnwindSafe},
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::host::ids::ThreadId;

/// The kernel's number of the calling thread.
pub(in crate::host) fn thread_id() -> ThreadId {
    // SAFETY: the call takes nothing.
    ThreadId::of_kernel(unsafe { libc::gettid() }.cast_unsigned())
}

/// The calling thread's name as the kernel has it; `main` for the first thread, whose name is the
/// program's. Unlike [`std::thread::current`] this works until the very end of a thread.
pub(in crate::host) fn thread_name() -> String {
    if thread_id().to_kernel() == std::process::id() {
        return "main".to_owned();
    }
    let mut name = [0_u8; 16];
    // SAFETY: the call takes nothing.
    let own = unsafe { libc::pthread_self() };
    // SAFETY: the buffer has the length that is given, and the thread is the calling one.
    let result = unsafe { libc::pthread_getname_np(own, name.as_mut_ptr().cast(), name.len()) };
    if result != 0 {
        return String::new();
    }
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    String::from_utf8_lossy(&name[..end]).into_owned()
}

/// The name of a thread of this process as the kernel has it, if the thread is there.
pub(in crate::host) fn name_of(thread: ThreadId) -> Option<String> {
    let name = fs::read(format!("/proc/self/task/{}/comm", thread.to_kernel())).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end_matches('\n').to_owned())
}

/// Whether this process has a thread of that number. If the kernel refuses to say (a filter of system
/// calls, a thread of another user), the answer is yes: a record must not be taken from a living thread.
pub(in crate::host) fn is_alive(thread: ThreadId) -> bool {
    // Miri does not know the call, and may not be asked about a thread.
    if cfg!(miri) {
        return true;
    }
    let process = std::process::id();
    // SAFETY: signal 0 only asks whether the thread is there.
    let answer = unsafe { libc::syscall(libc::SYS_tgkill, process, thread.to_kernel(), 0) };
    answer == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// A thread of the runtime's own. The thread goes on by itself when this value is dropped.
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

/// Starts a thread with a name of at most 15 bytes and a stack of at least `stack` bytes. A panic of `body`
/// ends the thread.
///
/// This is not `std::thread`, which takes a lock of the standard library whenever a thread begins or ends.
/// If a thread of the parent holds that lock at a `fork`, the child finds it locked for ever, and could
/// start no thread any more.
pub(crate) fn start(name: &'static CStr, stack: usize, body: impl FnOnce() + Send + 'static) -> io::Result<Started> {
    type Body = (&'static CStr, Box<dyn FnOnce() + Send>);
    extern "C" fn run(body: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: `start` leaked the box for this thread.
        let (name, body) = *unsafe { Box::from_raw(body.cast::<Body>()) };
        // SAFETY: the call takes nothing.
        let own = unsafe { libc::pthread_self() };
        // SAFETY: the name ends with a zero, and the thread is the calling one.
        unsafe { libc::pthread_setname_np(own, name.as_ptr()) };
        // The panic hook has reported the panic.
        drop(panic::catch_unwind(AssertUnwindSafe(body)));
        ptr::null_mut()
    }
    let mut attributes = MaybeUninit::uninit();
    // Miri has no attributes of threads.
    if cfg!(not(miri)) {
        // SAFETY: the pointer is valid; the call initialises what it points to.
        unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) };
        // SAFETY: they are initialised, and the size is a multiple of a page's.
        unsafe { libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), stack.next_multiple_of(64 << 10)) };
    }
    let with = if cfg!(miri) { ptr::null() } else { attributes.as_ptr() };
    let body: *mut Body = Box::into_raw(Box::new((name, Box::new(body))));
    let mut thread = MaybeUninit::uninit();
    // SAFETY: the pointers are valid, or null for the default attributes, and `run` gets the box that it takes over.
    let error = unsafe { libc::pthread_create(thread.as_mut_ptr(), with, run, body.cast()) };
    if cfg!(not(miri)) {
        // SAFETY: they are initialised, and not used again.
        unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    }
    if error != 0 {
        // SAFETY: no thread was started that could have taken the box over.
        drop(unsafe { Box::from_raw(body) });
        return Err(io::Error::from_raw_os_error(error));
    }
    // SAFETY: the call has succeeded, so it has written the thread's handle.
    Ok(Started(unsafe { thread.assume_init() }))
}

/// Has the C library call `end(value)` when the calling thread ends. `value` must not be null. `of` holds
/// the thread key, `u32::MAX` before there is one; callers give the same `end` with the same `of`. Returns
/// false if the system has no key left.
///
/// glibc runs the destructors of thread-locals before those of keys, musl runs them among those of keys.
/// The destructors of further keys may come later.
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
                // SAFETY: no other code knows the key that lost the race.
                unsafe { libc::pthread_key_delete(fresh) };
                key = other;
            }
        }
    }
    // SAFETY: the key exists for the process's life.
    unsafe { libc::pthread_setspecific(key, value.cast()) == 0 }
}

/// How many thread keys a process has (`PTHREAD_KEYS_MAX`).
pub(in crate::host) fn key_limit() -> u32 {
    // SAFETY: asks for a constant of the system.
    let limit = unsafe { libc::sysconf(libc::_SC_THREAD_KEYS_MAX) };
    // 128 is the least that POSIX allows.
    u32::try_from(limit).unwrap_or(128)
}

/// How many thread keys with a number below `end` are free, up to `most`. Makes the keys to count them, and
/// deletes them again.
pub(in crate::host) fn count_keys_below(end: u32, most: usize) -> usize {
    let mut made = Vec::with_capacity(most.min(end as usize));
    while made.len() < most {
        let mut key = 0;
        // SAFETY: the pointer is valid; the key has no destructor.
        if unsafe { libc::pthread_key_create(&raw mut key, None) } != 0 {
            break;
        }
        if key >= end {
            // SAFETY: the key was just made, and no other code knows it.
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

/// Has the C library call `end` among the destructors of the calling thread's thread-locals, if the C
/// library keeps a list of these.
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

/// Calls `pthread_create` with a function that `pthread_exit` may unwind.
///
/// # Safety
/// The contract of `pthread_create`; the new thread owns `argument`.
pub(in crate::host) unsafe fn create_thread(
    thread: *mut libc::pthread_t,
    how: *const libc::pthread_attr_t,
    start: ThreadStart,
    argument: *mut libc::c_void,
) -> i32 {
    // SAFETY: the two types differ only in what an unwinding means.
    let start =
        unsafe { std::mem::transmute::<ThreadStart, extern "C" fn(*mut libc::c_void) -> *mut libc::c_void>(start) };
    // SAFETY: the caller keeps the contract.
    unsafe { libc::pthread_create(thread, how, start, argument) }
}
