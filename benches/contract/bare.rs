//! A hand-written C-ABI vtable: the least that a call across an image border costs.
//!
//! Every cdylib that links this crate exports [`bench_bare`] and has code and instance
//! of its own.

use lcr::__private::v0_1_0::{Bare as Nothing, Outcome, serve};

use crate::ADDEND;

/// The symbol of [`bench_bare`].
pub const SYMBOL: &str = "bench_bare";
/// The type of [`bench_bare`].
pub type Make = unsafe extern "C" fn() -> Bare;

/// The functions of an instance. Each takes the instance that came with the table.
#[repr(C)]
#[derive(Debug)]
pub struct Table {
    /// The method.
    pub step: unsafe extern "C" fn(instance: *const (), x: u64) -> u64,
    /// The method behind a panic barrier, as a component of `lcr` has it.
    pub guarded: unsafe extern "C" fn(instance: *const (), x: u64) -> Outcome<u64>,
}

/// An instance and its functions, both alive as long as their image is mapped.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bare {
    /// The instance.
    pub instance: *const (),
    /// Its functions.
    pub table: *const Table,
}

// SAFETY: the instance is constant, and its functions only read it.
unsafe impl Send for Bare {}
// SAFETY: as above.
unsafe impl Sync for Bare {}

impl Bare {
    /// Calls the method: reads the function's address from the table, and calls it.
    ///
    /// # Safety
    /// The image that made the value is still mapped.
    #[inline(always)]
    pub unsafe fn step(self, x: u64) -> u64 {
        // SAFETY: the table lives as long as its image, which the caller keeps mapped.
        let step = unsafe { (*self.table).step };
        // SAFETY: the instance came with the table.
        unsafe { step(self.instance, x) }
    }

    /// Calls the method behind the barrier, and looks whether it faulted.
    ///
    /// # Panics
    /// If the method did.
    ///
    /// # Safety
    /// As for [`Bare::step`].
    #[inline(always)]
    pub unsafe fn guarded(self, x: u64) -> u64 {
        // SAFETY: the table lives as long as its image, which the caller keeps mapped.
        let guarded = unsafe { (*self.table).guarded };
        // SAFETY: the instance came with the table.
        let outcome = unsafe { guarded(self.instance, x) };
        assert!(outcome.fault.is_null(), "the method does not panic");
        // SAFETY: without a fault there is a value.
        unsafe { outcome.value.assume_init() }
    }
}

static INSTANCE: u64 = ADDEND;
static TABLE: Table = Table { step, guarded };

unsafe extern "C" fn step(instance: *const (), x: u64) -> u64 {
    // SAFETY: the table is only ever given out together with `INSTANCE`.
    let addend = unsafe { *instance.cast::<u64>() };
    addend.wrapping_add(x)
}

unsafe extern "C" fn guarded(instance: *const (), x: u64) -> Outcome<u64> {
    // SAFETY: the table is only ever given out together with `INSTANCE`.
    unsafe { serve::<u64, Nothing, u64>(instance, |addend| addend.wrapping_add(x)) }
}

/// The image's one instance.
#[unsafe(no_mangle)]
pub extern "C" fn bench_bare() -> Bare {
    Bare { instance: (&raw const INSTANCE).cast(), table: &TABLE }
}
