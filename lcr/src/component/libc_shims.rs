//! Functions that lead some requests of this image's std, and of C code in the image, to the host.
//! The C library would keep what these requests leave for as long as the process lives.
//!
//! The std of every image takes one of the process's 1,024 thread-specific keys on the first `thread::current`, and
//! leaves its destructor's address with each thread that comes by; so does each thread-local with a destructor. So a
//! component could be replaced a thousand times only, and the code of each image would have to stay for as long as any
//! thread lives. The functions below stand in the image under the C library's names, *hidden* and *weak*: the linker
//! binds the image's own references to them, they are not exported, so that no other library is led astray, and two
//! copies of `lcr` in one image do not collide. (A plain `#[no_mangle]` function would be exported, and then the C
//! library's would win.)
//!
//! | name | what the host does |
//! |---|---|
//! | `pthread_key_create`, `_delete`, `pthread_setspecific`, `_getspecific` | keys with numbers of the host's, never used twice, behind one key of the process |
//! | `__cxa_thread_atexit_impl` (glibc) | the destructors of thread-locals, behind one of the host's |
//! | `pthread_create` | counts the thread until nothing of it runs in the image |
//!
//! Until the image has met its host, and in the host's own image for ever, each goes on to
//! the C library. What an initialiser took there is counted as [`Hold::Early`](crate::abi::holds::Hold):
//! such an image is never unmapped. Nor is an image in which the functions cannot stand in: on some
//! targets, and with a sanitizer (`build.rs` decides).
//!
//! The functions are in one module, and so in one object file, with [`lead_to`], which the entry
//! symbol's function calls: wherever the entry is linked, they are linked.

use std::sync::atomic::{AtomicPtr, Ordering};

#[cfg(not(lcr_led))]
use crate::abi::holds::{self, Hold};
use crate::abi::tables::ThreadTable;

static LED_TO: AtomicPtr<ThreadTable> = AtomicPtr::new(std::ptr::null_mut());

/// Leads this image's requests to its host from now on.
#[inline(never)]
pub(super) fn lead_to(threads: &'static ThreadTable) {
    LED_TO.store(std::ptr::from_ref(threads).cast_mut(), Ordering::Release);
    // Without the functions below, the host does not see what the image leaves with threads.
    #[cfg(not(lcr_led))]
    holds::ours().take(Hold::Unseen);
}

#[cfg(lcr_led)]
mod names {
    use super::LED_TO;
    use crate::abi::{
        holds::{self, Hold},
        tables::{Destructor, FIRST_KEY, Start, ThreadTable},
    };
    use std::{
        arch::global_asm,
        ffi::{CStr, c_char, c_int, c_void},
        mem::transmute,
        ptr,
        sync::atomic::{AtomicPtr, Ordering},
    };

    unsafe extern "C" {
        fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    fn host() -> Option<&'static ThreadTable> {
        // SAFETY: null, or the host's table, which lives as long as the process.
        unsafe { LED_TO.load(Ordering::Acquire).as_ref() }
    }

    /// The C library's function of that name, or null.
    fn original(found: &AtomicPtr<c_void>, name: &CStr) -> *mut c_void {
        let mut function = found.load(Ordering::Relaxed);
        if function.is_null() {
            // SAFETY: a name for the default scope, where this image's hidden ones are not.
            function = unsafe { dlsym(ptr::null_mut(), name.as_ptr()) };
            found.store(function, Ordering::Relaxed);
        }
        function
    }

    /// ENOSYS.
    const MISSING: c_int = 38;

    macro_rules! original {
        ($name:literal as fn($($argument:ident: $of:ty),*) -> $result:ty, else $missing:expr) => {{
            static FOUND: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
            let function = original(&FOUND, $name);
            if function.is_null() {
                return $missing;
            }
            // SAFETY: the C library's function of that name has this type.
            let function = unsafe { transmute::<*mut c_void, unsafe extern "C" fn($($of),*) -> $result>(function) };
            // SAFETY: the caller keeps the contract of that function.
            unsafe { function($($argument),*) }
        }};
    }

