//! Gives libsam.so the soname of corosync's library, by which programs that were linked to that find it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libsam.so.4");
}
