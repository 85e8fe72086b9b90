//! What a directory has that a runtime does not, or has in another form.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::{Error, ErrorKind, PlanBuilder, Result, Runtime, manifest::Manifest};

/// How many files of a directory are looked at.
const FILES: usize = 10_000;

/// What one file of a directory asks for.
pub(super) enum Difference {
    /// The component is not present.
    Add(PathBuf),
    /// The component is present in another form.
    Replace(String, PathBuf),
}

impl Difference {
    /// The plan that does this, too.
    pub(super) fn ask<'rt>(plan: PlanBuilder<'rt>, difference: Difference) -> PlanBuilder<'rt> {
        match difference {
            Difference::Add(file) => plan.add(file),
            Difference::Replace(component, file) => plan.replace_component(&component, file),
        }
    }
}

/// What the `*.so` files of a directory ask for. A library without a component asks for nothing: components may need
/// libraries that lie beside them. Of several versions of a component the highest counts.
///
/// What a file holds now is what it asks for; the plan reads it again.
///
/// # Errors
/// `Io` if the directory or a file cannot be read; the refusal of a file that is damaged: a directory is taken as a
/// whole or not at all.
pub(super) fn differences(runtime: &Runtime, directory: &Path) -> Result<Vec<Difference>> {
    let mut newest: BTreeMap<String, (Manifest, PathBuf)> = BTreeMap::new();
    for file in libraries(directory).map_err(|error| {
        Error::new(ErrorKind::Io, format!("directory {} cannot be read", directory.display())).with_source(error)
    })? {
        let manifest = match Manifest::read(&file) {
            Ok(manifest) => manifest,
            Err(error) if error.kind() == ErrorKind::NoManifest => continue,
            Err(error) => return Err(error),
        };
        let name = manifest.component.name.clone();
        let is_older =
            newest.get(&name).is_some_and(|(other, _)| other.component.version >= manifest.component.version);
        if !is_older {
            newest.insert(name, (manifest, file));
        }
    }
    let present: BTreeMap<_, _> =
        runtime.status().components.into_iter().map(|component| (component.id.name, component.hash)).collect();
    let mut differences = Vec::new();
    for (name, (_, file)) in newest {
        match present.get(&name) {
            None => differences.push(Difference::Add(file)),
            Some(hash) => {
                if hash.is_none_or(|hash| content(&file).is_none_or(|content| content != *hash.as_bytes())) {
                    differences.push(Difference::Replace(name, file));
                }
            }
        }
    }
    Ok(differences)
}

/// The files of a directory whose names end in `.so`, in the order of their names.
fn libraries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "so") {
            files.push(path);
        }
        if files.len() > FILES {
            return Err(io::Error::other(format!("it has more than {FILES} libraries")));
        }
    }
    files.sort();
    Ok(files)
}

/// The hash of a file; `None` if it cannot be read, which the plan will say.
fn content(file: &Path) -> Option<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    // If a pipe has come to lie there meanwhile, it must not be waited for.
    let mut file = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(file).ok()?;
    io::copy(&mut file, &mut hasher).ok()?;
    Some(hasher.finalize().into())
}
