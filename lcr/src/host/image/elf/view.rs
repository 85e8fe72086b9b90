//! Segments and sections of a file as plain numbers, and lookups by address.
//!
//! This file checks only that the two tables and the sections' names can be read, and that both tables have a size
//! that a linker writes ([`SEGMENTS`], [`SECTIONS`]). Every lookup returns an option and computes without overflow,
//! so the checks in the other files stay readable.
//!
//! A lookup by address is a binary search, since a file causes one for each symbol and relocation. Its results are
//! right once `segments` has checked that nothing overlaps.

use super::refusal::{broken, damaged, refused};
use crate::error::Result;
use object::{
    LittleEndian as Le,
    elf::{self, FileHeader64},
    read::elf::FileHeader,
};

/// The most program headers that are accepted. Linkers write about a dozen.
pub(super) const SEGMENTS: usize = 256;
/// The most section headers that are accepted. Linkers write some dozens.
pub(super) const SECTIONS: usize = 4096;

/// A file under examination.
#[derive(Debug)]
pub(super) struct View<'data> {
    pub(super) bytes: &'data [u8],
    /// The place of the program headers in the file.
    pub(super) headers_at: u64,
    pub(super) segments: Vec<Segment>,
    pub(super) sections: Vec<Section<'data>>,
    /// The segments that are loaded, by address.
    loads: Vec<Segment>,
    /// The numbers of the sections of code, by address.
    code: Vec<usize>,
}

/// One program header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) kind: u32,
    pub(super) flags: u32,
    pub(super) offset: u64,
    pub(super) addr: u64,
    pub(super) filesz: u64,
    pub(super) memsz: u64,
    pub(super) align: u64,
}

/// One section header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'data> {
    pub(super) name: &'data [u8],
    pub(super) kind: u32,
    pub(super) flags: u64,
    pub(super) addr: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) link: u32,
    pub(super) info: u32,
}

/// Whether `[addr, addr + len)` lies inside `[base, base + size)`.
pub(super) fn inside(addr: u64, len: u64, base: u64, size: u64) -> bool {
    addr.checked_sub(base).and_then(|at| at.checked_add(len)).is_some_and(|end| end <= size)
}

impl Segment {
    /// Whether the segment grants all of the rights `PF_R`, `PF_W`, `PF_X` in `flags`.
    pub(super) fn grants(&self, flags: elf::ProgramFlags) -> bool {
        self.flags & flags.0 == flags.0
    }
}

impl<'data> Section<'data> {
    pub(super) fn alloc(&self) -> bool {
        self.has(elf::SHF_ALLOC)
    }

    pub(super) fn has(&self, flag: elf::SectionFlags) -> bool {
        self.flags & flag.0 != 0
    }

    pub(super) fn is(&self, kind: elf::SectionType) -> bool {
        self.kind == kind.0
    }

    /// Whether the section takes room in memory but not in the file: `.bss`, `.tbss`.
    pub(super) fn no_bits(&self) -> bool {
        self.is(elf::SHT_NOBITS)
    }

    pub(super) fn data(&self, bytes: &'data [u8]) -> Option<&'data [u8]> {
        if self.no_bits() { None } else { range(bytes, self.offset, self.size) }
    }

    pub(super) fn title(&self) -> impl std::fmt::Display + use<'data> {
        let end = self.name.len().min(40);
        self.name[..end].escape_ascii()
    }
}

/// The `len` bytes at `offset`; `None` if there are fewer.
pub(super) fn range(bytes: &[u8], offset: u64, len: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(len).ok()?)?;
    bytes.get(start..end)
}

/// The NUL-terminated string at `offset` of a string table, without the NUL. Names of sections
/// and files are short; the limit keeps thousands of references to one endless string cheap.
pub(super) fn string(table: &[u8], offset: u64) -> Option<&[u8]> {
    let tail = table.get(usize::try_from(offset).ok()?..)?;
    let tail = &tail[..tail.len().min(4096)];
    tail.split(|&byte| byte == 0).next().filter(|name| name.len() < tail.len())
}

