//! The notes of a manifest on its methods.

use super::MethodManifest;
use crate::{error::Result, host::image::reader::Reader};

impl MethodManifest {
    /// Reads the notes on the method: see [`notes`](crate::abi::notes).
    pub(super) fn read_notes(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        self.is_pure = reader.flag()?;
        self.arguments = reader.list(|reader| reader.name().map(str::to_owned))?;
        let (named, taken) = (self.arguments.len(), self.shape.arguments().count());
        if named != 0 && named != taken {
            return Err(reader.error(format_args!("{named} names for {taken} arguments of `{}`", self.shape.name)));
        }
        let secrets = reader.list(Reader::u32)?;
        let mut left = &secrets[..];
        self.shape.mark_secrets(&mut left, 0);
        if let Some(place) = left.first() {
            return Err(reader.error(format_args!("a secret at {place} of `{}`", self.shape.name)));
        }
        Ok(())
    }
}
