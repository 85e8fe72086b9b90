//! Manifests: what components say of themselves, decoded from bytes that are not trusted yet.
//!
//! `abi::manifest` and `abi::interface` encode manifests, in constants of the component's image. This folder decodes
//! them: from a file before it is loaded, from an image that is linked in, or from an interface that a caller was
//! compiled with.
//!
//! Invariants:
//! 1. Decoding never panics. It takes memory and time of at most a small multiple of the input, and stack of a bounded
//!    depth.
//! 2. A record is accepted only whole: magic, length, checksum, every item, and nothing after the last one. Unknown
//!    flags and kinds are refused, not skipped.
//! 3. Names have the forms that the macros accept, so they are safe in paths and on terminals.
//! 4. One library holds one component in one version, and implements an interface once.

pub(crate) mod alike;
mod blank;
mod notes;
mod older;
mod patched;
#[cfg(test)]
pub(in crate::host) mod tests;
mod text;
mod together;

pub use patched::PatchManifest;

use super::{reader::Reader, shape::Shape};
use crate::{
    abi::{
        manifest::{Flags, HEADER, MAGIC},
        names::{is_component_name, is_interface_name},
        shape::fnv1a,
    },
    component::identity::ComponentId,
    error::{Error, ErrorKind, Result},
};
use semver::Version;
use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::{Arc, OnceLock},
};

/// The largest record that is read, in bytes.
const LIMIT: usize = 4 << 20;
/// The most implementations that one library holds.
const EXPORTS: usize = 1 << 14;
/// The most versions that one implementation replaces.
const REPLACES: usize = 1 << 10;

/// Everything that a library says of its component. [`Manifest::read`] reads it without running code of the
/// library.
///
/// `Display` writes it over several lines: the component, then each implementation with its methods.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Manifest {
    /// The component and its version.
    pub component: ComponentId,
    /// Its implementations, in the order of the file; at least one.
    pub exports: Vec<ExportManifest>,
}

/// One implementation of one interface, as one `#[lcr::component]` declares it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExportManifest {
    /// The component that the implementation belongs to, with its version.
    pub component: ComponentId,
    /// The implementing type, as the source has it.
    pub type_name: String,
    /// The compiler that built it, as `rustc -V` prints it.
    pub toolchain: String,
    /// The target triple that it was built for.
    pub target: String,
    /// Whether it is compiled with `panic = "abort"`: a panic in it ends the process.
    pub panic_abort: bool,
    /// Whether a plan needs an override to change it.
    pub protected: bool,
    /// Whether its image may be unmapped once nothing holds the image.
    pub unload: bool,
    /// Whether it has a health check.
    pub has_health_check: bool,
    /// The version of the state that it saves; `None` if it hands no state over when it is replaced.
    pub state_version: Option<u32>,
    /// Whether its state can be copied while callers use it.
    pub is_incremental: bool,
    /// The state that it keeps in a [`State`](crate::State), with the ways in which that may move; `None` if it
    /// keeps none.
    pub kept: Option<KeptManifest>,
    /// The older versions of the state that its `downgrade` writes, for a component with that version; empty if it
    /// writes none.
    pub downgrades_to: Vec<u32>,
    /// The name of the interface that it implements.
    pub interface: String,
    /// The version of that interface, at least 1.
    pub interface_version: u32,
    /// The older versions of the interface that it serves, too.
    pub replaces: Vec<u32>,
    /// The interfaces that it needs.
    pub deps: Vec<DependencyManifest>,
    /// Its methods, in the order of its vtable.
    pub methods: Vec<MethodManifest>,
    /// What it stands around, if it is a patch: then `methods` are those that it changes, and `interface` is that of no
    /// caller.
    pub patch: Option<PatchManifest>,
    /// The number of the record with its source text.
    source: Option<u64>,
    record: Box<[u8]>,
    /// Where the record has its methods.
    methods_at: Range<usize>,
    encoded: OnceLock<Arc<[u8]>>,
    /// The numbers of its methods in the order of their names.
    by_name: Box<[u16]>,
}

/// A state that a component keeps in a [`State`](crate::State).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptManifest {
    /// Whether serde writes and reads it, so that it can be copied.
    pub copies: bool,
    /// Whether it may point into the image that made it. Such images stay mapped.
    pub points: bool,
    /// How it lies in memory; `None` if it cannot move by pointer.
    pub memory: Option<Shape>,
}

/// An interface that a component needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DependencyManifest {
    /// The interface's name.
    pub interface: String,
    /// The version that the component was compiled against.
    pub version: u32,
    /// The interface's methods as the component was compiled with them; `None` if the component was built before
    /// manifests had them.
    pub methods: Option<Vec<MethodManifest>>,
}

/// One method of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MethodManifest {
    /// Whether the trait has a default body for it, so that a component may lack it.
    pub has_default: bool,
    /// Its name and signature.
    pub shape: Shape,
    /// The names of its arguments, in order; empty if they are not known. They are no part of the signature: an
    /// implementation may call its arguments otherwise.
    pub arguments: Vec<String>,
    /// Whether its author says that a call changes nothing, by `#[lcr(pure)]`.
    pub is_pure: bool,
}