impl<'data> View<'data> {
    pub(super) fn new(bytes: &'data [u8], header: &FileHeader64<Le>) -> Result<View<'data>> {
        let segments = header.program_headers(Le, bytes).map_err(broken("the program headers"))?;
        if segments.len() > SEGMENTS {
            let text = format!("it has {} program headers, the limit is {SEGMENTS}; link it again", segments.len());
            return Err(refused(text));
        }
        let segments = segments.iter().map(|p| Segment {
            kind: p.p_type.get(Le).0,
            flags: p.p_flags.get(Le).0,
            offset: p.p_offset.get(Le),
            addr: p.p_vaddr.get(Le),
            filesz: p.p_filesz.get(Le),
            memsz: p.p_memsz.get(Le),
            align: p.p_align.get(Le),
        });
        let headers = header.section_headers(Le, bytes).map_err(broken("the section headers"))?;
        if headers.is_empty() {
            return Err(damaged("it has no section headers (cut off, or stripped of them)"));
        }
        if headers.len() > SECTIONS {
            let text = format!("it has {} sections, the limit is {SECTIONS}; link it again", headers.len());
            return Err(refused(text));
        }
        let names = header.section_strings_index(Le, bytes).map_err(broken("the section names"))?;
        let names = headers.get(names.0).ok_or_else(|| damaged("the section names are missing"))?;
        let names = range(bytes, names.sh_offset.get(Le), names.sh_size.get(Le));
        let names = names.ok_or_else(|| damaged("the section names lie behind its end"))?;
        let sections = headers.iter().map(|s| {
            let name = string(names, s.sh_name.get(Le).into());
            Ok(Section {
                name: name.ok_or_else(|| damaged("a section's name lies outside the names"))?,
                kind: s.sh_type.get(Le).0,
                flags: s.sh_flags.get(Le).0,
                addr: s.sh_addr.get(Le),
                offset: s.sh_offset.get(Le),
                size: s.sh_size.get(Le),
                link: s.sh_link.get(Le),
                info: s.sh_info.get(Le),
            })
        });
        let sections = sections.collect::<Result<Vec<Section<'data>>>>()?;
        let segments: Vec<Segment> = segments.collect();
        let mut loads: Vec<_> = segments.iter().filter(|segment| segment.kind == elf::PT_LOAD.0).copied().collect();
        loads.sort_by_key(|load| load.addr);
        let is_code = |&at: &usize| {
            let section = &sections[at];
            section.alloc() && section.has(elf::SHF_EXECINSTR) && section.size > 0
        };
        let mut code: Vec<usize> = (0..sections.len()).filter(is_code).collect();
        code.sort_by_key(|&at| sections[at].addr);
        Ok(View { bytes, headers_at: header.e_phoff(Le), segments, sections, loads, code })
    }

    pub(super) fn loads(&self) -> impl Iterator<Item = &Segment> {
        self.of_kind(elf::PT_LOAD)
    }

    pub(super) fn of_kind(&self, kind: elf::ProgramType) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(move |segment| segment.kind == kind.0)
    }

    /// The segment that maps all of `[addr, addr + len)`.
    pub(super) fn mapped(&self, addr: u64, len: u64) -> Option<&Segment> {
        self.load_at(addr).filter(|load| inside(addr, len, load.addr, load.memsz))
    }

    /// The last loaded segment that begins at `addr` or before it.
    fn load_at(&self, addr: u64) -> Option<&Segment> {
        let behind = self.loads.partition_point(|load| load.addr <= addr);
        self.loads.get(behind.checked_sub(1)?)
    }

    /// The bytes of the file that will be mapped at `[addr, addr + len)`.
    pub(super) fn at(&self, addr: u64, len: u64) -> Option<&'data [u8]> {
        let load = self.load_at(addr).filter(|load| inside(addr, len, load.addr, load.filesz))?;
        range(self.bytes, load.offset.checked_add(addr - load.addr)?, len)
    }

    /// Whether the loader may write `len` bytes at `addr`.
    pub(super) fn writable(&self, addr: u64, len: u64) -> bool {
        self.mapped(addr, len).is_some_and(|load| load.grants(elf::PF_W))
    }

    /// The section of code that `addr` lies in.
    pub(super) fn code_at(&self, addr: u64) -> Option<&Section<'data>> {
        let behind = self.code.partition_point(|&at| self.sections[at].addr <= addr);
        let section = &self.sections[self.code[behind.checked_sub(1)?]];
        Some(section).filter(|s| inside(addr, 1, s.addr, s.size))
    }

    /// Whether `addr` may be called.
    pub(super) fn callable(&self, addr: u64) -> bool {
        self.code_at(addr).is_some()
    }

    /// The nonempty, mapped section of this type; `None` if there is none. Refuses two.
    pub(super) fn table(&self, kind: elf::SectionType) -> Result<Option<&Section<'data>>> {
        let mut found = self.tables(kind);
        match (found.next(), found.next()) {
            (Some(one), Some(two)) => {
                let (one, two) = (one.title(), two.title());
                Err(damaged(format_args!("sections {one} and {two} are of one kind")))
            }
            (first, _) => Ok(first),
        }
    }

    /// All nonempty, mapped sections of this type.
    pub(super) fn tables(&self, kind: elf::SectionType) -> impl Iterator<Item = &Section<'data>> {
        self.sections.iter().filter(move |s| s.is(kind) && s.alloc() && s.size > 0)
    }
}
