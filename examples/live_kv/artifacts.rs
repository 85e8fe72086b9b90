//! The component libraries: built with visible progress, or taken from a directory.
//!
//! `cargo run --example live_kv` builds this program and no other example, so the
//! program asks Cargo for its components. Cargo says in JSON where each one is.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fmt, fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

pub(crate) const ENGINE_HASH: &str = "kv_engine_hash";
pub(crate) const ENGINE_HASH_NEXT: &str = "kv_engine_hash_next";
pub(crate) const ENGINE_TREE: &str = "kv_engine_tree";
pub(crate) const COMMANDS_V1: &str = "kv_commands_v1";
pub(crate) const COMMANDS_V2: &str = "kv_commands_v2";
pub(crate) const OTHER_SHAPE: &str = "kv_faulty_other_shape";
pub(crate) const CREATE_FAILS: &str = "kv_faulty_create_fails";
pub(crate) const CREATE_PANICS: &str = "kv_faulty_create_panics";
pub(crate) const UNHEALTHY: &str = "kv_faulty_unhealthy";
pub(crate) const RESTORE_FAILS: &str = "kv_faulty_restore_fails";
pub(crate) const RESTORE_PANICS: &str = "kv_faulty_restore_panics";
pub(crate) const SAVE_HANGS: &str = "kv_faulty_save_hangs";
pub(crate) const LOSES_HALF: &str = "kv_faulty_loses_half";
pub(crate) const TRIAL_COMMANDS_PANIC: &str = "kv_trial_commands_panic";
pub(crate) const TRIAL_ENGINE_WRONG: &str = "kv_trial_engine_wrong";
pub(crate) const TRIAL_ENGINE_SILENT: &str = "kv_trial_engine_silent";
pub(crate) const TRIAL_ENGINE_ABORTS: &str = "kv_trial_engine_aborts";

/// The libraries that serving needs.
pub(crate) const GOOD: &[&str] = &[ENGINE_HASH, ENGINE_HASH_NEXT, ENGINE_TREE, COMMANDS_V1, COMMANDS_V2];

/// The libraries that the runtime must refuse.
pub(crate) const FAULTY: &[&str] =
    &[OTHER_SHAPE, CREATE_FAILS, CREATE_PANICS, UNHEALTHY, RESTORE_FAILS, RESTORE_PANICS, SAVE_HANGS];

/// The versions that are tried.
pub(crate) const TRIED: &[&str] =
    &[TRIAL_COMMANDS_PANIC, TRIAL_ENGINE_WRONG, TRIAL_ENGINE_SILENT, LOSES_HALF, TRIAL_ENGINE_ABORTS];

/// Where each library is.
#[derive(Debug)]
pub(crate) struct Artifacts {
    paths: BTreeMap<&'static str, PathBuf>,
}

impl Artifacts {
    /// The libraries of these names in `directory`.
    ///
    /// # Errors
    /// A library is not there.
    pub(crate) fn in_directory(directory: &Path, names: &[&'static str]) -> Result<Artifacts, ArtifactError> {
        let mut paths = BTreeMap::new();
        for name in names {
            let path = directory.join(format!("lib{name}.so"));
            if !path.is_file() {
                return Err(ArtifactError::Missing(path));
            }
            paths.insert(*name, path);
        }
        Ok(Artifacts { paths })
    }

    /// Builds the libraries of these names, in the profile that this program was built
    /// in, and calls `progress` as each is done.
    ///
    /// # Errors
    /// Cargo cannot be run, or says that something cannot be built.
    pub(crate) fn build(
        names: &[&'static str],
        mut progress: impl FnMut(Built<'_>),
    ) -> Result<Artifacts, ArtifactError> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
        cargo.args(["build", "--message-format=json-render-diagnostics"]);
        // From the root, as this program is built by `cargo run`: of one package alone, Cargo would select other
        // features of the dependencies, and build them once more.
        cargo.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        for name in names {
            cargo.args(["--example", name]);
        }
        let mut child = cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(ArtifactError::Cargo)?;
        let mut paths = BTreeMap::new();
        for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()) {
            let Some((name, path, fresh)) = artifact(&line.map_err(ArtifactError::Cargo)?, names) else { continue };
            paths.insert(name, path.clone());
            let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            progress(Built { name, number: paths.len(), of: names.len(), size, fresh });
        }
        let status = child.wait().map_err(ArtifactError::Cargo)?;
        if !status.success() {
            return Err(ArtifactError::Build(status.to_string()));
        }
        match names.iter().find(|name| !paths.contains_key(**name)) {
            Some(name) => Err(ArtifactError::Missing(PathBuf::from(name))),
            None => Ok(Artifacts { paths }),
        }
    }

    /// The libraries of these names where another instance found them; `None` if it noted
    /// none, or not these, or one is gone.
    pub(crate) fn recall(note: &[u8], names: &[&'static str]) -> Option<Artifacts> {
        let noted: BTreeMap<String, PathBuf> = serde_json::from_slice(note).ok()?;
        let known = |name: &&'static str| Some((*name, noted.get(*name).filter(|path| path.is_file())?.clone()));
        Some(Artifacts { paths: names.iter().map(known).collect::<Option<_>>()? })
    }

    /// The directory that all of them are in, if they are in one.
    pub(crate) fn directory(&self) -> Option<&Path> {
        let mut directories = self.paths.values().map(|path| path.parent());
        let first = directories.next()??;
        directories.all(|directory| directory == Some(first)).then_some(first)
    }

    /// A note for [`recall`](Self::recall).
    ///
    /// # Errors
    /// A path is not text.
    pub(crate) fn note(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&self.paths)
    }

    /// The library of this name, which was asked for.
    pub(crate) fn path(&self, name: &str) -> &Path {
        &self.paths[name]
    }
}

/// A library that is done.
pub(crate) struct Built<'a> {
    pub(crate) name: &'a str,
    pub(crate) number: usize,
    pub(crate) of: usize,
    /// In bytes.
    pub(crate) size: u64,
    /// There was nothing to do.
    pub(crate) fresh: bool,
}

impl fmt::Display for Built<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Built { name, number, of, size, fresh } = self;
        let mib = *size as f64 / f64::from(1 << 20);
        write!(f, "  [{number}/{of}] {name:<26} {mib:>5.1} MiB{}", if *fresh { "  up to date" } else { "" })
    }
}

/// The library that a message of Cargo reports, if it is one of `names`.
fn artifact(line: &str, names: &[&'static str]) -> Option<(&'static str, PathBuf, bool)> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    let name = message["target"]["name"].as_str()?;
    let name = *names.iter().find(|known| **known == name)?;
    let mut paths = message["filenames"].as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
    let library = paths.find(|path| path.extension().is_some_and(|extension| extension == "so"))?;
    Some((name, library, message["fresh"] == true))
}

/// Why a library is missing.
#[derive(Debug)]
pub(crate) enum ArtifactError {
    /// Cargo could not be run or read.
    Cargo(io::Error),
    /// Cargo failed; it has said why.
    Build(String),
    /// The file is not there.
    Missing(PathBuf),
}

impl fmt::Display for ArtifactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArtifactError::Cargo(error) => {
                write!(f, "cargo could not be run to build the components: {error}; or give --components DIR")
            }
            ArtifactError::Build(status) => write!(f, "the components could not be built: cargo ended with {status}"),
            ArtifactError::Missing(path) => write!(f, "the component library {} is missing", path.display()),
        }
    }
}

impl std::error::Error for ArtifactError {}
