//! Reads from paths in the code which file imports which, and checks that no room imports one above it and
//! that files form no circle.
//!
//! Tests and names that a macro makes are left out.

use std::collections::{BTreeMap, BTreeSet};

use super::{is_test, sources};

/// The rooms of `lcr/src/host`, and those that each may import. Files beside them are
/// [on top](ON_TOP) or below all rooms.
const ROOMS: [(&str, &[&str]); 6] = [
    ("image", &[]),
    ("reflect", &["image"]),
    ("watching", &["image", "reflect", "worlds"]),
    ("worlds", &[]),
    ("objects", &["image", "worlds"]),
    ("service", &["image", "reflect", "worlds", "objects"]),
];

/// The files of `lcr/src/host` above all rooms.
const ON_TOP: [&str; 8] = [
    "host/runtime.rs",
    "host/builder.rs",
    "host/calls.rs",
    "host/exports.rs",
    "host/points.rs",
    "host/points/watch.rs",
    "host/source.rs",
    "host/status.rs",
];

/// The crates whose files are looked at.
const CRATES: [&str; 2] = ["lcr/src", "sam/src"];

/// The circles of files that are allowed: the crate, the files in order, and the reason why the circle is not
/// cut. The test fails if a circle of this list is gone.
const CIRCLES: &[(&str, &[&str], &str)] = &[
    (
        "lcr/src",
        &["component/async_call.rs", "component/call_path.rs", "component/handle.rs", "component/pinned.rs"],
        "a handle is pinned, a pin knows its handle, and both are called in two ways that ask the handle who serves it",
    ),
    (
        "lcr/src",
        &["component/wire/decode/access.rs", "component/wire/decode/mod.rs"],
        "a `Deserializer` makes the access to a container, which reads each element by the `Deserializer`",
    ),
    (
        "lcr/src",
        &["component/wire/encode/items.rs", "component/wire/encode/mod.rs"],
        "a `Serializer` has the container that it writes for a type, which writes each element by the `Serializer`",
    ),
    (
        "lcr/src",
        &["host/reflect/json/check.rs", "host/reflect/json/check/visitors.rs"],
        "what reads a value of a type makes the visitor of its container, which reads each element by its type",
    ),
    (
        "lcr/src",
        &["host/image/stage/beside.rs", "host/image/stage/mod.rs"],
        "what lies beside a component is staged as the component is, by the same store",
    ),
    (
        "sam/src",
        &["state/health.rs", "state/machine.rs"],
        "the rules of health are transitions of the machine, and what they look at is a part of its state",
    ),
];

/// The files of a crate, and the imports of each.
struct Graph {
    /// By the path of its module: `crate::host::sys`.
    files: BTreeMap<String, String>,
    imports: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Reads the crate whose root is `folder/lib.rs`.
    fn read(folder: &str) -> Graph {
        let sources = sources(folder).into_iter().filter(|(name, _)| !is_test(name));
        let sources = sources.map(|(name, code)| (name[folder.len() + 1..].to_owned(), code));
        Graph::new(&sources.collect::<Vec<_>>())
    }

    /// The graph of files, each by its path from the root's folder and with its code.
    fn new(sources: &[(String, String)]) -> Graph {
        let files: BTreeMap<String, String> = sources.iter().map(|(name, _)| (module(name), name.clone())).collect();
        let mut imports = BTreeMap::new();
        for (name, code) in sources {
            let own = module(name);
            let paths = paths(&without_tests(code));
            let imported = paths.iter().filter_map(|path| resolve(&files, &own, path));
            let imported: BTreeSet<String> = imported.filter(|module| *module != own).collect();
            let imported = imported.iter().map(|module| files[module].clone()).collect();
            imports.insert(name.clone(), imported);
        }
        Graph { files, imports }
    }

    /// The files that `name` imports, directly or through others.
    fn reachable(&self, name: &str) -> BTreeSet<&str> {
        let mut open: Vec<&str> = self.imports[name].iter().map(String::as_str).collect();
        let mut found = BTreeSet::new();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(self.imports[next].iter().map(String::as_str));
            }
        }
        found
    }

    /// The sets of files that import each other, directly or through others.
    fn circles(&self) -> Vec<Vec<&str>> {
        let reachable: BTreeMap<&str, BTreeSet<&str>> =
            self.files.values().map(|name| (name.as_str(), self.reachable(name))).collect();
        let mut circles: Vec<Vec<&str>> = Vec::new();
        for (&name, own) in &reachable {
            let members: Vec<&str> = own.iter().copied().filter(|other| reachable[other].contains(name)).collect();
            if members.first() == Some(&name) {
                circles.push(members);
            }
        }
        circles
    }
}

/// The path of a file's module: that of `host/image/mod.rs` is `crate::host::image`.
fn module(name: &str) -> String {
    let name = name.strip_suffix(".rs").unwrap_or(name);
    let name = name.strip_suffix("/mod").unwrap_or(name);
    match name {
        "lib" => "crate".to_owned(),
        name => format!("crate::{}", name.replace('/', "::")),
    }
}

/// The code without its tests. Modules with `#[cfg(test)]` are at the end of a file, or files of their own.
pub(super) fn without_tests(code: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = code.lines().peekable();
    while let Some(line) = lines.next() {
        let is_cfg = line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
        if is_cfg && lines.peek().is_some_and(|next| next.contains("mod ")) {
            if lines.next().is_some_and(|next| next.ends_with('{')) {
                break;
            }
        } else {
            kept.push(line);
        }
    }
    kept.join("\n")
}

