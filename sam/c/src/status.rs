//! `cs_error_t`, as `corotypes.h` numbers it.

use std::{error::Error as _, ffi::c_int, io};

/// What every function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Status(c_int);

impl Status {
    /// `CS_OK`
    pub const OK: Status = Status(1);
    /// `CS_ERR_TRY_AGAIN`
    pub const TRY_AGAIN: Status = Status(6);
    /// `CS_ERR_INVALID_PARAM`
    pub const INVALID_PARAM: Status = Status(7);
    /// `CS_ERR_NO_MEMORY`
    pub const NO_MEMORY: Status = Status(8);
    /// `CS_ERR_BAD_HANDLE`
    pub const BAD_HANDLE: Status = Status(9);
    /// `CS_ERR_NOT_SUPPORTED`
    pub const NOT_SUPPORTED: Status = Status(19);
}

impl From<sam_rust::Result<()>> for Status {
    fn from(result: sam_rust::Result<()>) -> Status {
        result.map_or_else(|error| Status::from(&error), |()| Status::OK)
    }
}

impl From<&sam_rust::Error> for Status {
    /// By the table of kinds of the crate `sam`. Leaves the operating system's error in `errno`.
    fn from(error: &sam_rust::Error) -> Status {
        let system = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        if let Some(number) = system.and_then(io::Error::raw_os_error) {
            // SAFETY: takes no arguments and returns the address of this thread's `errno`.
            let errno = unsafe { libc::__errno_location() };
            // SAFETY: an int that is there as long as this thread.
            unsafe { errno.write(number) };
        }
        Status(error.kind().cs_error())
    }
}
