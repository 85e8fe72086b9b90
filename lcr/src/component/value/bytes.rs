//! Bytes whose owner is a type of the author's, behind the panic barrier.

use crate::{abi::value::bytes::Bytes, component::panic_barrier::CatchDrop};

impl Bytes {
    /// Bytes that keep `owner` alive: those that `owner.as_ref()` gives now.
    ///
    /// The owner is dropped with the last clone, on the thread that drops that clone, which may
    /// belong to any image. A panic of the owner's destructor does not reach that thread's code.
    pub fn from_owner<O: AsRef<[u8]> + Send + Sync + 'static>(owner: O) -> Bytes {
        Bytes::owned_by(CatchDrop::new(owner))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::{BTreeSet, HashMap};

    #[test]
    fn bytes_are_made_of_what_owns_them_and_compared_by_what_they_are() {
        static FIXED: &[u8] = b"key";
        let fixed = Bytes::from(FIXED);
        assert_eq!(fixed.as_ptr(), FIXED.as_ptr(), "the bytes stay where they are");
        let owners = [Bytes::from("key"), String::from("key").into(), b"key".into(), Vec::from(FIXED).into()];
        assert!(owners.iter().all(|bytes| *bytes == fixed && bytes == FIXED && *bytes == *b"key"));
        assert_eq!(b"key".iter().copied().collect::<Bytes>(), Bytes::from(Box::<[u8]>::from(FIXED)));
        assert_eq!(FIXED.to_vec(), fixed);
        let by_key = HashMap::from([(fixed, 1)]);
        assert_eq!(by_key.get(FIXED), Some(&1), "a map is asked by a slice");
        let sorted: BTreeSet<Bytes> = ["b", "", "ab"].map(Bytes::from).into();
        assert_eq!(sorted.iter().map(|bytes| &**bytes).collect::<Vec<_>>(), [&b""[..], b"ab", b"b"]);
        assert_eq!((&Bytes::from("\x01\x02")).into_iter().sum::<u8>(), 3);
        assert!(Bytes::default().is_empty());
    }
}
