//! Libraries that lie beside a component and come with it.
//!
//! A component's run path may name directories relative to its own file (`$ORIGIN`), and its copy is elsewhere. So
//! the libraries that it needs from there are copied to the store, too, with the libraries that those need. Each is
//! checked as the component is, and each copy is checked once more when its names are written.
//!
//! The loader knows libraries by their names, and gives a library that it has to every library that needs that name.
//! The next version of a component comes with the next build of its libraries, under the same names, and would get
//! the old ones. So in the copies each such library gets a name that was never used before: as the file's name, as
//! its own name for itself (`DT_SONAME`), and wherever another copy needs it. Run paths become `$ORIGIN`, the
//! store's directory, where all copies are. Names are changed in place, in the table of names, so nothing moves.
//! From this follows:
//!
//! - Each image has libraries of its own, with their own statics; those of the version before stay
//!   as they are while that is in use. Two components do not share what lies beside both.
//! - If the process has a library of a name already, because the program itself is linked to it, the loader gives the
//!   component the program's library, as `dlopen` of the original does.
//! - The same is true of a library that an earlier entry of the run path finds: absolute directories are the
//!   system's.
//!
//! `$LIB` and `$PLATFORM` are not expanded, and needs that are paths are left to the loader. The libraries beside a
//! component come before those in the directories of `LD_LIBRARY_PATH`.

//! A component that a history has kept is not beside its libraries any more. It is staged with a list of those that
//! came with it, by their names, and is given these and no others.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{
    ContentHash, PrivateCopy, Store, elf,
    neighbour::{FileId, Neighbour, Place},
    show,
};
use crate::{
    error::{Error, ErrorKind, Result},
    host::{image::library::loader, sys},
};

/// How many libraries may come with one component.
const LIBRARIES: usize = 64;
/// The shortest name that can be replaced by a fresh one.
const SHORTEST: usize = 4;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The libraries that come with a component: copied, with their old names.
#[derive(Debug, Default)]
pub(super) struct Found {
    libraries: Vec<Library>,
    /// The new names, by the old ones.
    names: HashMap<Vec<u8>, Vec<u8>>,
    /// The memory that the images of all copies take together, in bytes.
    mapped: u64,
    /// How many mappings the loader makes for them, at most.
    pub(super) mappings: usize,
}

#[derive(Debug)]
struct Library {
    name: Vec<u8>,
    copy: PrivateCopy,
    id: FileId,
    hash: ContentHash,
    /// The path of the original.
    source: PathBuf,
    has_versions: bool,
}

/// What one file needs, and where the loader looks for it.
struct Wanting {
    needed: Vec<Vec<u8>>,
    /// The run paths, each with the directory that `$ORIGIN` stands for.
    places: Vec<(PathBuf, Vec<u8>)>,
    /// The run paths that the needed libraries inherit.
    inherited: Vec<(PathBuf, Vec<u8>)>,
}

impl Wanting {
    /// What `file` wants. `inherited` are the run paths of the library that needs `file`.
    fn of(file: &Path, elf: &elf::Elf<'_>, inherited: &[(PathBuf, Vec<u8>)]) -> Wanting {
        let needed = elf.needed().iter().map(|name| name.to_vec()).collect();
        let origin = file.parent().map(Path::to_owned).unwrap_or_default();
        // A newer list (`DT_RUNPATH`) ends the inheritance.
        match elf.run_path() {
            Some(elf::RunPath { text, is_inherited: false }) => {
                Wanting { needed, places: vec![(origin, text)], inherited: Vec::new() }
            }
            older => {
                let own = older.map(|path| (origin, path.text));
                let places: Vec<_> = own.into_iter().chain(inherited.iter().cloned()).collect();
                Wanting { needed, inherited: places.clone(), places }
            }
        }
    }

    /// The file of that name beside a file that wants it, unless the loader finds another file first.
    fn find(&self, name: &[u8]) -> Option<PathBuf> {
        for (origin, path) in &self.places {
            for entry in path.split(|&byte| byte == b':') {
                let (directory, is_beside) = match below_origin(entry) {
                    Some(below) => (origin.join(OsStr::from_bytes(below)), true),
                    None if entry.starts_with(b"/") && !entry.contains(&b'$') => {
                        (PathBuf::from(OsStr::from_bytes(entry)), false)
                    }
                    None => continue,
                };
                let file = directory.join(OsStr::from_bytes(name));
                if file.exists() {
                    return is_beside.then_some(file);
                }
            }
        }
        None
    }
}

