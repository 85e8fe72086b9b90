//! Where the interface of a method is declared: the crate that a patch library is built against.
//!
//! What a process says of a method names the interface as callers do, `kv.store`. The crate that declares it is looked
//! for among the packages of a workspace: a file in which `#[lcr::interface(name = "kv.store", ..)]` stands on a trait.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value as Json;
use syn::{Item, UseTree, Visibility};

use crate::{
    arguments::edit::Edit,
    exit::{Failure, Status},
    process::{list, text},
    watch::build::cargo,
};

/// How many source files are looked at, and how long one may be, in bytes.
const MOST_FILES: usize = 10_000;
const LONGEST: u64 = 4 << 20;

/// The crate that declares an interface.
#[derive(Debug)]
pub(super) struct Interface {
    /// Its package, and the folder of that.
    pub(super) package: String,
    pub(super) folder: PathBuf,
    /// The name of its library in code.
    pub(super) library: String,
    /// The trait, by its path in the crate.
    pub(super) path: String,
    /// The dependency on lcr, as a manifest says it.
    pub(super) lcr: String,
    /// The folder of the workspace, which has the lock file and says which toolchain builds.
    pub(super) workspace: PathBuf,
    /// Where the workspace builds.
    pub(super) target: PathBuf,
}

/// Finds the crate that declares an interface.
pub(super) fn find(arguments: &Edit, interface: &str) -> Result<Interface, Failure> {
    let metadata = metadata(arguments.manifest_path.as_deref())?;
    let packages = list(&metadata, "packages");
    let is_meant = |package: &&Json| match &arguments.interface_crate {
        Some(name) => text(package, "name") == name,
        None => package["source"].is_null(),
    };
    let mut found = Vec::new();
    let mut looked = 0;
    for package in packages.iter().filter(is_meant) {
        let Some((library, source)) = library(package) else { continue };
        for file in sources(source.parent().unwrap_or(Path::new(".")), &mut looked) {
            let Some(declared) = declared(&file, interface) else { continue };
            let module = module(&source, &file);
            found.push((package, library.clone(), source.clone(), declared, module));
        }
    }
    let (package, library, source, declared, module) = match found.len() {
        1 => found.remove(0),
        0 => {
            let text = format!(
                "no package of this workspace declares {interface}; say where by --manifest-path and --interface-crate"
            );
            return Err(Failure::new(Status::NotFound, "not-found", text));
        }
        _ => {
            let names: Vec<&str> = found.iter().map(|(package, ..)| text(package, "name")).collect();
            let text = format!("{interface} is declared in {}; choose by --interface-crate", names.join(" and "));
            return Err(Failure::new(Status::NotFound, "ambiguous", text));
        }
    };
    if !declared.has_patches {
        let text = format!(
            "{interface} cannot be patched: declare it with `patches`, as #[lcr::interface(name = \"{interface}\", .., \
             patches)], which is no part of its contract, so that the component need not be built again"
        );
        return Err(Failure::new(Status::Format, "no-edit", text));
    }
    let path = match &arguments.interface_trait {
        Some(path) => path.clone(),
        None => {
            let path = format!("{module}{}", declared.name);
            exported(&source, &path).unwrap_or(path)
        }
    };
    Ok(Interface {
        package: text(package, "name").to_owned(),
        folder: Path::new(text(package, "manifest_path")).parent().unwrap_or(Path::new("/")).to_owned(),
        library,
        path,
        lcr: lcr(packages)?,
        workspace: text(&metadata, "workspace_root").into(),
        target: text(&metadata, "target_directory").into(),
    })
}

