//! Whether the state of one implementation may go to another one as it lies in memory: the comparison of what
//! their manifests say, and the first difference as a text.
//!
//! `component/state` says what equal descriptions prove, and what else has to hold: one compiler, for which this file
//! compares what `rustc -V` prints, and one allocator, which is tried when the images are mapped
//! (`host/image/allocator`).

use std::collections::HashMap;

use crate::{
    abi::{
        self,
        shape::{Kind, Sink},
    },
    error::Result,
    host::image::{reader::Reader, shape::Shape},
};

use super::ExportManifest;

impl ExportManifest {
    /// Whether its `downgrade` writes its state as the version that `other` has, which is an older one.
    pub(crate) fn downgrades_to(&self, other: &ExportManifest) -> bool {
        self.can_copy_state() && other.state_version.is_some_and(|version| self.downgrades_to.contains(&version))
    }

    /// Why the state of this implementation cannot go to `new` as it lies in memory; `None` if it can.
    pub(crate) fn state_differs(&self, new: &ExportManifest) -> Option<String> {
        let (Some(old_kept), Some(new_kept)) = (&self.kept, &new.kept) else {
            let other = if self.kept.is_none() { self } else { new };
            return Some(format!("{} keeps it in no `lcr::State`", other.component));
        };
        let (Some(old_memory), Some(new_memory)) = (&old_kept.memory, &new_kept.memory) else {
            let other = if old_kept.memory.is_none() { self } else { new };
            return Some(format!(
                "{} does not describe how it lies in memory (lcr::Layout), or the description leaves something open",
                other.component
            ));
        };
        if self.state_version != new.state_version {
            let version = |manifest: &ExportManifest| manifest.state_version.unwrap_or_default();
            return Some(format!("its version was {}, and is {}", version(self), version(new)));
        }
        if commit_of(&self.toolchain).is_none() || self.toolchain != new.toolchain || self.target != new.target {
            let compiler = |manifest: &ExportManifest| format!("{} for {}", manifest.toolchain, manifest.target);
            return Some(format!("{} made the old one, {} the new one", compiler(self), compiler(new)));
        }
        memory_differs(old_memory, new_memory)
    }
}

/// The description of a type of this image, as a host reads it in a manifest.
pub(crate) fn read_memory(memory: &abi::shape::Shape) -> Result<Shape> {
    let mut counted = Sink::new(&mut []);
    counted.shape(memory);
    let mut bytes = vec![0; counted.len()];
    Sink::new(&mut bytes).shape(memory);
    Shape::decode_memory(&mut Reader::new(&bytes))
}

/// Why a value that is described by `old` is none that is described by `new`, if one compiler made both.
pub(crate) fn memory_differs(old: &Shape, new: &Shape) -> Option<String> {
    if let Some(difference) = old.difference(new) {
        return Some(difference.summary());
    }
    // The comparison of signatures forgives bounds of callbacks; a description has none, and must be the same.
    if old != new {
        return Some("it is described in another way".to_owned());
    }
    ambiguous(old).map(|name| format!("it has two types called {name} inside each other"))
}

