//! Hosts and components that were built by different compilers.
//!
//! The other compiler is nightly's, which is told to lay out every type at random. Where nightly is not
//! installed, the tests say so and pass. It builds a package of its own from sources of this one and from
//! crates that are in the workspace's lock file, so nothing is fetched.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use lcr::manifest::Manifest;
use lcr_tests::{
    component, empty_runtime,
    values::{self, composites, contract::Composites},
};

/// Flags with which a compilation differs from others in every layout that is not fixed.
const FLAGS: &str = "-Zrandomize-layout\u{1f}-Zlayout-seed=4711";

/// A command of nightly's toolchain, without the variables that this test inherited from its own. Where
/// nightly is not installed, returns `None` and prints a line to standard error.
fn nightly(program: &str) -> Option<Command> {
    let clean = |program: &str| {
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", program]);
        for (name, _) in env::vars_os() {
            let name_text = name.to_string_lossy();
            let is_ours = ["CARGO_HOME", "CARGO_BUILD_JOBS"].contains(&&*name_text);
            let inherited = ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN"];
            if !is_ours && inherited.iter().any(|prefix| name_text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command
    };
    if clean("rustc").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Some(clean(program));
    }
    // The test harness does not capture this line.
    let _ =
        writeln!(io::stderr(), "SKIPPED: no nightly toolchain is installed, so nothing was shown of other compilers");
    None
}

/// The folder in which nightly builds the examples `values`, `exchange`, `scribe` and `listens`, or `None` without
/// nightly.
///
/// They belong to a package of its own whose library has their interfaces. As all are in one package with one set of
/// features, without `log` and `tracing`, lcr and this library are compiled once.
fn built_by_nightly() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(|| nightly("cargo").map(build_examples)).as_deref()
}

/// Builds these examples; `cargo` is that of nightly.
fn build_examples(mut cargo: Command) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = tests.parent().expect("the package is inside its workspace");
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("toolchains");
    let package = scratch.join("package");
    fs::create_dir_all(package.join("src")).unwrap();
    let manifest = format!(
        r#"
[package]
name = "lcr-tests"
edition = "2024"

[workspace]

[dependencies]
lcr = {{ path = {lcr:?}, default-features = false, features = ["host"] }}
serde = {{ version = "1", features = ["derive"] }}
log = {{ version = "0.4", default-features = false, features = ["kv"] }}
tracing = {{ version = "0.1", default-features = false, features = ["std"] }}

[[example]]
name = "listens"
path = {listens:?}

[[example]]
name = "scribe"
path = {scribe:?}
crate-type = ["cdylib"]

[[example]]
name = "values"
path = {values:?}
crate-type = ["cdylib"]

[[example]]
name = "exchange"
path = {exchange:?}

[profile.dev]
debug = false
incremental = false
"#,
        lcr = workspace.join("lcr"),
        listens = tests.join("programs/listens.rs"),
        scribe = tests.join("components/scribe/loaded.rs"),
        values = tests.join("components/values/plain.rs"),
        exchange = tests.join("programs/exchange.rs"),
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::write(
        package.join("src/lib.rs"),
        format!(
            "#[path = {:?}]\npub mod scribe;\n#[path = {:?}]\npub mod values;\n",
            tests.join("src/scribe.rs"),
            tests.join("src/values/mod.rs")
        ),
    )
    .unwrap();
    fs::copy(workspace.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let target = scratch.join("target");
    cargo.args(["build", "--offline", "--quiet", "--examples"]).current_dir(&package);
    cargo.env("CARGO_TARGET_DIR", &target).env("CARGO_ENCODED_RUSTFLAGS", FLAGS);
    run(&mut cargo);
    target.join("debug/examples")
}

/// Runs a command to its end, and returns its output.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    out.into_owned()
}

/// The compiler that a library's manifest names.
fn compiler(library: impl AsRef<OsStr>) -> String {
    Manifest::read(Path::new(&library)).unwrap().exports[0].toolchain.clone()
}

#[test]
fn a_component_of_nightly_with_random_layouts_works_in_a_host_of_stable() {
    let Some(built) = built_by_nightly() else { return };
    let library = built.join("libvalues.so");
    assert_ne!(compiler(&library), compiler(component("values")));
    let rt = empty_runtime();
    rt.load(&library).unwrap();
    let composites = rt.service::<dyn Composites>().unwrap();
    assert_ne!(composites.layout(), composites::layout(), "the layouts are the same, so the test shows nothing");
    values::all(&rt);
    // From one compiler's component to the other's, and back, under the same handles.
    rt.replace(component("values")).unwrap();
    assert_eq!(composites.layout(), composites::layout());
    values::all(&rt);
    rt.replace(&library).unwrap();
    values::all(&rt);
}

#[test]
fn a_component_of_stable_works_in_a_host_of_nightly_with_random_layouts() {
    let Some(built) = built_by_nightly() else { return };
    let out = run(Command::new(built.join("exchange")).arg(component("values")));
    assert_eq!(out, "every value arrived; the layouts differ\n");
}

/// What the program `listens` of `folder` hears of a scribe.
fn heard(folder: &Path, scribe: &Path) -> String {
    run(Command::new(folder.join("listens")).arg(scribe))
}

#[test]
fn records_are_dropped_where_one_side_is_built_without_the_features() {
    let Some(without) = built_by_nightly() else { return };
    let [with, mute] = [component("scribe"), without.join("libscribe.so")];
    assert_eq!(heard(with.parent().unwrap(), &with), "5 formatted, 5 events, 1 spans; 5 formatted, 5 records\n");
    let nothing = "0 formatted, 0 events, 0 spans; 0 formatted, 0 records\n";
    assert_eq!(heard(without, &with), nothing);
    assert_eq!(heard(with.parent().unwrap(), &mute), nothing);
    assert_eq!(heard(without, &mute), nothing);
}

#[test]
fn two_versions_of_lcr_in_one_program_are_refused_by_cargo() {
    let lcr = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lcr").canonicalize().unwrap();
    let manifest = fs::read_to_string(lcr.join("Cargo.toml")).unwrap();
    let links = manifest.lines().find(|line| line.starts_with("links")).unwrap_or_default();
    let directory = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let package = |name: &str, version: &str, more: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2024\"\n{more}\n")
    };
    // Cargo's resolver reads no more of a package: a name, a version and what it links.
    for version in ["0.98.0", "0.99.0"] {
        write(&format!("{version}/Cargo.toml"), &package("lcr", version, &format!("{links}\nbuild = \"build.rs\"")));
        write(&format!("{version}/build.rs"), "fn main() {}");
        write(&format!("{version}/src/lib.rs"), "");
    }
    let dependencies = "[dependencies]\nlcr = { path = \"0.98.0\" }\nnewer = { package = \"lcr\", path = \"0.99.0\" }";
    write("Cargo.toml", &(package("program", "0.1.0", "") + dependencies));
    write("src/main.rs", "fn main() {}");
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--format-version", "1"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&cargo.stderr);
    assert!(!cargo.status.success(), "accepted with `{links}`");
    assert!(text.contains("links to the native library `lcr`"), "{text}");
}
