//! Mapping staged libraries into the process, and out of it: the one file that names `dlopen`
//! and `dlclose`.
//!
//! A transaction's load phase maps images, and the reaper unmaps them. An [`Image`] stays mapped when it is dropped:
//! Rust's thread-local destructors, and pointers that the image handed out, make unmapping unsound unless the
//! component's author vouches for it ([`Image::unload`]).
//!
//! Invariants:
//! 1. Only a [`Staged`] file is opened: its bytes were checked, and its path is new to the loader.
//! 2. An `Image` exists only after what the image registered was found equal to what the file says: the same
//!    records, each with the functions that its flags and methods promise.
//! 3. `RTLD_NOW`: every symbol is resolved before any code runs. `RTLD_LOCAL`: images do not see
//!    each other's symbols.
//! 4. Only [`Image::unload`] unmaps an image.

pub(in crate::host) mod loader;
mod output;
pub(in crate::host) mod static_tls;
#[cfg(test)]
mod tests;

pub(crate) use loader::usable as loader_usable;
pub(in crate::host) use loader::{LoaderLock, lock as lock_loader};
pub(in crate::host) use output::{OutputLock, lock as lock_output};

use output::Output;

use super::{
    allocator::Allocator,
    logs,
    manifest::{ExportManifest, Manifest},
    room,
    stage::{PrivateCopy, Staged, show},
    threads,
};
use crate::{
    abi::{
        ABI_VERSION,
        holds::Holds,
        point::Point,
        tables::{ENTRY, Entry, Export, HostTable, ImageTable},
    },
    error::{Error, ErrorKind, Result},
    host::sys::{self, RawThread},
};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use std::{collections::HashMap, mem::ManuallyDrop, path::Path, sync::Arc};

/// A library that is mapped into this process.
pub(crate) struct Image {
    library: ManuallyDrop<Library>,
    table: &'static ImageTable,
    copy: Arc<PrivateCopy>,
    output: Output,
    mapped: usize,
    mapped_beside: usize,
    permanent: Option<&'static str>,
    _logs: logs::Held,
    /// Threads that the C library did not start and that were there before the image was mapped.
    raw_before: Vec<RawThread>,
}

// SAFETY: the table is constant, and its one function may be called by any thread.
unsafe impl Send for Image {}
// SAFETY: as above.
unsafe impl Sync for Image {}

/// An image that could not be unmapped, and why. It is as usable as before.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) image: Image,
    pub(crate) error: Error,
}

/// A library that did not become an image.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: Error,
    /// The size of its image in bytes, if it was mapped before it was refused. The image stays mapped, unused.
    pub(crate) mapped: Option<usize>,
}

/// An implementation that an image has registered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registered {
    pub(crate) export: &'static Export,
    /// Implementations of one number share their objects.
    pub(crate) object: u32,
}

impl Image {
    /// Maps a staged library, runs its initialisers, gives it the functions of `host` and compares what it
    /// registered with its manifest. Returns the implementations in the order of the manifest's exports; they are
    /// valid until [`Image::unload`] succeeds.
    ///
    /// # Errors
    /// [`ErrorKind::Load`] if the loader or the image refuses, [`ErrorKind::Mismatch`] for
    /// another binary contract, [`ErrorKind::BadManifest`] if what registered is not what the
    /// file says; each names the file. Once the loader has succeeded, the image stays mapped even if it is refused:
    /// what its initialisers began may go on.
    pub(crate) fn open(staged: &Staged, host: &'static HostTable) -> Result<(Image, Vec<Registered>), Refused> {
        let refused = |error: Error, mapped| Refused { error: error.at(show(&staged.source)), mapped };
        let may_unload = staged.manifest.exports.iter().any(|export| export.unload);
        // If the kernel does not tell, any such thread may be of the image.
        let raw_before = if may_unload { sys::raw_threads().unwrap_or_default() } else { Vec::new() };
        let library = Image::map(staged).map_err(|error| refused(error, None))?;
        Image::enter(library, staged, host, raw_before).map_err(|error| refused(error, Some(staged.mapped)))
    }

