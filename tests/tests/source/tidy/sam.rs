//! Invariants of sam's source text: `sam/ARCHITECTURE.md` numbers them.

use std::collections::BTreeSet;

use super::{is_test, sources};

/// Words of code that allocates, or makes a value that owns memory of the heap.
const ALLOCATES: &[&str] = &[
    "Vec",
    "vec!",
    "String",
    "format!",
    "Box",
    "Rc",
    "Arc",
    "BTreeMap",
    "BTreeSet",
    "HashMap",
    "HashSet",
    "VecDeque",
    "CString",
    "OsString",
    "PathBuf",
    "Cow",
    "Command",
    "OpenOptions",
    "DirBuilder",
    "to_owned",
    "to_string",
    "to_vec",
    "into_owned",
    "to_path_buf",
    "collect",
    "concat",
    "push_str",
    "read_to_string",
    "read_to_end",
    "read_dir",
    "clone",
    "env::var",
    "env::var_os",
    "env::args_os",
    "println!",
    "eprintln!",
    "panic!",
    "BufReader",
    "BufWriter",
];

/// The functions of the supervisor's floors that may allocate nevertheless: file, names and reason.
const MAY_ALLOCATE: &[(&str, &[&str], &str)] = &[
    ("shared/mod.rs", &["look_at_limit"], BEFORE),
    ("supervisor/event_loop/exec.rs", &["inherited"], BEFORE),
    ("supervisor/event_loop/exec.rs", &["readdress", "execute_self", "command", "execute", "fail"], CHILD),
    ("supervisor/event_loop/failure_command.rs", &["run_failure_command"], CHILD),
    ("supervisor/event_loop/guard.rs", &["kill", "add_descendants"], CHILD),
    ("supervisor/event_loop/probe.rs", &["start_probe"], CHILD),
    ("supervisor/event_loop/shell.rs", &["look_for_shell"], BEFORE),
    ("supervisor/event_loop/shell.rs", &["start"], CHILD),
    ("supervisor/event_loop/spawn.rs", &["prepare"], CHILD),
    ("supervisor/event_loop/standby_child.rs", &["exit_over"], CHILD),
    ("supervisor/event_loop/start.rs", &["new"], BEFORE),
    (
        "supervisor/kernel/cgroup.rs",
        &["make", "make_as", "own", "place", "plain", "is_delegated", "remove_stale"],
        BEFORE,
    ),
    ("supervisor/kernel/dispositions.rs", &["as_found", "as_is", "keep_pipe"], CHILD),
    ("supervisor/kernel/file_pages.rs", &["look_until"], BEFORE),
    ("supervisor/kernel/huge_pages.rs", &["huge_page"], BEFORE),
    ("supervisor/kernel/mappings.rs", &["private", "mapping", "of"], BEFORE),
    ("supervisor/kernel/program.rs", &["look_for", "look_for_in", "refused"], BEFORE),
    ("supervisor/kernel/subreaper.rs", &["now"], BEFORE),
    ("supervisor/kernel/surroundings.rs", &["new", "try_out", "report"], BEFORE),
    ("supervisor/kernel/surroundings.rs", &["give", "apply", "set_limit"], CHILD),
    ("supervisor/kernel/threads.rs", &["refuse_others"], BEFORE),
    ("supervisor/protocols/journal/log_sink.rs", &["standard_error", "end_of"], BEFORE),
    ("supervisor/protocols/journal/mod.rs", &["open"], BEFORE),
    ("supervisor/protocols/journal/status.rs", &["open", "held", "look"], BEFORE),
    ("supervisor/protocols/notify_client.rs", &["open", "look"], BEFORE),
    ("supervisor/protocols/notify_server.rs", &["open"], BEFORE),
    ("supervisor/protocols/notify_server.rs", &["give", "environment"], CHILD),
];

const BEFORE: &str = "runs before the first fork only";
const CHILD: &str = "what allocates runs in a child of a fork only";

/// The functions of a text that are inside no other function, each with its text. The line with a function's
/// name is indented as its last brace is.
fn functions(code: &str) -> Vec<(String, String)> {
    let mut functions = Vec::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let Some((before, after)) = line.split_once("fn ") else { continue };
        if indent > 4 || before.contains('"') && !before.contains("extern") {
            continue;
        }
        let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let mut text = line.to_owned();
        let is_whole = line.ends_with('}') || line.ends_with(';');
        if !is_whole {
            let end = format!("{}}}", " ".repeat(indent));
            for line in lines.by_ref() {
                text.push('\n');
                text += line;
                if line == end {
                    break;
                }
            }
        }
        functions.push((name, text));
    }
    functions
}

