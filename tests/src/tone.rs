//! Compiles the private libraries of a component, for folders beside it.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

/// Compiles all libraries as that build, into the directories of the component's run path.
///
/// # Panics
/// If there is no C compiler.
pub fn compile(sources: &Path, beside: &Path, build: u32) {
    let deep = beside.join("deep");
    fs::create_dir_all(&deep).expect("a directory for libraries");
    library(sources, "overtone", &deep.join("libovertone.so"), build, &["-Wl,-soname,libovertone.so"]);
    let map = format!("-Wl,--version-script={}", sources.join("tone.map").display());
    let search = format!("-L{}", deep.display());
    let flags = ["-Wl,-soname,libtone.so.1", "-Wl,-rpath,${ORIGIN}/deep/", &map, &search, "-lovertone"];
    library(sources, "tone", &beside.join("libtone.so.1"), build, &flags);
    library(sources, "hum", &beside.join("libhum.so"), build, &[]);
}

/// Compiles one source into an archive for the linker, in that directory.
///
/// # Panics
/// If there is no C compiler, or no `ar`.
pub fn archive(source: &Path, directory: &Path) -> PathBuf {
    let name = source.file_stem().expect("a source has a name");
    let (object, archive) = (directory.join(name).with_extension("o"), directory.join(name).with_extension("a"));
    let compiler = env::var_os("CC").unwrap_or_else(|| OsString::from("cc"));
    let mut compile = Command::new(compiler);
    compile.args(["-c", "-O1", "-fPIC", "-Wall", "-Werror", "-o"]).arg(&object).arg(source);
    let mut pack = Command::new("ar");
    pack.arg("crs").arg(&archive).arg(&object);
    for command in [&mut compile, &mut pack] {
        assert!(command.status().is_ok_and(|status| status.success()), "{command:?} makes an archive");
    }
    archive
}

/// Compiles one library.
///
/// # Panics
/// If there is no C compiler.
pub fn library(sources: &Path, name: &str, to: &Path, build: u32, flags: &[&str]) {
    let compiler = env::var_os("CC").unwrap_or_else(|| OsString::from("cc"));
    let mut command = Command::new(compiler);
    command.args(["-shared", "-fPIC", "-o"]).arg(to).arg(format!("-DBUILD={build}"));
    let status = command.arg(sources.join(format!("{name}.c"))).args(flags).status();
    assert!(status.is_ok_and(|status| status.success()), "a C compiler makes {}", to.display());
    // The umask must not make the file writable by others.
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).expect("a library's mode is set");
}

/// The directory of their sources.
pub fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("components/tone")
}
