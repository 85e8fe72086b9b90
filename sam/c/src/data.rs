//! Stored data: bytes that outlive the instance.

use std::{ffi::c_void, slice};

use sam_rust::ErrorKind;

use crate::{Status, life::Stage, quiet::alone};

/// Runs a call on stored data, if the stage allows that. A NULL that no stage allows is refused at every stage,
/// as corosync's library does.
fn with_data(is_null: bool, call: impl FnOnce() -> Status) -> Status {
    if is_null {
        return Status::INVALID_PARAM;
    }
    if !Stage::now().is_open() {
        return Status::BAD_HANDLE;
    }
    alone(call).unwrap_or(Status::TRY_AGAIN)
}

/// `sam_data_getsize`: writes how many bytes are stored; 0 if nothing is.
///
/// - `CS_ERR_BAD_HANDLE`: not initialized, or finalized.
/// - `CS_ERR_INVALID_PARAM`: `size` is NULL.
/// - `CS_ERR_TRY_AGAIN`: the caller is a signal handler that has interrupted a call on stored data.
///
/// # Safety
/// `size` is NULL or points to a `size_t` of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sam_data_getsize(size: *mut usize) -> Status {
    with_data(size.is_null(), || {
        match sam_rust::app().stored_len() {
            Ok(len) => {
                // SAFETY: not NULL, so it points to a `size_t` of the caller's.
                unsafe { size.write(len.unwrap_or(0)) };
                Status::OK
            }
            Err(error) => Status::from(&error),
        }
    })
}

/// `sam_data_restore`: copies what is stored to `data`, which has room for `size` bytes.
///
/// - `CS_ERR_BAD_HANDLE`: not initialized, or finalized.
/// - `CS_ERR_INVALID_PARAM`: `data` is NULL, or more than `size` bytes are stored.
/// - `CS_ERR_TRY_AGAIN`: as for `sam_data_getsize`.
/// - `CS_ERR_FAILED_OPERATION`: the application has overwritten the memory of stored data.
///
/// # Safety
/// `data` is NULL or points to `size` bytes of the caller's, which no other thread uses meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sam_data_restore(data: *mut c_void, size: usize) -> Status {
    with_data(data.is_null(), || {
        // No object is larger.
        let size = size.min(isize::MAX.cast_unsigned());
        // SAFETY: not NULL, so it points to that many bytes, which are the caller's alone.
        let into = unsafe { slice::from_raw_parts_mut(data.cast::<u8>(), size) };
        sam_rust::app().restore(into).map(drop).into()
    })
}

/// `sam_data_store`: stores `size` bytes in place of what was stored. If `data` is NULL, erases what was stored.
///
/// - `CS_ERR_BAD_HANDLE`: not initialized, or finalized.
/// - `CS_ERR_NO_MEMORY`: there is no room for that many bytes; what was stored stays.
/// - `CS_ERR_TRY_AGAIN`: as for `sam_data_getsize`.
///
/// # Safety
/// `data` is NULL or points to `size` bytes, which no thread changes meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sam_data_store(data: *const c_void, size: usize) -> Status {
    with_data(false, || {
        let data = match size {
            _ if data.is_null() => &[],
            size if size > isize::MAX.cast_unsigned() => return Status::NO_MEMORY,
            // SAFETY: not NULL, so it points to that many bytes, which no thread changes.
            size => unsafe { slice::from_raw_parts(data.cast::<u8>(), size) },
        };
        match sam_rust::app().store(data) {
            Err(error) if error.kind() == ErrorKind::NoSpace => Status::NO_MEMORY,
            result => result.into(),
        }
    })
}
