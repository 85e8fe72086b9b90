//! Records which toolchain and target compile this copy of `lcr`: a component
//! writes both into its manifest. And decides whether images lead what threads need to their
//! host (`cfg(lcr_led)`, see `src/component/libc_shims.rs`).

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

    println!("cargo::rustc-check-cfg=cfg(lcr_led)");
    if is_led() {
        println!("cargo::rustc-cfg=lcr_led");
    }
}

/// Whether functions in the C library's place may stand in an image. A sanitizer's runtime in
/// the program calls the C library's by name before any code of ours can run, so with one they
/// must not stand in the program; `--cfg lcr_led` among the flags of rustc puts them into
/// libraries all the same.
fn is_led() -> bool {
    let has = |name: &str| env::var_os(name).is_some();
    let is = |name: &str, values: &[&str]| env::var(name).is_ok_and(|value| values.contains(&value.as_str()));
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let is_possible = is("CARGO_CFG_TARGET_OS", &["linux"])
        && is("CARGO_CFG_TARGET_ARCH", &["x86_64", "aarch64"])
        && !features.split(',').any(|feature| feature == "crt-static")
        && !has("CARGO_CFG_LOOM")
        && !has("CARGO_CFG_MIRI");
    is_possible && (!has("CARGO_CFG_SANITIZE") || has("CARGO_CFG_LCR_LED"))
}
