//! What the loader follows: symbols, their hash tables and versions, relocations, initialisers.
//!
//! The loader walks these tables without bounds. For a symbol's number out of range it reads wild memory, along a
//! hash chain without an end it loops, by a relocation outside the data it overwrites what lies there, and it
//! calls an initialiser even if that is not code.

use super::{
    dynamic::Dynamic,
    machine::Machine,
    refusal::{damaged, ensure, refused},
    symbols::symbols,
    view::{Section, View, inside, string},
};
use crate::error::Result;
use object::{
    LittleEndian as Le,
    elf::{self, Rela64, Sym64},
    pod::{bytes_of, slice_from_all_bytes},
};
use std::collections::BTreeSet;

/// Checks all tables that `dynamic` names. `dynamic` was checked against the sections before.
pub(super) fn check(view: &View<'_>, dynamic: &Dynamic<'_>) -> Result<()> {
    let symbols = symbols(view)?;
    check_symbols(view, symbols, dynamic.strings)?;
    if let Some(table) = view.table(elf::SHT_GNU_HASH)? {
        ensure(gnu_hash(words(view, table)?, symbols.len()).is_some(), || "its hash table is wrong")?;
    }
    if let Some(table) = view.table(elf::SHT_HASH)? {
        ensure(sysv_hash(words(view, table)?, symbols.len()).is_some(), || "its old hash table is wrong")?;
    }
    check_versions(view, dynamic, symbols.len())?;
    check_relocations(view, dynamic, symbols.len())
}

fn words<'data>(view: &View<'data>, table: &Section<'data>) -> Result<&'data [[u8; 4]]> {
    let (words, rest) = table.data(view.bytes).unwrap_or_default().as_chunks();
    ensure(rest.is_empty(), || format!("section {} is cut off", table.title()))?;
    Ok(words)
}

fn check_symbols(view: &View<'_>, symbols: &[Sym64<Le>], strings: &[u8]) -> Result<()> {
    // The table's section says where the local symbols end.
    let locals = view.table(elf::SHT_DYNSYM)?.map_or(0, |table| table.info as usize);
    let first = symbols.first().map_or(&[][..], bytes_of);
    ensure(first.iter().all(|byte| *byte == 0), || "symbol 0 is not empty")?;
    let block = view.of_kind(elf::PT_TLS).map(|tls| tls.memsz).max().unwrap_or(0);
    for (number, symbol) in symbols.iter().enumerate().skip(1) {
        let wrong = |what: &str| damaged(format_args!("symbol {number} {what}"));
        let (name, local) = (symbol.st_name.get(Le) as usize, symbol.st_info.st_bind() == elf::STB_LOCAL);
        if name >= strings.len() || local != (number < locals) || (name == 0 && !local) {
            return Err(wrong("has no name"));
        }
        let value = symbol.st_value.get(Le);
        let inside = match symbol.st_info.st_type() {
            _ if symbol.st_shndx.get(Le) == elf::SHN_ABS => true,
            _ if symbol.st_shndx.get(Le) == elf::SHN_UNDEF => value == 0,
            elf::STT_TLS => value <= block,
            elf::STT_FUNC | elf::STT_GNU_IFUNC => view.callable(value),
            // The end of a section may be the end of its segment.
            _ => view.mapped(value, 0).is_some(),
        };
        if !inside {
            return Err(wrong("points outside its section"));
        }
    }
    Ok(())
}

/// Checks Bloom filter, buckets and chains (glibc's `dl-lookup.c`): their sizes add up to the table's, buckets name
/// symbols of the table, and the last chain ends. `None` if not.
fn gnu_hash(table: &[[u8; 4]], symbols: usize) -> Option<()> {
    let word = |at: usize| table.get(at).map(|word| u32::from_le_bytes(*word) as usize);
    let (buckets, first, filter) = (word(0)?, word(1)?, word(2)?);
    let chains = table.get(4..)?.get(filter.checked_mul(2)?..)?;
    let (buckets, chains) = (chains.get(..buckets)?, chains.get(buckets..)?);
    let hashed = symbols.checked_sub(first);
    let empty = buckets.iter().all(|bucket| *bucket == [0; 4]);
    let named = |bucket: &[u8; 4]| {
        let bucket = u32::from_le_bytes(*bucket) as usize;
        bucket == 0 || (first..symbols).contains(&bucket)
    };
    let ended = chains.last().is_some_and(|last| last[0] & 1 == 1);
    let sound =
        filter.is_power_of_two() && word(3)? < 64 && if empty { true } else { hashed == Some(chains.len()) && ended };
    (sound && buckets.iter().all(named)).then_some(())
}

