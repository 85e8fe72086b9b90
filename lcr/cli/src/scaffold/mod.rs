//! `new`: a workspace of an interface, a component and a host, which builds, runs and passes its test at once.
//!
//! The files are the templates of the folder `templates`, in which words in double braces are filled in. With `--from`
//! the interface is made of a trait that exists ([`existing`]), and the component of methods that are to be written.
//! Nothing is written where something is there, and what was begun is removed if it cannot be ended.

mod existing;

use std::{fs, io, path::Path};

use serde_json::json;

use crate::{
    arguments::New,
    exit::{Failure, Outcome, Status},
    output::{Output, Style},
};

/// What is filled in for the words of the templates.
struct Parts {
    /// The source of the interface.
    interface: String,
    /// The source of the component.
    component: String,
    /// The name of the trait.
    trait_name: String,
    /// The name of the handle.
    handle: &'static str,
    /// What the host does with the handle in each round.
    used: &'static str,
    /// What the test does before the replacement, and afterwards.
    before: &'static str,
    after: &'static str,
}

/// Makes the workspace.
pub(crate) fn new(arguments: &New, output: &Output) -> Result<Outcome, Failure> {
    let directory = &arguments.path;
    let name = package_name(directory)?;
    let (parts, notes) = match &arguments.from {
        None => (greeter(), Vec::new()),
        Some(from) => {
            let found = existing::read(from, &name)?;
            (found.parts, found.notes)
        }
    };
    let lcr = match &arguments.lcr_path {
        None => format!("version = \"{}\"", env!("CARGO_PKG_VERSION")),
        Some(path) => format!("path = {}", toml_path(path)?),
    };
    let files = files(&name, &lcr, &parts);
    write(directory, &files)?;
    if output.is_json() {
        output.json(&json!({
            "directory": directory,
            "name": name,
            "files": files.iter().map(|(file, _)| file).collect::<Vec<_>>(),
            "notes": notes,
        }))?;
        return Ok(Outcome::Done);
    }
    let path = directory.display();
    output.line(format!(
        "{} is a workspace of an interface, a component and a host\n  cd {path} && cargo test && cargo run",
        output.paint(Style::Strong, &path)
    ))?;
    notes.iter().for_each(|note| output.note(note));
    Ok(Outcome::Done)
}

/// The name of the packages: that of the directory.
fn package_name(directory: &Path) -> Result<String, Failure> {
    let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_word = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        && name.len() <= 64;
    if !is_word {
        let text = format!("\"{name}\" is no name for a package; give a-z, 0-9, - and _, and begin with a letter");
        return Err(Failure::usage(text));
    }
    let is_taken = syn::parse_str::<syn::Ident>(&name.replace('-', "_")).is_err() || matches!(name, "lcr" | "test");
    match is_taken {
        true => Err(Failure::usage(format!("\"{name}\" means something else in Rust; give another name"))),
        false => Ok(name.to_owned()),
    }
}

/// An absolute path as a string of TOML.
fn toml_path(path: &Path) -> Result<String, Failure> {
    let refused = |error: &io::Error| {
        Failure::new(Status::NotFound, "not-found", format!("{}: {error}; give the folder of lcr", path.display()))
    };
    let path = path.canonicalize().map_err(|error| refused(&error))?;
    if !path.join("Cargo.toml").is_file() {
        return Err(refused(&io::Error::other("there is no Cargo.toml in it")));
    }
    let text = path.to_str().ok_or_else(|| refused(&io::Error::other("a path that is not UTF-8")))?;
    Ok(serde_json::Value::from(text).to_string()) // what JSON escapes, TOML reads
}

/// The parts of a workspace that is not made from a trait.
fn greeter() -> Parts {
    Parts {
        interface: include_str!("templates/interface.rs").to_owned(),
        component: include_str!("templates/component.rs").to_owned(),
        trait_name: "Greeter".to_owned(),
        handle: "greeter",
        used: r#"println!("{} ({} so far)", greeter.greet("world"), greeter.greeted());"#,
        before: "    greeter.greet(\"ann\");",
        after: "    greeter.greet(\"bob\"); // the same handle\n    assert_eq!(greeter.greeted(), 2); // and its state",
    }
}

/// The files, by their paths in the workspace.
fn files(name: &str, lcr: &str, parts: &Parts) -> Vec<(&'static str, String)> {
    let krate = name.replace('-', "_");
    let fill = |template: &str| {
        template
            .replace("{{lcr}}", lcr)
            .replace("{{name}}", name)
            .replace("{{crate}}", &krate)
            .replace("{{interface}}", &krate)
            .replace("{{trait}}", &parts.trait_name)
            .replace("{{handle}}", parts.handle)
            .replace("{{use}}", parts.used)
            .replace("{{before}}", parts.before)
            .replace("{{after}}", parts.after)
    };
    vec![
        ("Cargo.toml", fill(include_str!("templates/workspace.toml"))),
        (".gitignore", fill(include_str!("templates/ignore"))),
        ("README.md", fill(include_str!("templates/README.md"))),
        ("interface/Cargo.toml", fill(include_str!("templates/interface.toml"))),
        ("interface/src/lib.rs", fill(&parts.interface)),
        ("component/Cargo.toml", fill(include_str!("templates/component.toml"))),
        ("component/src/lib.rs", fill(&parts.component)),
        ("host/Cargo.toml", fill(include_str!("templates/host.toml"))),
        ("host/src/main.rs", fill(include_str!("templates/host.rs"))),
        ("host/tests/replacement.rs", fill(include_str!("templates/test.rs"))),
    ]
}

/// Writes the files to a directory that is made for them.
fn write(directory: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::usage(format!("{} is there already; give a name that is free", directory.display()))
        }
        _ => Failure::system(format!("{} cannot be made", directory.display()), &error),
    };
    fs::create_dir(directory).map_err(failed)?;
    let written = files.iter().try_for_each(|(file, text)| {
        let path = directory.join(file);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, text)
    });
    written.map_err(|error| {
        // This call made the directory, so all in it is its own.
        let _ = fs::remove_dir_all(directory);
        failed(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_or_rust_would_refuse_are_refused() {
        for name in ["", "9lives", "Shop", "shop.rs", "fn", "test", "self", "a b", "lcr", ".."] {
            assert!(package_name(Path::new(name)).is_err(), "{name}");
        }
        assert_eq!(package_name(Path::new("some/where/my-shop")).unwrap(), "my-shop");
    }

    #[test]
    fn no_word_of_a_template_is_left() {
        for (file, text) in files("my-shop", "version = \"1\"", &greeter()) {
            assert!(!text.contains("{{"), "{file}: {text}");
        }
    }
}
