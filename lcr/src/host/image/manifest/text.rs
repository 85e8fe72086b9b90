//! Manifests as text.

use super::{DependencyManifest, ExportManifest, InterfaceManifest, Manifest, MethodManifest};
use std::fmt::{self, Display, Formatter};

impl Display for Manifest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.component)?;
        if let Some(first) = self.exports.first() {
            write!(f, " ({}, {})", first.toolchain, first.target)?;
        }
        self.exports.iter().try_for_each(|export| write!(f, "\n{export}"))
    }
}

impl Display for ExportManifest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.patch {
            None => write!(f, "  {} implements {} v{}", self.type_name, self.interface, self.interface_version)?,
            Some(patch) => {
                write!(f, "  {} patches {} v{}", self.type_name, patch.interface, self.interface_version)?;
                patch.component.iter().try_for_each(|component| write!(f, " of component `{component}`"))?;
            }
        }
        self.replaces.iter().try_for_each(|version| write!(f, ", replaces v{version}"))?;
        self.deps.iter().try_for_each(|need| write!(f, ", needs {need}"))?;
        self.state_version.iter().try_for_each(|version| write!(f, ", state v{version}"))?;
        if let Some((first, more)) = self.downgrades_to.split_first() {
            write!(f, " (goes back to v{first}")?;
            more.iter().try_for_each(|version| write!(f, ", v{version}"))?;
            f.write_str(")")?;
        }
        let flags = [
            (self.has_health_check, "health check"),
            (self.protected, "protected"),
            (self.unload, "can be unloaded"),
            (self.panic_abort, "a panic ends the process"),
        ];
        for (_, flag) in flags.iter().filter(|(set, _)| *set) {
            write!(f, ", {flag}")?;
        }
        self.methods.iter().try_for_each(|method| write!(f, "\n    {method}"))
    }
}

impl Display for InterfaceManifest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", self.name, self.version)?;
        self.methods.iter().try_for_each(|method| write!(f, "\n    {method}"))
    }
}

impl Display for DependencyManifest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", self.interface, self.version)
    }
}

impl Display for MethodManifest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let default = if self.has_default { " (has a default)" } else { "" };
        write!(f, "{}{default}", self.signature())
    }
}
