//! Libraries that differ by a single change from the interface that their callers know: the runtime
//! refuses each with a text that leads to the change, before any code of the library runs. A library whose
//! interface only grew is accepted.
//!
//! Every single change of random interfaces is tried beside the linker itself, in
//! `host::link` of lcr.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use lcr::{__private::v0_1_0 as private, ErrorKind, Handle, Runtime};
use lcr_tests::{
    component,
    guest::library,
    ledger::{Entry, Ledger, Position, Refusal, State},
    manifests,
};
use proptest::prelude::*;

/// A runtime that keeps its copies of libraries in a directory of its own.
fn runtime(library: &Path) -> (Runtime, tempfile::TempDir) {
    let store = tempfile::tempdir().unwrap();
    let rt = Runtime::builder().linked(false).store(store.path()).build().unwrap();
    rt.load(library).unwrap();
    (rt, store)
}

/// Libraries whose ledgers differ from `ledger_first` by one change each, and the text of each refusal.
fn changed() -> (tempfile::TempDir, Vec<(PathBuf, &'static str, &'static str)>) {
    let directory = tempfile::tempdir().unwrap();
    let whole = library("ledger_with_single_changes");
    let changes = CHANGES.iter().zip(1..).map(|((change, place), number)| {
        let mut changed = whole.clone();
        manifests::rename(&mut changed, &format!("test.ledg{number:02}"), "test.ledger");
        let file = directory.path().join(format!("{change}.so"));
        fs::write(&file, changed).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        (file, *change, *place)
    });
    let changes = changes.collect();
    (directory, changes)
}

/// How many libraries of a store are mapped; an image stays mapped once it was.
fn mapped(store: &Path) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let store = store.to_str().unwrap();
    maps.lines().filter_map(|line| line.find(store).map(|at| line[at..].to_owned())).collect::<BTreeSet<_>>().len()
}

fn entry() -> Entry {
    Entry { id: 3, amount: -5, note: Some("note".to_owned()), at: Position { page: 1, line: 4 } }
}

fn check_first(ledger: &Handle<dyn Ledger>) {
    assert_eq!(ledger.put(entry(), b"seal"), Ok(7));
    assert_eq!(ledger.put(entry(), b""), Err(Refusal::Unknown));
    assert_eq!(ledger.state(8), State::Held { by: "8".to_owned(), until: 9 });
    assert_eq!(ledger.scan(2, &|from, text| (from, text) == (2, "entry")), 1);
    assert_eq!(ledger.key(), *b"the ledger's key");
}

/// Each change, in the order of its interface in `ledger_with_single_changes`, and where its refusal leads to.
const CHANGES: [(&str, &str); 16] = [
    ("field_type", "put: argument 1: struct Entry: field 3 `note`: Option: expected String, found Vec<u8>"),
    (
        "field_order",
        "put: argument 1: struct Entry: field 4 `at`: struct Position: field 1 `page`: expected field `page`, found \
         field `line`",
    ),
    ("field_added", "put: argument 1: struct Entry: expected 4 fields, found 5; field `rate` was added"),
    (
        "field_removed",
        "state: result: enum State: variant 2 `Held`: expected 2 fields, found 1; field `until` is missing",
    ),
    ("variant_added", "state: result: enum State: expected 3 variants, found 4; variant `Lost` was added"),
    ("variant_removed", "state: result: enum State: expected 3 variants, found 2; variant `Open` is missing"),
    ("width", "put: argument 1: struct Entry: field 4 `at`: struct Position: field 2 `line`: expected u32, found u64"),
    ("sign", "put: argument 1: struct Entry: field 2 `amount`: expected i64, found u64"),
    ("discriminant", "put: result: Result: Err: enum Refusal: variant 2 `Unknown`: expected discriminant 2, found 3"),
    ("method_renamed", "lacks method `state` of test.ledger v1"),
    ("argument_added", "state: expected fn state(&self, u64) -> State, found fn state(&self, u64, u64) -> State"),
    ("argument_replaced", "put: argument 2: expected &[u8], found Vec<u8>"),
    (
        "argument_dropped",
        "put: expected fn put(&self, Entry, &[u8]) -> Result<u64, Refusal>, found \
         fn put(&self, Entry) -> Result<u64, Refusal>",
    ),
    ("result", "put: result: Result: Err: expected enum Refusal, found enum State"),
    ("length", "key: result: Array: expected length 16, found 17"),
    ("callback", "scan: argument 2: Callback: argument 2: expected &str, found String"),
];

