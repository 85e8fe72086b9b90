//! Looks up names and addresses among the symbols of a file.

use super::{refusal::damaged, view::View};
use crate::error::Result;
use object::{
    LittleEndian as Le,
    elf::{self, Sym64},
    pod::slice_from_all_bytes,
};

/// Whether the file defines a function called `name`.
pub(super) fn exports(view: &View<'_>, name: &[u8]) -> bool {
    let strings = view.table(elf::SHT_DYNSYM).ok().flatten();
    let strings = strings.and_then(|table| view.sections.get(table.link as usize)?.data(view.bytes));
    let is = |symbol: &&Sym64<Le>| {
        symbol.st_shndx.get(Le) != elf::SHN_UNDEF
            && symbol.st_info.st_type() == elf::STT_FUNC
            && strings.is_some_and(|strings| is_named(strings, symbol.st_name.get(Le), name))
    };
    symbols(view).is_ok_and(|symbols| symbols.iter().any(|symbol| is(&symbol)))
}

/// Whether the file needs one of these names from another library.
pub(super) fn imports(view: &View<'_>, names: &[&[u8]]) -> bool {
    let strings = view.table(elf::SHT_DYNSYM).ok().flatten();
    let strings = strings.and_then(|table| view.sections.get(table.link as usize)?.data(view.bytes));
    let is = |symbol: &Sym64<Le>| {
        symbol.st_shndx.get(Le) == elf::SHN_UNDEF
            && strings.is_some_and(|strings| names.iter().any(|name| is_named(strings, symbol.st_name.get(Le), name)))
    };
    symbols(view).is_ok_and(|symbols| symbols.iter().any(is))
}

/// Whether the string at `offset` is `name`. Reads no more bytes than `name` has, since a file may have very many
/// symbols that share one very long name.
fn is_named(strings: &[u8], offset: u32, name: &[u8]) -> bool {
    let rest = strings.get(offset as usize..).and_then(|rest| rest.strip_prefix(name));
    rest.is_some_and(|rest| rest.first() == Some(&0))
}

/// Whether a function with a name, even if it is not exported, starts at `addr`.
pub(super) fn function_at(view: &View<'_>, addr: u64) -> bool {
    let function = |symbol: &Sym64<Le>| {
        symbol.st_info.st_type() == elf::STT_FUNC && symbol.st_value.get(Le) == addr && view.callable(addr)
    };
    // A file has one table of each kind. If it has more, only the first is read.
    let first = |kind| view.sections.iter().find(|s| s.is(kind));
    let tables = [first(elf::SHT_DYNSYM), first(elf::SHT_SYMTAB)].into_iter().flatten();
    let mut tables = tables.filter_map(|table| slice_from_all_bytes(table.data(view.bytes)?).ok());
    tables.any(|symbols| symbols.iter().any(function))
}

pub(super) fn symbols<'data>(view: &View<'data>) -> Result<&'data [Sym64<Le>]> {
    let table = view.table(elf::SHT_DYNSYM)?.and_then(|table| table.data(view.bytes));
    let symbols = table.and_then(|table| slice_from_all_bytes(table).ok());
    symbols.ok_or_else(|| damaged("its symbols cannot be read"))
}
