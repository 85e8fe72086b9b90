//! Links the components without debug information, one of them to private libraries, and one to code of C.
//!
//! The runtime copies and hashes each file that it loads, and the stress tests load thousands: 2 MB each instead
//! of 18.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

#[path = "src/tone.rs"]
mod tone;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/tone.rs");
    println!("cargo::rerun-if-changed=components/tone");
    println!("cargo::rerun-if-changed=components/keeper/threads.c");
    println!("cargo::rustc-link-arg=-Wl,--strip-debug");

    // At run time the loader looks for them beside the component, where a test puts other builds.
    let directory = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where to write"));
    tone::compile(&tone::sources(), &directory, 0);
    let link = directory.join("libtone.so");
    let _ = fs::remove_file(&link);
    symlink("libtone.so.1", link).expect("a name for the linker");
    // A search path of cargo would have the loader look there at run time, too.
    println!("cargo::rustc-link-arg=-L{}", directory.display());
    println!("cargo::rustc-link-arg=-Wl,-rpath-link,{}/deep", directory.display());
    println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/beside");

    // A linker takes nothing of an archive for a component that needs nothing of it.
    let archive = tone::archive(Path::new("components/keeper/threads.c"), &directory);
    println!("cargo::rustc-link-arg={}", archive.display());
}