    fn map(staged: &Staged) -> Result<ManuallyDrop<Library>> {
        let copy = staged.copy();
        if let Some(note) = room::measure(&staged.takes)?.note() {
            tracing::warn!(component = %staged.manifest.component.name, "{note}; each load takes one for as \
            long as the image is mapped");
        }
        let _turn = loader::enter()?;
        // SAFETY: runs the library's code. The operator vouches for its soundness by loading a file that
        // `stage::Trust` accepted; see `Runtime`.
        let opened = unsafe { Library::open(Some(copy.path()), RTLD_NOW | RTLD_LOCAL) };
        let library = ManuallyDrop::new(opened.map_err(|error| refused(copy.path(), &error))?);
        copy.keep(true);
        room::took(staged.takes.mappings);
        Ok(library)
    }

    fn enter(
        library: ManuallyDrop<Library>,
        staged: &Staged,
        host: &'static HostTable,
        raw_before: Vec<RawThread>,
    ) -> Result<(Image, Vec<Registered>)> {
        let copy = staged.copy();
        // SAFETY: `stage` found a function of that name in the file, whose manifest begins with
        // the magic of this binary contract, which gives the function this type.
        let entry = unsafe { library.get::<Entry>(ENTRY) };
        let entry = entry.map_err(|error| refused(copy.path(), &error))?;
        // SAFETY: called once, first, with a table that lives as long as the process.
        let table = unsafe { entry(host) };
        // SAFETY: by contract null, or a table that lives in the image, which stays mapped.
        let table = unsafe { table.as_ref() };
        let table =
            table.ok_or_else(|| load("it is a host itself; build it against lcr with default-features = false"))?;
        if table.abi != u32::from(ABI_VERSION) {
            let theirs = table.abi;
            let text = format!("its binary contract is {theirs}, this host's {ABI_VERSION}; build both with one lcr");
            return Err(Error::new(ErrorKind::Mismatch, text));
        }
        if table.holds.is_null() {
            return Err(Error::new(ErrorKind::BadManifest, "it does not count what needs it; build it again"));
        }
        // SAFETY: by contract any thread may call it; the image stays mapped, unless `unload` finds
        // the output closed.
        let output = unsafe { Output::of(table.flush) };
        let exports = registered(table, &staged.manifest)?;
        let (mapped, mapped_beside, permanent) = (staged.mapped, staged.mapped_beside, staged.permanent);
        Ok((
            Image {
                library,
                table,
                copy,
                output,
                mapped,
                mapped_beside,
                permanent,
                _logs: logs::Held::new(),
                raw_before,
            },
            exports,
        ))
    }

    /// The file that the image was mapped from.
    pub(crate) fn path(&self) -> &Path {
        self.copy.path()
    }

    /// The memory that the image takes, in bytes and whole pages, with the libraries that came with it.
    pub(crate) fn mapped_bytes(&self) -> usize {
        self.mapped.saturating_add(self.mapped_beside)
    }

    /// Whether libraries came with the file.
    pub(in crate::host) fn has_libraries_beside(&self) -> bool {
        self.mapped_beside > 0
    }

    /// Which image it is, for as long as it is mapped.
    pub(crate) fn id(&self) -> threads::ImageId {
        threads::ImageId::of(self.table.holds)
    }

    /// The image's global allocator.
    pub(crate) fn allocator(&self) -> Allocator {
        Allocator::of(self.table)
    }

