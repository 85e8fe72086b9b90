//! Outcomes of calls across an image border, and what stands in for a value when
//! there is none.

use alloc::{boxed::Box, string::String};
use core::{mem::MaybeUninit, ptr};

/// What every C function of a component returns.
///
/// Ownership: a non-null `fault` belongs to the receiver, who must take
/// it; `value` is initialised exactly if `fault` is null. No function that returns an
/// `Outcome` unwinds.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Outcome<R: Copy> {
    /// Null, or why there is no value.
    pub fault: *mut RawFault,
    /// The result's representation.
    pub value: MaybeUninit<R>,
}

impl<R: Copy> Outcome<R> {
    /// An outcome that carries a value.
    #[inline(always)]
    pub const fn done(value: R) -> Outcome<R> {
        Outcome { fault: ptr::null_mut(), value: MaybeUninit::new(value) }
    }

    /// An outcome that carries a fault.
    #[cold]
    pub fn faulted(kind: FaultKind, message: String) -> Outcome<R> {
        Outcome { fault: RawFault::new(kind, message), value: MaybeUninit::uninit() }
    }

    /// Splits the outcome.
    ///
    /// # Errors
    /// The kind and message of the fault, if it carries one.
    ///
    /// # Safety
    /// The outcome must come from a function that keeps the contract of [`Outcome`],
    /// and must not be split twice.
    #[inline]
    pub unsafe fn split(self) -> Result<R, (FaultKind, String)> {
        if self.fault.is_null() {
            // SAFETY: a null fault means an initialised value.
            Ok(unsafe { self.value.assume_init() })
        } else {
            // SAFETY: a non-null fault is owned by us and live.
            Err(unsafe { RawFault::take(self.fault) })
        }
    }
}

/// Why a call has no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
#[non_exhaustive]
pub enum FaultKind {
    /// The component panicked.
    Panic = 1,
    /// The method is not there any more, or never was.
    Withdrawn = 2,
    /// The caller waited at a gate until its deadline.
    Gate = 3,
    /// The handle's runtime or instance is gone.
    Revoked = 4,
}

impl FaultKind {
    pub(crate) fn from_number(number: u32) -> FaultKind {
        match number {
            2 => FaultKind::Withdrawn,
            3 => FaultKind::Gate,
            4 => FaultKind::Revoked,
            _ => FaultKind::Panic,
        }
    }
}

/// A fault in flight between two images: made and freed by the same one.
#[repr(C)]
pub struct RawFault {
    kind: u32,
    message: *const u8,
    message_len: usize,
    free: unsafe extern "C" fn(*mut RawFault),
}

impl RawFault {
    /// A fault owned by this image.
    pub fn new(kind: FaultKind, message: String) -> *mut RawFault {
        let message: &mut str = Box::leak(message.into_boxed_str());
        Box::into_raw(Box::new(RawFault {
            kind: kind as u32,
            message: message.as_mut_ptr(),
            message_len: message.len(),
            free: free_fault,
        }))
    }

    /// Copies the fault's contents out and frees it in the image that made it.
    ///
    /// # Safety
    /// `fault` comes from [`RawFault::new`] of any image and is not used again.
    #[cold]
    pub unsafe fn take(fault: *mut RawFault) -> (FaultKind, String) {
        // SAFETY: the caller owns a live fault.
        let raw = unsafe { &*fault };
        // SAFETY: `new` leaked a string of this address and length.
        let message = unsafe { core::slice::from_raw_parts(raw.message, raw.message_len) };
        let taken = (FaultKind::from_number(raw.kind), String::from_utf8_lossy(message).into_owned());
        // SAFETY: `free` belongs to the image that made the fault; it is not used again.
        unsafe { (raw.free)(fault) };
        taken
    }
}

unsafe extern "C" fn free_fault(fault: *mut RawFault) {
    // SAFETY: only `take` calls this, once, with what `new` of this image leaked.
    let fault = unsafe { Box::from_raw(fault) };
    let message = ptr::slice_from_raw_parts_mut(fault.message.cast_mut(), fault.message_len);
    // SAFETY: `new` of this image leaked a boxed `str` of this address and length.
    drop(unsafe { Box::from_raw(message) });
}
