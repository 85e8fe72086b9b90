//! `ComponentId`: a component's name and version.

use std::fmt;

use semver::Version;

/// A component in one version.
///
/// `Display` writes `kv 1.2.3`, as messages and reports do. Components are ordered by name, then by
/// version, as semantic versioning orders versions.
///
/// ```
/// # fn show(report: &lcr::Report) {
/// for member in &report.members {
///     if let (Some(before), Some(after)) = (&member.before, &member.after) {
///         let is_downgrade = before.name == after.name && after.version < before.version;
///         println!("{before} -> {after}{}", if is_downgrade { ", a downgrade" } else { "" });
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "host", derive(serde::Serialize, serde::Deserialize))]
#[allow(clippy::exhaustive_structs, reason = "a name and a version are all that it is")]
pub struct ComponentId {
    /// The component's name: of its package, or as `#[lcr::component(name = ..)]` says.
    pub name: String,
    /// Its semantic version.
    pub version: Version,
}

impl ComponentId {
    /// The component `name` in version `version`.
    pub fn new(name: impl Into<String>, version: Version) -> ComponentId {
        ComponentId { name: name.into(), version }
    }

    /// Reads what `Display` writes: the form in which a component's identity crosses an image border.
    pub(crate) fn parse(text: &str) -> Option<ComponentId> {
        let (name, version) = text.split_once(' ')?;
        Some(ComponentId::new(name, Version::parse(version).ok()?))
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl AsRef<ComponentId> for ComponentId {
    fn as_ref(&self) -> &ComponentId {
        self
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_as_it_is_written_and_nothing_else_is() {
        let id = ComponentId::new("kv.store", Version::new(1, 2, 10));
        assert_eq!(ComponentId::parse(&id.to_string()), Some(id.clone()));
        assert!(ComponentId::new("kv.store", Version::new(1, 2, 9)) < id);
        assert!(ComponentId::parse("1.2.3-rc.1+build 7").is_none());
        assert!(ComponentId::parse("").is_none() && ComponentId::parse("kv").is_none());
    }
}
