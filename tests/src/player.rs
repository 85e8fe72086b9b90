//! A component with private libraries beside it, in a directory of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{component, tone};

/// A player, with one build of its private libraries beside it.
///
/// # Panics
/// If there is no C compiler.
pub fn player(build: u32) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("player.so");
    fs::copy(component("player_with_private_libraries"), &file).expect("the component is copied");
    tone::compile(&tone::sources(), &directory.path().join("beside"), build);
    (directory, file)
}

/// The libraries of a [`player`], by the names under which they are needed.
pub fn libraries(directory: &Path) -> [(&'static str, PathBuf); 3] {
    let beside = directory.join("beside");
    let file = |path| beside.join(path);
    [
        ("libtone.so.1", file("libtone.so.1")),
        ("libhum.so", file("libhum.so")),
        ("libovertone.so", file("deep/libovertone.so")),
    ]
}
