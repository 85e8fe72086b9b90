//! How an example builds and finds the libraries of its components.

use std::{env, path::PathBuf, process::Command};

use lcr::BoxError;

/// Builds the components of these names in the profile of this program, and returns the directory that
/// has `libNAME.so` of each. Each component is an `[[example]]` with crate-type `cdylib`; `lcr` is the
/// command, one directory above. With the argument `--built` this builds nothing, because all of them are
/// there already.
pub fn built(names: &[&str]) -> Result<PathBuf, BoxError> {
    let program = env::current_exe()?;
    let directory = program.parent().ok_or("the program has no directory")?;
    if env::args().nth(1).as_deref() != Some("--built") {
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        let mut cargo = Command::new("cargo");
        // Of the packages that this program was built with: another selection may select other features of the
        // dependencies, and build them once more.
        cargo.args(["build", "--quiet", "--profile", profile]);
        names.iter().for_each(|name| _ = cargo.args([if *name == "lcr" { "--bin" } else { "--example" }, name]));
        if !cargo.status()?.success() {
            return Err("cargo did not build the components".into());
        }
    }
    Ok(directory.to_owned())
}
