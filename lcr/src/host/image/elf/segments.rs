//! Compares what the loader maps with what the sections say about the same bytes.
//!
//! A wrong offset, address, size or right in a program header contradicts the section that it
//! cuts off or misplaces, so the comparison finds damage that a look at either table would not.

use super::{
    refusal::{damaged, ensure, executable, refused},
    view::{Section, Segment, View, inside},
};
use crate::error::Result;
use object::elf;

/// A block of static thread-local storage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StaticTls {
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its alignment in bytes, a power of two.
    pub(crate) align: u64,
}

/// More than any library needs, and little enough that no sum of two overflows.
const SPAN: u64 = 1 << 36;
/// The largest alignment of a segment that is accepted (a huge page).
const ALIGN: u64 = 1 << 30;
/// The largest alignment of thread-local storage. The C library aborts if it cannot allocate that.
const TLS_ALIGN: u64 = 1 << 16;

/// Checks the program headers. Returns the memory that the image takes, in bytes.
pub(super) fn check(view: &View<'_>, page: u64) -> Result<u64> {
    if view.of_kind(elf::PT_INTERP).next().is_some() {
        return Err(executable());
    }
    let mapped = loads(view, page)?;
    for section in view.sections.iter().filter(|s| s.alloc() && s.size > 0) {
        covered(view, section)?;
    }
    apart(view)?;
    program_headers(view)?;
    stack(view)?;
    relro(view, page)?;
    tls(view)?;
    unwind_table(view)?;
    notes(view)?;
    Ok(mapped)
}

/// Checks that the loaded segments are in ascending order, on pages of their own, and inside the file. The loader
/// maps each over the reservation of the first, so a stray segment would replace pages of the host.
fn loads(view: &View<'_>, page: u64) -> Result<u64> {
    let (mut next_page, mut mapped) = (0, 0);
    for (number, load) in view.loads().enumerate() {
        let wrong = |what: &str| damaged(format_args!("segment {number} {what}"));
        if !inside(load.offset, load.filesz, 0, view.bytes.len() as u64) {
            let (end, len) = (u128::from(load.offset) + u128::from(load.filesz), view.bytes.len());
            let text = format!("segment {number} ends at byte {end} of a file of {len} bytes");
            return Err(damaged(text));
        }
        if load.filesz > load.memsz || !inside(load.addr, load.memsz, 0, SPAN) {
            return Err(wrong("has no sane size"));
        }
        if !load.align.is_power_of_two() || load.align < page || load.align > ALIGN {
            let align = load.align;
            return Err(refused(format!("segment {number} is aligned to {align} bytes, pages are {page}")));
        }
        if load.addr % load.align != load.offset % load.align {
            return Err(wrong("is not aligned as it says"));
        }
        let first_page = load.addr / page;
        if first_page < next_page {
            return Err(wrong("overlaps the one before it"));
        }
        next_page = (load.addr + load.memsz).div_ceil(page);
        mapped += (next_page - first_page) * page;
    }
    ensure(mapped > 0, || "no segment is loaded")?;
    Ok(mapped)
}

/// Checks that a section in memory lies in a segment, at the place and with the rights that the section names.
fn covered(view: &View<'_>, section: &Section<'_>) -> Result<()> {
    let wrong = |what: &str| damaged(format_args!("section {} {what}", section.title()));
    if section.no_bits() && section.has(elf::SHF_TLS) {
        return Ok(()); // takes room in each thread's block, none in the image: see `tls`
    }
    let Some(load) = view.mapped(section.addr, section.size) else {
        return Err(wrong("is not in memory"));
    };
    let at = section.addr - load.addr;
    if section.no_bits() {
        if at < load.filesz {
            return Err(wrong("should be zero, but is filled from the file"));
        }
    } else if at + section.size > load.filesz || section.offset != load.offset + at {
        return Err(wrong("is not where its segment maps it"));
    }
    let code = section.has(elf::SHF_EXECINSTR);
    let granted = (!section.has(elf::SHF_WRITE) || load.grants(elf::PF_W))
        && (!code || load.grants(elf::PF_X))
        && (code || load.grants(elf::PF_R));
    if granted { Ok(()) } else { Err(wrong("lacks a right that it needs in memory")) }
}

/// Checks that no two sections share bytes, in memory or in the file. So work that is done once for each section
/// is done at most once for each byte.
fn apart(view: &View<'_>) -> Result<()> {
    let in_memory = |s: &&Section<'_>| s.alloc() && s.size > 0 && !(s.no_bits() && s.has(elf::SHF_TLS));
    let mut sections: Vec<&Section<'_>> = view.sections.iter().filter(in_memory).collect();
    sections.sort_by_key(|s| s.addr);
    disjoint(&sections, |s| (s.addr, s.size))?;
    sections.retain(|s| !s.no_bits());
    sections.sort_by_key(|s| s.offset);
    disjoint(&sections, |s| (s.offset, s.size))
}

/// Refuses two neighbours if the first ends after the start of the second.
fn disjoint(sorted: &[&Section<'_>], place: impl Fn(&Section<'_>) -> (u64, u64)) -> Result<()> {
    let overlap = sorted.windows(2).find(|pair| {
        let ((start, size), (next, _)) = (place(pair[0]), place(pair[1]));
        start.saturating_add(size) > next
    });
    match overlap {
        None => Ok(()),
        Some(pair) => {
            let (one, two) = (pair[0].title(), pair[1].title());
            Err(damaged(format_args!("sections {one} and {two} overlap")))
        }
    }
}

