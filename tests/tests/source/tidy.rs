//! Invariants of the source text: `lcr/ARCHITECTURE.md` numbers them.

mod imports;
mod limits;
mod names;
mod sam;

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file below a folder, by its path from the root, without comment lines and without what follows
/// `#[cfg(test)]`.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "{folder} has no sources");
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let code = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    };
    files.iter().map(|path| (name(path), code(path))).collect()
}

fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/") || name.contains("/samples") || name.contains("model")
}

/// The files of `lcr` in which `word` occurs, tests left out.
fn files_with(word: &str) -> Vec<String> {
    let files = sources("lcr/src").into_iter().filter(|(name, _)| !is_test(name));
    files.filter(|(_, code)| code.contains(word)).map(|(name, _)| name).collect()
}

#[test]
fn floors_import_only_downwards() {
    let above = [
        ("lcr/src/abi", &["component", "host", "change", "control", "error"][..]),
        ("lcr/src/component", &["host", "change", "control"]),
        ("lcr/src/host", &["change", "control"]),
        ("lcr/src/change", &["control"]),
        // Floor 4 sees what a program sees.
        ("lcr/src/control", &["abi", "component", "host", "change"]),
    ];
    for (folder, forbidden) in above {
        for (name, code) in sources(folder).iter().filter(|(name, _)| !is_test(name)) {
            for floor in forbidden {
                let in_list = code.lines().any(|line| line.trim_start().starts_with(&format!("{floor}::")));
                let named = ["crate::", "crate::{", "super::super::"]
                    .iter()
                    .any(|from| code.contains(&format!("{from}{floor}")));
                assert!(!in_list && !named, "{name} imports {floor}, which is above it");
            }
        }
    }
}

#[test]
fn the_abi_uses_core_and_alloc_only() {
    for (name, code) in sources("lcr/src/abi").iter().filter(|(name, _)| !is_test(name)) {
        assert!(!imports::without_tests(code).contains("std::"), "{name} uses std");
    }
}

#[test]
fn the_door_for_generated_code_has_names_only() {
    let files = sources("lcr/src");
    let (_, code) = files.iter().find(|(name, _)| name == "lcr/src/private.rs").unwrap();
    for word in ["fn ", "impl ", "struct ", "enum ", "trait ", "const ", "type ", "macro_rules!", "*"] {
        assert!(!code.contains(word), "lcr/src/private.rs has a `{word}` of its own");
    }
}

#[test]
fn libraries_that_cargo_does_not_test_have_no_test() {
    // Their manifests say `test = false`, so a test there would not run.
    for folder in ["benches/contract", "sam/c/src", "tests/facade/src", "tests/fuzz/src", "tests/sam/src", "tests/src"]
    {
        for (name, code) in sources(folder) {
            assert!(!code.contains("#[test]"), "{name} has a test");
        }
    }
}

#[test]
fn libraries_depend_on_exactly_the_macros_whose_door_they_have() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = ")).unwrap().trim_matches('"');
    assert!(manifest.contains(&format!("lcr-macros = {{ path = \"lcr-macros\", version = \"={version}\" }}")));
    for library in ["lcr", "sam"] {
        let manifest = fs::read_to_string(root().join(library).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("lcr-macros.workspace = true"), "{library} names a version of its own");
        let door = fs::read_to_string(root().join(library).join("src/private.rs")).unwrap();
        assert!(door.contains(&format!("pub mod v{}", version.replace('.', "_"))), "the door of {library}");
    }
}

#[test]
fn libraries_are_mapped_and_unmapped_in_one_file() {
    for word in ["libloading", "dlopen", "dlclose", "Library::open"] {
        let files: Vec<_> =
            files_with(word).into_iter().filter(|name| !name.starts_with("lcr/src/host/image/library/")).collect();
        assert!(files.is_empty(), "{word} is named in {files:?}");
    }
}

#[test]
fn the_current_world_is_written_in_one_file() {
    assert_eq!(files_with("current.store"), ["lcr/src/abi/frame.rs"]);
    assert_eq!(files_with("core.publish("), ["lcr/src/host/worlds/world.rs"]);
    // A history exchanges values of its own, which no world is among.
    let mut exchanging = files_with("ArcSwap");
    exchanging.retain(|name| !name.starts_with("lcr/src/history/"));
    assert_eq!(exchanging, ["lcr/src/host/worlds/world.rs"]);
}

#[test]
fn numbers_are_given_out_by_tables_with_a_type_for_each_kind() {
    assert_eq!(files_with("slab::"), ["lcr/src/host/ids.rs"]);
}