#[test]
fn a_library_with_a_single_change_is_refused_where_a_handle_is_held_before_its_code_runs() {
    let (rt, store) = runtime(&component("ledger_first"));
    let ledger = rt.service::<dyn Ledger>().unwrap();
    check_first(&ledger);
    let generation = rt.generation();
    let (_directory, changed) = changed();
    for (library, change, place) in changed {
        let plan = rt.plan().replace(&library).build();
        let error = rt.replace(&library).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{change}: {error}");
        assert!(error.to_string().contains(place), "{change}: {error}\nlacks\n{place}");
        assert_eq!(plan.refusals().map(ToString::to_string).collect::<Vec<_>>(), [error.to_string()]);
        assert_eq!((rt.generation(), mapped(store.path())), (generation, 1), "{change}");
        check_first(&ledger);
    }
    // A refusal does not stand in the way of the next try.
    rt.replace(component("ledger_first")).unwrap();
    assert_eq!(mapped(store.path()), 2);
    check_first(&ledger);
}

#[test]
fn a_caller_of_another_contract_gets_no_handle() {
    let (_directory, changed) = changed();
    for (library, change, place) in changed {
        let (rt, _store) = runtime(&library);
        let errors = [rt.service::<dyn Ledger>().unwrap_err(), rt.reference::<dyn Ledger>(&()).unwrap_err()];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Mismatch, "{change}: {error}");
            assert!(error.to_string().contains(place), "{change}: {error}\nlacks\n{place}");
        }
        assert_eq!(rt.status().handles, 0);
    }
}

#[test]
fn whether_a_struct_is_plain_data_does_not_change_how_it_crosses() {
    let (rt, _store) = runtime(&component("ledger_first"));
    let ledger = rt.service::<dyn Ledger>().unwrap();
    rt.replace(component("ledger_plain")).unwrap();
    assert_eq!(rt.status().components[0].id.version.to_string(), "2.0.0");
    check_first(&ledger);
}

/// The interface as a caller knows it.
#[lcr::interface(name = "test.abacus", version = 1)]
trait Abacus {
    fn bytes(&self, v: u8) -> u64;
    fn text(&self, v: &str) -> String;
    fn numbers(&self, v: Vec<u16>) -> Option<u16> {
        v.last().copied()
    }
    fn wide(&self, v: i128) -> i128;
    fn pair(&self, v: (u8, f64)) -> (f64, u8) {
        (0.0, v.0)
    }
    fn call(&self, f: &dyn Fn(u32) -> u32) -> u32 {
        f(0)
    }
}

/// Methods that some components have in addition.
#[lcr::interface(name = "test.more", version = 1)]
trait More {
    fn colour(&self) -> (u8, u8, u8);
    fn ring(&self, times: Box<dyn Fn(u8) -> bool + Send>) -> bool;
}

#[derive(Default)]
struct Frame;

impl Abacus for Frame {
    fn bytes(&self, v: u8) -> u64 {
        u64::from(v) + 1
    }
    fn text(&self, v: &str) -> String {
        format!("{v}!")
    }
    fn numbers(&self, v: Vec<u16>) -> Option<u16> {
        v.first().copied()
    }
    fn wide(&self, v: i128) -> i128 {
        -v
    }
    fn pair(&self, v: (u8, f64)) -> (f64, u8) {
        (v.1, v.0)
    }
    fn call(&self, f: &dyn Fn(u32) -> u32) -> u32 {
        f(1)
    }
}

