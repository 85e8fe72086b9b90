//! Which exports may stand in one library.

use super::ExportManifest;
use crate::error::{Error, ErrorKind, Result};

impl ExportManifest {
    /// Refuses an export that cannot belong to one library with this one.
    ///
    /// # Errors
    /// `BadManifest`.
    pub(super) fn agree(&self, two: &ExportManifest) -> Result<()> {
        let one = self;
        let name = |export: &ExportManifest| export.component.to_string();
        let text = if one.patch.is_some() != two.patch.is_some() {
            format!("a library of a component and a patch, {}; build each as a library of its own", name(one))
        } else if name(one) != name(two) {
            let (one, two) = (name(one), name(two));
            format!("a library of two components, {one} and {two}; build each as a library of its own")
        } else if (&one.interface, one.interface_version) == (&two.interface, two.interface_version) {
            let (first, second) = (&one.type_name, &two.type_name);
            let (component, interface, version) = (name(one), &one.interface, one.interface_version);
            format!("{component} implements {interface} v{version} twice, by {first} and {second}; keep one of them")
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::BadManifest, text))
    }
}
