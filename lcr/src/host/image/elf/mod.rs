//! Reads a shared library that is not trusted yet, from its bytes alone.
//!
//! `dlopen` believes what a file says: a truncated one makes it touch pages after the end
//! (SIGBUS), a mangled one makes it follow wild offsets (SIGSEGV), jump into data or loop. And it runs
//! constructors before its caller can object. So [`read`] looks first. An ELF file describes itself twice: in
//! program headers and dynamic table for the loader ([`segments`], [`dynamic`]), and in section headers for
//! tools. A linker writes both from one layout, so here they must agree to the byte, and what the loader will
//! follow from there ([`tables`]) must stay inside.
//!
//! Called by `stage`, on the private copy, after [`look`] at the first bytes of the original.
//!
//! Invariants:
//! 1. Pure: bytes in, a description or an error out. No panic, no loop without progress.
//! 2. Takes memory and time of at most a small multiple of the input: numbers of headers are
//!    limited, no two sections share bytes, and lookups by address are binary searches.
//! 3. Every address that the loader will read, write or call for an accepted file lies in a
//!    segment with the right to do so, and every file page that it maps exists.
//!
//! It cannot see damage inside code and data; a content hash or a signature would show that.

mod dynamic;
mod machine;
mod names;
mod refusal;
mod segments;
mod symbols;
mod tables;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use names::{Patch, RunPath};
pub(crate) use segments::StaticTls;

use crate::error::Result;
use machine::Machine;
use object::{
    LittleEndian as Le,
    elf::{self, FileHeader64},
    read::elf::FileHeader,
};
use refusal::{broken, ensure, executable, refused};
use view::View;

/// What a well-formed file says.
#[derive(Debug)]
pub(crate) struct Elf<'data> {
    view: View<'data>,
    dynamic: dynamic::Dynamic<'data>,
    /// The memory that the image takes, in bytes and whole pages.
    pub(crate) mapped: u64,
    /// Why the library can never be unmapped; `None` if it can.
    pub(crate) permanent: Option<&'static str>,
    pub(crate) takes: Takes,
}

/// The scarce resources of the process that an image takes for as long as it is mapped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Takes {
    /// How many mappings, at most.
    pub(crate) mappings: usize,
    /// Whether it takes a thread key of the C library.
    pub(crate) keys: bool,
    /// Storage at a fixed distance from each thread's pointer.
    pub(crate) static_tls: Option<StaticTls>,
}

impl<'data> Elf<'data> {
    /// The contents of the mapped sections called `name`.
    pub(crate) fn sections(&self, name: &str) -> impl Iterator<Item = &'data [u8]> {
        let bytes = self.view.bytes;
        let named = move |s: &&view::Section<'data>| s.name == name.as_bytes() && s.alloc();
        self.view.sections.iter().filter(named).filter_map(move |s| s.data(bytes))
    }

    /// Whether the library itself defines and exports the function `name`.
    pub(crate) fn exports(&self, name: &str) -> bool {
        symbols::exports(&self.view, name.as_bytes())
    }
}

/// Checks a whole file. `page` is the machine's page size.
///
/// # Errors
/// [`ErrorKind::NotALibrary`], saying what was found.
pub(crate) fn read(bytes: &[u8], page: u64) -> Result<Elf<'_>> {
    let header = header(bytes)?;
    let view = View::new(bytes, header)?;
    let mapped = segments::check(&view, page)?;
    let dynamic = dynamic::Dynamic::read(&view)?;
    dynamic.check(&view)?;
    tables::check(&view, &dynamic)?;
    let permanent = dynamic.permanent().or_else(|| takes_from_threads(&view));
    let takes = Takes {
        mappings: segments::mappings(&view, page),
        keys: symbols::imports(&view, &[b"pthread_key_create"]),
        static_tls: segments::tls_block(&view).filter(|_| dynamic.is_tls_static()),
    };
    Ok(Elf { mapped, permanent, takes, view, dynamic })
}

/// The contents of the sections called `name` that are no part of an image. Only the tables of sections are checked, so
/// `bytes` may be a program as well.
///
/// # Errors
/// [`ErrorKind::NotALibrary`](crate::ErrorKind::NotALibrary).
pub(crate) fn unmapped<'data>(bytes: &'data [u8], name: &str) -> Result<Vec<&'data [u8]>> {
    let header = FileHeader64::<Le>::parse(bytes).map_err(broken("the header"))?;
    let view = View::new(bytes, header)?;
    let named = |s: &&view::Section<'data>| s.name == name.as_bytes() && !s.alloc();
    let found: Vec<_> = view.sections.iter().filter(named).filter_map(|s| s.data(bytes)).collect();
    // Sections that are not mapped may share bytes, and a file has room for thousands of headers.
    let total: usize = found.iter().map(|section| section.len()).sum();
    ensure(total <= bytes.len(), || format!("its sections {name} share bytes"))?;
    Ok(found)
}

