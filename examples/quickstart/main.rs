//! One component source, first linked into the program, then loaded in its place.

mod counter; // links the component; no other line is needed
use counter::Counter;

use std::{env, process::Command};

fn main() -> Result<(), lcr::BoxError> {
    let runtime = lcr::Runtime::new()?;
    let counter = runtime.service::<dyn Counter>()?; // a handle: implements Counter
    println!("linked: {}", counter.add(1));

    // The same file is an [[example]] with crate-type "cdylib": edit it, and run again.
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    Command::new("cargo").args(["build", "--example", "quickstart_counter", "--profile", profile]).status()?;
    let library = env::current_exe()?.with_file_name("libquickstart_counter.so");

    println!("{}", runtime.replace(library)?);
    println!("loaded: {}", counter.add(1)); // the same handle, and the count came along
    Ok(())
}