/// The relative path after `$ORIGIN` in an entry of a run path; `None` if the entry does not begin with that.
fn below_origin(entry: &[u8]) -> Option<&[u8]> {
    let rest = entry.strip_prefix(b"$ORIGIN").or_else(|| entry.strip_prefix(b"${ORIGIN}"))?;
    match rest {
        [] => Some(rest),
        [b'/', below @ ..] if !below.contains(&b'$') => {
            let start = below.iter().position(|&byte| byte != b'/').unwrap_or(below.len());
            Some(&below[start..])
        }
        _ => None,
    }
}

/// The run path for a copy: every entry below `$ORIGIN` becomes `$ORIGIN` itself, where all copies are.
fn flat(path: &[u8]) -> Vec<u8> {
    let mut entries: Vec<&[u8]> = Vec::new();
    for entry in path.split(|&byte| byte == b':') {
        let entry = if below_origin(entry).is_some() { b"$ORIGIN" } else { entry };
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries.join(&b':')
}

/// A name of the same length that no library of this process has.
fn fresh(name: &[u8]) -> Result<Vec<u8>> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let refused = |what| {
        let name = name.escape_ascii();
        Error::new(ErrorKind::NotALibrary, format!("the name `{name}` of a library beside it {what}"))
    };
    if name.len() < SHORTEST {
        return Err(refused("is too short for the copy to get one of its own; give it a longer one"));
    }
    let mut fresh = name.to_vec();
    let digits = (name.len() - 1).min(5);
    let at = name.len() - digits;
    let mut number = NEXT.fetch_add(1, Ordering::Relaxed);
    for place in fresh[at..].iter_mut().rev() {
        *place = DIGITS[number as usize % DIGITS.len()];
        number /= DIGITS.len() as u32;
    }
    fresh[at - 1] = b'~';
    if number > 0 {
        return Err(refused("was given to too many copies; give it a longer one, or start the process again"));
    }
    Ok(fresh)
}

/// Copies the libraries beside `file` that it needs, or those of a list. `elf` describes the file.
pub(super) fn gather(store: &Store, file: &Path, elf: &elf::Elf<'_>, listed: Option<&[Neighbour]>) -> Result<Found> {
    let mut found = Found::default();
    let file = std::path::absolute(file).map_err(|error| Error::io("its directory is not known", error))?;
    let mut waiting = VecDeque::from([Wanting::of(&file, elf, &[])]);
    let mut room = store.trust.max_bytes;
    // This is the order in which the loader looks.
    while let Some(wanting) = waiting.pop_front() {
        for name in &wanting.needed {
            if !name.iter().all(u8::is_ascii_graphic) || name.contains(&b'/') || found.names.contains_key(name) {
                continue;
            }
            let place = match listed {
                None => wanting.find(name).map(Place::beside),
                Some(listed) => Place::listed(name, listed),
            };
            let Some(place) = place else { continue };
            if loader::is_present(name)? {
                continue;
            }
            let added = found.add(store, name.clone(), &place, &wanting, &mut room);
            waiting.extend(added.map_err(|error| error.at(show(&place.file)))?);
        }
    }
    Ok(found)
}

