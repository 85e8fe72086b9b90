//! What a component says of itself, as bytes in the ELF section `.lcr.manifest`.
//!
//! One record for each `#[lcr::component]`. A host reads it from the file before any
//! code of the component runs, and compares it with what the loaded image registers.
//!
//! ```text
//! magic      8 bytes  "LCRMANI" and the ABI number
//! total      u32      length of the record, magic and checksum included
//! checksum   u64      FNV-1a 64 of everything behind it
//! component, its version, type, toolchain, target   names
//! flags      u32      see Flags
//! state      u32      version of the saved state, 0 without state
//! kept       u8 copies, u8 points, u8 described { shape }, if Flags::KEPT
//! source     u64      the number of its source text (see `source_text`), if Flags::SOURCE
//! downgrades u16 count of u32, if Flags::DOWNGRADES
//! patched    the component that it is for, or an empty name, if Flags::PATCH
//! interface  name     its version u32
//! replaces   u16 count of u32
//! deps       u16 count of { name, u32, methods as below if Flags::TYPED_NEEDS }
//! methods    u16 count of { has_default u8, shape }
//! notes      on each of these methods, see notes
//! ```
//! The record of a patch has only the methods that it stands around, and in the place of each method's function the
//! export has a [`LayerFunction`](super::crossing::LayerFunction).
//!
//! Numbers are little endian; a name is a `u16` length and UTF-8 bytes.

#[cfg(feature = "host")]
use alloc::{vec, vec::Vec};

use super::{
    ABI_VERSION,
    interface::{InterfaceInfo, Need, put_methods},
    names::is_component_name,
    notes::put_notes,
    shape::{Shape, Sink, fnv1a},
};

/// The section that holds the records.
pub const SECTION: &str = ".lcr.manifest";
/// The first eight bytes of a record.
pub const MAGIC: [u8; 8] = [b'L', b'C', b'R', b'M', b'A', b'N', b'I', ABI_VERSION];
/// Bytes in front of the part that the checksum covers.
pub const HEADER: usize = 8 + 4 + 8;

/// Properties of one implementation. By default it has none of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags {
    /// It implements `Stateful`.
    pub state: bool,
    /// It refuses change without an override.
    pub protected: bool,
    /// Its image may be unmapped once nothing holds it.
    pub unload: bool,
    /// It has a health check.
    pub healthy: bool,
    /// It is compiled with `panic = "abort"`. The macro asks in the component's own crate: `lcr`
    /// may have been compiled otherwise.
    pub panic_abort: bool,
    /// Its state is copied while callers use it, where that of its successor is, too.
    pub incremental: bool,
}

impl Flags {
    /// Set when the component was compiled with `panic = "abort"`.
    pub const PANIC_ABORT: u32 = 1;
    /// [`Flags::state`] in the record.
    pub const STATE: u32 = 1 << 1;
    /// [`Flags::protected`] in the record.
    pub const PROTECTED: u32 = 1 << 2;
    /// [`Flags::unload`] in the record.
    pub const UNLOAD: u32 = 1 << 3;
    /// [`Flags::healthy`] in the record.
    pub const HEALTHY: u32 = 1 << 4;
    /// The record's needs list their methods. A record without needs lacks the flag, so that a
    /// host from before the flag still reads it, and so do records of that time.
    pub const TYPED_NEEDS: u32 = 1 << 5;

    /// The instance keeps its state in a `State`, and the record says how it may move.
    pub const KEPT: u32 = 1 << 6;
    /// [`Flags::incremental`] in the record.
    pub const INCREMENTAL: u32 = 1 << 7;
    /// The file holds the source text of the methods, and the record names it.
    pub const SOURCE: u32 = 1 << 8;
    /// It writes its state as older versions, and the record lists these.
    pub const DOWNGRADES: u32 = 1 << 9;
    /// It is no implementation of the interface, but stands around methods of one.
    pub const PATCH: u32 = 1 << 10;
    /// Those that only a component with state has.
    pub const OF_STATE: u32 = Self::KEPT | Self::INCREMENTAL | Self::DOWNGRADES;
    /// Every flag that a record may have.
    pub const ALL: u32 = Self::PANIC_ABORT
        | Self::STATE
        | Self::PROTECTED
        | Self::UNLOAD
        | Self::HEALTHY
        | Self::TYPED_NEEDS
        | Self::KEPT
        | Self::INCREMENTAL
        | Self::SOURCE
        | Self::DOWNGRADES
        | Self::PATCH;

    const fn bits(self) -> u32 {
        self.panic_abort as u32 * Self::PANIC_ABORT
            + self.state as u32 * Self::STATE
            + self.protected as u32 * Self::PROTECTED
            + self.unload as u32 * Self::UNLOAD
            + self.healthy as u32 * Self::HEALTHY
            + self.incremental as u32 * Self::INCREMENTAL
    }
}

/// Everything that `#[lcr::component]` knows of one implementation.
#[derive(Debug)]
pub struct Declaration {
    /// The component's name, by default its package.
    pub component: &'static str,
    /// The component's semantic version.
    pub component_version: &'static str,
    /// The implementing type, as written.
    pub type_name: &'static str,
    /// What it implements.
    pub interface: InterfaceInfo,
    /// Further versions of the interface that this implementation serves.
    pub replaces: &'static [u32],
    /// Further interfaces that this implementation needs.
    pub deps: &'static [Need],
    /// Its properties.
    pub flags: Flags,
    /// The version of its saved state, 0 without state.
    pub state_version: u32,
    /// The state that it keeps in a `State`.
    pub kept: Option<KeptState>,
    /// The number of the record with the source text of its methods.
    pub source: Option<u64>,
    /// The older versions of the state that it writes for a way back.
    pub downgrades_to: &'static [u32],
    /// What it is for, if it is a patch.
    pub patch: Option<PatchInfo>,
}

