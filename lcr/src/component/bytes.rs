//! Bytes whose owner is a type of the author's, behind the panic barrier.

use crate::abi::bytes::Bytes;

use super::barrier::CatchDrop;

impl Bytes {
    /// Bytes that keep `owner` alive; the bytes are whatever `owner.as_ref()` gives now.
    ///
    /// The last holder drops the owner, in whatever image and on whatever thread it is. A
    /// panic of the owner's destructor does not reach that holder.
    pub fn from_owner<O: AsRef<[u8]> + Send + Sync + 'static>(owner: O) -> Bytes {
        Bytes::owned_by(CatchDrop::new(owner))
    }
}
