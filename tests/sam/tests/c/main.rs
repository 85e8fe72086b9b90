//! libsam for C: the suite of `tests/sam/c`, compiled as C99, C17 and C++17 and linked in each way, the same
//! binaries with corosync's own library, and the installed library.
//!
//! Where a compiler, valgrind or corosync's library (`libsam4` and `libsam-dev` in Debian) is not installed, the
//! tests say so and pass.

mod building;
mod installed;
mod suite;
