//! Wakers across an image border: how a future of one image wakes a task of another.
//!
//! A waker crosses as the address of a [`WakerHeader`], whose first word is the table of C functions of the
//! image that made it. A waker that is *lent* belongs to its giver, and ends with the call that it was given
//! to; who keeps it longer clones it, and has an *owned* one. The image that makes owned ones counts them,
//! so that it is not unmapped while another image has one.
//!
//! An executor may give any code for its wakers. So wakers are cloned, woken and dropped where the host holds
//! no lock, and each function contains its panics.

use super::layout::layout;

/// What every waker begins with.
#[repr(C)]
#[derive(Debug)]
pub struct WakerHeader {
    /// The functions of the image that made the waker.
    pub vtable: *const WakerVtable,
}

layout!(WakerHeader: size 8, align 8 { vtable at 0 });

/// The functions of a waker. Any thread; none unwinds.
#[repr(C)]
#[derive(Debug)]
pub struct WakerVtable {
    /// An owned waker of the same task; never null. The receiver gives it to `wake` or `drop`, once.
    pub clone: unsafe extern "C" fn(*const WakerHeader) -> *const WakerHeader,
    /// Wakes the task, and takes an owned waker back.
    pub wake: unsafe extern "C" fn(*const WakerHeader),
    /// Wakes the task.
    pub wake_by_ref: unsafe extern "C" fn(*const WakerHeader),
    /// Takes an owned waker back.
    pub drop: unsafe extern "C" fn(*const WakerHeader),
}

layout!(WakerVtable: size 32, align 8 { clone at 0, wake at 8, wake_by_ref at 16, drop at 24 });