/// Checks the buckets and chains of the System V ABI: each symbol is in one chain, and no chain is a ring. `None` if
/// not.
fn sysv_hash(table: &[[u8; 4]], symbols: usize) -> Option<()> {
    let word = |at: usize| table.get(at).map(|word| u32::from_le_bytes(*word) as usize);
    let (buckets, count) = (word(0)?, word(1)?);
    let (buckets, chains) = table.get(2..)?.split_at_checked(buckets)?;
    let mut steps = 0;
    for bucket in buckets {
        let mut symbol = u32::from_le_bytes(*bucket) as usize;
        while symbol != 0 {
            steps += 1;
            symbol = u32::from_le_bytes(*chains.get(symbol)?) as usize;
            if steps > symbols {
                return None;
            }
        }
    }
    (count == symbols && chains.len() == symbols).then_some(())
}

/// Checks that every symbol's version is one that the file needs or defines, that every needed version is of a
/// library that the file needs (glibc asserts that), and that the lists of both end inside their sections.
fn check_versions(view: &View<'_>, dynamic: &Dynamic<'_>, symbols: usize) -> Result<()> {
    let mut known = BTreeSet::from([0, 1]);
    let wrong = || damaged("its symbol versions are wrong");
    if let Some(table) = view.table(elf::SHT_GNU_VERNEED)? {
        let data = table.data(view.bytes).unwrap_or_default();
        needed_versions(data, dynamic, &mut known).ok_or_else(wrong)?;
    }
    if let Some(table) = view.table(elf::SHT_GNU_VERDEF)? {
        let data = table.data(view.bytes).unwrap_or_default();
        defined_versions(data, dynamic.strings, &mut known).ok_or_else(wrong)?;
    }
    if let Some(table) = view.table(elf::SHT_GNU_VERSYM)? {
        let (versions, rest) = table.data(view.bytes).unwrap_or_default().as_chunks();
        let known = |version: &[u8; 2]| known.contains(&(u16::from_le_bytes(*version) & 0x7fff));
        let right = versions.len() == symbols && rest.is_empty() && versions.iter().all(known);
        ensure(right, || "its symbol versions are wrong")?;
    }
    Ok(())
}

/// The most versions that are read: their numbers have 15 bits. Each costs the search for the end of its name.
const VERSIONS: usize = 1 << 15;

pub(super) fn half(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

pub(super) fn word(data: &[u8], at: usize) -> Option<usize> {
    data.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes) as usize)
}

/// `Verneed { version, cnt: u16, file, aux, next: u32 }` and, at `aux`,
/// `Vernaux { hash: u32, flags, other: u16, name, next: u32 }`; `next` 0 ends a list.
fn needed_versions(data: &[u8], dynamic: &Dynamic<'_>, known: &mut BTreeSet<u16>) -> Option<()> {
    let (mut at, mut budget) = (0, (data.len() / 16).min(VERSIONS));
    loop {
        let file = string(dynamic.strings, word(data, at + 4)? as u64)?;
        if half(data, at)? != 1 || !dynamic.needed.contains(&file) {
            return None;
        }
        let mut aux = at.checked_add(word(data, at + 8)?)?;
        loop {
            budget = budget.checked_sub(1)?;
            known.insert(half(data, aux + 6)? & 0x7fff);
            string(dynamic.strings, word(data, aux + 8)? as u64)?;
            match word(data, aux + 12)? {
                0 => break,
                next => aux = aux.checked_add(next)?,
            }
        }
        match word(data, at + 12)? {
            0 => return Some(()),
            next => at = at.checked_add(next)?,
        }
    }
}

/// `Verdef { version, flags, ndx, cnt: u16, hash, aux, next: u32 }` and, at `aux`,
/// `Verdaux { name, next: u32 }`.
fn defined_versions(data: &[u8], strings: &[u8], known: &mut BTreeSet<u16>) -> Option<()> {
    let (mut at, mut budget) = (0, (data.len() / 8).min(VERSIONS));
    loop {
        budget = budget.checked_sub(1)?;
        if half(data, at)? != 1 {
            return None;
        }
        known.insert(half(data, at + 4)? & 0x7fff);
        let aux = at.checked_add(word(data, at + 12)?)?;
        string(strings, word(data, aux)? as u64)?;
        match word(data, at + 16)? {
            0 => return Some(()),
            next => at = at.checked_add(next)?,
        }
    }
}

