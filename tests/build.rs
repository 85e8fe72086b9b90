//! Links the components without debug information.
//!
//! A loaded component's file is copied and hashed each time, and the stress tests load
//! thousands: 2 MB each instead of 18.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg=-Wl,--strip-debug");
}
