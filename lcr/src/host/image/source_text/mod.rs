//! The source text of a component's methods, found in its file.
//!
//! `abi/source_text` says where it is and what it looks like. [`records`] reads the bytes, which are not trusted.
//!
//! Invariants:
//! 1. No code of the file runs, and nothing of the text stays in memory when it was handed out.
//! 2. Reading never panics. It takes at most [`LIMIT`](crate::abi::source_text::LIMIT) bytes for each implementation,
//!    and [`TOTAL`] for all of them, whatever the file claims.
//! 3. What is handed out is what the manifest names: text of another build is refused.

mod records;
#[cfg(all(test, not(loom)))]
mod tests;

use std::{fs::File, path::Path};

use serde::Serialize;

use crate::{
    abi::source_text::SECTION,
    component::identity::ComponentId,
    error::{Error, ErrorKind, MethodId, Result},
    host::{serial, sys},
};

use super::{
    elf,
    manifest::{ExportManifest, Manifest},
    stage::{read_library, show},
};
use records::{Records, Text};

/// The most bytes of text that are read of one component.
const TOTAL: usize = 64 << 20;

/// The source text of a component's methods: see [`ComponentSource::read`] and
/// [`Runtime::source`](crate::Runtime::source).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ComponentSource {
    /// The component.
    pub component: ComponentId,
    /// The methods that it has itself, by interface, in the order in which the author wrote them. Two of one method
    /// are there if `#[cfg(..)]` chooses between them.
    pub methods: Vec<MethodSource>,
    /// The methods that it lacks: callers are served by the bodies that the traits have for them.
    pub lacks: Vec<MethodId>,
}

/// The source text of one method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MethodSource {
    /// The method.
    #[serde(serialize_with = "serial::in_words")]
    pub method: MethodId,
    /// The implementing type, as the source has it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The file, as the compiler was given it: mostly relative to the workspace. Empty if it is unknown.
    pub file: String,
    /// The line of the file at which the text begins, counted from 1. `None` if the text is none of a file: a macro
    /// wrote the method, and the compiler printed its tokens.
    pub line: Option<u32>,
    /// From the method's attributes and comments of documentation to its closing brace, with the spaces in front of the
    /// first line. Lines end with a line feed.
    pub text: String,
}

impl ComponentSource {
    /// Reads the source text of a library file. None of the file's code runs. Blocks while the file system reads the
    /// file.
    ///
    /// ```no_run
    /// let source = lcr::source::ComponentSource::read("libstore.so")?;
    /// for method in source.of("kv.store.get")? {
    ///     println!("{}", method.text);
    /// }
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// # Errors
    /// `NotFound` if the component was built without feature `source` of `lcr`, or if the text was taken out of the
    /// file; `BadManifest` if the text is damaged; `Mismatch` if it has a form of a later version; and those of
    /// [`Manifest::read`].
    pub fn read(path: impl AsRef<Path>) -> Result<ComponentSource> {
        let file = path.as_ref();
        let read = || {
            let bytes = read_library(file)?;
            let manifest = Manifest::of(&elf::read(&bytes, sys::page_size())?)?;
            let wanted = Wanted::all(&manifest.exports);
            of_bytes(&bytes, &manifest.component, &wanted)
        };
        read().map_err(|error: Error| error.at(show(file)))
    }

    /// What it has of a method, which is named by interface and method, such as `kv.store.get`. Several texts if
    /// `#[cfg(..)]` chooses between them.
    ///
    /// # Errors
    /// `NotFound`, which says whether the trait's own body serves callers.
    pub fn of(&self, method: &str) -> Result<Vec<&MethodSource>> {
        let found: Vec<_> = self.methods.iter().filter(|source| source.method.to_string() == method).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let component = &self.component;
        let text = if self.lacks.iter().any(|lacking| lacking.to_string() == method) {
            format!(
                "{component} has no `{method}` of its own: callers are served by the body that the trait has for it, \
                 whose text is in the crate of the interface"
            )
        } else {
            format!("{component} has no method `{method:.200}`; name it by interface and method, such as kv.store.get")
        };
        Err(Error::new(ErrorKind::NotFound, text))
    }
}

