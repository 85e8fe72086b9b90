//! What the thunks of patches add to a library.
//!
//! A package with one component of many methods is written and built twice, as an author's would be: without the
//! runtime, for release, without symbols. The second build names its `lcr` by `crate = path`, as a framework that
//! re-exports `lcr` does. The path leads to a module that is `lcr` but for one function: the one that adds a
//! signature's two thunks to the list of its interface adds none. So both libraries are made by the same compiler of
//! the same code, and differ by the thunks, by what the linker needs to place and unwind them, and by nothing else.
//! The sizes of single functions, as `nm` lists them, leave out the latter half.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Bench, Outcome,
    sheet::{Row, Section},
};

const METHODS: usize = 500;

/// A library with thunks, or one without.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thunks {
    With,
    Without,
}

/// Builds and compares both.
pub(crate) fn measure(_: &Bench<'_, '_>) -> Outcome<Section> {
    let mut section = Section::new(
        "Size of a library",
        format!(
            "A component of {METHODS} methods with signatures out of 12 types of arguments and 9 of results, without \
             the runtime and without symbols, beside the same without the thunks that patches, traces and packed calls \
             need."
        ),
    );
    let [with, without] = [Thunks::With, Thunks::Without].map(library_len);
    let (with, without) = (with?, without?);
    let each = (with - without) / METHODS as u64;
    section.push(Row::new("without thunks", format!("{} KiB", without >> 10)));
    let ratio = with as f64 / without as f64;
    let row = Row::new(format!("with thunks ({each} B for each method)"), format!("{} KiB", with >> 10));
    let row = row.ratio(ratio, "without").bound("at most 1.15x", ratio <= 1.15);
    section.push(row.bounded_by("two functions for each signature, with what places and unwinds them"));
    Ok(section)
}

/// Bytes of the library's file.
fn library_len(thunks: Thunks) -> Outcome<u64> {
    let name = if thunks == Thunks::With { "methods-whole" } else { "methods-plain" };
    eprintln!("building library {name}");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    write_package(&folder, name, thunks)?;
    let target = folder.with_file_name("methods-target");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--release", "--offline", "--manifest-path"]).arg(folder.join("Cargo.toml"));
    let status = command.arg("--target-dir").arg(&target).status()?;
    if !status.success() {
        return Err(format!("cargo could not build {name}: {status}").into());
    }
    let file = target.join("release").join(format!("lib{}.so", name.replace('-', "_")));
    Ok(fs::metadata(file)?.len())
}

fn write_package(folder: &Path, name: &str, thunks: Thunks) -> Outcome<()> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::create_dir_all(folder.join("src"))?;
    // The versions that everything else was built with, none of which is asked of the network.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nlcr = {{ path = {:?}, default-features = false }}\n\n\
         [profile.release]\nstrip = \"symbols\"\n\n[workspace]\n",
        root.join("lcr")
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/lib.rs"), source(thunks))?;
    Ok(())
}

const ARGUMENTS: [&str; 12] =
    ["u8", "u32", "u64", "i64", "f64", "bool", "&str", "&[u8]", "String", "Vec<u8>", "Option<u64>", "[u64; 4]"];

/// Types of results, each with a value made of the number `n`.
const RESULTS: [(&str, &str); 9] = [
    ("()", "drop(n)"),
    ("u64", "n"),
    ("bool", "n == 7"),
    ("f64", "n as f64"),
    ("String", "n.to_string()"),
    ("Vec<u8>", "n.to_le_bytes().to_vec()"),
    ("Option<u64>", "n.checked_sub(7)"),
    ("Result<u64, String>", "n.checked_sub(7).ok_or_else(|| n.to_string())"),
    ("Option<String>", "n.checked_sub(7).map(|n| n.to_string())"),
];

/// The same methods each time.
fn source(thunks: Thunks) -> String {
    let mut draw = draws();
    let (mut declared, mut implemented) = (String::new(), String::new());
    for method in 0..METHODS {
        let arguments: Vec<_> = (0..draw(5)).map(|_| ARGUMENTS[draw(ARGUMENTS.len())]).collect();
        let (result, value) = RESULTS[draw(RESULTS.len())];
        let named: String = (0..).zip(&arguments).map(|(place, ty)| format!(", a{place}: {ty}")).collect();
        let unnamed: String = arguments.iter().map(|ty| format!(", _: {ty}")).collect();
        writeln!(declared, "    fn m{method}(&self{named}) -> {result};").expect("a string grows");
        writeln!(implemented, "    fn m{method}(&self{unnamed}) -> {result} {{").expect("a string grows");
        writeln!(implemented, "        let n = self.0.fetch_add({method}, Relaxed);").expect("a string grows");
        writeln!(implemented, "        {value}\n    }}").expect("a string grows");
    }
    let (interface, component, module) = match thunks {
        Thunks::With => ("patches", "", String::new()),
        Thunks::Without => (
            "crate = crate::without_thunks",
            ", crate = crate::without_thunks",
            without_thunks(env!("CARGO_PKG_VERSION")),
        ),
    };
    format!(
        "#![allow(dropping_copy_types)]\nuse std::sync::atomic::{{AtomicU64, Ordering::Relaxed}};\n\n{module}\
         #[lcr::interface(name = \"bench.methods\", version = 1, {interface})]\npub trait Methods {{\n{declared}}}\n\n\
         #[derive(Default)]\npub struct Counting(AtomicU64);\n\n\
         #[lcr::component(name = \"methods\"{component})]\nimpl Methods for Counting {{\n{implemented}}}\n"
    )
}

/// A module that is `lcr`, but without thunks.
fn without_thunks(version: &str) -> String {
    let door = format!("v{}", version.replace('.', "_"));
    format!(
        "mod without_thunks {{
    #[allow(unused_imports)]
    pub use lcr::*;
    pub mod __private {{
        pub mod {door} {{
            pub use lcr::__private::{door}::*;
            pub fn crossing<A, R>(_: &mut impl Sized) {{}}
        }}
    }}
}}

"
    )
}

/// Numbers below a bound, always the same ones (Lehmer, 31 bits).
fn draws() -> impl FnMut(usize) -> usize {
    let mut state = 7_u64;
    move |below| {
        state = state * 48_271 % 0x7fff_ffff;
        state as usize % below
    }
}
