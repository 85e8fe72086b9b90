//! Builds the cdylibs of this package and finds their files.
//!
//! `cargo bench` does not build examples, so the run does. Cargo's output goes to the terminal,
//! and the paths come from its messages. The libraries are
//! linked without symbols and debug information, as they would be shipped.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::Outcome;

/// The targets that are cdylibs.
const LIBRARIES: [&str; 10] = [
    "probe",
    "relay",
    "plain",
    "tally",
    "hoard",
    "chronicler",
    "peer_abi_stable",
    "peer_async_ffi",
    "peer_stabby",
    "peer_hot",
];

/// The cdylibs by the names of their targets.
pub(crate) struct Artifacts(BTreeMap<String, PathBuf>);

impl Artifacts {
    /// Builds them in the release profile.
    pub(crate) fn build() -> Outcome<Artifacts> {
        LIBRARIES.iter().map(|name| Ok(((*name).to_owned(), build(name)?))).collect::<Outcome<_>>().map(Artifacts)
    }

    /// Takes paths that are known already, each as `name=path`.
    pub(crate) fn known(pairs: &[String]) -> Outcome<Artifacts> {
        let split = |pair: &String| {
            let (name, path) = pair.split_once('=').ok_or_else(|| format!("`{pair}` is not of the form name=path"))?;
            Ok((name.to_owned(), PathBuf::from(path)))
        };
        pairs.iter().map(split).collect::<Outcome<_>>().map(Artifacts)
    }

    /// What [`Artifacts::known`] takes.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, path)| format!("{name}={}", path.display()))
    }

    /// The library of one target.
    pub(crate) fn path(&self, name: &str) -> Outcome<&Path> {
        let path = self.0.get(name).ok_or_else(|| format!("cargo built no library called {name}"))?;
        Ok(path)
    }
}

/// Builds one of the libraries.
fn build(name: &str) -> Outcome<PathBuf> {
    eprintln!("building library {name}");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["rustc", "--release", "--features", "peers", "--example", name])
        .args(["--message-format=json-render-diagnostics", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .args(["--", "-C", "strip=symbols"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo could not build {name}: {}", output.status).into());
    }
    for line in String::from_utf8(output.stdout)?.lines() {
        if let Some(path) = library_of(&serde_json::from_str(line)?, name) {
            return Ok(path);
        }
    }
    Err(format!("cargo built no library called {name}").into())
}

/// The file of the library `name`, if a message of cargo's announces it.
fn library_of(message: &Value, name: &str) -> Option<PathBuf> {
    if message["reason"] != "compiler-artifact" || message["target"]["name"] != name {
        return None;
    }
    message["filenames"].as_array()?.first()?.as_str().map(PathBuf::from)
}
