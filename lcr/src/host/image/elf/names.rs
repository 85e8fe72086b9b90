//! The names by which the loader finds the libraries that a library needs, and replacing those names.
//!
//! A name may be replaced in place by a name that is not longer, if no other name lies in the same bytes: linkers
//! let a string be the tail of another one.

use super::{
    Elf,
    dynamic::Dynamic,
    refusal::{damaged, refused},
    symbols::symbols,
    tables::{half, word},
    view::{View, string},
};
use crate::error::Result;
use object::{
    LittleEndian as Le,
    elf::{self, DynamicTag},
};
use std::{collections::BTreeMap, ops::Range};

/// Where a library has the loader look for what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunPath {
    /// The directories, with colons between them.
    pub(crate) text: Vec<u8>,
    /// Whether the loader looks there also for the needs of the libraries that this one needs (`DT_RPATH`).
    pub(crate) is_inherited: bool,
}

/// A place in the file, and the bytes to write there.
pub(crate) type Patch = (u64, Vec<u8>);

impl<'data> Elf<'data> {
    /// The libraries that it needs, in order.
    pub(crate) fn needed(&self) -> &[&'data [u8]] {
        &self.dynamic.needed
    }

    /// Where the loader looks for the needed libraries: of the two lists the newer one, if the file has both.
    pub(crate) fn run_path(&self) -> Option<RunPath> {
        let (tag, is_inherited) = run_path(&self.dynamic)?;
        Some(RunPath { text: self.text(tag)?.to_owned(), is_inherited })
    }

    /// The name that it gives itself.
    pub(crate) fn soname(&self) -> Option<&'data [u8]> {
        self.text(elf::DT_SONAME)
    }

    /// The names of the libraries from which it needs symbols with versions.
    pub(crate) fn versioned(&self) -> Result<Vec<&'data [u8]>> {
        let (files, _) = version_names(&self.view)?;
        Ok(files.into_iter().filter_map(|file| string(self.dynamic.strings, file)).collect())
    }

    /// Whether its symbols have versions, needed ones or its own. The C library asserts that of a library of which
    /// a version is needed, and ends the process if it is not so.
    pub(crate) fn has_versions(&self) -> bool {
        let is_there = |kind| self.view.tables(kind).next().is_some();
        is_there(elf::SHT_GNU_VERSYM) && (is_there(elf::SHT_GNU_VERNEED) || is_there(elf::SHT_GNU_VERDEF))
    }

    fn text(&self, tag: DynamicTag) -> Option<&'data [u8]> {
        string(self.dynamic.strings, self.dynamic.get(tag)?)
    }

    /// The patches by which the library gets new names: for each needed library the name that `name` returns for
    /// it (`None` keeps the present one), and for itself `soname` and `run_path`.
    ///
    /// # Errors
    /// `NotALibrary` if a name that is to be replaced shares its bytes with another name.
    pub(crate) fn rename(
        &self,
        name: impl Fn(&[u8]) -> Option<Vec<u8>>,
        soname: Option<Vec<u8>>,
        run_path: Option<Vec<u8>>,
    ) -> Result<Vec<Patch>> {
        let mut renamed = Renamed::new(self.dynamic.strings);
        for (&offset, needed) in self.dynamic.needed_at.iter().zip(self.needed()) {
            if let Some(new) = name(needed) {
                renamed.insert(offset, new)?;
            }
        }
        for (tag, new) in
            [(Some(elf::DT_SONAME), soname), (self::run_path(&self.dynamic).map(|(tag, _)| tag), run_path)]
        {
            if let (Some(offset), Some(new)) = (tag.and_then(|tag| self.dynamic.get(tag)), new) {
                renamed.insert(offset, new)?;
            }
        }
        if renamed.new.is_empty() {
            return Ok(Vec::new());
        }
        self.refuse_shared(&mut renamed, &name)?;
        // The table of names is a part of the file's bytes.
        let start = self.dynamic.strings.as_ptr().addr() - self.view.bytes.as_ptr().addr();
        let patches = renamed.new.into_iter().map(|(at, New { old, mut name, .. })| {
            name.resize(old.len(), 0);
            ((start + at) as u64, name)
        });
        Ok(patches.collect())
    }

    /// Refuses new names if anything else has a name in the same bytes. The file names in the table of needed
    /// versions are names of needed libraries, and get new names with them.
    fn refuse_shared(&self, renamed: &mut Renamed<'_>, name: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Result<()> {
        let strings = self.dynamic.strings;
        for symbol in symbols(&self.view)? {
            renamed.refuse_part(symbol.st_name.get(Le).into())?;
        }
        for &offset in &self.dynamic.other_names {
            renamed.refuse_part(offset)?;
        }
        for tag in [elf::DT_SONAME, elf::DT_RPATH, elf::DT_RUNPATH] {
            if let Some(offset) = self.dynamic.get(tag) {
                renamed.refuse_other(offset)?;
            }
        }
        for &offset in &self.dynamic.needed_at {
            renamed.refuse_other(offset)?;
        }
        let (files, versions) = version_names(&self.view)?;
        for file in files {
            match string(strings, file).and_then(&name) {
                Some(new) => renamed.insert(file, new)?,
                None => renamed.refuse_part(file)?,
            }
        }
        // A version may have the name of its library, among the needed ones and the library's own.
        versions.into_iter().try_for_each(|version| renamed.refuse_other(version))
    }
}

