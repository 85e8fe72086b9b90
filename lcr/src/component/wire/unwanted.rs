//! Whether the bytes of a value are still wanted while they are written.

use std::sync::atomic::{AtomicU32, Ordering};

/// Says, for the time of a save, whether the host still wants the state. By default it always does.
#[derive(Clone, Copy, Default, Debug)]
pub struct Unwanted<'u>(Option<&'u AtomicU32>);

impl<'u> Unwanted<'u> {
    /// What a host gave to a save.
    ///
    /// # Safety
    /// The pointer is null, or valid for `'u`.
    pub(crate) unsafe fn new(flag: *const AtomicU32) -> Unwanted<'u> {
        // SAFETY: the caller says so.
        Unwanted(unsafe { flag.as_ref() })
    }

    /// Whether the host has given up.
    pub(in crate::component) fn is_set(self) -> bool {
        self.0.is_some_and(|flag| flag.load(Ordering::Relaxed) != 0)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Serialize, Serializer};

    use super::*;
    use crate::component::wire;

    /// A text that sets the flag when it is written.
    struct Sets<'a>(&'a AtomicU32);

    impl Serialize for Sets<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.store(1, Ordering::Relaxed);
            serializer.serialize_str("a text")
        }
    }

    #[test]
    fn a_value_that_nobody_waits_for_is_not_written_to_its_end() {
        let flag = AtomicU32::new(0);
        let unwanted = Unwanted(Some(&flag));
        let texts = vec!["a text"; 2_000];
        assert!(wire::write(&texts, unwanted).is_ok());
        let error = wire::write(&(Sets(&flag), &texts), unwanted).err().unwrap();
        assert_eq!(error.to_string(), "nobody waits for it any more");
        assert!(wire::write(&texts, Unwanted::default()).is_ok());
    }
}
