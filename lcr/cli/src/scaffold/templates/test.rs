//! The component is replaced while the program holds a handle.

use std::{env, path::PathBuf, process::Command};

use {{crate}}_interface::{{trait}};

/// Builds the component as a file, and returns its path.
fn library() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "{{name}}-component"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "the component is not built");
    let test = env::current_exe().unwrap();
    let built = test.parent().and_then(|deps| deps.parent()).unwrap();
    built.join("lib{{crate}}_component.so")
}

#[test]
fn a_handle_survives_the_replacement_of_the_component() {
    let library = library();
    let runtime = lcr::Runtime::new().unwrap();
    runtime.load(&library).unwrap();
    let {{handle}} = runtime.service::<dyn {{trait}}>().unwrap();
{{before}}
    let report = runtime.replace(&library).unwrap();
    assert_eq!(report.members.len(), 1, "{report}");
{{after}}
}
