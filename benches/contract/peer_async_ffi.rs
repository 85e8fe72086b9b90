//! The async method as a function that returns a future of `async-ffi`.

/// The symbol in the cdylib, of type [`Walk`].
pub const SYMBOL: &[u8] = b"bench_async_ffi_walk";
/// The method of an instance that the library has.
pub type Walk = extern "C" fn(u64, u32) -> async_ffi::FfiFuture<u64>;
