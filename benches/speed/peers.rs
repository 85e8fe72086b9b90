//! The peers' kinds of calls, each through its crate's own public interface.

use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, RwLock},
};

use abi_stable::library::lib_header_from_path;
use arc_swap::{ArcSwap, Cache};
use contract::{ADDEND, bare, peer_abi_stable, peer_stabby};
use libloading::Library;
use stabby::libloading::StabbyLibrary;
use tempfile::TempDir;

use crate::{
    Outcome,
    artifacts::Artifacts,
    call_kinds::{CallKind, call_kind},
};

/// The name of the kind of call that all others are compared with.
pub(crate) const BARE: &str = "bare C-ABI vtable";
/// The name of the kind of call by which a program could replace components without lcr.
pub(crate) const ARC_SWAP: &str = "`ArcSwap::load` + that call";

/// Everything that the peers' calls borrow.
pub(crate) struct Peers {
    bare: bare::Bare,
    boxed: Box<dyn Step>,
    swap: ArcSwap<bare::Bare>,
    lock: RwLock<bare::Bare>,
    abi_stable: peer_abi_stable::Stepper,
    stabby: peer_stabby::Stepper,
    /// Where `hot-lib-reloader` makes its copy. It overwrites the copy of any other
    /// process that watches the same folder, which dies of it.
    _hot_folder: TempDir,
}

/// The method as an ordinary trait of the program.
trait Step: Send + Sync {
    fn step(&self, x: u64) -> u64;
}

struct Adder(u64);

impl Step for Adder {
    fn step(&self, x: u64) -> u64 {
        self.0.wrapping_add(x)
    }
}

impl Peers {
    /// Loads the peers' libraries, for the rest of the process's life.
    pub(crate) fn load(artifacts: &Artifacts) -> Outcome<Peers> {
        let bare = load_bare(artifacts.path("probe")?)?;
        let hot_folder = TempDir::new()?;
        fs::copy(artifacts.path("peer_hot")?, hot_folder.path().join(libloading::library_filename("peer_hot")))?;
        HOT_FOLDER.get_or_init(|| hot_folder.path().to_owned());
        Ok(Peers {
            bare,
            boxed: black_box(Box::new(Adder(ADDEND))),
            swap: ArcSwap::from_pointee(bare),
            lock: RwLock::new(bare),
            abi_stable: load_abi_stable(artifacts.path("peer_abi_stable")?)?,
            stabby: load_stabby(artifacts.path("peer_stabby")?)?,
            _hot_folder: hot_folder,
        })
    }

    /// Calls without anything that could be replaced.
    pub(crate) fn baselines(&self) -> Vec<CallKind<'_>> {
        vec![
            // SAFETY: `load` keeps the image mapped for ever.
            call_kind!(BARE, |x| unsafe { self.bare.step(x) }),
            // SAFETY: as above.
            call_kind!("the same with a panic barrier", |x| unsafe { self.bare.guarded(x) }),
        ]
    }

    /// The peers' kinds of calls.
    pub(crate) fn call_kinds(&self) -> Vec<CallKind<'_>> {
        use peer_stabby::StepDyn;
        vec![
            call_kind!("`Box<dyn Trait>` in the program", |x| self.boxed.step(x)),
            call_kind!("`abi_stable` trait object", |x| peer_abi_stable::Step_TO::step(&self.abi_stable, x)),
            call_kind!("`stabby` trait object", |x| self.stabby.step(x)),
            call_kind!(
                "`arc_swap::Cache` + the bare call",
                {
                    let mut cache = Cache::new(&self.swap);
                },
                |x| {
                    let bare: &Arc<bare::Bare> = cache.load();
                    // SAFETY: `load` keeps the image mapped for ever.
                    unsafe { bare.step(x) }
                }
            ),
            call_kind!(ARC_SWAP, |x| {
                let bare = self.swap.load();
                // SAFETY: `load` keeps the image mapped for ever.
                unsafe { bare.step(x) }
            }),
            call_kind!("`RwLock::read` + the bare call", |x| {
                let bare = self.lock.read().expect("no call panics under the lock");
                // SAFETY: `load` keeps the image mapped for ever.
                unsafe { bare.step(x) }
            }),
            call_kind!("`hot-lib-reloader` function", |x| hot::bench_hot_step(x)),
        ]
    }
}

/// Maps a library for ever.
fn map(path: &Path) -> Outcome<&'static Library> {
    // SAFETY: the libraries of this package have no constructors that could do harm.
    let library = unsafe { Library::new(path) }?;
    Ok(Box::leak(Box::new(library)))
}

/// The hand-written vtable of a library, which stays mapped for ever.
pub(crate) fn load_bare(path: &Path) -> Outcome<bare::Bare> {
    let library = map(path)?;
    // SAFETY: the library defines the symbol with this type.
    let make = unsafe { library.get::<bare::Make>(bare::SYMBOL) }?;
    // SAFETY: the function may be called at any time.
    Ok(unsafe { make() })
}

/// An instance of a library of `abi_stable`, which stays mapped for ever.
pub(crate) fn load_abi_stable(path: &Path) -> Outcome<peer_abi_stable::Stepper> {
    let header = lib_header_from_path(path)?;
    let module = header.init_root_module::<peer_abi_stable::ModuleRef>()?;
    Ok(module.make()())
}

/// An instance of a library of `stabby`, which stays mapped for ever.
pub(crate) fn load_stabby(path: &Path) -> Outcome<peer_stabby::Stepper> {
    let library = map(path)?;
    // SAFETY: the library defines the symbol, and stabby checks its type.
    let make = unsafe { library.get_stabbied::<peer_stabby::Make>(peer_stabby::SYMBOL.as_bytes()) };
    Ok(make.map_err(|error| error.to_string())?())
}

static HOT_FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// The folder in which `hot-lib-reloader` looks for its library.
fn hot_folder() -> &'static Path {
    HOT_FOLDER.get().map_or(Path::new(""), PathBuf::as_path)
}

#[allow(clippy::undocumented_unsafe_blocks, reason = "what hot-lib-reloader generates")]
#[allow(static_mut_refs, unused_qualifications, dead_code, reason = "as above")]
#[hot_lib_reloader::hot_module(dylib = "peer_hot", lib_dir = super::hot_folder())]
mod hot {
    #[hot_function]
    pub fn bench_hot_step(x: u64) -> u64 {}
}