#[test]
fn unsafe_code_is_only_where_it_is_listed() {
    let allowed = [
        "lcr/src/abi/",
        "lcr/src/component/",
        "lcr/src/host/service/async_calls.rs",
        "lcr/src/host/service/construct.rs",
        "lcr/src/host/service/destroyers.rs",
        "lcr/src/host/service/shortcuts.rs",
        "lcr/src/host/service/handles.rs",
        // Calls by the thunks of images.
        "lcr/src/host/service/packed",
        "lcr/src/host/service/shape_calls.rs",
        "lcr/src/host/service/host_table.rs",
        "lcr/src/host/service/entering.rs",
        "lcr/src/host/service/fork.rs",
        "lcr/src/host/objects/instances.rs",
        // Hooks and variables of points, by the representations that their shapes promise.
        "lcr/src/host/objects/points.rs",
        "lcr/src/host/points",
        // Chains of hooks, over the tables of instances.
        "lcr/src/host/objects/patches.rs",
        "lcr/src/host/objects/patches/of_thread.rs",
        "lcr/src/host/service/thread_patches.rs",
        // Functions of patch libraries.
        "lcr/src/host/objects/patch_libraries.rs",
        // Exports: closures that are called by their shapes.
        "lcr/src/host/objects/patches/exported.rs",
        "lcr/src/host/service/exports.rs",
        // Calls of an export's functions, as in `instances.rs`.
        "lcr/src/host/objects/incremental.rs",
        "lcr/src/host/image/library/",
        // Asks two images for blocks and frees them.
        "lcr/src/host/image/allocator.rs",
        "lcr/src/host/image/link.rs",
        "lcr/src/host/service/pin.rs",
        "lcr/src/host/service/reaper_parts.rs",
        // The wakers of other images.
        "lcr/src/host/service/waiting.rs",
        "lcr/src/host/worlds/detached.rs",
        "lcr/src/host/worlds/records.rs",
        "lcr/src/host/builder.rs",
        "lcr/src/host/runtime.rs",
        "lcr/src/host/objects/slots.rs",
        "lcr/src/host/sys/",
        // What crosses for `tracing` and `log`, and the panic that a hook looks at.
        "lcr/src/host/image/logs/",
        // In the C library's place: keys, thread-locals and threads of images.
        "lcr/src/host/image/threads/",
        // Memory that is walked by a shape.
        "lcr/src/host/reflect/",
        // Hooks that lend a call's values, by their shapes, to what watches.
        "lcr/src/host/watching/canary.rs",
        // The register that has the thread pointer.
        "lcr/src/host/watching/counter.rs",
        "lcr/src/host/watching/fail.rs",
        "lcr/src/host/watching/layer.rs",
        "lcr/src/host/watching/matching.rs",
        "lcr/src/host/watching/polled.rs",
        "lcr/src/host/watching/requests.rs",
        "lcr/src/host/watching/second_call.rs",
        "lcr/src/host/watching/shadow.rs",
        "lcr/src/host/watching/signature.rs",
        "lcr/src/host/watching/stats.rs",
        "lcr/src/host/service/unload.rs",
        "lcr/src/testing.rs",
        // Fork handlers, signal masks, and the kernel's word on a peer.
        "lcr/src/control/descriptors.rs",
        "lcr/src/control/signals.rs",
        "lcr/src/control/peer.rs",
        "lcr/src/host/worlds/world.rs",
    ];
    for word in ["unsafe {", "unsafe impl", "unsafe fn"] {
        for file in files_with(word) {
            assert!(allowed.iter().any(|prefix| file.starts_with(prefix)), "{file} has unsafe code; see the list here");
        }
    }
}

#[test]
fn the_floors_of_sam_import_only_downwards() {
    let floors = ["state", "shared", "wire", "app", "supervisor"];
    for (below, floor) in floors.iter().enumerate() {
        for (name, code) in sources(&format!("sam/src/{floor}")).iter().filter(|(name, _)| !is_test(name)) {
            for above in &floors[below + 1..] {
                let in_list = code.lines().any(|line| line.trim_start().starts_with(&format!("{above}::")));
                assert!(!in_list && !code.contains(&format!("crate::{above}")), "{name} imports {above}, above it");
            }
        }
    }
}

#[test]
fn the_supervisor_takes_no_lock_and_starts_no_thread() {
    for floor in ["state", "shared", "wire", "supervisor"] {
        for (name, code) in sources(&format!("sam/src/{floor}")).iter().filter(|(name, _)| !is_test(name)) {
            for word in ["Mutex", "RwLock", "OnceLock", "Condvar", "thread::"] {
                assert!(!code.contains(word), "{name} names {word}");
            }
        }
    }
}

#[test]
fn the_state_machine_of_sam_is_pure() {
    for (name, code) in sources("sam/src/state").iter().filter(|(name, _)| !is_test(name)) {
        for word in ["unsafe", "std::fs", "std::io", "std::env", "nix::", "Instant", "SystemTime"] {
            assert!(!code.contains(word), "{name} names {word}");
        }
    }
}

#[test]
fn the_library_never_prints() {
    for folder in ["lcr/src", "lcr-macros/src"] {
        for (name, code) in sources(folder).iter().filter(|(name, _)| !is_test(name)) {
            for word in ["println!", "print!", "eprintln!", "eprint!", "dbg!"] {
                let prints =
                    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric()));
                assert!(!prints, "{name} prints with {word}");
            }
        }
    }
}

#[test]
fn the_top_level_has_nothing_but_what_the_design_lists() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "lcr",
        "lcr-macros",
        "sam",
        "examples",
        "tests",
        "benches",
        "README.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "target",
    ];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with('.') || allowed.contains(&name.as_str()), "{name} is not part of the layout");
    }
}

#[test]
fn no_two_examples_have_one_name() {
    // Cargo puts those of all packages into one folder, where the one that is built last would be there for both.
    let root = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = root.lines().find_map(|line| line.strip_prefix("members = ")).unwrap();
    let mut packages = std::collections::BTreeMap::new();
    for member in members.split('"').skip(1).step_by(2) {
        let manifest = fs::read_to_string(self::root().join(member).join("Cargo.toml")).unwrap();
        for example in manifest.split("\n[[example]]\n").skip(1) {
            let name = example.lines().find_map(|line| line.strip_prefix("name = ")).unwrap().to_owned();
            let other = packages.insert(name.clone(), member.to_owned());
            assert_eq!(other, None, "{member} has an example {name}, too");
        }
    }
    assert!(packages.len() > 100, "{packages:?}");
}
