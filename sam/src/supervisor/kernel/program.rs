//! Finds out whether another program can be executed, before supervision begins.

use std::{env, ffi::OsStr, fs, io, os::unix::ffi::OsStrExt as _, path::Path};

use nix::{
    errno::Errno,
    unistd::{AccessFlags, access},
};

use crate::error::{Error, ErrorKind, Result};

/// Where `execvp(3)` looks without `PATH`.
const USUAL: &str = "/bin:/usr/bin";

/// Looks for a program where `execvp(3)` will.
pub(crate) fn look_for(name: &OsStr) -> Result<()> {
    look_for_in(name, env::var_os("PATH").as_deref())
}

/// The same with another `PATH`.
pub(crate) fn look_for_in(name: &OsStr, path: Option<&OsStr>) -> Result<()> {
    let shown = Path::new(name).display();
    if name.is_empty() {
        return Err(Error::new(ErrorKind::NoProgram, "the program to supervise has no name; give one"));
    }
    if name.as_bytes().contains(&b'/') {
        return match look_at(Path::new(name)) {
            Ok(()) => Ok(()),
            Err(Errno::ENOENT | Errno::ENOTDIR) => {
                let text = format!("there is no file {shown}; give the program's path, or its name to look in PATH");
                Err(Error::new(ErrorKind::NoProgram, text))
            }
            Err(error) => Err(refused(Path::new(name), error)),
        };
    }
    let path = path.unwrap_or(USUAL.as_ref());
    let mut refusal = None;
    for file in env::split_paths(path).map(|folder| folder.join(name)) {
        match look_at(&file) {
            Ok(()) => return Ok(()),
            Err(Errno::EACCES) if refusal.is_none() && file.exists() => refusal = Some(refused(&file, Errno::EACCES)),
            Err(_) => {}
        }
    }
    let none = || Error::new(ErrorKind::NoProgram, format!("there is no program {shown} in PATH; give its path"));
    Err(refusal.unwrap_or_else(none))
}

fn look_at(file: &Path) -> std::result::Result<(), Errno> {
    access(file, AccessFlags::X_OK)?;
    if fs::metadata(file).is_ok_and(|file| file.is_file()) { Ok(()) } else { Err(Errno::EACCES) }
}

fn refused(file: &Path, error: Errno) -> Error {
    let text = format!("{} cannot be executed; give a file that is executable (chmod +x)", file.display());
    Error::new(ErrorKind::NotExecutable, text).with_source(io::Error::from(error))
}
