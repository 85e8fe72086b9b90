//! This image's end of the wire: the entry symbol, the host's table, the thread's record.
//!
//! Each image has a copy of this module's statics. A component's image learns its host
//! from the one call of [`lcr_entry_7`]; the host's own image is its own host. An image
//! has one host for its whole life: a second one, or a runtime inside a loaded
//! component, is refused.

#[cfg(not(loom))]
use std::cell::Cell;
use std::{
    alloc::{self, Layout},
    collections::HashMap,
    io::{self, Write as _},
    panic,
    ptr::{self, NonNull},
    sync::{
        OnceLock,
        atomic::{AtomicPtr, Ordering},
    },
};

use crate::abi::{
    ABI_VERSION,
    blocks::BlockKind,
    frame::Record,
    holds,
    manifest::HEADER,
    point::Point,
    tables::{Created, Export, HostTable, ImageTable, RawSlot},
    value::Abi,
};

use super::{
    libc_shims, logs, panic_hook,
    registration::{PointRegistration, Registration},
};

static HOST: AtomicPtr<HostTable> = AtomicPtr::new(ptr::null_mut());

/// The record of each thread until the host gives the thread its own. This one admits no call.
#[cfg(not(loom))]
static CLOSED: Record = Record::new();

#[cfg(not(loom))]
thread_local! {
    static RECORD: Cell<*const Record> = const { Cell::new(&raw const CLOSED) };
}

/// The calling thread's record as far as this image knows it.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) fn record() -> *const Record {
    RECORD.with(Cell::get)
}

/// Notes the record that the host's slow path answered with.
#[cfg(not(loom))]
pub(crate) fn remember(record: *const Record) {
    RECORD.with(|cell| cell.set(record));
}

#[cfg(loom)]
pub(crate) fn record() -> *const Record {
    unreachable!("models bring their own records")
}

#[cfg(loom)]
pub(crate) fn remember(_: *const Record) {}

/// Makes `host` this image's host. False if the image has another host.
pub(crate) fn adopt_host(host: *const HostTable) -> bool {
    match HOST.compare_exchange(ptr::null_mut(), host.cast_mut(), Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => true,
        Err(other) => ptr::eq(other, host),
    }
}

/// The implementations that are linked into this image.
pub(crate) fn exports() -> &'static [&'static Export] {
    static EXPORTS: OnceLock<Vec<&'static Export>> = OnceLock::new();
    EXPORTS.get_or_init(|| inventory::iter::<Registration>.into_iter().map(Registration::export).collect())
}

/// The points of this image.
pub(crate) fn points() -> &'static [&'static Point] {
    static POINTS: OnceLock<Vec<&'static Point>> = OnceLock::new();
    POINTS.get_or_init(|| inventory::iter::<PointRegistration>.into_iter().map(PointRegistration::point).collect())
}

/// For each of [`exports`] a number; those of one number share their objects.
pub(crate) fn objects() -> &'static [u32] {
    static OBJECTS: OnceLock<Vec<u32>> = OnceLock::new();
    OBJECTS.get_or_init(|| {
        let mut first = HashMap::new();
        let numbered = (0_u32..).zip(exports());
        let shared = numbered.map(|(number, export)| match (export.identity)() {
            Some(identity) => *first.entry(identity).or_insert(number),
            None => number,
        });
        shared.collect()
    })
}

static TABLE: OnceLock<ImageTable> = OnceLock::new();

/// The component of this image with its version, if a host has loaded the image. Empty in a program,
/// whose code belongs to no component.
pub(crate) fn component() -> String {
    let export = TABLE.get().and_then(|_| exports().first());
    export.and_then(|export| names(export.manifest())).unwrap_or_default()
}

/// The component's name and version, which a record begins with.
fn names(manifest: &[u8]) -> Option<String> {
    fn name(bytes: &[u8]) -> Option<(&str, &[u8])> {
        let (len, rest) = bytes.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
        Some((std::str::from_utf8(name).ok()?, rest))
    }
    let (component, rest) = name(manifest.get(HEADER..)?)?;
    let (version, _) = name(rest)?;
    Some(format!("{component} {version}"))
}

