//! The notes of a manifest on its methods.

use super::MethodManifest;
use crate::{error::Result, host::image::reader::Reader};

impl MethodManifest {
    /// The signature as its author wrote it, with the names of its arguments where they are known:
    /// `fn get(&self, key: &str) -> Option<Vec<u8>>`.
    pub fn signature(&self) -> String {
        self.shape.with_names(&self.arguments)
    }

    /// Whether the author marked the argument of that place with `#[abi(secret)]`: its value must not be shown. The
    /// first argument behind `self` has place 0.
    pub fn is_secret(&self, argument: usize) -> bool {
        argument < self.shape.arguments().count() && self.shape.parts[argument].is_secret
    }

    /// Reads the notes on the method: see [`notes`](crate::abi::notes).
    pub(super) fn read_notes(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        self.is_pure = reader.flag()?;
        self.arguments = reader.list(|reader| reader.name().map(str::to_owned))?;
        let (named, taken) = (self.arguments.len(), self.shape.arguments().count());
        if named != 0 && named != taken {
            return Err(reader.error(format_args!("{named} names for {taken} arguments of `{}`", self.shape.name)));
        }
        self.shape.read_secrets(reader)
    }
}