/// The functions by which the C library keeps something of an image for the ends of threads. An image that links
/// `lcr` has functions of its own with these names, which lead to the host (`component/libc_shims`), so it imports
/// none of them.
const KEPT_FOR_THREADS: [&[u8]; 3] = [b"pthread_key_create", b"pthread_create", b"__cxa_thread_atexit_impl"];

/// Functions of C11 that do the same without asking those: the C library calls its own.
const KEPT_BY_C11: [&[u8]; 2] = [b"thrd_create", b"tss_create"];

fn takes_from_threads(view: &View<'_>) -> Option<&'static str> {
    if symbols::imports(view, &KEPT_BY_C11) {
        return Some(
            "its C code uses threads of C11 (thrd_create, tss_create), which nothing counts; use pthread_create",
        );
    }
    let text = "it leaves destructors with threads by itself: its linker bound pthread_create or the like to the C \
                library's instead of its own; link it with bfd or lld, and lcr into it";
    symbols::imports(view, &KEPT_FOR_THREADS).then_some(text)
}

/// How many bytes of a file [`look`] needs.
pub(crate) const FIRST: usize = size_of::<FileHeader64<Le>>();

/// Refuses a file of `len` bytes whose `first` bytes show that it is no library for this machine, or that it ends
/// before its own tables do. Nothing but `first` has been read.
///
/// # Errors
/// As for [`read`], which checks much more.
pub(crate) fn look(first: &[u8], len: u64) -> Result<()> {
    let header = header(first)?;
    let tables = [
        (header.e_phoff.get(Le), header.e_phnum.get(Le), header.e_phentsize.get(Le)),
        (header.e_shoff.get(Le), header.e_shnum.get(Le), header.e_shentsize.get(Le)),
    ];
    let mut ends = tables.iter().map(|(at, count, size)| at.saturating_add(u64::from(*count) * u64::from(*size)));
    ensure(ends.all(|end| end <= len), || format!("a file of {len} bytes ends before its headers do"))
}

fn header(bytes: &[u8]) -> Result<&FileHeader64<Le>> {
    const BUILD: &str = "build it with crate-type = [\"cdylib\"]";
    if bytes.starts_with(b"!<arch>\n") {
        return Err(refused(format!("an archive (.rlib or .a), not a shared library; {BUILD}")));
    }
    let ident = bytes.first_chunk::<16>().filter(|ident| ident.starts_with(&elf::ELFMAG));
    let Some(&[_, _, _, _, class, data, version, abi, ..]) = ident else {
        let start = bytes.get(..4).unwrap_or(bytes).escape_ascii();
        return Err(refused(format!("not an ELF file: it starts with \"{start}\"; {BUILD}")));
    };
    if (class, data) != (elf::ELFCLASS64.0, elf::ELFDATA2LSB.0) {
        return Err(refused("not a 64-bit little-endian library; build it for this machine"));
    }
    let header = FileHeader64::<Le>::parse(bytes).map_err(broken("the header"))?;
    let machine = header.e_machine(Le);
    let ours = Machine::ours()?;
    if machine != ours.number {
        let theirs = Machine::of(machine);
        let theirs = theirs.map_or_else(|| format!("machine {}", machine.0), |m| m.arch.to_owned());
        let text = format!("built for {theirs}, this process runs on {}; build it for this target", ours.arch);
        return Err(refused(text));
    }
    match header.e_type(Le) {
        elf::ET_DYN => {}
        elf::ET_EXEC => return Err(executable()),
        elf::ET_REL => return Err(refused(format!("an object file (.o), not a shared library; {BUILD}"))),
        other => return Err(refused(format!("ELF type {}, not a shared library; {BUILD}", other.0))),
    }
    let abis = [elf::ELFOSABI_SYSV.0, elf::ELFOSABI_GNU.0];
    if !abis.contains(&abi) || version != 1 || header.e_version(Le) != 1 {
        return Err(refused(format!("made for system ABI {abi}, ELF version {version}; build it for Linux")));
    }
    Ok(header)
}