/// The entry of every image that links `lcr`: tells the image its host, and the host
/// what the image implements.
///
/// Called once by the host's loader, right after `dlopen`, on any thread. Returns null
/// if the image has another host already.
///
/// # Safety
/// `host` lives as long as the process and is of this ABI version.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lcr_entry_7(host: *const HostTable) -> *const ImageTable {
    if !adopt_host(host) {
        return ptr::null();
    }
    // SAFETY: the caller's table lives as long as the process.
    let host = unsafe { &*host };
    libc_shims::lead_to(&host.threads);
    logs::lead_to(host);
    panic_hook::lead_to(host, component);
    TABLE.get_or_init(|| {
        let exports = exports();
        ImageTable {
            abi: u32::from(ABI_VERSION),
            export_count: exports.len(),
            exports: exports.as_ptr().cast(),
            holds: holds::ours(),
            flush: flush_output,
            allocate,
            free,
            objects: objects().as_ptr(),
            point_count: points().len(),
            points: points().as_ptr().cast(),
        }
    })
}

/// See [`ImageTable::allocate`].
pub(crate) unsafe extern "C" fn allocate(size: usize, align: usize, kind: u32) -> *mut u8 {
    let Some(layout) = block(size, align) else { return ptr::null_mut() };
    match kind {
        // SAFETY: the layout has a size.
        _ if kind == BlockKind::Zeroed as u32 => unsafe { alloc::alloc_zeroed(layout) },
        _ if kind == BlockKind::Grown as u32 => {
            let Some(half) = block(size.div_ceil(2), align) else { return ptr::null_mut() };
            // SAFETY: the layout has a size.
            let small = unsafe { alloc::alloc(half) };
            if small.is_null() {
                return small;
            }
            // SAFETY: the block was made by this allocator with this layout.
            let grown = unsafe { alloc::realloc(small, half, size) };
            if grown.is_null() {
                // SAFETY: it could not grow, and is as it was.
                unsafe { alloc::dealloc(small, half) };
            }
            grown
        }
        // SAFETY: the layout has a size.
        _ => unsafe { alloc::alloc(layout) },
    }
}

/// See [`ImageTable::free`].
pub(crate) unsafe extern "C" fn free(memory: *mut u8, size: usize, align: usize) {
    let Some(layout) = block(size, align) else { return };
    // SAFETY: the host passes what `allocate` of this image, or of one with the same allocator, answered.
    unsafe { alloc::dealloc(memory, layout) }
}

/// The layout of a block that a host asks for.
fn block(size: usize, align: usize) -> Option<Layout> {
    Layout::from_size_align(size, align).ok().filter(|layout| layout.size() > 0)
}

/// Writes what was printed by this image's copy of the standard library.
unsafe extern "C" fn flush_output() {
    // An error of the system is dropped, as std drops it at the end of a program.
    drop(panic::catch_unwind(|| drop(io::stdout().flush())));
}

/// Takes a slot, or the reason why there is none, out of a host's answer.
pub(crate) fn into_slot_result(created: Created) -> Result<NonNull<RawSlot>, String> {
    // SAFETY: a host's functions keep the contract of `Outcome`.
    let raw = unsafe { created.into_result() }.map_err(|(_, message, _)| message)?;
    // SAFETY: the representation is that of `Result<usize, String>`.
    let address: usize = unsafe { <Result<usize, String> as Abi>::from_repr(raw) }?;
    NonNull::new(ptr::with_exposed_provenance_mut(address)).ok_or_else(|| "the host gave no slot".to_owned())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_record_begins_with_the_component_and_its_version() {
        let mut record = vec![0; HEADER];
        record.extend(b"\x05\x00shelf\x05\x001.1.0 and what follows");
        assert_eq!(names(&record).as_deref(), Some("shelf 1.1.0"));
        assert_eq!(names(&record[..HEADER + 10]), None);
        assert_eq!(component(), "", "a test is no component");
    }
}
