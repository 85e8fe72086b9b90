//! Names and versions that authors write as texts.
//!
//! `abi::names` of `lcr`, which this crate cannot name, has the same rules for the names that
//! do not come from an attribute (a package's) or not from our macros at all.

use super::Text;

/// The longest name, in bytes.
const LONGEST: usize = 128;

/// An interface's name: `[a-z0-9_]+(\.[a-z0-9_]+)*`.
pub(crate) struct InterfaceName(pub(crate) String);

impl Text for InterfaceName {
    fn read(_: &str, text: &str) -> Result<InterfaceName, String> {
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if text.len() <= LONGEST && text.split('.').all(is_word) {
            return Ok(InterfaceName(text.to_owned()));
        }
        Err("an interface's name is 1 to 128 of a-z, 0-9, `_` and dots between; choose one such as \"kv.store\""
            .to_owned())
    }
}

/// A component's name, as a package may have it.
pub(crate) struct ComponentName(pub(crate) String);

impl Text for ComponentName {
    fn read(_: &str, text: &str) -> Result<ComponentName, String> {
        let is_right = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if (1..=LONGEST).contains(&text.len()) && !text.starts_with(['.', '-']) && text.bytes().all(is_right) {
            return Ok(ComponentName(text.to_owned()));
        }
        Err("a component's name is 1 to 128 letters, digits, `_`, `-` and `.`, and does not begin with `.` or `-`; \
             choose one such as \"kv-hash\""
            .to_owned())
    }
}

/// A component's version.
pub(crate) struct SemanticVersion(pub(crate) String);

impl Text for SemanticVersion {
    fn read(_: &str, text: &str) -> Result<SemanticVersion, String> {
        match semver::Version::parse(text) {
            Ok(_) => Ok(SemanticVersion(text.to_owned())),
            Err(error) => Err(format!("a component's version is a semantic one, such as \"1.2.3\": {error}")),
        }
    }
}