    unsafe extern "C" fn key_create(key: *mut u32, destructor: Option<Destructor>) -> c_int {
        if let Some(host) = host() {
            // SAFETY: the caller keeps the function's contract.
            return unsafe { (host.key_create)(holds::ours(), key, destructor) };
        }
        holds::ours().take(Hold::Early);
        original!(c"pthread_key_create" as fn(key: *mut u32, destructor: Option<Destructor>) -> c_int, else MISSING)
    }

    unsafe extern "C" fn key_delete(key: u32) -> c_int {
        if let Some(host) = host().filter(|_| key >= FIRST_KEY) {
            // SAFETY: the caller keeps the function's contract.
            return unsafe { (host.key_delete)(key) };
        }
        original!(c"pthread_key_delete" as fn(key: u32) -> c_int, else MISSING)
    }

    unsafe extern "C" fn set(key: u32, value: *mut ()) -> c_int {
        if let Some(host) = host().filter(|_| key >= FIRST_KEY) {
            // SAFETY: the caller keeps the function's contract.
            return unsafe { (host.set)(key, value) };
        }
        original!(c"pthread_setspecific" as fn(key: u32, value: *mut ()) -> c_int, else MISSING)
    }

    unsafe extern "C" fn get(key: u32) -> *mut () {
        if let Some(host) = host().filter(|_| key >= FIRST_KEY) {
            // SAFETY: the caller keeps the function's contract.
            return unsafe { (host.get)(key) };
        }
        original!(c"pthread_getspecific" as fn(key: u32) -> *mut (), else ptr::null_mut())
    }

    unsafe extern "C" fn create(thread: *mut (), how: *const (), start: Start, argument: *mut ()) -> c_int {
        if let Some(host) = host() {
            // SAFETY: the caller keeps the function's contract.
            return unsafe { (host.create)(holds::ours(), thread, how, start, argument) };
        }
        holds::ours().take(Hold::Early);
        original!(
            c"pthread_create" as fn(thread: *mut (), how: *const (), start: Start, argument: *mut ()) -> c_int,
            else MISSING
        )
    }

    #[cfg(target_env = "gnu")]
    unsafe extern "C" fn at_exit(destructor: Destructor, object: *mut (), image: *mut ()) -> c_int {
        if let Some(host) = host() {
            // SAFETY: the caller keeps the function's contract.
            return unsafe { (host.at_exit)(holds::ours(), destructor, object) };
        }
        original!(
            c"__cxa_thread_atexit_impl" as fn(destructor: Destructor, object: *mut (), image: *mut ()) -> c_int,
            else MISSING
        )
    }

    macro_rules! stand_in {
        ($($name:literal is $function:ident;)*) => {$(
            #[cfg(target_arch = "x86_64")]
            global_asm!(
                ".pushsection .text.lcr_shims,\"ax\",@progbits",
                concat!(".weak ", $name), concat!(".hidden ", $name), concat!(".type ", $name, ",@function"),
                ".p2align 4",
                concat!($name, ": jmp {0}"),
                concat!(".size ", $name, ", .-", $name),
                ".popsection",
                sym $function
            );
            #[cfg(target_arch = "aarch64")]
            global_asm!(
                ".pushsection .text.lcr_shims,\"ax\",%progbits",
                concat!(".weak ", $name), concat!(".hidden ", $name), concat!(".type ", $name, ",%function"),
                ".p2align 4",
                concat!($name, ": b {0}"),
                concat!(".size ", $name, ", .-", $name),
                ".popsection",
                sym $function
            );
        )*};
    }

    stand_in! {
        "pthread_key_create" is key_create;
        "pthread_key_delete" is key_delete;
        "pthread_setspecific" is set;
        "pthread_getspecific" is get;
        "pthread_create" is create;
    }
    #[cfg(target_env = "gnu")]
    stand_in! { "__cxa_thread_atexit_impl" is at_exit; }
}
