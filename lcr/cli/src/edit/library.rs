//! Building the patch library of an edit: a package for the moment, against the interface's own crate.
//!
//! The package is a workspace of its own in a temporary folder. It has a copy of the lock file of the interface's
//! workspace, is built in that workspace's folder, so that rustup takes its toolchain, and into its target folder, so
//! that what is built already serves. What the compiler says of the user's lines, it is made to say in their numbers.
//!
//! All edits of a workspace share that target folder, and several may build at once. So each has a package of its own
//! name, which is that of its temporary folder, and takes away what it has built there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value as Json;

use crate::{
    arguments::edit::Edit,
    exit::{Failure, Status},
    output::Output,
    process::{list, number, text},
    watch::build::cargo,
};

use super::{
    interface::{Interface, quoted},
    translate::Function,
};

/// What came of the build.
#[derive(Debug)]
pub(super) enum Built {
    Library(Library),
    /// The compiler refused, and has said why.
    Refused,
}

/// A library that was built. Its files go with the value: a process that was told to load it has a copy.
#[derive(Debug)]
pub(super) struct Library(PathBuf);

impl Library {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        let Library(file) = self;
        // Cargo has linked it to there from `deps`, and written beside both what they depend on.
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return };
        let without_prefix = name.to_str().and_then(|name| name.strip_prefix("lib")).map(Path::new);
        let notes = |folder: PathBuf, name: &Path| folder.join(name).with_extension("d");
        let deps = folder.join("deps");
        for file in [folder.join(name), deps.join(name), notes(folder.to_owned(), Path::new(name))] {
            let _ = fs::remove_file(file);
        }
        without_prefix.into_iter().for_each(|name| drop(fs::remove_file(notes(deps.clone(), name))));
    }
}

/// A patch that is to be built.
#[derive(Debug)]
pub(super) struct Patch<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    /// The component that it is for.
    pub(super) component: &'a str,
    pub(super) interface: &'a Interface,
    pub(super) function: &'a Function,
    /// What the user's lines are lines of.
    pub(super) of: &'a str,
}

