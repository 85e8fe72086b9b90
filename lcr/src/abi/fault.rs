//! Outcomes of calls across an image border, and what stands in for a value when
//! there is none.

use alloc::{boxed::Box, string::String};
use core::{fmt, mem::MaybeUninit, ptr};

use super::layout::layout;

/// What every C function of a component returns.
///
/// Ownership: a non-null `fault` belongs to the receiver, which must take
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

layout!(Outcome<u64>: size 16, align 8 { fault at 0, value at 8 });

impl<R: Copy> Outcome<R> {
    /// An outcome that carries a value.
    #[inline(always)]
    pub const fn done(value: R) -> Outcome<R> {
        Outcome { fault: ptr::null_mut(), value: MaybeUninit::new(value) }
    }

    /// An outcome that carries a fault. `beginning` says where the fault began; `None` means here.
    #[cold]
    pub fn faulted(kind: FaultKind, message: String, beginning: Option<Beginning>) -> Outcome<R> {
        Outcome { fault: RawFault::passing(kind, message, beginning), value: MaybeUninit::uninit() }
    }

    /// Whether the outcome is this value.
    #[inline(always)]
    pub fn is(&self, value: R) -> bool
    where
        R: PartialEq,
    {
        // SAFETY: a null fault means an initialised value.
        self.fault.is_null() && unsafe { self.value.assume_init() } == value
    }

    /// The value, or the fault's contents.
    ///
    /// # Errors
    /// The kind and message of the fault, if it carries one, and where it began.
    ///
    /// # Safety
    /// The outcome must come from a function that keeps the contract of [`Outcome`],
    /// and must not be taken twice.
    #[inline]
    pub unsafe fn into_result(self) -> Result<R, (FaultKind, String, Option<Beginning>)> {
        if self.fault.is_null() {
            // SAFETY: a null fault means an initialised value.
            Ok(unsafe { self.value.assume_init() })
        } else {
            // SAFETY: a non-null fault is owned by us and live.
            Err(unsafe { RawFault::take(self.fault) })
        }
    }
}

/// The class of a [`Fault`](crate::Fault). `Display` writes its [`name`](FaultKind::name).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u32)]
#[non_exhaustive]
pub enum FaultKind {
    /// The component panicked.
    Panic = 1,
    /// The component, or the method in it, was removed; or the component lacks the method.
    Withdrawn = 2,
    /// A gate stayed shut until the plan's deadline, and the call was not made.
    Gate = 3,
    /// The runtime was dropped.
    Revoked = 4,
    /// The component is being replaced, and its author wants async calls under way to end then
    /// (`#[lcr::component(cancel)]`). The call was made, and may have had effects. Made again, it reaches the new
    /// version.
    Cancelled = 5,
    /// A [patch](crate::PatchBuilder::before) refused the call, and the component did not get it. The fault's origin is
    /// the patch.
    Refused = 6,
}

impl FaultKind {
    /// The stable name, for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            FaultKind::Panic => "panic",
            FaultKind::Withdrawn => "withdrawn",
            FaultKind::Gate => "gate",
            FaultKind::Revoked => "revoked",
            FaultKind::Cancelled => "cancelled",
            FaultKind::Refused => "refused",
        }
    }

    pub(crate) fn from_number(number: u32) -> FaultKind {
        match number {
            2 => FaultKind::Withdrawn,
            3 => FaultKind::Gate,
            4 => FaultKind::Revoked,
            5 => FaultKind::Cancelled,
            6 => FaultKind::Refused,
            _ => FaultKind::Panic,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a fault began, if that is not the code that gave it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beginning {
    /// The component with its version; empty if the code belongs to none (a callback of the
    /// program).
    pub component: String,
    /// The commit in whose world the component was called; 0 if that is the world of the call
    /// that the fault comes out of.
    pub generation: u64,
}

/// A fault on its way between two images. The image that made the fault frees it.
#[repr(C)]
pub struct RawFault {
    kind: u32,
    /// Null if the fault began in the code that gave it.
    component: *const u8,
    component_len: usize,
    generation: u64,
    message: *const u8,
    message_len: usize,
    free: unsafe extern "C" fn(*mut RawFault),
}

layout!(RawFault: size 56, align 8 {
    kind at 0, component at 8, component_len at 16, generation at 24, message at 32, message_len at 40,
    free at 48
});

impl RawFault {
    /// A fault that belongs to this image and began in it.
    pub fn new(kind: FaultKind, message: String) -> *mut RawFault {
        RawFault::passing(kind, message, None)
    }

    /// A fault that belongs to this image; `beginning` says where it began, if not here.
    pub fn passing(kind: FaultKind, message: String, beginning: Option<Beginning>) -> *mut RawFault {
        let message: &mut str = Box::leak(message.into_boxed_str());
        let (component, generation) = match beginning {
            Some(beginning) => (Some(Box::leak(beginning.component.into_boxed_str())), beginning.generation),
            None => (None, 0),
        };
        Box::into_raw(Box::new(RawFault {
            kind: kind as u32,
            component_len: component.as_ref().map_or(0, |component| component.len()),
            component: component.map_or(ptr::null(), |component| component.as_mut_ptr().cast_const()),
            generation,
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
    pub unsafe fn take(fault: *mut RawFault) -> (FaultKind, String, Option<Beginning>) {
        // SAFETY: the caller owns a live fault.
        let taken = unsafe { RawFault::look(fault) };
        // SAFETY: as above.
        let free = unsafe { (*fault).free };
        // SAFETY: `free` belongs to the image that made the fault; it is not used again.
        unsafe { free(fault) };
        taken
    }

    /// Copies the fault's contents out.
    ///
    /// # Safety
    /// `fault` comes from [`RawFault::new`] of any image and was not taken.
    #[cold]
    pub unsafe fn look(fault: *const RawFault) -> (FaultKind, String, Option<Beginning>) {
        // SAFETY: the caller has a live fault.
        let raw = unsafe { &*fault };
        // SAFETY: `passing` leaked a string of this address and length.
        let message = unsafe { core::slice::from_raw_parts(raw.message, raw.message_len) };
        let beginning = (!raw.component.is_null()).then(|| {
            // SAFETY: as above.
            let component = unsafe { core::slice::from_raw_parts(raw.component, raw.component_len) };
            Beginning { component: String::from_utf8_lossy(component).into_owned(), generation: raw.generation }
        });
        (FaultKind::from_number(raw.kind), String::from_utf8_lossy(message).into_owned(), beginning)
    }
}

unsafe extern "C" fn free_fault(fault: *mut RawFault) {
    // SAFETY: only `take` calls this, once, with what `new` of this image leaked.
    let fault = unsafe { Box::from_raw(fault) };
    let message = ptr::slice_from_raw_parts_mut(fault.message.cast_mut(), fault.message_len);
    // SAFETY: `passing` of this image leaked a boxed `str` of this address and length.
    drop(unsafe { Box::from_raw(message) });
    if !fault.component.is_null() {
        let component = ptr::slice_from_raw_parts_mut(fault.component.cast_mut(), fault.component_len);
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(component) });
    }
}
