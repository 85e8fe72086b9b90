//! Gives libsam.so the name under which programs that were linked to corosync's look for it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libsam.so.4");
}