fn metadata(manifest: Option<&Path>) -> Result<Json, Failure> {
    let mut metadata = cargo();
    metadata.args(["metadata", "--format-version", "1"]).stderr(Stdio::inherit());
    if let Some(path) = manifest {
        let path = if path.is_dir() { path.join("Cargo.toml") } else { path.to_owned() };
        metadata.arg("--manifest-path").arg(path);
    }
    let found = metadata.output().map_err(|error| Failure::system("cargo cannot be run", &error))?;
    if !found.status.success() {
        let text = "there is no workspace here; say by --manifest-path where the interface's crate is";
        return Err(Failure::new(Status::NotFound, "not-found", text));
    }
    serde_json::from_slice(&found.stdout)
        .map_err(|error| Failure::new(Status::Failed, "internal", format!("cargo metadata cannot be read: {error}")))
}

/// The library that other crates of Rust can use, with the file of its root.
fn library(package: &Json) -> Option<(String, PathBuf)> {
    let is_usable = |target: &&Json| list(target, "crate_types").iter().any(|kind| kind == "lib" || kind == "rlib");
    let target = list(package, "targets")
        .iter()
        .filter(is_usable)
        .find(|target| list(target, "kind").iter().any(|kind| kind == "lib" || kind == "rlib" || kind == "cdylib"))?;
    Some((text(target, "name").replace('-', "_"), text(target, "src_path").into()))
}

/// How a manifest names the lcr of the workspace.
fn lcr(packages: &[Json]) -> Result<String, Failure> {
    let lcr = packages.iter().find(|package| text(package, "name") == "lcr").ok_or_else(|| {
        Failure::new(Status::NotFound, "not-found", "the workspace does not depend on lcr".to_owned())
    })?;
    let folder = Path::new(text(lcr, "manifest_path")).parent().unwrap_or(Path::new("/"));
    // The same sources, wherever cargo has them from: another copy would be another crate to the compiler.
    match text(lcr, "source") {
        source if source.starts_with("registry+") => Ok(format!("version = \"={}\"", text(lcr, "version"))),
        source if source.starts_with("git+") => {
            let text = "the workspace takes lcr from a git repository, which a patch library cannot name; vendor it";
            Err(Failure::new(Status::Format, "no-edit", text.to_owned()))
        }
        _ => Ok(format!("path = {}", quoted(&folder.display().to_string()))),
    }
}

/// A text as a string of TOML: what JSON escapes, TOML reads.
pub(super) fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

