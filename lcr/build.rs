//! Records which toolchain and target compile this copy of `lcr`: a component
//! writes both into its manifest.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc)
        .arg("-V")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=LCR_TOOLCHAIN={}", version.trim());
    println!("cargo::rustc-env=LCR_TARGET={}", env::var("TARGET").expect("cargo sets TARGET"));
}