/// An implementation whose text is wanted, and what its manifest says of that.
#[derive(Debug)]
pub(in crate::host) struct Wanted {
    interface: String,
    type_name: String,
    methods: Vec<String>,
    /// The number of its record, if it was built with its text.
    number: Option<u64>,
}

impl Wanted {
    /// Those of a component, in the order of their interfaces: a linker has an order of its own.
    pub(in crate::host) fn all<'a>(exports: impl IntoIterator<Item = &'a ExportManifest>) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = exports.into_iter().map(Wanted::of).collect();
        wanted.sort_by(|one, two| one.interface.cmp(&two.interface));
        wanted
    }

    fn of(export: &ExportManifest) -> Wanted {
        Wanted {
            interface: export.interface.clone(),
            type_name: export.type_name.clone(),
            methods: export.methods.iter().filter_map(|method| method.shape.name()).map(str::to_owned).collect(),
            number: export.source_number(),
        }
    }

    fn id(&self, method: &str) -> MethodId {
        MethodId { interface: self.interface.clone(), method: method.to_owned() }
    }
}

/// Reads the text of a component whose image is mapped from `file`, or that is linked into the program of `file`. No
/// other user can write to such a file.
///
/// # Errors
/// As for [`ComponentSource::read`].
pub(in crate::host) fn of_mapped(file: &Path, component: &ComponentId, wanted: &[Wanted]) -> Result<ComponentSource> {
    if wanted.iter().all(|wanted| wanted.number.is_none()) {
        return Err(built_without(component));
    }
    let map = || sys::Mapping::new(&File::open(file)?);
    let bytes = map().map_err(|error| {
        Error::io(format!("the file that {component} was loaded from, {}, cannot be read", show(file)), error)
    })?;
    of_bytes(&bytes, component, wanted)
}

fn of_bytes(bytes: &[u8], component: &ComponentId, wanted: &[Wanted]) -> Result<ComponentSource> {
    if wanted.iter().all(|wanted| wanted.number.is_none()) {
        return Err(built_without(component));
    }
    let sections = elf::unmapped(bytes, SECTION)?;
    let records = Records::of(&sections)?;
    let mut source = ComponentSource { component: component.clone(), methods: Vec::new(), lacks: Vec::new() };
    let mut room = TOTAL;
    for wanted in wanted {
        let Some(number) = wanted.number else { continue };
        let Some(record) = records.get(number) else {
            let text = format!(
                "the source text of {component} is not in the file any more, though it was built with it: a tool such \
                 as objcopy or llvm-strip took it out; use the file that the linker wrote"
            );
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        let Text { file, methods } = record.unpack(&mut room)?;
        let has = |name: &String| methods.iter().any(|method| method.name == *name);
        let lacks: Vec<MethodId> =
            wanted.methods.iter().filter(|name| !has(name)).map(|name| wanted.id(name)).collect();
        // A method that `#[cfg(..)]` takes away has a text, and is in no manifest.
        let named: Vec<_> = methods.into_iter().filter(|method| wanted.methods.contains(&method.name)).collect();
        source.methods.extend(named.into_iter().map(|method| MethodSource {
            method: wanted.id(&method.name),
            type_name: wanted.type_name.clone(),
            file: file.clone(),
            line: (method.line > 0).then_some(method.line),
            text: method.text,
        }));
        source.lacks.extend(lacks);
    }
    Ok(source)
}

fn built_without(component: &ComponentId) -> Error {
    let text = format!(
        "{component} was built without its source text; build it with feature `source` of lcr, such as `lcr = {{ \
         version = \"{}\", default-features = false, features = [\"source\"] }}`",
        env!("CARGO_PKG_VERSION")
    );
    Error::new(ErrorKind::NotFound, text)
}

/// The section of a file with these bytes; `None` if it has none.
#[cfg(feature = "fuzzing")]
pub(crate) fn section(bytes: &[u8]) -> Option<Vec<u8>> {
    elf::unmapped(bytes, SECTION).ok().map(|sections| sections.concat())
}

/// Reads `bytes` as the section of a file. Returns how many of its records can be unpacked.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_section(bytes: &[u8]) -> usize {
    let records = Records::of(&[bytes]);
    records.map_or(0, |records| records.all().filter(|record| record.unpack(&mut { TOTAL }).is_ok()).count())
}