/// The commit in what `rustc -V` prints: `rustc 1.95.0 (59807616e 2026-04-14)`. A compiler that was built without it
/// cannot be told from another one of its version.
fn commit_of(toolchain: &str) -> Option<&str> {
    let (_, in_brackets) = toolchain.split_once('(')?;
    let commit = in_brackets.split([' ', ')']).next()?;
    (commit.len() >= 9 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(commit)
}

/// The first mark (`^Name`: a type inside its own description) around which not exactly one type has that name.
fn ambiguous(memory: &Shape) -> Option<String> {
    let mut around = HashMap::new();
    mark_without_type(memory, &mut around)
}

fn mark_without_type<'a>(shape: &'a Shape, around: &mut HashMap<&'a str, usize>) -> Option<String> {
    if let Some(name) = shape.name.strip_prefix('^') {
        return (around.get(name) != Some(&1)).then(|| name.to_owned());
    }
    // A variant is no type: its name may well be that of its enum.
    if shape.kind == Kind::Variant {
        return shape.parts.iter().find_map(|part| mark_without_type(&part.shape, around));
    }
    *around.entry(&shape.name).or_default() += 1;
    let found = shape.parts.iter().find_map(|part| mark_without_type(&part.shape, around));
    if let Some(count) = around.get_mut(&*shape.name) {
        *count -= 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{component::state::layout::Layout, host::image::manifest::KeptManifest};

    const RUSTC: &str = "rustc 1.95.0 (59807616e 2026-04-14)";

    /// The description of `T`, as a manifest has it.
    fn memory<T: Layout>() -> Shape {
        read_memory(T::MEMORY.shape()).unwrap()
    }

    fn keeping(memory: Option<Shape>) -> ExportManifest {
        let record = super::super::tests::record();
        let mut manifest = super::super::Manifest::decode(&record).unwrap().exports.remove(0);
        manifest.toolchain = RUSTC.to_owned();
        manifest.state_version = Some(1);
        manifest.kept = Some(KeptManifest { copies: true, points: false, memory });
        manifest
    }

    fn difference<Old: Layout, New: Layout>() -> Option<String> {
        keeping(Some(memory::<Old>())).state_differs(&keeping(Some(memory::<New>())))
    }

    /// The same types, declared twice, and one of them with a change.
    macro_rules! types {
        ($($name:ident { $($code:tt)* })*) => {$(
            #[allow(dead_code, unused_imports)]
            mod $name {
                use std::collections::{BTreeMap, BTreeSet, HashMap};
                $($code)*
            }
        )*};
    }

    types! {
        first {
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: bool, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
            #[derive(crate::Layout)]
            pub enum Entry { Free, Held { by: String, since: u64 }, Sub(Vec<Entry>) }
        }
        same {
            #[derive(crate::Layout)]
            pub enum Entry { Free, Held { by: String, since: u64 }, Sub(Vec<Self>) }
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: bool, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
        }
        field_type {
            pub use super::first::Entry;
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: u8, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
        }
        field_name {
            pub use super::first::Entry;
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<u32, Entry>, shut: bool, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
        }
        field_added {
            pub use super::first::Entry;
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: bool, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8>, more: () }
        }
        field_removed {
            pub use super::first::Entry;
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: bool, rates: [u16; 4], pair: (u8, u64) }
        }
        field_order {
            pub use super::first::Entry;
            #[derive(crate::Layout)]
            pub struct Books { open: bool, sums: BTreeMap<u32, Entry>, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
        }
        offset {
            pub use super::first::Entry;
            #[derive(crate::Layout)]
            #[repr(C)]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: bool, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
        }
        alignment {
            pub use super::first::Entry;
            #[derive(crate::Layout)]
            #[repr(align(64))]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: bool, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
        }
        length {
            pub use super::first::Entry;
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: bool, rates: [u16; 5], pair: (u8, u64), set: BTreeSet<u8> }
        }
        tuple {
            pub use super::first::Entry;
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: bool, rates: [u16; 4], pair: (u64, u8), set: BTreeSet<u8> }
        }
        container {
            pub use super::first::Entry;
            #[derive(crate::Layout)]
            pub struct Books { sums: HashMap<u32, Entry>, open: bool, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
        }
        key {
            pub use super::first::Entry;
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<i32, Entry>, open: bool, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
        }
        hasher {
            #[derive(crate::Layout)]
            pub struct Hasher(u64);
            #[derive(crate::Layout)]
            pub struct Books { sums: HashMap<u32, u8, Hasher> }
        }
        other_hasher {
            #[derive(crate::Layout)]
            pub struct Quick(u64);
            #[derive(crate::Layout)]
            pub struct Books { sums: HashMap<u32, u8, Quick> }
        }
        inner_type {
            #[derive(crate::Layout)]
            pub enum Entry { Free, Held { by: String, since: i64 }, Sub(Vec<Entry>) }
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: bool, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
        }
        variant_order {
            #[derive(crate::Layout)]
            pub enum Entry { Held { by: String, since: u64 }, Free, Sub(Vec<Entry>) }
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: bool, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
        }
        variant_added {
            #[derive(crate::Layout)]
            pub enum Entry { Free, Held { by: String, since: u64 }, Sub(Vec<Entry>), Lost }
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: bool, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
        }
        discriminant {
            #[derive(crate::Layout)]
            #[repr(u8)]
            pub enum Books { One = 1, Two = 2 }
        }
        other_discriminant {
            #[derive(crate::Layout)]
            #[repr(u8)]
            pub enum Books { One = 1, Two = 3 }
        }
        other_repr {
            #[derive(crate::Layout)]
            #[repr(i8)]
            pub enum Books { One = 1, Two = 2 }
        }
        niche {
            #[derive(crate::Layout)]
            #[repr(C)]
            pub struct Flags { one: bool, other: bool }
            #[derive(crate::Layout)]
            pub struct Books { flags: Option<Flags> }
        }
        other_niche {
            #[derive(crate::Layout)]
            pub struct Flags { one: bool, other: bool }
            #[derive(crate::Layout)]
            pub struct Books { flags: Option<Flags> }
        }
        recursion {
            #[derive(crate::Layout)]
            pub enum Entry { Free, Held { by: String, since: u64 }, Sub(Vec<Inner>) }
            #[derive(crate::Layout)]
            pub struct Inner(Vec<u8>);
            #[derive(crate::Layout)]
            pub struct Books { sums: BTreeMap<u32, Entry>, open: bool, rates: [u16; 4], pair: (u8, u64), set: BTreeSet<u8> }
        }
    }

    #[test]
    fn the_same_types_in_other_places_are_alike() {
        assert_eq!(difference::<first::Books, same::Books>(), None);
        assert_eq!(difference::<hasher::Books, hasher::Books>(), None);
        assert_eq!(difference::<u64, u64>(), None);
    }

    #[test]
    fn each_single_change_of_a_type_is_found_in_both_directions() {
        macro_rules! differ {
            ($($one:ident $other:ident $text:literal;)*) => {$(
                let text = difference::<$one::Books, $other::Books>();
                let text = text.unwrap_or_else(|| panic!("{}: not found", stringify!($other)));
                assert!(text.contains($text), "{}: {text}", stringify!($other));
                assert!(difference::<$other::Books, $one::Books>().is_some(), "back from {}", stringify!($other));
            )*};
        }
        differ! {
            first field_type "field ";
            first field_name "expected field `open`, found field `shut`";
            first field_added "field `more` was added";
            first field_removed "field `set` is missing";
            first field_order "expected field `sums`, found field `open`";
            first offset "found struct Books repr(C)";
            first alignment "found struct Books repr(align(64))";
            first length "expected ";
            first tuple "expected ";
            first container "expected ";
            first key "expected u32, found i32";
            hasher other_hasher "expected struct Hasher, found struct Quick";
            first inner_type "field 2 `since`: expected u64, found i64";
            first variant_order "expected variant `Free`, found variant `Held`";
            first variant_added "variant `Lost` was added";
            discriminant other_discriminant "expected discriminant 2, found 3";
            discriminant other_repr "found enum Books repr(i8)";
            niche other_niche "Flags";
            first recursion "expected ^Entry, found struct Inner";
        }
    }

    #[test]
    fn another_compiler_target_version_or_way_is_a_difference() {
        let old = keeping(Some(memory::<first::Books>()));
        let differs = |change: fn(&mut ExportManifest)| {
            let mut new = old.clone();
            change(&mut new);
            assert!(new.state_differs(&old).is_some());
            old.state_differs(&new).unwrap()
        };
        assert!(differs(|new| new.toolchain = RUSTC.replace("598", "599")).contains("made the old one"));
        assert!(differs(|new| new.target = "riscv64gc-unknown-linux-gnu".to_owned()).contains("riscv64gc"));
        assert!(differs(|new| new.state_version = Some(2)).contains("its version was 1, and is 2"));
        assert!(differs(|new| new.kept = None).contains("keeps it in no `lcr::State`"));
        assert!(differs(|new| new.kept.as_mut().unwrap().memory = None).contains("does not describe"));
        let mut unknown = old.clone();
        "rustc 1.95.0-dev".clone_into(&mut unknown.toolchain);
        assert!(unknown.state_differs(&unknown).is_some(), "nobody knows which compiler that is");
        assert_eq!(commit_of("rustc 1.85.0 (4d91de4e4 2025-02-17) (built from a source tarball)"), Some("4d91de4e4"));
        assert_eq!(commit_of("rustc 1.85.0 (built from a source tarball)"), None);
    }

    #[test]
    fn a_mark_that_could_mean_two_types_is_never_alike() {
        mod inner {
            #[derive(crate::Layout)]
            #[allow(dead_code)]
            pub struct Node {
                next: Option<Box<Self>>,
            }
        }
        #[derive(crate::Layout)]
        #[allow(dead_code)]
        struct Node {
            inner: inner::Node,
        }
        assert_eq!(difference::<inner::Node, inner::Node>(), None);
        assert!(difference::<Node, Node>().unwrap().contains("two types called Node"));
    }

    #[test]
    fn a_variant_may_have_the_name_of_its_enum() {
        #[derive(crate::Layout)]
        #[allow(dead_code)]
        enum Node {
            Leaf,
            Node(Box<Node>),
        }
        assert_eq!(difference::<Node, Node>(), None);
    }
}
