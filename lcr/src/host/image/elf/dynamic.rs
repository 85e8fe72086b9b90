//! The dynamic table: the loader's index of everything that it will follow.
//!
//! Each entry that names a table must name the section of that type, to the byte, and each such section must have
//! an entry. Then a check of the sections (`tables`) is a check of what the loader will follow.

use super::{
    refusal::{damaged, ensure, executable, refused},
    symbols::function_at,
    view::{Section, View, string},
};
use crate::error::Result;
use object::{
    LittleEndian as Le,
    elf::{self, Dyn64, DynamicTag},
    pod::slice_from_all_bytes,
};
use std::collections::HashMap;

/// The entries of the dynamic table. Entries that may repeat are in the order of the file.
#[derive(Debug)]
pub(super) struct Dynamic<'data> {
    single: HashMap<i64, u64>,
    /// File names of the libraries that this one needs, in order.
    pub(super) needed: Vec<&'data [u8]>,
    /// Their places in the table of names.
    pub(super) needed_at: Vec<u64>,
    /// The places of further file names in the table of names.
    pub(super) other_names: Vec<u64>,
    /// The table of names.
    pub(super) strings: &'data [u8],
}

/// The most entries that are accepted. Linkers write some dozens, and one for each needed library.
const ENTRIES: usize = 4096;

/// The sections that entries name: the section's type, the tag of its address, the tag of its size.
#[rustfmt::skip]
const TABLES: [(elf::SectionType, DynamicTag, Option<DynamicTag>); 10] = [
    (elf::SHT_DYNSYM,     elf::DT_SYMTAB,     None),
    (elf::SHT_HASH,       elf::DT_HASH,       None),
    (elf::SHT_GNU_HASH,   elf::DT_GNU_HASH,   None),
    (elf::SHT_GNU_VERSYM, elf::DT_VERSYM,     None),
    (elf::SHT_GNU_VERNEED, elf::DT_VERNEED,   None),
    (elf::SHT_GNU_VERDEF, elf::DT_VERDEF,     None),
    (elf::SHT_INIT_ARRAY, elf::DT_INIT_ARRAY, Some(elf::DT_INIT_ARRAYSZ)),
    (elf::SHT_FINI_ARRAY, elf::DT_FINI_ARRAY, Some(elf::DT_FINI_ARRAYSZ)),
    (elf::SHT_PREINIT_ARRAY, elf::DT_PREINIT_ARRAY, Some(elf::DT_PREINIT_ARRAYSZ)),
    (elf::SHT_RELR,       elf::DT_RELR,       Some(elf::DT_RELRSZ)),
];

/// Entries whose value the C library asserts, and aborts if it is another one: the tag of a table, the tag that
/// must be there with it, and its value.
const FIXED: [(DynamicTag, DynamicTag, u64); 4] = [
    (elf::DT_SYMTAB, elf::DT_SYMENT, 24),
    (elf::DT_RELA, elf::DT_RELAENT, 24),
    (elf::DT_RELR, elf::DT_RELRENT, 8),
    (elf::DT_JMPREL, elf::DT_PLTREL, 7), // DT_RELA
];

impl<'data> Dynamic<'data> {
    /// Reads the table that the loader will read.
    pub(super) fn read(view: &View<'data>) -> Result<Dynamic<'data>> {
        let mut segments = view.of_kind(elf::PT_DYNAMIC);
        let (Some(segment), None) = (segments.next(), segments.next()) else {
            return Err(damaged("it has no dynamic table, or two of them"));
        };
        let Some(section) = view.table(elf::SHT_DYNAMIC)? else {
            return Err(damaged("its dynamic table has no section"));
        };
        let place = (segment.addr, segment.memsz, segment.filesz);
        let same = place == (section.addr, section.size, section.size);
        ensure(same, || "the dynamic table is not where its section is")?;
        // glibc adds the base address to the entries in place unless the segment is read-only.
        let read_only = !segment.grants(elf::PF_W) && !view.writable(section.addr, section.size);
        let writable = segment.grants(elf::PF_W) && view.writable(section.addr, section.size);
        ensure(read_only || writable, || "the dynamic table's rights contradict each other")?;

        let entries = view.at(section.addr, section.size);
        let entries = entries.and_then(|bytes| slice_from_all_bytes::<Dyn64<Le>>(bytes).ok());
        let entries = entries.ok_or_else(|| damaged("the dynamic table cannot be read"))?;
        let end = entries.iter().position(|entry| entry.d_tag.get(Le) == elf::DT_NULL);
        let end = end.ok_or_else(|| damaged("the dynamic table has no end"))?;

        ensure(end <= ENTRIES, || format!("the dynamic table has {end} entries, the limit is {ENTRIES}"))?;

        let strings = Self::strings(view)?;
        let text = |offset| string(strings, offset).ok_or_else(|| damaged("a name lies outside the names"));
        let mut dynamic = Dynamic {
            single: HashMap::new(),
            needed: Vec::new(),
            needed_at: Vec::new(),
            other_names: Vec::new(),
            strings,
        };
        for entry in &entries[..end] {
            let (tag, value) = (entry.d_tag.get(Le), entry.d_val.get(Le));
            match tag {
                elf::DT_NEEDED => {
                    dynamic.needed.push(text(value)?);
                    dynamic.needed_at.push(value);
                }
                elf::DT_AUXILIARY | elf::DT_FILTER => {
                    text(value)?;
                    dynamic.other_names.push(value);
                }
                _ => {
                    if matches!(tag, elf::DT_SONAME | elf::DT_RPATH | elf::DT_RUNPATH) {
                        text(value)?;
                    }
                    let twice = dynamic.single.insert(tag.0, value).is_some();
                    ensure(!twice, || format!("dynamic entry {:#x} is there twice", tag.0))?;
                }
            }
        }
        Ok(dynamic)
    }

    /// The value of an entry that occurs once.
    pub(super) fn get(&self, tag: DynamicTag) -> Option<u64> {
        self.single.get(&tag.0).copied()
    }

    /// Why the library stays mapped until the process ends; `None` if it need not.
    pub(super) fn permanent(&self) -> Option<&'static str> {
        if self.get(elf::DT_FLAGS_1).is_some_and(|flags| flags & elf::DF_1_NODELETE.0 != 0) {
            return Some("it was linked to stay mapped (-z nodelete); link it without");
        }
        let std = |name: &&[u8]| name.starts_with(b"libstd-");
        let text = "its std is a library of its own, which keeps destructors of it; build it without -C prefer-dynamic";
        self.needed.iter().any(std).then_some(text)
    }

