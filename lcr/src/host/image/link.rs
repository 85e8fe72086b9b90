//! Linking: an implementation's functions in the order in which a handle numbers them.
//!
//! A *view* is an interface as one image knows it. Methods are linked by name and signature, not by position:
//! extra methods of the implementation do no harm, and the view's default body, if there is one, serves a
//! method that the implementation lacks.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use crate::{
    abi::{tables, world::Pair},
    error::{Error, ErrorKind, Result},
    host::ids::{Number as _, ViewId},
};

use super::{
    manifest::{DependencyManifest, ExportManifest, InterfaceManifest, MethodManifest},
    shape,
};

/// An interface as one image knows it.
pub(crate) struct View {
    pub(crate) interface: InterfaceManifest,
    encoded: Vec<u8>,
}

/// The views of a runtime.
#[derive(Default)]
pub(crate) struct Views {
    views: Vec<View>,
    by_bytes: HashMap<Vec<u8>, ViewId>,
    /// By the address of encoded bytes of an image that were resolved before.
    by_address: HashMap<usize, ViewId>,
}

impl Views {
    /// The view of an interface in its encoded form.
    ///
    /// # Errors
    /// `BadManifest` if the bytes are not an interface.
    pub(crate) fn resolve(&mut self, encoded: &[u8]) -> Result<ViewId> {
        let address = encoded.as_ptr().addr();
        if let Some(&id) = self.by_address.get(&address)
            && self.views[id.index()].encoded == encoded
        {
            return Ok(id);
        }
        let id = match self.by_bytes.get(encoded) {
            Some(&id) => id,
            None => {
                let interface = InterfaceManifest::decode(encoded)?;
                self.views.push(View { interface, encoded: encoded.to_vec() });
                let id = ViewId::of_index(self.views.len() - 1);
                self.by_bytes.insert(encoded.to_vec(), id);
                id
            }
        };
        self.by_address.insert(address, id);
        Ok(id)
    }

    /// A view by its number.
    pub(crate) fn get(&self, id: ViewId) -> &View {
        &self.views[id.index()]
    }
}

/// Finds each method of the view among the implementation's methods. Returns its place there, or `None` if the
/// view's default body serves it. Reads only the manifest.
///
/// # Errors
/// `Mismatch`, with the first method that the implementation cannot serve, and why.
pub(crate) fn link(view: &View, implementation: &ExportManifest) -> Result<Vec<Option<usize>>> {
    let InterfaceManifest { name, version, methods } = &view.interface;
    link_methods(name, *version, methods, implementation)
}

/// Finds the methods that a dependent needs among the implementation's methods, as [`link`] does. If the need does
/// not list its methods, compares only the version.
///
/// # Errors
/// As for [`link`].
pub(crate) fn link_need(need: &DependencyManifest, implementation: &ExportManifest) -> Result<()> {
    link_methods(&need.interface, need.version, need.methods.as_deref().unwrap_or_default(), implementation).map(drop)
}

fn link_methods(
    interface: &str,
    version: u32,
    methods: &[MethodManifest],
    implementation: &ExportManifest,
) -> Result<Vec<Option<usize>>> {
    let serves = implementation.interface_version == version || implementation.replaces.contains(&version);
    if implementation.interface != interface || !serves {
        return Err(Error::new(
            ErrorKind::Mismatch,
            format!(
                "component `{}` implements {} v{}, not {} v{}; build it against that version, or \
                 declare replaces({}) on its interface",
                implementation.component.name,
                implementation.interface,
                implementation.interface_version,
                interface,
                version,
                version,
            ),
        ));
    }
    methods
        .iter()
        .map(|method| {
            let name = &method.shape.name;
            match implementation.method(name) {
                Some(place) => match shape::compare(&method.shape, &implementation.methods[place].shape) {
                    None => Ok(Some(place)),
                    Some(difference) => Err(Error::new(
                        ErrorKind::Mismatch,
                        format!(
                            "component `{}` cannot serve {interface} v{version}: {difference}",
                            implementation.component.name
                        ),
                    )),
                },
                None if method.has_default => Ok(None),
                None => Err(Error::new(
                    ErrorKind::Mismatch,
                    format!(
                        "component `{}` lacks method `{}` of {} v{}, which has no default body: {}; add the method, or \
                         give it a default body in the trait",
                        implementation.component.name, name, interface, version, method.shape,
                    ),
                )),
            }
        })
        .collect()
}

/// The functions of an implementation in the order of a view.
pub(crate) struct Functions {
    table: Box<[*const ()]>,
}

// SAFETY: the table is constant, and holds addresses of code or null.
unsafe impl Send for Functions {}
// SAFETY: as above.
unsafe impl Sync for Functions {}

impl Functions {
    /// The functions of `export` at `places`; null where the place is `None`.
    ///
    /// The places come from [`link`] with the export's own manifest, whose number of
    /// methods was compared with the export's when it was loaded.
    pub(in crate::host) fn new(places: &[Option<usize>], export: &tables::Export) -> Functions {
        let table = places
            .iter()
            .map(|place| match *place {
                Some(place) => export.thunk(place).unwrap_or(std::ptr::null()),
                None => std::ptr::null(),
            })
            .collect();
        Functions { table }
    }

    /// The methods of the instance at `data`.
    pub(in crate::host) fn with(&self, data: *const ()) -> Arc<[Pair]> {
        self.table.iter().map(|&function| Pair { function, data }).collect()
    }
}
