//! Patches that come in a library: a loaded implementation of nothing, whose functions become the layers of a
//! [`Patch`].
//!
//! The functions are C functions of the library's image ([`LayerFunction`]). Each is a layer that stands around what is
//! below, as a closure's does: it is called with a [`Below`], by which it runs the rest of the chain, and its panics
//! have become faults when it returns. The image stays mapped, and the patch has a count of the implementation.

use std::{mem, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    abi::{
        crossing::{Below, Hook, LayerFunction, Packed},
        value::sequences::RawSlice,
    },
    component::hooks::{Around, Layer, Next},
};

use super::{
    component::{Component, Implementation},
    patches::{Kind, Patch, PatchedMethod, Patches},
};

/// The patches of libraries in the order of the list, whose last one stands outermost: each by the names of its library
/// and its interface, which stay when the library comes back.
pub(crate) type LibraryOrder = [(String, String)];

/// Where a patch of a library stands, or rests. A library need not say which component it is for, so whatever brings it
/// back has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// The interface that it is for, by its name. A library has one patch of it.
    pub(crate) interface: String,
    /// The component that it is for, by its name.
    pub(crate) component: String,
    /// Its place among the patches of libraries: each stands around those with a lower one.
    pub(crate) place: usize,
}

/// The order in which the patches of libraries stood, each of the library's name.
pub(crate) fn order_of_standing<'a>(
    libraries: impl Iterator<Item = (&'a String, &'a [Standing])>,
) -> Arc<LibraryOrder> {
    let mut all: Vec<_> = libraries.flat_map(|(name, patches)| patches.iter().map(move |one| (name, one))).collect();
    all.sort_by_key(|(_, one)| one.place);
    all.into_iter().map(|(name, one)| (name.clone(), one.interface.clone())).collect()
}

/// Whether patches of a library are on the components that are wanted; they are, if none is wanted.
pub(crate) fn are_on_same(there: &[Standing], wanted: &[Standing]) -> bool {
    let is_there =
        |one: &Standing| there.iter().any(|other| other.interface == one.interface && other.component == one.component);
    wanted.iter().all(is_there)
}

/// A function of a library.
struct LibraryFunction(LayerFunction);

/// What is below, on the stack of a call.
#[repr(C)]
struct Lent<'a> {
    below: Below,
    next: &'a Next<'a>,
}

/// Runs what is below.
///
/// # Safety
/// As for [`Hook::run`], where the hook is that of a [`Lent`].
unsafe extern "C" fn run_below(hook: *const Hook, arguments: Packed, out: *mut ()) {
    // SAFETY: the caller says that a `Lent` begins there, which lives for the call.
    let lent = unsafe { &*hook.cast::<Lent<'_>>() };
    // SAFETY: the caller passes the arguments of the signature.
    unsafe { lent.next.run(arguments, out) };
}

// SAFETY: the function keeps the contract of `LayerFunction`, which is that of `run`; it is of the signature of the
// method whose shape stands beside it in the library's manifest.
unsafe impl Around for LibraryFunction {
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ()) {
        let name = next.component().as_bytes();
        let component = RawSlice { at: name.as_ptr(), len: name.len() };
        let lent = Lent { below: Below { hook: Hook { run: run_below }, component }, next };
        // SAFETY: the caller says so of the arguments and the place; what is below lives for the call. The pointer is
        // that of the whole.
        unsafe { (self.0)((&raw const lent).cast(), arguments, out) };
    }
}

impl Patch {
    /// The patch of a library, for a component. `None` if the implementation is not one of a patch.
    pub(crate) fn of_library(library: &Arc<Implementation>, number: u64, component: &str) -> Option<Patch> {
        let (manifest, export) = (&library.manifest, library.export);
        let interface = manifest.patch.as_ref()?.interface.clone();
        let owner: Arc<str> = manifest.component.to_string().into();
        let methods = manifest.methods.iter().enumerate().filter_map(|(at, method)| {
            let (crossing, function) = (export.crossing(at)?, export.thunk(at)?);
            // SAFETY: the manifest is that of a patch, whose thunks are such functions; none is null, which was
            // compared when the image was loaded.
            let function = unsafe { mem::transmute::<*const (), LayerFunction>(function) };
            let layer = Layer::new(&owner, Box::new(LibraryFunction(function)));
            Some(PatchedMethod { shape: method.shape.clone(), crossing: Some(crossing), layers: vec![layer] })
        });
        let methods = methods.collect();
        let (name, component) = (manifest.component.name.clone(), component.to_owned());
        Some(Patch {
            kind: Kind::Patch,
            number,
            name,
            component,
            interface,
            methods,
            export: None,
            library: Some(Arc::clone(library)),
        })
    }
}

impl Patches {
    /// The patch in the list that came in a library.
    pub(crate) fn patch_of(&self, library: &Arc<Implementation>) -> Option<&Arc<Patch>> {
        let is_its = |patch: &&Arc<Patch>| patch.library.as_ref().is_some_and(|own| Arc::ptr_eq(own, library));
        self.stack().iter().find(is_its)
    }

    /// The order of the patches of libraries.
    pub(crate) fn library_order(&self) -> Arc<LibraryOrder> {
        let of_libraries = self.stack().iter().filter(|patch| patch.library.is_some());
        of_libraries.map(|patch| (patch.name.clone(), patch.interface.clone())).collect()
    }

    /// Where the patches of a library stand; none if it is no library of patches.
    pub(crate) fn standing_of(&self, library: &Arc<Component>) -> Vec<Standing> {
        let of_libraries = self.stack().iter().filter_map(|patch| Some((patch, patch.library.as_ref()?)));
        let own = of_libraries.enumerate().filter(|(_, (_, own))| Arc::ptr_eq(&own.component, library));
        let standing = own.map(|(place, (patch, _))| {
            let (interface, component) = (patch.interface.clone(), patch.component.clone());
            Standing { interface, component, place }
        });
        standing.collect()
    }
}
