//! What cargo says of a component's package, and its build.

use std::{
    collections::{BTreeSet, HashMap},
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value as Json;

use crate::{
    arguments::Watch,
    exit::{Failure, Status},
    process::{list, text},
};

/// The package of a component.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    /// Its number for cargo.
    id: String,
    manifest: PathBuf,
    /// Its folder, and those of the packages on this machine that it depends on.
    pub(super) folders: Vec<PathBuf>,
}

/// What came of a build.
#[derive(Debug)]
pub(super) enum Built {
    /// The component's library.
    Library(PathBuf),
    /// The compiler refused, and has said why.
    Refused,
}

/// The cargo that runs this command, if one does, else that of the path.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Finds the package: by its folder, or by its name in the workspace of the working directory.
pub(super) fn find(arguments: &Watch) -> Result<Package, Failure> {
    let named = &arguments.package;
    let folder = Path::new(named);
    let manifest = match () {
        () if folder.is_dir() => Some(folder.join("Cargo.toml")),
        () if folder.ends_with("Cargo.toml") && folder.is_file() => Some(folder.to_owned()),
        () => None,
    };
    let mut metadata = cargo();
    metadata.args(["metadata", "--format-version", "1"]).stderr(Stdio::inherit());
    if let Some(manifest) = &manifest {
        metadata.arg("--manifest-path").arg(manifest);
    }
    let found = metadata.output().map_err(|error| Failure::system("cargo cannot be run", &error))?;
    let unknown = |text: String| Failure::new(Status::NotFound, "not-found", text);
    if !found.status.success() {
        return Err(unknown(format!("{named} is no package of cargo; give its folder, or its name in this workspace")));
    }
    let metadata: Json = serde_json::from_slice(&found.stdout)
        .map_err(|error| Failure::new(Status::Failed, "internal", format!("cargo metadata cannot be read: {error}")))?;
    let packages = list(&metadata, "packages");
    let wanted = manifest.as_ref().and_then(|manifest| manifest.canonicalize().ok());
    let is_meant = |package: &&Json| match &wanted {
        Some(manifest) => Path::new(text(package, "manifest_path")).canonicalize().is_ok_and(|path| path == *manifest),
        None => text(package, "name") == named && package["source"].is_null(),
    };
    let package = packages.iter().find(is_meant).ok_or_else(|| {
        unknown(format!("there is no package {named} here; give its folder, or its name in this workspace"))
    })?;
    if arguments.example.is_none() && !has_library(package) {
        let text = format!(
            "package {} makes no library that a program can load; write crate-type = [\"cdylib\", \"rlib\"] \
             below [lib]",
            text(package, "name")
        );
        return Err(Failure::new(Status::Format, "invalid", text));
    }
    let id = text(package, "id").to_owned();
    Ok(Package {
        name: text(package, "name").to_owned(),
        manifest: text(package, "manifest_path").into(),
        folders: folders(&metadata, &id),
        id,
    })
}

fn has_library(package: &Json) -> bool {
    let is_loadable = |target: &Json| list(target, "crate_types").iter().any(|kind| kind == "cdylib");
    list(package, "targets")
        .iter()
        .any(|target| is_loadable(target) && !list(target, "kind").iter().any(|k| k == "example"))
}

/// The folders of a package and of what it depends on, of packages without a registry.
fn folders(metadata: &Json, id: &str) -> Vec<PathBuf> {
    let local: HashMap<&str, &Path> = list(metadata, "packages")
        .iter()
        .filter(|package| package["source"].is_null())
        .filter_map(|package| Some((text(package, "id"), Path::new(text(package, "manifest_path")).parent()?)))
        .collect();
    let nodes: HashMap<&str, &Json> =
        list(&metadata["resolve"], "nodes").iter().map(|node| (text(node, "id"), node)).collect();
    let mut open = vec![id];
    let mut seen = BTreeSet::new();
    let mut folders = BTreeSet::new();
    while let Some(id) = open.pop() {
        let Some(folder) = local.get(id).filter(|_| seen.insert(id)) else { continue };
        folders.insert(folder.to_path_buf());
        if let Some(node) = nodes.get(id) {
            open.extend(list(node, "dependencies").iter().filter_map(Json::as_str));
        }
    }
    folders.into_iter().collect()
}

/// Builds the component. Cargo's messages go to standard error as cargo prints them.
///
/// # Errors
/// If cargo cannot be run, or makes no library.
pub(super) fn build(arguments: &Watch, package: &Package) -> Result<Built, Failure> {
    let mut build = cargo();
    build.args(["build", "--message-format", "json-render-diagnostics"]);
    build.arg("--manifest-path").arg(&package.manifest).args(["--package", &package.name]);
    match &arguments.example {
        Some(example) => build.args(["--example", example]),
        None => build.arg("--lib"),
    };
    if arguments.release {
        build.arg("--release");
    }
    build.args(&arguments.cargo).stdin(Stdio::null()).stderr(Stdio::inherit());
    let ended = build.output().map_err(|error| Failure::system("cargo cannot be run", &error))?;
    if !ended.status.success() {
        return Ok(Built::Refused);
    }
    let messages = String::from_utf8_lossy(&ended.stdout);
    let library = messages.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok()).find_map(|message| {
        let target = &message["target"];
        let is_meant = text(&message, "package_id") == package.id
            && arguments.example.as_ref().is_none_or(|example| text(target, "name") == example);
        let files = list(&message, "filenames").iter().filter_map(Json::as_str);
        is_meant.then(|| files.map(PathBuf::from).find(|file| file.extension().is_some_and(|e| e == "so"))).flatten()
    });
    library.map(Built::Library).ok_or_else(|| {
        Failure::new(Status::Failed, "internal", "cargo built no library; its messages name no file of this package")
    })
}
