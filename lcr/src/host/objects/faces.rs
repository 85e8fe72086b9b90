//! Faces: the interfaces that the objects of an implementation serve.
//!
//! An image tells which of its implementations have one type and one constructor
//! ([`Identity`](crate::abi::identity::Identity)). Such implementations share their objects, so they share one set of
//! faces, and an instance serves slots of each of their interfaces. What a slot of a view calls is looked up by the
//! view's interface, since a component implements an interface once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    abi::{
        crossing::Crossing,
        tables::{Export, Verdict},
        world::Pair,
    },
    error::{Error, ErrorKind, Result},
    host::{
        ids::ViewId,
        image::{
            link::{Functions, View, link},
            manifest::ExportManifest,
        },
    },
};

/// The interfaces that the objects of an implementation serve.
pub(super) struct Faces {
    of: Vec<(Arc<ExportManifest>, &'static Export)>,
    /// The functions in the order of each view that was linked.
    functions: Mutex<HashMap<ViewId, Arc<Functions>>>,
}

impl Faces {
    pub(super) fn of(faces: Vec<(Arc<ExportManifest>, &'static Export)>) -> Arc<Faces> {
        Arc::new(Faces { of: faces, functions: Mutex::default() })
    }

    /// The functions in the order of `view`.
    ///
    /// # Errors
    /// `NotFound` if there is no such interface; `Mismatch`, with the first method that cannot be served, and
    /// why.
    pub(super) fn functions(&self, id: ViewId, view: &View) -> Result<Arc<Functions>> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = functions.get(&id) {
            return Ok(Arc::clone(found));
        }
        let face = self.of.iter().find(|(manifest, _)| manifest.interface == view.interface.name);
        let (manifest, export) = face.ok_or_else(|| self.lacks(&view.interface.name))?;
        let places = link(view, manifest)?;
        let linked = Arc::new(Functions::new(&places, export));
        functions.insert(id, Arc::clone(&linked));
        Ok(linked)
    }

    /// What an interface is implemented as.
    pub(super) fn manifest(&self, interface: &str) -> Option<&Arc<ExportManifest>> {
        self.of.iter().map(|(manifest, _)| manifest).find(|manifest| manifest.interface == interface)
    }

    /// The thunks of the signature of a method, by the names of its interface and of itself. `None` if there is no such
    /// method or it has none.
    pub(super) fn crossing(&self, interface: &str, method: &str) -> Option<&'static Crossing> {
        let (manifest, export) = self.of.iter().find(|(manifest, _)| manifest.interface == interface)?;
        export.crossing(manifest.method(method)?)
    }

    /// The function of a method with the object that it is called with, and the thunks of its signature, by the same
    /// names. `None` as for [`crossing`](Faces::crossing).
    pub(super) fn packed(&self, interface: &str, method: &str, data: *const ()) -> Option<(Pair, &'static Crossing)> {
        let (manifest, export) = self.of.iter().find(|(manifest, _)| manifest.interface == interface)?;
        let at = manifest.method(method)?;
        Some((Pair { function: export.thunk(at)?, data }, export.crossing(at)?))
    }

    /// The thunks of the C function by which a polled method is started, by the same names. `None` if there is no such
    /// method, if it is not polled, or if it has none.
    pub(super) fn start(&self, interface: &str, method: &str) -> Option<&'static Crossing> {
        let (manifest, export) = self.of.iter().find(|(manifest, _)| manifest.interface == interface)?;
        export.start(manifest.method(method)?)
    }

    /// A method without thunks of either kind: its interface and its name.
    pub(super) fn without_thunks(&self) -> Option<(&str, &str)> {
        self.of.iter().find_map(|(manifest, export)| {
            let lacks = |&at: &usize| export.crossing(at).is_none() && export.start(at).is_none();
            let found = (0..manifest.methods.len()).find(lacks)?;
            Some((&*manifest.interface, &*manifest.methods[found].shape.name))
        })
    }

    #[cold]
    fn lacks(&self, interface: &str) -> Error {
        let names: Vec<&str> = self.of.iter().map(|(manifest, _)| &*manifest.interface).collect();
        let (component, names) =
            (self.of.first().map(|(manifest, _)| manifest.component.to_string()), names.join(", "));
        let text = format!(
            "the object of component `{}` implements {names}, and not {interface}; implement both for one type with \
             one constructor in one component",
            component.unwrap_or_default()
        );
        Error::new(ErrorKind::NotFound, text)
    }

    /// The health checks of the objects.
    pub(super) fn health_checks(&self) -> impl Iterator<Item = unsafe extern "C" fn(usize) -> Verdict> {
        self.of.iter().filter_map(|(_, export)| export.healthy)
    }
}