/// Checks that relocations write inside writable segments, use symbols that exist, and make every initialiser and
/// finaliser point to code.
fn check_relocations(view: &View<'_>, dynamic: &Dynamic<'_>, symbols: usize) -> Result<()> {
    let mut called = Called::new(view)?;
    let machine = Machine::ours()?;
    let leading = usize::try_from(dynamic.get(elf::DT_RELACOUNT).unwrap_or(0)).unwrap_or(usize::MAX);
    for table in view.tables(elf::SHT_RELA) {
        let relocations = table.data(view.bytes).and_then(|data| slice_from_all_bytes(data).ok());
        let relocations: &[Rela64<Le>] = relocations.ok_or_else(|| damaged("its relocations are cut off"))?;
        let general = dynamic.get(elf::DT_RELA) == Some(table.addr);
        ensure(!general || leading <= relocations.len(), || "it counts too many relocations")?;
        for (number, relocation) in relocations.iter().enumerate() {
            let wrong = |what: &str| damaged(format_args!("relocation {number} in {} {what}", table.title()));
            let (place, addend) = (relocation.r_offset.get(Le), relocation.r_addend.get(Le) as u64);
            let (kind, symbol) = (relocation.r_type(Le, false).0, relocation.r_sym(Le, false));
            if kind == 0 {
                continue;
            }
            if kind == machine.copy {
                return Err(refused("it copies data of other libraries; compile it with -fPIC"));
            }
            if symbol as usize >= symbols {
                return Err(wrong("names no symbol"));
            }
            let lazy = [machine.jump_slot, machine.indirect, machine.tls_descriptor].contains(&kind);
            if !general && !(lazy && place % 8 == 0 && (kind != machine.jump_slot || addend == 0)) {
                return Err(wrong("is not one of a linkage table"));
            }
            let len = if kind == machine.tls_descriptor { 16 } else { 8 };
            if !view.writable(place, len) {
                return Err(wrong("is not in writable memory"));
            }
            if general && number < leading && kind != machine.relative {
                return Err(wrong("is not a relative one"));
            }
            if kind == machine.indirect && !view.callable(addend) {
                return Err(wrong("does not resolve by code"));
            }
            called.relocated(place, (kind == machine.relative).then_some(addend));
        }
    }
    check_packed(view, &mut called)?;
    called.check(view)
}

/// `DT_RELR`: an even word is an address, an odd word a bitmap of the 63 words after it.
fn check_packed(view: &View<'_>, called: &mut Called) -> Result<()> {
    let Some(table) = view.table(elf::SHT_RELR)? else { return Ok(()) };
    let (words, rest) = table.data(view.bytes).unwrap_or_default().as_chunks::<8>();
    let wrong = || damaged("a packed relocation is not in writable memory");
    let mut next = None;
    let mut one = |place: u64| -> Result<()> {
        if !view.writable(place, 8) {
            return Err(wrong());
        }
        let target = view.at(place, 8).and_then(|bytes| bytes.first_chunk().copied());
        called.relocated(place, target.map(u64::from_le_bytes));
        Ok(())
    };
    for word in words {
        let word = u64::from_le_bytes(*word);
        if word & 1 == 0 {
            one(word)?;
            next = word.checked_add(8);
            continue;
        }
        let base = next.ok_or_else(wrong)?;
        for bit in (0..63).filter(|bit| word >> (bit + 1) & 1 == 1) {
            one(base.checked_add(bit * 8).ok_or_else(wrong)?)?;
        }
        next = base.checked_add(63 * 8);
    }
    ensure(rest.is_empty(), || "its packed relocations are cut off")
}

/// The arrays of functions that the loader calls, with the target of each entry.
struct Called {
    arrays: Vec<(u64, Vec<Entry>)>,
}

/// An entry of an array of functions.
#[derive(Clone, Copy, PartialEq)]
enum Entry {
    Unset,
    Local(u64),
    Imported,
}

impl Called {
    fn new(view: &View<'_>) -> Result<Called> {
        let mut arrays = Vec::new();
        for kind in [elf::SHT_INIT_ARRAY, elf::SHT_FINI_ARRAY, elf::SHT_PREINIT_ARRAY] {
            if let Some(array) = view.table(kind)? {
                let whole = array.size % 8 == 0 && array.data(view.bytes).is_some();
                ensure(whole, || "its initialisers are cut off")?;
                arrays.push((array.addr, vec![Entry::Unset; (array.size / 8) as usize]));
            }
        }
        Ok(Called { arrays })
    }

    fn relocated(&mut self, place: u64, target: Option<u64>) {
        for (addr, entries) in &mut self.arrays {
            if inside(place, 8, *addr, entries.len() as u64 * 8) {
                entries[((place - *addr) / 8) as usize] = target.map_or(Entry::Imported, Entry::Local);
            }
        }
    }

    fn check(&self, view: &View<'_>) -> Result<()> {
        let right = |entry: &Entry| match *entry {
            Entry::Unset => false,
            Entry::Local(addr) => view.callable(addr),
            Entry::Imported => true,
        };
        let mut entries = self.arrays.iter().flat_map(|array| &array.1);
        ensure(entries.all(right), || "an initialiser or finaliser is not code")
    }
}
