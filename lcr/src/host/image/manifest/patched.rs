//! What the manifest of a patch says beside that of a component: see [`PatchManifest`].

use super::{ExportManifest, named};
use crate::{abi::names::is_component_name, error::Result, host::image::reader::Reader};

/// What a patch stands around: the library's functions are no implementation of the interface.
///
/// In an [`ExportManifest`] with this, `interface` is the words `patch of` and the interface's name, which no interface
/// has: whoever looks for implementations of an interface does not find patches of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PatchManifest {
    /// The name of the interface whose methods it stands around. The version is that of the export.
    pub interface: String,
    /// The component that it is for; `None` for the one that serves callers who name none.
    pub component: Option<String>,
}

impl PatchManifest {
    /// Reads which component a patch is for.
    pub(super) fn component(reader: &mut Reader<'_>) -> Result<Option<String>> {
        let name = named(reader, "component", |name| name.is_empty() || is_component_name(name))?;
        Ok(Some(name).filter(|name| !name.is_empty()))
    }

    /// The patch, and what stands for its interface in an export.
    pub(super) fn of(interface: String, component: Option<String>) -> (PatchManifest, String) {
        let shown = format!("patch of {interface}");
        (PatchManifest { interface, component }, shown)
    }
}

impl ExportManifest {
    /// The names of its methods.
    pub(crate) fn method_names(&self) -> Vec<String> {
        self.methods.iter().map(|method| method.shape.name.clone()).collect()
    }
}