/// The run path that the loader uses, and whether needed libraries inherit it.
fn run_path(dynamic: &Dynamic<'_>) -> Option<(DynamicTag, bool)> {
    let lists = [(elf::DT_RUNPATH, false), (elf::DT_RPATH, true)];
    lists.into_iter().find(|(tag, _)| dynamic.get(*tag).is_some())
}

/// New names by the place of the old ones.
pub(super) struct Renamed<'data> {
    strings: &'data [u8],
    new: BTreeMap<usize, New>,
}

struct New {
    /// Where the longest string begins that ends as the old name does. All new names together search the whole
    /// table at most once for that, since no two of them share a string's end.
    floor: usize,
    old: Range<usize>,
    name: Vec<u8>,
}

impl<'data> Renamed<'data> {
    pub(super) fn new(strings: &'data [u8]) -> Renamed<'data> {
        Renamed { strings, new: BTreeMap::new() }
    }

    pub(super) fn insert(&mut self, offset: u64, name: Vec<u8>) -> Result<()> {
        let old = string(self.strings, offset).unwrap_or_default();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(same) = self.new.get(&start) {
            return if same.name == name { Ok(()) } else { Err(shared(old)) };
        }
        // Neither inside another one, nor around it.
        self.refuse_part(offset)?;
        if name.len() > old.len() {
            return Err(shared(old));
        }
        let before = self.strings.get(..start).unwrap_or_default();
        let floor = before.iter().rposition(|&byte| byte == 0).map_or(0, |end| end + 1);
        self.new.insert(start, New { floor, old: start..start + old.len(), name });
        Ok(())
    }

    /// Refuses a name at `offset` that shares bytes with a replaced name.
    pub(super) fn refuse_part(&self, offset: u64) -> Result<()> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let before = self.new.range(..=offset).next_back().filter(|(_, new)| offset < new.old.end);
        let after = || self.new.range(offset..).next().filter(|(_, new)| new.floor <= offset);
        match before.or_else(after) {
            Some((_, new)) => Err(shared(&self.strings[new.old.clone()])),
            None => Ok(()),
        }
    }

    /// As [`Renamed::refuse_part`], but accepts the replaced name itself.
    pub(super) fn refuse_other(&self, offset: u64) -> Result<()> {
        let is_renamed = usize::try_from(offset).is_ok_and(|offset| self.new.contains_key(&offset));
        if is_renamed { Ok(()) } else { self.refuse_part(offset) }
    }
}

fn shared(name: &[u8]) -> crate::error::Error {
    let name = name.escape_ascii();
    refused(format!(
        "the name `{name}` of a library beside it shares its bytes with another name, so the copy cannot be given \
         one of its own; link it again with -Wl,-O0, or link that library statically"
    ))
}

/// The places of the file names and of the version names in the two tables of versions. The tables were checked
/// (`tables`); each walk ends after at most as many steps as its table has bytes.
fn version_names(view: &View<'_>) -> Result<(Vec<u64>, Vec<u64>)> {
    let (mut files, mut versions) = (Vec::new(), Vec::new());
    // The places of: the name of an entry's file, its first part, the next entry; and of a
    // part's name and the next part.
    for (kind, file, first, next, part) in
        [(elf::SHT_GNU_VERNEED, Some(4), 8, 12, (8, 12)), (elf::SHT_GNU_VERDEF, None, 12, 16, (0, 4))]
    {
        let Some(data) = view.table(kind)?.and_then(|table| table.data(view.bytes)) else { continue };
        let (mut at, mut budget) = (0_usize, data.len());
        let mut walk = || -> Option<()> {
            loop {
                half(data, at)?;
                if let Some(file) = file {
                    files.push(word(data, at + file)? as u64);
                }
                let mut aux = at.checked_add(word(data, at + first)?)?;
                loop {
                    budget = budget.checked_sub(1)?;
                    versions.push(word(data, aux.checked_add(part.0)?)? as u64);
                    match word(data, aux.checked_add(part.1)?)? {
                        0 => break,
                        step => aux = aux.checked_add(step)?,
                    }
                }
                match word(data, at + next)? {
                    0 => return Some(()),
                    step => at = at.checked_add(step)?,
                }
            }
        };
        walk().ok_or_else(|| damaged("its symbol versions are wrong"))?;
    }
    Ok((files, versions))
}