/// An interface as an image was compiled with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InterfaceManifest {
    /// The interface's name.
    pub name: String,
    /// Its version, at least 1.
    pub version: u32,
    /// Its methods, in order.
    pub methods: Vec<MethodManifest>,
}

impl Manifest {
    /// Decodes the records of a library's section, or of an image that is linked in.
    pub(crate) fn decode(section: &[u8]) -> Result<Manifest> {
        let mut exports = Vec::<ExportManifest>::new();
        let mut implemented = HashMap::new();
        let mut rest = section;
        while let Some(start) = rest.iter().position(|&byte| byte != 0) {
            let len = record_len(&rest[start..])?;
            let (record, behind) = rest[start..].split_at(len);
            let export = ExportManifest::decode(record)?;
            if let Some(first) = exports.first() {
                first.agree(&export)?;
            }
            let interface = (export.interface.clone(), export.interface_version);
            if let Some(before) = implemented.insert(interface, exports.len()) {
                exports[before].agree(&export)?;
            }
            if exports.len() == EXPORTS {
                let text = format!("a library of more than {EXPORTS} implementations; divide it");
                return Err(Error::new(ErrorKind::BadManifest, text));
            }
            exports.push(export);
            rest = behind;
        }
        let Some(first) = exports.first() else {
            let text = "a library without a component; put #[lcr::component] on an impl in it";
            return Err(Error::new(ErrorKind::NoManifest, text));
        };
        Ok(Manifest { component: first.component.clone(), exports })
    }
}

/// The length of the record that `bytes` start with.
fn record_len(bytes: &[u8]) -> Result<usize> {
    let mut reader = Reader::new(bytes);
    let magic = reader.take(MAGIC.len())?;
    if magic[..7] != MAGIC[..7] {
        return Err(reader.error(format_args!("\"{}\" found for a record", magic.escape_ascii())));
    }
    if magic[7] != MAGIC[7] {
        let (theirs, ours) = (magic[7], MAGIC[7]);
        let text =
            format!("built for binary contract {theirs} of lcr, this host speaks {ours}; build both with one lcr");
        return Err(Error::new(ErrorKind::Mismatch, text));
    }
    let total = reader.u32()? as usize;
    if total < HEADER || total > bytes.len().min(LIMIT) {
        return Err(reader.error(format_args!("a record of {total} bytes")));
    }
    Ok(total)
}

impl ExportManifest {
    /// Decodes one record, all of it.
    fn decode(record: &[u8]) -> Result<ExportManifest> {
        let len = record_len(record)?;
        let mut reader = Reader::new(record);
        reader.take(MAGIC.len() + size_of::<u32>())?;
        let (checksum, body) = (reader.u64()?, &record[HEADER..]);
        if len != record.len() || checksum != fnv1a(body) {
            return Err(reader.error("a record that does not match its checksum"));
        }
        let mut reader = Reader::new(body);
        let export = ExportManifest::items(&mut reader, record)?;
        reader.end()?;
        Ok(export)
    }

    fn items(reader: &mut Reader<'_>, record: &[u8]) -> Result<ExportManifest> {
        let component = named(reader, "component", is_component_name)?;
        let version = reader.name()?;
        let version = Version::parse(version)
            .map_err(|error| reader.error(format_args!("version \"{version}\"")).with_source(error))?;
        let component = ComponentId::new(component, version);
        let type_name = reader.name()?.to_owned();
        let (toolchain, target) = (reader.name()?.to_owned(), reader.name()?.to_owned());
        let (flags, state_version) = (reader.u32()?, reader.u32()?);
        let has = |flag| flags & flag != 0;
        let is_stateless = !has(Flags::STATE);
        let is_odd = has(Flags::PATCH) && !is_stateless;
        if flags & !Flags::ALL != 0 || is_odd || (is_stateless && (state_version != 0 || flags & Flags::OF_STATE != 0))
        {
            return Err(reader.error(format_args!("flags {flags:#x} with state version {state_version}")));
        }
        let own = state_version;
        let state_version = has(Flags::STATE).then_some(own);
        let kept = if has(Flags::KEPT) { Some(kept(reader)?) } else { None };
        let source = if has(Flags::SOURCE) { Some(reader.u64()?) } else { None };
        let downgrades_to = if has(Flags::DOWNGRADES) { older::older_versions(reader, own)? } else { Vec::new() };
        let patched = if has(Flags::PATCH) { Some(PatchManifest::component(reader)?) } else { None };
        let (interface, interface_version) = versioned(reader)?;
        let (patch, interface) = match patched {
            None => (None, interface),
            Some(component) => {
                let (patch, interface) = PatchManifest::of(interface, component);
                (Some(patch), interface)
            }
        };
        let replaces = reader.list(Reader::u32)?;
        if let Some(version) = replaces.iter().find(|version| !(1..interface_version).contains(*version)) {
            return Err(reader.error(format_args!("version {interface_version} replaces {version}")));
        }
        if replaces.len() > REPLACES {
            let count = replaces.len();
            return Err(reader.error(format_args!("{count} versions to replace, the limit is {REPLACES},")));
        }
        let deps = reader.list(|reader| {
            let (interface, version) = versioned(reader)?;
            let methods = if has(Flags::TYPED_NEEDS) { Some(methods(reader)?) } else { None };
            Ok(DependencyManifest { interface, version, methods })
        })?;
        let begin = record.len() - reader.rest().len();
        let mut methods = methods(reader)?;
        let methods_at = begin..record.len() - reader.rest().len();
        for method in &mut methods {
            method.read_notes(reader)?;
        }
        // A list has at most as many items as its count can say.
        let mut by_name: Box<[u16]> = (0..=u16::MAX).take(methods.len()).collect();
        by_name.sort_by_key(|&at| &*methods[usize::from(at)].shape.name);
        let (panic_abort, protected) = (has(Flags::PANIC_ABORT), has(Flags::PROTECTED));
        let (unload, has_health_check, record) = (has(Flags::UNLOAD), has(Flags::HEALTHY), record.into());
        let is_incremental = has(Flags::INCREMENTAL);
        #[rustfmt::skip]
        return Ok(ExportManifest {
            component, type_name, toolchain, target, panic_abort, protected, unload,
            has_health_check, state_version, is_incremental, kept, downgrades_to,
            interface, interface_version, replaces, deps, methods, patch, source, record, methods_at,
            encoded: OnceLock::new(), by_name,
        });
    }

