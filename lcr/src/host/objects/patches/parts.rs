//! What a patch consists of, and whether that fits an implementation.

use std::sync::Arc;

use semver::{BuildMetadata, Prerelease, Version};

use super::Patch;
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
    /// Gives calls to a candidate, in the place of the method itself, so it stands below all patches. It is blind to
    /// types as a watch is. It stands around the shared instance alone: what has an instance of its own may have been
    /// given another configuration than that of the candidate.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "a canary compares results by their shapes"))]
    Canary,
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

impl PatchedMethod {
    /// Whether an implementation keeps more of the method secret than the layers know of. Shapes that are linked are
    /// compared without that, as it is no matter of representation.
    fn would_show_secrets_of(&self, implementation: &ExportManifest) -> bool {
        let found = implementation.method(&self.shape.name);
        found.is_some_and(|found| shape::hides_more(&implementation.methods[found].shape, &self.shape))
    }
}

impl Patch {
    /// Its methods that may stand around an implementation, as far as a view has them.
    pub(super) fn standing<'a>(&'a self, implementation: &ExportManifest) -> impl Iterator<Item = &'a PatchedMethod> {
        let is_whole = self.kind != Kind::Patch || self.misfit(implementation).is_none();
        let methods = if is_whole { &self.methods[..] } else { &[] };
        methods.iter().filter(move |method| self.kind != Kind::Watch || !method.would_show_secrets_of(implementation))
    }
}

/// A patch as a component's name and version: the version has its number.
pub(crate) fn id(name: &str, number: u64) -> ComponentId {
    let build = BuildMetadata::new("patch").unwrap_or_default();
    ComponentId::new(name.to_owned(), Version { major: 0, minor: 0, patch: number, pre: Prerelease::EMPTY, build })
}

/// Why methods that a patch stands around do not fit an implementation; `None` if they do.
///
/// A handle's interface may promise more of a callback (`Send`, `Sync`) than the implementation asks for. A patch may
/// not: another patch around it may lend a callback of which it promises only what the implementation asks for.
pub(crate) fn misfit<'a>(
    mut methods: impl Iterator<Item = &'a shape::Shape>,
    implementation: &ExportManifest,
) -> Option<String> {
    methods.find_map(|method| {
        let name = &method.name;
        let Some(found) = implementation.method(name) else {
            return Some(format!("component `{}` has no method `{name}`", implementation.component));
        };
        let found = &implementation.methods[found].shape;
        let difference = shape::compare(method, found).or_else(|| shape::compare(found, method))?;
        Some(format!("component `{}` has another `{name}`: {difference}", implementation.component))
    })
}