/// The source files in a folder.
fn sources(folder: &Path, looked: &mut usize) -> Vec<PathBuf> {
    let (mut files, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            *looked += 1;
            let Ok(kind) = entry.file_type() else { continue };
            if *looked > MOST_FILES {
                return files;
            } else if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() && entry.path().extension().is_some_and(|extension| extension == "rs") {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

/// A trait that is an interface.
struct Declared {
    /// Its name, behind the modules that it stands in.
    name: String,
    has_patches: bool,
}

/// The trait in a file that declares an interface.
fn declared(file: &Path, interface: &str) -> Option<Declared> {
    if fs::metadata(file).ok()?.len() > LONGEST {
        return None;
    }
    let code = fs::read_to_string(file).ok()?;
    if !code.contains(&format!("\"{interface}\"")) {
        return None;
    }
    let file = syn::parse_file(&code).ok()?;
    let mut open: Vec<(String, Vec<Item>)> = vec![(String::new(), file.items)];
    while let Some((module, items)) = open.pop() {
        for item in items {
            match item {
                Item::Trait(item) => {
                    let attributes = item.attrs.iter();
                    let ours = attributes
                        .filter(|attribute| {
                            attribute.path().segments.last().is_some_and(|last| last.ident == "interface")
                        })
                        .filter_map(|attribute| attribute.meta.require_list().ok());
                    // As its tokens are printed: `name = "kv.store"`.
                    let is_it = |text: &str| text.contains(&format!("name = \"{interface}\""));
                    let Some(text) = ours.map(|list| list.tokens.to_string()).find(|text| is_it(text)) else {
                        continue;
                    };
                    let has_patches = text.split(',').any(|key| key.trim() == "patches");
                    return Some(Declared { name: format!("{module}{}", item.ident), has_patches });
                }
                Item::Mod(item) => {
                    let inside = item.content.map(|(_, items)| items).unwrap_or_default();
                    open.push((format!("{module}{}::", item.ident), inside));
                }
                _ => {}
            }
        }
    }
    None
}

/// The module that a file is, as a path: `a::b::` of `src/a/b.rs`, and nothing of the root.
fn module(root: &Path, file: &Path) -> String {
    let folder = root.parent().unwrap_or(root);
    let inside = file.strip_prefix(folder).unwrap_or(file).with_extension("");
    if file == root {
        return String::new();
    }
    let names = inside.iter().filter_map(|name| name.to_str()).filter(|name| *name != "mod");
    names.map(|name| format!("{name}::")).collect()
}

/// The name that the root of a crate exports for an item at a path: the modules on the way may be private.
fn exported(root: &Path, path: &str) -> Option<String> {
    let root = syn::parse_file(&fs::read_to_string(root).ok()?).ok()?;
    root.items.iter().find_map(|item| match item {
        Item::Use(item) if matches!(item.vis, Visibility::Public(_)) => used(&item.tree, "", path),
        _ => None,
    })
}

/// The name that a `use` behind a path gives to an item, if it names that one.
fn used(tree: &UseTree, before: &str, path: &str) -> Option<String> {
    match tree {
        UseTree::Path(of) if before.is_empty() && (of.ident == "crate" || of.ident == "self") => {
            used(&of.tree, before, path)
        }
        UseTree::Path(of) => used(&of.tree, &format!("{before}{}::", of.ident), path),
        UseTree::Name(of) => (format!("{before}{}", of.ident) == path).then(|| of.ident.to_string()),
        UseTree::Rename(of) => (format!("{before}{}", of.ident) == path).then(|| of.rename.to_string()),
        UseTree::Glob(_) => path.strip_prefix(before).filter(|name| !name.contains("::")).map(str::to_owned),
        UseTree::Group(of) => of.items.iter().find_map(|tree| used(tree, before, path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_found_by_its_name_wherever_its_trait_stands() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("contract.rs");
        let code = "mod a { pub mod b {\n\
                    #[lcr::interface(name = \"kv.store\", version = 1, patches)] pub trait Store {} } }\n\
                    #[lcr::interface(name = \"kv.store.more\", version = 1)] trait More {}";
        fs::write(&file, code).unwrap();
        let store = declared(&file, "kv.store").unwrap();
        assert_eq!((&*store.name, store.has_patches), ("a::b::Store", true));
        assert!(!declared(&file, "kv.store.more").unwrap().has_patches);
        assert!(declared(&file, "kv").is_none());
    }

    #[test]
    fn a_trait_in_a_private_module_is_named_as_the_root_exports_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("lib.rs");
        let exported = |code: &str, path: &str| {
            fs::write(&root, code).unwrap();
            exported(&root, path)
        };
        let one = |code: &str| exported(code, "engine::Engine");
        assert_eq!(one("mod engine; pub use engine::{Condition, Engine};").as_deref(), Some("Engine"));
        assert_eq!(one("mod engine; pub use crate::engine::Engine as Motor;").as_deref(), Some("Motor"));
        assert_eq!(one("mod engine; pub use self::engine::*;").as_deref(), Some("Engine"));
        for other in
            ["pub mod engine;", "mod engine; use engine::Engine;", "pub use other::Engine;", "pub use other::*;"]
        {
            assert_eq!(one(other), None, "{other}");
        }
        assert_eq!(exported("pub use a::*;", "a::b::Store"), None);
        assert_eq!(exported("pub use a::b::Store;", "a::b::Store").as_deref(), Some("Store"));
    }

    #[test]
    fn a_file_is_a_module_of_its_folder() {
        let of = |file: &str| module(Path::new("/p/src/lib.rs"), Path::new(file));
        assert_eq!([of("/p/src/lib.rs"), of("/p/src/a.rs"), of("/p/src/a/mod.rs")], ["", "a::", "a::"]);
        assert_eq!(of("/p/src/a/b.rs"), "a::b::");
    }
}