    /// The image's points, valid as long as the image is mapped.
    pub(in crate::host) fn points(&self) -> Vec<&'static Point> {
        let ImageTable { point_count, points, .. } = *self.table;
        if points.is_null() {
            return Vec::new();
        }
        // SAFETY: by contract that many pointers, constant while the image is mapped.
        let pointers = unsafe { std::slice::from_raw_parts(points, point_count) };
        // SAFETY: by contract each is null or points to a point of the image.
        pointers.iter().filter_map(|point| unsafe { point.as_ref() }).collect()
    }

    /// The counts of what still needs the image, beside frames and instances.
    fn holds(&self) -> &Holds {
        // SAFETY: by contract the counts live in the image, which is mapped.
        unsafe { &*self.table.holds }
    }

    /// Begins to close the image: threads settle for it. Nothing but what [`Holds`] counts leads into it.
    pub(in crate::host) fn close(&self) {
        threads::close(self.table.holds);
    }

    /// Unmaps the image, and makes sure that it is gone. With `flush`, first writes what it has printed.
    ///
    /// # Safety
    /// No thread runs code of the image or will return to it, and nothing points into it any more: no instance,
    /// vtable, [`Export`], panic payload or value.
    ///
    /// # Errors
    /// [`ErrorKind::Load`], with what holds the image, and the image as it was.
    pub(crate) unsafe fn unload(self, flush: bool) -> Result<(), Box<Held>> {
        let held = |image, text: String| Err(Box::new(Held { image, error: load(text) }));
        if let Some(why) = self.permanent {
            return held(self, why.to_owned());
        }
        if self.mapped_beside > 0 {
            let text = "libraries of its own came with it, and what they began is not counted; link them statically";
            return held(self, text.to_owned());
        }
        let start = sys::image_start(std::ptr::from_ref(self.table).cast());
        if let Some(signal) = start.and_then(sys::signal_handled_by) {
            return held(self, format!("it handles signal {signal}; restore what was there before and try again"));
        }
        if let Some(text) = threads::held_by(self.holds()) {
            return held(self, text);
        }
        // The counts are zero, so code of the image runs on such a thread, if anywhere.
        match sys::raw_threads() {
            Ok(raw) => {
                if let Some(thread) = raw.iter().find(|thread| !self.raw_before.contains(thread)) {
                    let text = format!(
                        "thread {}, which the C library did not start, is younger than the image and may run in \
                        it; end \
                         that thread and try again",
                        thread.id
                    );
                    return held(self, text);
                }
            }
            Err(error) => return held(self, format!("the kernel does not tell which threads there are: {error}")),
        }
        if !self.output.close(flush) {
            return held(self, "a thread holds its standard output; drop that lock and try again".to_owned());
        }
        let reopened = |image: Image| {
            // SAFETY: as in `enter`.
            Image { output: unsafe { Output::of(image.table.flush) }, ..image }
        };
        let turn = match loader::enter() {
            Ok(turn) => turn,
            Err(error) => return Err(Box::new(Held { image: reopened(self), error })),
        };
        // From here on no thread picks a destructor of the image.
        if let Err(text) = threads::abandon(self.holds()) {
            return held(reopened(self), text);
        }
        // SAFETY: so no code of the image runs but what this thread calls, and what the host calls under the locks
        // that this takes.
        let logs = unsafe { logs::close(self.table.holds) };
        // By either the image has freed or taken memory, and its allocator may have kept something for the end of a
        // thread. This comes last: nothing but the loader happens in the image after it.
        if let Err(text) = threads::abandon(self.holds()) {
            drop(turn);
            logs.reopen();
            return held(reopened(self), text);
        }
        let Image { library, copy, .. } = self;
        let (closed, left) = (ManuallyDrop::into_inner(library).close(), still_mapped(copy.path()));
        drop(turn); // A subscriber may load, or fork.
        if let Err(error) = closed {
            tracing::warn!(image = %copy.path().display(), %error, "dlclose failed");
        }
        match left {
            Some(library) => {
                let library = ManuallyDrop::new(library);
                let text = "it is still mapped: a live thread registered a thread-local destructor of it, \
                            another library uses it, or the C library never unmaps; end that thread and try again";
                logs.reopen();
                held(reopened(Image { library, copy, ..self }), text.to_owned())
            }
            None => {
                drop(logs);
                copy.keep(false);
                Ok(())
            }
        }
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Image").field(&self.path()).finish()
    }
}

/// Asks the loader whether it has an image of this file.
fn still_mapped(path: &Path) -> Option<Library> {
    // SAFETY: with RTLD_NOLOAD nothing is mapped and no code runs.
    unsafe { Library::open(Some(path), libc::RTLD_NOLOAD | RTLD_NOW | RTLD_LOCAL) }.ok()
}