    /// Whether the library wants its thread-locals at a fixed distance from the thread pointer.
    pub(super) fn is_tls_static(&self) -> bool {
        self.get(elf::DT_FLAGS).is_some_and(|flags| flags & elf::DF_STATIC_TLS.0 != 0)
    }

    /// Checks the table against the sections.
    pub(super) fn check(&self, view: &View<'_>) -> Result<()> {
        self.check_flags()?;
        for (kind, addr, size) in TABLES {
            self.names(view.table(kind)?, addr, size)?;
        }
        let strings = view.table(elf::SHT_DYNSYM)?.and_then(|symbols| linked(view, symbols));
        self.names(strings, elf::DT_STRTAB, Some(elf::DT_STRSZ))?;
        self.check_relocations(view)?;
        for (table, tag, value) in FIXED {
            let right = self.get(table).is_none() || self.get(tag) == Some(value);
            ensure(right, || format!("dynamic entry {:#x} is missing or not {value}", tag.0))?;
        }
        for addr in [elf::DT_INIT, elf::DT_FINI].into_iter().filter_map(|tag| self.get(tag)) {
            // By default `_init` and `_fini`, which begin sections of their own.
            let function = view.code_at(addr).is_some_and(|code| code.addr == addr) || function_at(view, addr);
            ensure(function, || "its initialiser or finaliser is no function that it names")?;
        }
        if let Some(addr) = self.get(elf::DT_PLTGOT) {
            ensure(view.mapped(addr, 24).is_some(), || "its offset table is not in memory")?;
        }
        let symbols = self.get(elf::DT_SYMTAB).is_some();
        let hash = self.get(elf::DT_HASH).or(self.get(elf::DT_GNU_HASH)).is_some();
        ensure(symbols && hash, || "it has no symbols, or no hash table of them")
    }

    fn check_flags(&self) -> Result<()> {
        let flags = |tag| self.get(tag).unwrap_or(0);
        if flags(elf::DT_FLAGS_1) & elf::DF_1_PIE.0 != 0 {
            return Err(executable());
        }
        let text = flags(elf::DT_FLAGS) & elf::DF_TEXTREL.0 != 0 || self.get(elf::DT_TEXTREL).is_some();
        if text {
            return Err(refused("its code would have to be patched (text relocations); compile it with -fPIC"));
        }
        Ok(())
    }

    /// Checks that the entries `addr` and `size` name exactly this section; if there is none, that the entries
    /// are missing, too.
    fn names(&self, section: Option<&Section<'_>>, addr: DynamicTag, size: Option<DynamicTag>) -> Result<()> {
        let empty = |tag| self.get(tag) == Some(0);
        let right = match section {
            Some(section) => {
                self.get(addr) == Some(section.addr) && size.is_none_or(|size| self.get(size) == Some(section.size))
            }
            None => self.get(addr).is_none() || size.is_some_and(empty),
        };
        ensure(right, || format!("dynamic entry {:#x} does not fit its section", addr.0))
    }

    /// Checks that each table of relocations is either the general one or that of the linkage table.
    fn check_relocations(&self, view: &View<'_>) -> Result<()> {
        let named = |addr, size| (self.get(addr), self.get(size));
        let general = named(elf::DT_RELA, elf::DT_RELASZ);
        let linkage = named(elf::DT_JMPREL, elf::DT_PLTRELSZ);
        let mut found = 0;
        for section in view.tables(elf::SHT_RELA) {
            let place = (Some(section.addr), Some(section.size));
            ensure(place == general || place == linkage, || {
                format!("the loader does not know the relocations in {}", section.title())
            })?;
            found += 1;
        }
        let named = [general, linkage].iter().filter(|place| place.1.unwrap_or(0) > 0).count();
        let paired = [general, linkage].iter().all(|place| place.0.is_some() == place.1.is_some());
        ensure(named == found && paired, || "a table of relocations has no section")
    }

    fn strings(view: &View<'data>) -> Result<&'data [u8]> {
        let symbols = view.table(elf::SHT_DYNSYM)?;
        let strings = symbols.and_then(|symbols| linked(view, symbols));
        let strings = strings.and_then(|strings| view.at(strings.addr, strings.size));
        // With a NUL at the end, every offset below the length starts a string that ends.
        let strings = strings.filter(|strings| strings.last() == Some(&0));
        strings.ok_or_else(|| damaged("its table of names is missing or has no end"))
    }
}

fn linked<'v, 'data>(view: &'v View<'data>, section: &Section<'_>) -> Option<&'v Section<'data>> {
    let linked = view.sections.get(usize::try_from(section.link).ok()?)?;
    (linked.is(elf::SHT_STRTAB) && linked.alloc()).then_some(linked)
}
