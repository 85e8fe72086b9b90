//! The async method in a library of `async-ffi`.

use async_ffi::{FfiFuture, FutureExt as _};
use contract::{ADDEND, walk::walk};

/// The method.
#[unsafe(no_mangle)]
pub extern "C" fn bench_async_ffi_walk(x: u64, pends: u32) -> FfiFuture<u64> {
    walk(ADDEND, x, pends).into_ffi()
}