/// The name of the package that is built in a folder.
fn package(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Builds the library in `folder`.
pub(super) fn build(patch: &Patch<'_>, arguments: &Edit, folder: &Path, output: &Output) -> Result<Built, Failure> {
    let failed = |error| Failure::system(format!("{} cannot be written", folder.display()), &error);
    let (code, before) = patch.code(&arguments.uses);
    let source = folder.join("lib.rs");
    let lock = patch.interface.workspace.join("Cargo.lock");
    let package = package(folder);
    let written = fs::write(folder.join("Cargo.toml"), patch.manifest(&package))
        .and_then(|()| fs::write(&source, code))
        .and_then(|()| if lock.is_file() { fs::copy(&lock, folder.join("Cargo.lock")).map(drop) } else { Ok(()) });
    written.map_err(failed)?;
    let mut build = cargo();
    build.args(["build", "--lib", "--message-format", "json"]).current_dir(&patch.interface.workspace);
    build.arg("--manifest-path").arg(folder.join("Cargo.toml"));
    build.arg("--target-dir").arg(&patch.interface.target);
    if arguments.release {
        build.arg("--release");
    }
    build.args(&arguments.cargo).stdin(Stdio::null()).stderr(Stdio::inherit());
    let ended = build.output().map_err(|error| Failure::system("cargo cannot be run", &error))?;
    let messages: Vec<Json> =
        String::from_utf8_lossy(&ended.stdout).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let is_ours = |message: &&Json| text(&message["target"], "name") == package.replace('-', "_");
    for message in messages.iter().filter(|message| text(&message["message"], "level") == "error") {
        match is_ours(&message) {
            true => output.complain(&patch.told(&message["message"], before)),
            // Of the interface's crate, or of what it needs.
            false => output.note(text(&message["message"], "rendered").trim_end()),
        }
    }
    if !ended.status.success() {
        return Ok(Built::Refused);
    }
    let files = messages.iter().filter(is_ours).flat_map(|message| list(message, "filenames")).filter_map(Json::as_str);
    let library = files.map(PathBuf::from).find(|file| file.extension().is_some_and(|extension| extension == "so"));
    library.map(|file| Built::Library(Library(file))).ok_or_else(|| {
        Failure::new(Status::Failed, "internal", "cargo built no library; its messages name no file".to_owned())
    })
}

impl Patch<'_> {
    fn manifest(&self, own: &str) -> String {
        let Interface { package, folder, lcr, .. } = self.interface;
        let (package, folder) = (quoted(package), quoted(&folder.display().to_string()));
        format!(
            "[package]\nname = \"{own}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
             [lib]\npath = \"lib.rs\"\ncrate-type = [\"cdylib\"]\n\n\
             [dependencies]\nlcr = {{ {lcr}, default-features = false }}\n\
             interface = {{ package = {package}, path = {folder} }}\n\n[workspace]\n"
        )
    }

    /// The code, and how many lines stand before the function.
    fn code(&self, uses: &[String]) -> (String, usize) {
        let Patch { name, version, component, interface, function, .. } = self;
        let uses: String = uses.iter().map(|path| format!("    #[allow(unused_imports)]\n    use {path};\n")).collect();
        let before = format!(
            "#[lcr::patch(interface = dyn interface::{}, name = {name:?}, version = {version:?}, component = \
             {component:?})]\nmod edit {{\n    #[allow(unused_imports)]\n    use interface::{{self as {}, *}};\n{uses}",
            interface.path, interface.library,
        );
        let lines = before.matches('\n').count();
        (format!("{before}{}}}\n", function.text), lines)
    }

    /// What the compiler says, in lines of the user's text.
    fn told(&self, message: &Json, before: usize) -> String {
        let spans = list(message, "spans");
        let span = spans.iter().find(|span| span["is_primary"] == true);
        let code = text(&message["code"], "code");
        let code = if code.is_empty() { String::new() } else { format!("[{code}]") };
        let mut told = format!("error{code}: {}", text(message, "message"));
        if let Some(span) = span {
            let line = usize::try_from(number(span, "line_start")).unwrap_or_default();
            let users = self.function.users.start + before + 1..self.function.users.end + before + 1;
            if users.contains(&line) {
                let line = line - users.start + self.function.first;
                told += &format!("\n  --> {}:{line}:{}", self.of, number(span, "column_start"));
            } else {
                told += "\n  --> in what is written around the text";
            }
            for line in list(span, "text") {
                told += &format!("\n   | {}", text(line, "text").trim_end());
            }
            if let Some(label) = span["label"].as_str() {
                told += &format!("\n   = {label}");
            }
        }
        for child in list(message, "children") {
            told += &format!("\n   = {}: {}", text(child, "level"), text(child, "message"));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::{super::editor::Folder, *};

    #[test]
    fn each_edit_builds_a_package_of_its_own_name_and_takes_its_files_away() {
        let folders = [Folder::new().unwrap(), Folder::new().unwrap()];
        let [one, other] = folders.each_ref().map(|folder| package(folder.path()));
        assert!(one != other && one.starts_with("lcr-edit-"), "{one} {other}");
        let target = tempfile::tempdir().unwrap();
        fs::create_dir(target.path().join("deps")).unwrap();
        let names = ["liblcr_edit_1.so", "liblcr_edit_1.d", "deps/liblcr_edit_1.so", "deps/lcr_edit_1.d"];
        names.iter().chain(&["liblcr_edit_2.so"]).for_each(|name| fs::write(target.path().join(name), "").unwrap());
        drop(Library(target.path().join(names[0])));
        let left = |name: &&&str| target.path().join(name).exists();
        assert_eq!(names.iter().filter(left).count(), 0);
        assert!(target.path().join("liblcr_edit_2.so").exists());
    }
}
