//! A folder of plugins: the program loads all files that are in the folder, goes on without a bad file,
//! and replaces a plugin when a new file appears.

mod interface;
#[path = "../libraries.rs"]
mod libraries;

use std::{fs, path::Path};

use interface::Filter;
use lcr::{BoxError, Runtime};

fn main() -> Result<(), BoxError> {
    let built = libraries::built(&["plugins_upper", "plugins_reverse", "plugins_reverse_v2"])?;
    let folder = tempfile::tempdir()?;
    let install = |name: &str, file: &str| install(&built.join(format!("lib{name}.so")), &folder.path().join(file));
    install("plugins_upper", "upper.so")?;
    install("plugins_reverse", "reverse.so")?;
    fs::write(folder.path().join("broken.so"), "not a library")?;

    // A component's name comes from its manifest; the name of the file does not matter.
    let runtime = Runtime::new()?;
    let loaded = runtime.load_directory(folder.path())?;
    loaded.refused.iter().for_each(|(_, error)| println!("refused {error}")); // the error names the file
    assert_eq!(loaded.refused.len(), 1);
    assert_eq!(apply_all(&runtime, "how are you")?, ["reverse: uoy era woh", "upper: HOW ARE YOU"]);

    // A new file appears. A program would learn that from inotify, or by looking every second.
    install("plugins_reverse_v2", "reverse-2.so")?;
    println!("{}", put(&runtime, &folder.path().join("reverse-2.so"))?);
    assert_eq!(apply_all(&runtime, "how are you")?, ["reverse: you are how", "upper: HOW ARE YOU"]);

    // Deleting a file changes nothing in the program. A plan removes the component by its name.
    println!("{}", runtime.plan().remove("upper").commit()?);
    assert_eq!(apply_all(&runtime, "how are you")?, ["reverse: you are how"]);
    Ok(())
}

/// Copies a library into the folder under a temporary name, and renames the copy when it is complete, so
/// that the program never finds half a file.
fn install(library: &Path, file: &Path) -> Result<(), BoxError> {
    let part = file.with_extension("part");
    fs::copy(library, &part)?;
    Ok(fs::rename(part, file)?)
}

/// Replaces the component that has the same name as the one in the file, or adds a component with a new
/// name.
fn put(runtime: &Runtime, file: &Path) -> Result<lcr::Report, lcr::Error> {
    let name = lcr::manifest::Manifest::read(file)?.component.name; // runs no code of the file
    let is_present = runtime.status().components.iter().any(|component| component.id.name == name);
    if is_present { runtime.plan().replace_component(&name, file).commit() } else { runtime.load(file) }
}

/// Applies each plugin to the text. The handles are dropped at once, because a component that has
/// handles is in use and cannot be removed.
fn apply_all(runtime: &Runtime, text: &str) -> Result<Vec<String>, lcr::Error> {
    let components = runtime.status().components;
    let filters = components.iter().filter(|component| component.interface == "plugins.filter");
    let apply = |name: &str| Ok(format!("{name}: {}", runtime.service_of::<dyn Filter>(name)?.apply(text)));
    filters.map(|component| apply(&component.id.name)).collect()
}
