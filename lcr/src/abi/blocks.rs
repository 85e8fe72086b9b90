//! How a host has an image make blocks of memory, to find out which allocator it has.

/// How a block is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum BlockKind {
    /// By `alloc`.
    Plain,
    /// By `alloc_zeroed`.
    Zeroed,
    /// By `alloc` of half as many bytes, and `realloc`.
    Grown,
}