/// Finds the export of each record of the manifest. Refuses an image that registered something else.
fn registered(table: &'static ImageTable, manifest: &Manifest) -> Result<Vec<Registered>> {
    let bad = |text: String| Error::new(ErrorKind::BadManifest, text);
    let (count, expected) = (table.export_count, manifest.exports.len());
    if count != expected || table.exports.is_null() || table.objects.is_null() {
        return Err(bad(format!("it registers {count} implementations, its manifest has {expected}; build it again")));
    }
    // SAFETY: by contract that many pointers, constant while the image is mapped.
    let pointers = unsafe { std::slice::from_raw_parts(table.exports, count) };
    let exports = pointers.iter().map(|pointer| {
        // SAFETY: by contract each is null or points to an export of the image, constant as well.
        let export = unsafe { pointer.as_ref() };
        let export = export.filter(|export| !export.manifest.is_null() && !export.thunks.is_null());
        export.ok_or_else(|| bad("it registers nothing where an implementation should be; build it again".to_owned()))
    });
    let exports = exports.collect::<Result<Vec<_>>>()?;
    // SAFETY: by contract that many numbers, constant as well.
    let objects = unsafe { std::slice::from_raw_parts(table.objects, count) };
    let registered = exports.iter().zip(objects).map(|(&export, &object)| Registered { export, object });
    let by_record: HashMap<&[u8], Registered> =
        registered.rev().map(|registered| (registered.export.manifest(), registered)).collect();
    let found = manifest.exports.iter().map(|expected| {
        let found = by_record.get(expected.record());
        let (type_name, interface) = (&expected.type_name, &expected.interface);
        let found = found.filter(|found| complete(found.export, expected));
        found.copied().ok_or_else(|| {
            bad(format!(
                "what it registers for {type_name} as {interface} is not what its manifest says; build it again"
            ))
        })
    });
    found.collect()
}

/// Whether an export has the functions that its manifest promises.
fn complete(export: &Export, manifest: &ExportManifest) -> bool {
    let is_saved = manifest.state_version.is_some() && manifest.kept.is_none();
    let stands =
        |method| export.crossing(method).is_some() && export.thunk(method).is_some_and(|layer| !layer.is_null());
    export.thunk_count == manifest.methods.len()
        && (manifest.patch.is_none() || (0..manifest.methods.len()).all(stands))
        && export.healthy.is_some() == manifest.has_health_check
        && export.incremental.is_some() == manifest.is_incremental
        && export.save.is_some() == is_saved
        && export.restore.is_some() == is_saved
        && export.downgrade.is_some() != manifest.downgrades_to.is_empty()
        && match (export.state(), &manifest.kept) {
            (None, None) => true,
            (Some(state), Some(kept)) => state.save.is_some() == kept.copies && state.load.is_some() == kept.copies,
            _ => false,
        }
}

#[cold]
fn load(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Load, text)
}

/// The loader's text, without the path of the copy, and with advice.
#[cold]
fn refused(path: &Path, error: &libloading::Error) -> Error {
    use libloading::Error::{DlOpen, DlSym};
    let text = match error {
        DlOpen { source } | DlSym { source } => source.to_string(),
        other => other.to_string(),
    };
    let text = text.replace(&format!("{}: ", path.display()), "").replace(char::is_control, " ");
    const ADVICE: [(&str, &str); 5] = [
        ("undefined symbol", "link what defines it into the library"),
        ("' not found", "build it on a system as old as this one"),
        (
            "cannot open shared object file",
            "it is not beside the file where its run path says ($ORIGIN), nor where ld.so looks (ld.so.conf, \
            LD_LIBRARY_PATH): link that library statically, or install it there",
        ),
        ("static TLS block", "build it without -ftls-model=initial-exec"),
        ("failed to map segment", "put the store on a file system that is not mounted noexec"),
    ];
    let advice = ADVICE.iter().find(|(symptom, _)| text.contains(symptom));
    let advice = advice.map_or("see ld.so(8)", |(_, advice)| advice);
    load(format!("the loader refused it: {text}; {advice}"))
}