/// The code of a file without the modules of its tests.
fn without_tests(code: &str) -> &str {
    code.find("#[cfg(test)]\nmod ").map_or(code, |at| &code[..at])
}

fn has_word(text: &str, word: &str) -> bool {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let behind = &text[at + word.len()..];
        !text[..at].ends_with(is_of_word) && (word.ends_with('!') || !behind.starts_with(is_of_word))
    })
}

#[test]
fn the_supervisor_allocates_nothing_after_its_first_fork() {
    let mut listed: BTreeSet<(&str, &str)> =
        MAY_ALLOCATE.iter().flat_map(|(file, names, _)| names.iter().map(|name| (*file, *name))).collect();
    let mut found = Vec::new();
    for floor in ["state", "shared", "wire", "supervisor"] {
        for (file, code) in sources(&format!("sam/src/{floor}")).iter().filter(|(name, _)| !is_test(name)) {
            let file = file.strip_prefix("sam/src/").unwrap();
            for (name, text) in functions(without_tests(code)) {
                let Some(word) = ALLOCATES.iter().find(|word| has_word(&text, word)) else { continue };
                let is_listed = MAY_ALLOCATE.iter().any(|(of, names, _)| *of == file && names.contains(&&*name));
                if !is_listed {
                    found.push(format!("{name} of sam/src/{file} names `{word}`"));
                }
                listed.retain(|entry| *entry != (file, &*name));
            }
        }
    }
    assert!(found.is_empty(), "this allocates: {found:#?}");
    assert!(listed.is_empty(), "these allocate no longer: {listed:?}");
}

#[test]
fn the_check_of_the_supervisor_finds_an_allocation() {
    let code = "impl A {\n    pub(crate) fn quiet(&self) -> u8 { 0 }\n\n    fn loud(\n        &self,\n    ) -> String {\n        \
                format!(\"{}\", 1)\n    }\n}\n\nunsafe fn last() {\n    x.clone()\n}\n";
    let found: Vec<_> = functions(code)
        .into_iter()
        .filter(|(_, text)| ALLOCATES.iter().any(|word| has_word(text, word)))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(found, ["loud", "last"]);
}

#[test]
fn a_room_of_the_supervisor_imports_only_those_below_it() {
    for (room, above) in [("kernel", &["protocols", "event_loop"][..]), ("protocols", &["event_loop"])] {
        for (file, code) in sources(&format!("sam/src/supervisor/{room}")) {
            for above in above {
                assert!(!has_word(&code, above), "{file} names {above}, a room above {room}");
            }
        }
    }
}

#[test]
fn one_function_steps_the_machine_and_executes_its_actions() {
    let files = sources("sam/src/supervisor");
    let calls = |call: &str| -> Vec<&str> {
        let with = files.iter().filter(|(_, code)| without_tests(code).contains(call));
        with.map(|(file, _)| file.as_str()).collect()
    };
    let code = &files.iter().find(|(file, _)| file.ends_with("event_loop/mod.rs")).unwrap().1;
    for call in [".execute(", ".step(", "= step("] {
        assert_eq!(calls(call), ["sam/src/supervisor/event_loop/mod.rs"], "{call}");
        assert_eq!(code.matches(call).count(), 1, "{call}");
    }
    let drain = functions(code).into_iter().find(|(name, _)| name == "drain").unwrap().1;
    assert!(drain.contains(".step(") && drain.contains(".execute("));
}

/// Types that sam has given up, each with the type that replaced it. The words may still stand in texts, and
/// in variants that say what happened: `Event::Ended`.
const TYPES: &[(&str, &str)] = &[
    ("Cell", "InstanceCgroup"),
    ("Ended", "Exit, End or ExitRecord"),
    ("How", "End::exit"),
    ("Past", "Predecessor"),
    ("Then", "Decision"),
];

#[test]
fn types_that_sam_gave_up_do_not_come_back() {
    for (file, code) in sources("sam/src") {
        for (name, instead) in TYPES {
            let is_back = ["struct", "enum", "type"].into_iter().any(|kind| has_word(&code, &format!("{kind} {name}")));
            assert!(!is_back, "{file} has a type `{name}`: the word is {instead}");
        }
    }
}