/// Checks `PT_PHDR`, which `dl_iterate_phdr` reports as it is.
fn program_headers(view: &View<'_>) -> Result<()> {
    let size = (view.segments.len() * 56) as u64;
    for phdr in view.of_kind(elf::PT_PHDR) {
        let there = |load: &Segment| load.offset.checked_add(phdr.addr - load.addr);
        let same = view.mapped(phdr.addr, size).and_then(there) == Some(view.headers_at);
        ensure(same && phdr.memsz == size, || "the program headers are not where they say")?;
    }
    Ok(())
}

/// Refuses an executable stack: the loader would make the stacks of all threads of the host executable.
fn stack(view: &View<'_>) -> Result<()> {
    if view.of_kind(elf::PT_GNU_STACK).any(|stack| stack.grants(elf::PF_X)) {
        return Err(refused("it asks for executable stacks; link it with -z noexecstack"));
    }
    Ok(())
}

/// Checks that what becomes read-only after relocation lies in writable segments and is not data.
fn relro(view: &View<'_>, page: u64) -> Result<()> {
    for relro in view.of_kind(elf::PT_GNU_RELRO) {
        // Some linkers round the end up to the segment's alignment.
        let room = |load: &Segment| (load.addr + load.memsz).next_multiple_of(load.align) - load.addr;
        let load = view.mapped(relro.addr, 1).filter(|load| load.grants(elf::PF_W));
        let inside = load.is_some_and(|load| inside(relro.addr, relro.memsz, load.addr, room(load)));
        ensure(inside, || "its read-only data is outside its data")?;
        let (start, end) = (relro.addr / page * page, (relro.addr + relro.memsz) / page * page);
        let data = |s: &&Section<'_>| matches!(s.name, b".data" | b".bss" | b".sdata" | b".sbss");
        let hit = view.sections.iter().filter(data).find(|s| s.addr < end && s.addr + s.size > start);
        if let Some(section) = hit {
            return Err(damaged(format_args!("section {} would become read-only", section.title())));
        }
    }
    Ok(())
}

/// Checks that the block that each thread gets is exactly what the thread-local sections describe.
fn tls(view: &View<'_>) -> Result<()> {
    let parts = || view.sections.iter().filter(|s| s.alloc() && s.has(elf::SHF_TLS) && s.size > 0);
    let start = parts().map(|s| s.addr).min();
    let end = parts().map(|s| s.addr.saturating_add(s.size)).max().unwrap_or(0);
    let filled = parts().filter(|s| !s.no_bits()).map(|s| s.size).fold(0, u64::saturating_add);
    let mut templates = view.of_kind(elf::PT_TLS).filter(|tls| tls.memsz > 0);
    let (Some(start), Some(tls)) = (start, templates.next()) else {
        let none = start.is_none() && view.of_kind(elf::PT_TLS).all(|tls| tls.memsz == 0);
        return ensure(none, || "thread-local sections and their segment do not match");
    };
    let sane = tls.align.is_power_of_two() && tls.align <= TLS_ALIGN && end <= SPAN;
    ensure(sane, || "its thread-local storage has no sane size or alignment")?;
    let size = end - start;
    let fits = tls.addr == start
        && (size..=size.next_multiple_of(tls.align)).contains(&tls.memsz)
        && tls.filesz >= filled
        && tls.filesz <= tls.memsz
        && (tls.filesz == 0 || view.at(tls.addr, tls.filesz).is_some());
    let one = templates.next().is_none();
    ensure(fits && one, || "thread-local sections and their segment do not match")
}

/// The part of each thread's block that is for the library.
pub(super) fn tls_block(view: &View<'_>) -> Option<StaticTls> {
    let tls = view.of_kind(elf::PT_TLS).find(|tls| tls.memsz > 0)?;
    Some(StaticTls { size: tls.memsz, align: tls.align })
}

/// How many mappings the loader makes for the library, at most: one for each segment, one more where rights change
/// inside a segment, and one for zeroes after the bytes of the file.
pub(super) fn mappings(view: &View<'_>, page: u64) -> usize {
    let zeroes = |load: &&Segment| {
        (load.addr + load.filesz).next_multiple_of(page) < (load.addr + load.memsz).next_multiple_of(page)
    };
    view.loads().count() + view.loads().filter(zeroes).count() + view.of_kind(elf::PT_GNU_RELRO).count()
}

/// Checks the place of the unwind table, which unwinding reads by its address long after `dlopen` returned.
fn unwind_table(view: &View<'_>) -> Result<()> {
    let section = view.sections.iter().find(|s| s.name == b".eh_frame_hdr" && s.alloc());
    let place = |segment: &Segment| (segment.addr, segment.memsz);
    let mut segments = view.of_kind(elf::PT_GNU_EH_FRAME).map(place);
    let same = segments.next() == section.map(|s| (s.addr, s.size)) && segments.next().is_none();
    ensure(same, || "its unwind table is not where it says")
}

/// Checks the places of notes: the loader reads them in memory, and some of them in the file.
fn notes(view: &View<'_>) -> Result<()> {
    let notes = view.segments.iter();
    let notes = notes.filter(|s| s.kind == elf::PT_NOTE.0 || s.kind == elf::PT_GNU_PROPERTY.0);
    for note in notes {
        let there = view.at(note.addr, note.memsz).is_some()
            && inside(note.offset, note.filesz, 0, view.bytes.len() as u64)
            && note.filesz == note.memsz;
        ensure(there, || "a note lies outside it")?;
    }
    Ok(())
}