impl Found {
    /// Adds the library in `place` under `name`. Returns what it wants; `None` if the same file was added under
    /// another name.
    fn add(
        &mut self,
        store: &Store,
        name: Vec<u8>,
        place: &Place,
        by: &Wanting,
        room: &mut u64,
    ) -> Result<Option<Wanting>> {
        if self.libraries.len() == LIBRARIES {
            let text =
                format!("more than {LIBRARIES} libraries beside one component; install them, or link some statically");
            return Err(Error::new(ErrorKind::NotALibrary, text));
        }
        let fresh = fresh(&name)?;
        let file = &place.file;
        let id = place.id()?;
        if let Some(same) = self.libraries.iter().find(|library| library.id == id) {
            // A link, so that the loader sees one file under both names.
            let copy = same.copy.link(&String::from_utf8_lossy(&fresh))?;
            let (hash, source, has_versions) = (same.hash, file.clone(), same.has_versions);
            self.libraries.push(Library { name: name.clone(), copy, id, hash, source, has_versions });
            self.names.insert(name, fresh);
            return Ok(None);
        }
        let (mut copy, _) = store.copy(file)?;
        let bytes = copy.map()?;
        let Some(left) = room.checked_sub(bytes.len() as u64) else {
            let limit = store.trust.max_bytes;
            let text = format!("it and the libraries with it have more than {limit} bytes; raise Trust::max_bytes");
            return Err(Error::new(ErrorKind::NotALibrary, text));
        };
        *room = left;
        let hash = ContentHash::of(&bytes);
        place.is_content(&hash)?;
        copy.signature = store.trust.accept(file, &bytes, &hash)?;
        let elf = elf::read(&bytes, sys::page_size())?;
        self.mapped = self.mapped.saturating_add(elf.mapped);
        self.mappings += elf.takes.mappings;
        let wanting = Wanting::of(file, &elf, &by.inherited);
        copy.rename(&String::from_utf8_lossy(&fresh))?;
        let (source, has_versions) = (file.clone(), elf.has_versions());
        self.libraries.push(Library { name: name.clone(), copy, id, hash, source, has_versions });
        self.names.insert(name, fresh);
        Ok(Some(wanting))
    }

    /// Writes the new names into all copies and into the component's, which owns the copies from now on. Returns
    /// what came with it, under the old names, and the memory that their images take.
    pub(super) fn join(self, component: &mut PrivateCopy) -> Result<(Vec<Neighbour>, usize)> {
        let Found { libraries, names, mapped, .. } = self;
        if libraries.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let unversioned: HashSet<Vec<u8>> =
            libraries.iter().filter(|library| !library.has_versions).map(|library| library.name.clone()).collect();
        component.patch(&names, None, &unversioned)?;
        let mut joined: Vec<(FileId, Neighbour)> = Vec::new();
        for Library { name, copy, id, hash, source, .. } in libraries {
            let title = String::from_utf8_lossy(&name).into_owned();
            match joined.iter_mut().find(|(patched, _)| *patched == id) {
                Some((_, neighbour)) => neighbour.names.push(title),
                None => {
                    copy.patch(&names, names.get(&name), &unversioned).map_err(|error| error.at(&title))?;
                    let signature = copy.signature.clone();
                    joined.push((id, Neighbour { names: vec![title], hash, source, signature }));
                }
            }
            component.beside.push(copy);
        }
        let neighbours = joined.into_iter().map(|(_, neighbour)| neighbour).collect();
        Ok((neighbours, usize::try_from(mapped).unwrap_or(usize::MAX)))
    }
}

impl PrivateCopy {
    /// Writes new names over old ones, and checks the result.
    fn patch(
        &self,
        names: &HashMap<Vec<u8>, Vec<u8>>,
        own: Option<&Vec<u8>>,
        unversioned: &HashSet<Vec<u8>>,
    ) -> Result<()> {
        let patches = {
            let bytes = self.map()?;
            let elf = elf::read(&bytes, sys::page_size())?;
            if let Some(library) = elf.versioned()?.into_iter().find(|&library| unversioned.contains(library)) {
                let text = format!(
                    "it needs versions of symbols of `{}`, and the one beside it has none; put the one there that it \
                     was linked to",
                    library.escape_ascii()
                );
                return Err(Error::new(ErrorKind::NotALibrary, text));
            }
            let run_path = elf.run_path().map(|path| flat(&path.text));
            // The library's name for itself may be shorter than the name by which others need it.
            let soname =
                elf.soname().zip(own).map(|(soname, own)| own[own.len().saturating_sub(soname.len())..].to_vec());
            elf.rename(|name| names.get(name).cloned(), soname, run_path)?
        };
        self.write(&patches).map_err(|error| Error::io(format!("write {}", show(&self.path)), error))?;
        elf::read(&self.map()?, sys::page_size()).map(drop)
    }
}