/// What `#[lcr::patch]` knows of a patch beside its functions.
#[derive(Debug)]
pub struct PatchInfo {
    /// The component that it is for; `None` for the one that serves callers who name none.
    pub component: Option<&'static str>,
}

/// A state that a component keeps in a `State`.
#[derive(Debug)]
pub struct KeptState {
    /// Whether serde writes and reads it.
    pub copies: bool,
    /// Whether it may point into the image that made it.
    pub points: bool,
    /// How it lies in memory; `None` if it cannot move by pointer.
    pub memory: Option<&'static Shape>,
}

/// The length of [`manifest_bytes`].
pub const fn manifest_len(declaration: &Declaration) -> usize {
    let mut sink = Sink::new(&mut []);
    put_body(&mut sink, declaration);
    HEADER + sink.len()
}

/// The record of one implementation.
pub const fn manifest_bytes<const N: usize>(declaration: &Declaration) -> [u8; N] {
    let mut bytes = [0; N];
    put_record(&mut bytes, declaration);
    bytes
}

/// The same record, where its length is not known at compile time.
#[cfg(feature = "host")]
pub fn manifest_record(declaration: &Declaration) -> Vec<u8> {
    let mut bytes = vec![0; manifest_len(declaration)];
    put_record(&mut bytes, declaration);
    bytes
}

const fn put_record(bytes: &mut [u8], declaration: &Declaration) {
    let len = bytes.len();
    let (header, body) = bytes.split_at_mut(HEADER);
    put_body(&mut Sink::new(body), declaration);
    let mut sink = Sink::new(header);
    sink.bytes(&MAGIC);
    sink.u32(len);
    sink.bytes(&fnv1a(body).to_le_bytes());
}

const fn put_body(sink: &mut Sink<'_>, declaration: &Declaration) {
    let interface = &declaration.interface;
    assert!(
        is_component_name(declaration.component),
        "a component's name is 1 to 128 letters, digits, `_`, `-` and `.`, and does not begin with `.` or `-`; \
         rename the package, or write #[lcr::component(name = \"kv-hash\")]"
    );
    sink.str(declaration.component);
    sink.str(declaration.component_version);
    sink.str(declaration.type_name);
    sink.str(env!("LCR_TOOLCHAIN"));
    sink.str(env!("LCR_TARGET"));
    let needs = interface.deps.len() + declaration.deps.len();
    let typed_needs = if needs > 0 { Flags::TYPED_NEEDS } else { 0 };
    let kept = if declaration.kept.is_some() { Flags::KEPT } else { 0 };
    let source = if declaration.source.is_some() { Flags::SOURCE } else { 0 };
    let downgrades = if declaration.downgrades_to.is_empty() { 0 } else { Flags::DOWNGRADES };
    let patch = if declaration.patch.is_some() { Flags::PATCH } else { 0 };
    sink.u32((declaration.flags.bits() | typed_needs | kept | source | downgrades | patch) as usize);
    sink.u32(declaration.state_version as usize);
    if let Some(kept) = &declaration.kept {
        put_kept(sink, kept);
    }
    if let Some(source) = declaration.source {
        sink.bytes(&source.to_le_bytes());
    }
    put_downgrades(sink, declaration);
    if let Some(patch) = &declaration.patch {
        sink.str(match patch.component {
            Some(component) => component,
            None => "",
        });
    }
    sink.str(interface.name);
    sink.u32(interface.version as usize);
    sink.u16(interface.replaces.len() + declaration.replaces.len());
    put_versions(sink, interface.replaces);
    put_versions(sink, declaration.replaces);
    sink.u16(needs);
    put_needs(sink, interface.deps);
    put_needs(sink, declaration.deps);
    put_methods(sink, interface.methods);
    put_notes(sink, interface.methods);
}

const fn put_kept(sink: &mut Sink<'_>, kept: &KeptState) {
    sink.u8(kept.copies as u8);
    sink.u8(kept.points as u8);
    sink.u8(kept.memory.is_some() as u8);
    if let Some(memory) = kept.memory {
        sink.shape(memory);
    }
}

const fn put_downgrades(sink: &mut Sink<'_>, declaration: &Declaration) {
    let versions = declaration.downgrades_to;
    if versions.is_empty() {
        return;
    }
    let mut i = 0;
    while i < versions.len() {
        assert!(
            versions[i] < declaration.state_version,
            "lcr: a downgrade leads to an older version of the state; name versions below that of the state"
        );
        i += 1;
    }
    sink.u16(versions.len());
    put_versions(sink, versions);
}

const fn put_versions(sink: &mut Sink<'_>, versions: &[u32]) {
    let mut i = 0;
    while i < versions.len() {
        sink.u32(versions[i] as usize);
        i += 1;
    }
}

const fn put_needs(sink: &mut Sink<'_>, needs: &[Need]) {
    let mut i = 0;
    while i < needs.len() {
        sink.str(needs[i].interface);
        sink.u32(needs[i].version as usize);
        put_methods(sink, needs[i].methods);
        i += 1;
    }
}
