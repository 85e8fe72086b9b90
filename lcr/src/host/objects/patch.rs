//! A patch: what is changed of single methods of a component, or watched of them.

use std::{fmt, sync::Arc};

use semver::{BuildMetadata, Prerelease, Version};

use super::patches::Exported;
use crate::{
    abi::crossing::Crossing,
    component::{hooks::Layer, identity::ComponentId},
    host::image::{manifest::ExportManifest, shape},
};

/// What a patch is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Changes methods, as a whole or not at all.
    Patch,
    /// Watches methods, each for itself.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "watches look at values by their shapes"))]
    Watch,
}

/// A change of single methods of a component's interface.
pub(crate) struct Patch {
    pub(crate) kind: Kind,
    /// Its number in its runtime, from 1.
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) component: String,
    pub(crate) interface: String,
    pub(crate) methods: Vec<PatchedMethod>,
    /// What it adds.
    pub(crate) export: Option<Arc<Exported>>,
}

/// What a patch does with one method.
pub(crate) struct PatchedMethod {
    /// The method's name and signature.
    pub(crate) shape: shape::Shape,
    /// The thunks of that signature, in the image of the layers; `None` if they are to be those of the implementation.
    pub(crate) crossing: Option<&'static Crossing>,
    /// The outermost first.
    pub(crate) layers: Vec<Arc<Layer>>,
}

impl Patch {
    /// The names of the methods that it changes.
    pub(crate) fn method_names(&self) -> Vec<String> {
        self.methods.iter().map(|method| method.shape.name.clone()).collect()
    }

    /// Whether an implementation lacks one of its methods.
    pub(crate) fn lacks_method(&self, implementation: &ExportManifest) -> bool {
        self.methods.iter().any(|method| implementation.method(&method.shape.name).is_none())
    }

    /// As what its hooks show where a component would: in faults, and while they wait for the last call.
    pub(crate) fn id(&self) -> ComponentId {
        id(&self.name, self.number)
    }

    /// Why it does not fit an implementation; `None` if it does.
    pub(crate) fn misfit(&self, implementation: &ExportManifest) -> Option<String> {
        self.methods.iter().find_map(|patched| {
            let name = &patched.shape.name;
            let Some(found) = implementation.method(name) else {
                return Some(format!("component `{}` has no method `{name}`", implementation.component));
            };
            let difference = shape::compare(&patched.shape, &implementation.methods[found].shape)?;
            Some(format!("component `{}` has another `{name}`: {difference}", implementation.component))
        })
    }

    pub(crate) fn is_for(&self, component: &str, interface: &str) -> bool {
        self.component == component && self.interface == interface
    }

    /// Whether it stands, at least in part, around an implementation.
    pub(super) fn stands(&self, implementation: &ExportManifest) -> bool {
        match self.kind {
            Kind::Patch => self.misfit(implementation).is_none(),
            Kind::Watch => true,
        }
    }
}

/// A patch as a component's name and version: the version has its number.
pub(crate) fn id(name: &str, number: u64) -> ComponentId {
    let build = BuildMetadata::new("patch").unwrap_or_default();
    ComponentId::new(name.to_owned(), Version { major: 0, minor: 0, patch: number, pre: Prerelease::EMPTY, build })
}

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patch").field("name", &self.name).field("component", &self.component).finish_non_exhaustive()
    }
}
