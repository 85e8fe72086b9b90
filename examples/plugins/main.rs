//! A folder of plugins: the program loads all of it, goes on without a bad file, and puts a file
//! that appears later in place.

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
    fs::write(folder.path().join("broken.so"), "no library")?;

    // The names of files mean nothing: each component says its own.
    let runtime = Runtime::new()?;
    let loaded = runtime.load_directory(folder.path())?;
    loaded.refused.iter().for_each(|(_, error)| println!("refused {error}")); // it names the file
    assert_eq!(loaded.refused.len(), 1);
    assert_eq!(apply_all(&runtime, "how are you")?, ["reverse: uoy era woh", "upper: HOW ARE YOU"]);

    // What a watcher (inotify, or a look every second) does with each file that appeared.
    install("plugins_reverse_v2", "reverse-2.so")?;
    println!("{}", put(&runtime, &folder.path().join("reverse-2.so"))?);
    assert_eq!(apply_all(&runtime, "how are you")?, ["reverse: you are how", "upper: HOW ARE YOU"]);

    // A file that went away changes nothing by itself; the component is removed by its name.
    println!("{}", runtime.plan().remove("upper").commit()?);
    assert_eq!(apply_all(&runtime, "how are you")?, ["reverse: you are how"]);
    Ok(())
}

/// Copies a file to another name in the folder, and renames it there when it is whole.
fn install(library: &Path, file: &Path) -> Result<(), BoxError> {
    let part = file.with_extension("part");
    fs::copy(library, &part)?;
    Ok(fs::rename(part, file)?)
}

/// Replaces the component that the file has, or adds it if it is new.
fn put(runtime: &Runtime, file: &Path) -> Result<lcr::Report, lcr::Error> {
    let name = lcr::manifest::Manifest::read(file)?.component.name; // runs none of its code
    let is_present = runtime.status().components.iter().any(|component| component.id.name == name);
    if is_present { runtime.plan().replace_component(&name, file).commit() } else { runtime.load(file) }
}

/// What each plugin makes of the text. Handles are not kept: a component with handles is in use,
/// and could not be removed.
fn apply_all(runtime: &Runtime, text: &str) -> Result<Vec<String>, lcr::Error> {
    let components = runtime.status().components;
    let filters = components.iter().filter(|component| component.interface == "plugins.filter");
    let apply = |name: &str| Ok(format!("{name}: {}", runtime.service_of::<dyn Filter>(name)?.apply(text)));
    filters.map(|component| apply(&component.id.name)).collect()
}