    /// Whether it has state that can be copied by serde.
    pub(crate) fn can_copy_state(&self) -> bool {
        self.state_version.is_some() && self.kept.as_ref().is_none_or(|kept| kept.copies)
    }

    /// Whether it was built with the source text of its methods: see
    /// [`ComponentSource`](crate::source::ComponentSource).
    pub fn has_source(&self) -> bool {
        self.source.is_some()
    }

    /// The number of the record with its source text.
    pub(in crate::host) fn source_number(&self) -> Option<u64> {
        self.source
    }

    /// The number of the method called `name`.
    pub(crate) fn method(&self, name: &str) -> Option<usize> {
        let named = |at: &u16| (*self.methods[usize::from(*at)].shape.name).cmp(name);
        let found = self.by_name.binary_search_by(named).ok()?;
        Some(self.by_name[found].into())
    }

    /// The interface that it implements as an image encodes it that was compiled with the interface.
    pub(in crate::host) fn interface_bytes(&self) -> &Arc<[u8]> {
        self.encoded.get_or_init(|| {
            let (name, mut bytes) = (self.interface.as_bytes(), Vec::new());
            // A name that was decoded is not longer.
            bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(&self.interface_version.to_le_bytes());
            bytes.extend_from_slice(&self.record[self.methods_at.clone()]);
            bytes.into()
        })
    }

    /// The record from which this was decoded.
    pub(in crate::host) fn record(&self) -> &[u8] {
        &self.record
    }
}

impl InterfaceManifest {
    /// Decodes what `abi::interface::interface_bytes` encodes.
    ///
    /// # Errors
    /// [`ErrorKind::BadManifest`].
    pub(crate) fn decode(bytes: &[u8]) -> Result<InterfaceManifest> {
        let mut reader = Reader::new(bytes);
        let (name, version) = versioned(&mut reader)?;
        let methods = methods(&mut reader)?;
        reader.end()?;
        Ok(InterfaceManifest { name, version, methods })
    }
}

fn kept(reader: &mut Reader<'_>) -> Result<KeptManifest> {
    let (copies, points) = (reader.flag()?, reader.flag()?);
    let memory = if reader.flag()? { Some(Shape::decode_memory(reader)?) } else { None };
    if !copies && memory.is_none() {
        return Err(reader.error("a state that cannot move"));
    }
    Ok(KeptManifest { copies, points, memory })
}

fn methods(reader: &mut Reader<'_>) -> Result<Vec<MethodManifest>> {
    let mut names = HashSet::new();
    let methods = reader.list(|reader| {
        let (has_default, shape) = (reader.flag()?, Shape::decode_method(reader)?);
        if shape.name.is_empty() || !names.insert(shape.name.clone()) {
            return Err(reader.error(format_args!("method `{}` without a name of its own", shape.name)));
        }
        Ok(MethodManifest { has_default, shape, arguments: Vec::new(), is_pure: false })
    })?;
    if methods.is_empty() {
        return Err(reader.error("an interface without methods"));
    }
    Ok(methods)
}

/// An interface's name and version.
fn versioned(reader: &mut Reader<'_>) -> Result<(String, u32)> {
    let name = named(reader, "interface", is_interface_name)?;
    match reader.u32()? {
        0 => Err(reader.error(format_args!("version 0 of {name}"))),
        version => Ok((name, version)),
    }
}

fn named(reader: &mut Reader<'_>, what: &str, right: fn(&str) -> bool) -> Result<String> {
    let name = reader.name()?;
    if right(name) { Ok(name.to_owned()) } else { Err(reader.error(format_args!("{what} name \"{name}\""))) }
}
