//! Whether a patch fits an implementation.

use crate::host::image::{manifest::ExportManifest, shape};

/// Why methods that a patch stands around do not fit an implementation; `None` if they do.
pub(crate) fn misfit<'a>(
    mut methods: impl Iterator<Item = &'a shape::Shape>,
    implementation: &ExportManifest,
) -> Option<String> {
    methods.find_map(|method| {
        let name = &method.name;
        let Some(found) = implementation.method(name) else {
            return Some(format!("component `{}` has no method `{name}`", implementation.component));
        };
        let difference = shape::compare(method, &implementation.methods[found].shape)?;
        Some(format!("component `{}` has another `{name}`: {difference}", implementation.component))
    })
}
