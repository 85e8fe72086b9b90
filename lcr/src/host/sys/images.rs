//! Images as the C library and the kernel know them: where one begins, what one exports, and the signals that it
//! handles.

use std::{
    ffi::CStr,
    ptr::{self, NonNull},
};

/// The first signal whose handler is in the image that begins at `start`.
pub(in crate::host) fn signal_handled_by(start: usize) -> Option<i32> {
    (1..=64).find(|&signal| {
        // SAFETY: zeroes are an action.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: the call only asks, and has room for the answer.
        let asked = unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
        // The default and "ignored" are small numbers, which are in no image.
        asked == 0 && image_start(ptr::without_provenance(action.sa_sigaction)) == Some(start)
    })
}

/// The address at which the image with `address` begins.
pub(in crate::host) fn image_start(address: *const ()) -> Option<usize> {
    // SAFETY: null pointers are a `Dl_info`.
    let mut found: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: the call looks the address up, and has room for the answer.
    (unsafe { libc::dladdr(address.cast(), &raw mut found) } != 0).then(|| found.dli_fbase.addr())
}

/// The address of what the program or one of its libraries exports by this name.
pub(in crate::host) fn symbol(name: &CStr) -> Option<NonNull<()>> {
    if cfg!(miri) {
        return None;
    }
    // SAFETY: the name ends with a zero; the call only looks it up.
    NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }.cast())
}
