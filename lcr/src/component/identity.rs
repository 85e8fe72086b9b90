//! Which component: its name and its version.

use std::fmt;

use semver::Version;

/// A component in one version.
///
/// `Display` writes both, as messages and reports do: `kv 1.2.3`. The order is that of the names,
/// then of the versions as semantic versioning orders them.
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
#[allow(clippy::exhaustive_structs, reason = "a name and a version are all that it is")]
pub struct ComponentId {
    /// The component's name.
    pub name: String,
    /// Its semantic version.
    pub version: Version,
}

impl ComponentId {
    /// The component of that name in that version.
    pub fn new(name: impl Into<String>, version: Version) -> ComponentId {
        ComponentId { name: name.into(), version }
    }

    /// Reads what `Display` writes, which is how a component's identity crosses an image border.
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
