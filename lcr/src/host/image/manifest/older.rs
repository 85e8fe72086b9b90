//! The older versions of a state that a component writes.

use crate::{error::Result, host::image::reader::Reader};

/// The most versions to which a state goes back.
const OLDER: usize = 1 << 10;

/// Reads the versions, all before `own`, to which a state goes back.
pub(super) fn older_versions(reader: &mut Reader<'_>, own: u32) -> Result<Vec<u32>> {
    let versions = reader.list(Reader::u32)?;
    if let Some(version) = versions.iter().find(|&&version| version >= own) {
        return Err(reader.error(format_args!("state version {own} goes back to {version}")));
    }
    if versions.is_empty() || versions.len() > OLDER {
        let count = versions.len();
        return Err(reader.error(format_args!("{count} versions to go back to, the limit is {OLDER},")));
    }
    Ok(versions)
}