/// The paths that code names, each in full: the paths of `use`, and all other paths of more than one step. A
/// `pub use` is no import.
fn paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut rest = String::new();
    let mut used = String::new();
    let mut is_passed_on = false;
    for line in code.lines() {
        let begins = line.trim_start();
        is_passed_on |= begins.starts_with("pub") && begins.contains(" use ");
        if is_passed_on {
            is_passed_on = !begins.ends_with(';');
        } else if !used.is_empty() || begins.starts_with("use ") {
            used += begins.strip_prefix("use ").filter(|_| used.is_empty()).unwrap_or(begins);
            if let Some(tree) = used.strip_suffix(';') {
                expand(tree, &mut paths);
                used.clear();
            }
        } else {
            rest += line;
            rest.push('\n');
        }
    }
    let is_of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = rest.split(|c| !is_of_path(c));
    paths.extend(words.filter(|word| word.contains("::") && !word.starts_with(':')).map(str::to_owned));
    paths
}

/// Appends the paths of the tree of a `use`.
fn expand(tree: &str, paths: &mut Vec<String>) {
    let Some((prefix, group)) = tree.split_once('{') else {
        return paths.push(tree.split(" as ").next().unwrap_or(tree).trim().to_owned());
    };
    let group = group.trim_end().strip_suffix('}').expect("a group is closed");
    let mut depth = 0;
    let is_border = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    };
    let members = group.split(is_border).map(str::trim).filter(|member| !member.is_empty());
    members.for_each(|member| expand(&format!("{}{member}", prefix.trim()), paths));
}

/// The module of this crate that a path in `own` leads into; `None` if it leads elsewhere.
fn resolve(files: &BTreeMap<String, String>, own: &str, path: &str) -> Option<String> {
    let path = path.strip_suffix("::self").unwrap_or(path);
    let mut steps = path.split("::");
    let mut base: Vec<&str> = own.split("::").collect();
    let mut full: Vec<&str> = match steps.next()? {
        "crate" => vec!["crate"],
        "self" => base.clone(),
        "super" => {
            base.pop();
            base
        }
        // A child of this module, or another crate.
        first => {
            base.push(first);
            let child = base.join("::");
            files.contains_key(&child).then_some(())?;
            base
        }
    };
    for step in steps {
        if step == "super" {
            full.pop();
        } else {
            full.push(step);
        }
    }
    while !full.is_empty() {
        let module = full.join("::");
        if files.contains_key(&module) {
            return Some(module);
        }
        full.pop();
    }
    None
}

#[test]
fn a_room_of_the_host_imports_only_those_below_it() {
    let graph = Graph::read("lcr/src");
    let room = |file: &str| ROOMS.into_iter().find(|(room, _)| file.starts_with(&format!("host/{room}/")));
    for (file, imports) in graph.imports.iter().filter(|(file, _)| file.starts_with("host/")) {
        let is_on_top = file == "host/mod.rs" || ON_TOP.contains(&file.as_str());
        for import in imports.iter().filter(|import| import.starts_with("host/")) {
            let is_allowed = match (room(file), room(import)) {
                _ if is_on_top => true,
                (None, to) => to.is_none() && !ON_TOP.contains(&import.as_str()),
                (Some((own, below)), Some((to, _))) => own == to || below.contains(&to),
                (Some(_), None) => !ON_TOP.contains(&import.as_str()),
            };
            assert!(is_allowed, "lcr/src/{file} imports {import}, which is above it");
        }
    }
}

#[test]
fn files_import_each_other_in_no_circle_but_those_that_are_listed() {
    for folder in CRATES {
        let graph = Graph::read(folder);
        let mut listed: BTreeSet<&str> =
            CIRCLES.iter().filter(|(of, ..)| *of == folder).map(|(_, files, _)| files[0]).collect();
        for circle in graph.circles() {
            let found = CIRCLES.iter().find(|(of, files, _)| *of == folder && files[..] == circle[..]);
            let found = found.unwrap_or_else(|| {
                let imports: Vec<String> = circle
                    .iter()
                    .map(|file| {
                        let inside = graph.imports[*file].iter().filter(|import| circle.contains(&import.as_str()));
                        format!("{file} -> {}", inside.cloned().collect::<Vec<_>>().join(", "))
                    })
                    .collect();
                panic!("{folder} has a circle that is not listed here:\n{}\n{circle:?}", imports.join("\n"))
            });
            listed.remove(found.1[0]);
        }
        assert!(listed.is_empty(), "{folder} has no circle any more that begins with {listed:?}");
    }
}

#[test]
fn the_check_of_imports_finds_a_circle() {
    let file = |name: &str, code: &str| (name.to_owned(), code.to_owned());
    let graph = Graph::new(&[
        file("lib.rs", "mod a;\nmod b;\npub use b::{\n    B,\n};\nuse a::A;"),
        file("a/mod.rs", "mod c;\nuse crate::b::{\n    self,\n    B, D as E,\n};\n"),
        file("a/c.rs", "fn f() { super::super::b::g() }\n#[cfg(test)]\nmod tests {\n    use crate::d;\n}"),
        file("b.rs", "use std::fmt;\nuse super::a::{c::C, *};"),
        file("d.rs", "#[cfg(test)]\nmod tests;\n\nuse crate::a;\nuse self::e::F;"),
        file("d/e.rs", "use super::super::d as x;"),
    ]);
    let imports = |file: &str| graph.imports[file].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(imports("lib.rs"), ["a/mod.rs"]);
    assert_eq!(imports("a/mod.rs"), ["b.rs"]);
    assert_eq!(imports("a/c.rs"), ["b.rs"]);
    assert_eq!(imports("b.rs"), ["a/c.rs", "a/mod.rs"]);
    assert_eq!(imports("d.rs"), ["a/mod.rs", "d/e.rs"]);
    assert_eq!(graph.circles(), [vec!["a/c.rs", "a/mod.rs", "b.rs"], vec!["d.rs", "d/e.rs"]]);
}