impl More for Frame {
    fn colour(&self) -> (u8, u8, u8) {
        (1, 2, 3)
    }
    fn ring(&self, times: Box<dyn Fn(u8) -> bool + Send>) -> bool {
        times(0)
    }
}

/// The names of the methods that have default bodies.
const DEFAULTS: [&str; 3] = ["numbers", "pair", "call"];

/// A component with these methods in this order, as the macros would register it; it stays
/// for the rest of the program.
fn register(methods: &[&'static str], version: u32, replaces: &'static [u32]) -> &'static private::Export {
    use private::{Interface, ServedBy};
    type Known = (&'static private::Method, private::Thunk);
    fn known<I: ?Sized + Interface + ServedBy<Frame>>() -> impl Iterator<Item = Known> {
        I::METHODS.iter().zip(I::THUNKS.iter().copied())
    }
    let find = |name: &&str| -> Known {
        let mut all = known::<dyn Abacus>().chain(known::<dyn More>());
        all.find(|(method, _)| method.shape.name == *name).unwrap()
    };
    let found: Vec<Known> = methods.iter().map(find).collect();
    let describe = |(method, _): &Known| private::Method::new(method.has_default, method.shape);
    let thunks: Vec<private::Thunk> = found.iter().map(|(_, thunk)| *thunk).collect();
    let declaration = private::Declaration {
        component: "abacus",
        component_version: "1.0.0",
        type_name: "",
        interface: private::InterfaceInfo {
            name: "test.abacus",
            version,
            replaces,
            deps: &[],
            methods: found.iter().map(describe).collect::<Vec<_>>().leak(),
        },
        replaces: &[],
        deps: &[],
        flags: private::Flags::default(),
        state_version: 0,
        kept: None,
        source: None,
        downgrades_to: &[],
        patch: None,
    };
    // A record is as long as its buffer: the type's name fills the rest.
    const ROOM: usize = 1024;
    let type_name = "T".repeat(ROOM - private::manifest_len(&declaration)).leak();
    let manifest: [u8; ROOM] = private::manifest_bytes(&private::Declaration { type_name, ..declaration });
    let export = private::Export::new::<Frame, private::Bare>(
        manifest.to_vec().leak(),
        thunks.leak(),
        <Frame as private::DefaultCreate>::CREATE,
    );
    Box::leak(Box::new(export))
}

/// Methods in any order, some of those with default bodies left out, and some more.
fn methods() -> impl Strategy<Value = Vec<&'static str>> {
    let may_lack = prop::sample::subsequence(DEFAULTS.to_vec(), 0..=DEFAULTS.len());
    let may_have = prop::sample::subsequence(vec!["colour", "ring"], 0..=2);
    let all = (may_lack, may_have).prop_map(|(some, more)| [vec!["bytes", "text", "wide"], some, more].concat());
    all.prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_interface_that_only_grew_is_linked_method_by_method(methods in methods(), is_later in any::<bool>()) {
        let (version, replaces): (u32, &[u32]) = if is_later { (3, &[1, 2]) } else { (1, &[]) };
        let export = register(&methods, version, replaces);
        // SAFETY: the export has the functions of these methods, as the interface's macro made them.
        let builder = unsafe { Runtime::builder().linked(false).export(export) };
        let rt = builder.build().unwrap();
        let abacus = rt.service::<dyn Abacus>().unwrap();
        let has = |name| methods.contains(&name);
        prop_assert_eq!(abacus.bytes(255), 256);
        prop_assert_eq!(abacus.text("text"), "text!");
        prop_assert_eq!(abacus.wide(i128::MAX), -i128::MAX);
        prop_assert_eq!(abacus.numbers(vec![1, 2, 3]), Some(if has("numbers") { 1 } else { 3 }));
        prop_assert_eq!(abacus.pair((7, 0.5)), (if has("pair") { 0.5 } else { 0.0 }, 7));
        prop_assert_eq!(abacus.call(&|v| v + 10), if has("call") { 11 } else { 10 });
    }
}
