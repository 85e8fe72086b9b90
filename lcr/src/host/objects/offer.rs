//! The offer of an object that the program has built: what a plan needs of it to make it a component.
//! [`provided`](super::provided) says how its instances come and go.

use std::{fmt, sync::Arc};

use crate::{
    abi::{
        interface::InterfaceInfo,
        manifest::{Declaration, Flags, manifest_record},
        names::is_component_name,
        tables::Export,
    },
    component::generated::services::ServedBy,
    error::{Error, ErrorKind, Result},
    host::image::manifest::Manifest,
};

use super::{
    component::{Component, Implementation},
    provided::Object,
};

/// The version of a component that is an object of the program.
const VERSION: &str = "0.0.0+provided";

/// An object of the program, with the manifest that describes its implementation.
#[derive(Clone)]
pub(crate) struct Offer {
    pub(crate) manifest: Manifest,
    pub(crate) implementation: Arc<Implementation>,
}

impl Offer {
    /// The offer of `object` as the component `name`, which implements `I`.
    ///
    /// # Errors
    /// `Invalid` if `name` is not the name of a component.
    pub(crate) fn new<I: ?Sized + ServedBy<T>, T: Send + Sync + 'static>(name: &str, object: Arc<T>) -> Result<Offer> {
        if !is_component_name(name) {
            let text = format!(
                "an object cannot be provided as {name:?}: a component's name is 1 to 128 letters, digits, `_`, `-` \
                 and `.`, and does not begin with `.` or `-`"
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let declaration = Declaration {
            component: "object",
            component_version: VERSION,
            type_name: beginning(std::any::type_name::<T>()),
            // The program has built the object: what it needs, it has.
            interface: InterfaceInfo { deps: &[], ..I::INTERFACE },
            replaces: &[],
            deps: &[],
            flags: Flags { panic_abort: cfg!(panic = "abort"), ..Flags::default() },
            state_version: 0,
            kept: None,
            source: None,
            downgrades_to: &[],
            patch: None,
        };
        let mut manifest = Manifest::decode(&manifest_record(&declaration))?;
        name.clone_into(&mut manifest.component.name);
        manifest.exports.iter_mut().for_each(|export| export.component = manifest.component.clone());
        let [export] = &manifest.exports[..] else {
            return Err(Error::new(ErrorKind::Internal, "an object has no manifest; please report this"));
        };
        let implementation = Implementation::of_object(
            Component::linked(export),
            export.clone(),
            const { &Export::of_shared::<T>(I::THUNKS).with_crossings(<I as ServedBy<T>>::CROSSINGS) },
            Object::new(object),
        );
        Ok(Offer { manifest, implementation })
    }
}

/// The beginning of a type's name, as far as a manifest has room for it.
fn beginning(name: &'static str) -> &'static str {
    const LONGEST: usize = 1 << 10;
    let shorter = (0..=LONGEST.min(name.len())).rev().find_map(|end| name.get(..end));
    shorter.unwrap_or_default()
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Offer").field(&self.manifest.component).finish()
    }
}
