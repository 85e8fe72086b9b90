//! Saved states as bytes: what [`Runtime::save_states`](crate::Runtime::save_states) returns, and a new process takes.
//!
//! ```text
//! "lcrstate"  u32 form (1)  u32 count
//! count times: text component, text its version, text interface, u32 its version,
//!              u32 state version, u8 set aside (0, 1), u64 length, the state
//! 32 bytes: BLAKE3 of everything before
//! ```
//! A text is a u32 length and UTF-8; numbers are little-endian. A state is as the component saved it
//! ([`wire`](crate::wire)).
//!
//! The bytes come from a file or from another process. The hash is looked at first, so damage is told from what a newer
//! version wrote. Reading takes no more memory than the bytes themselves, whatever lengths they claim, and never
//! panics.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

const MAGIC: &[u8; 8] = b"lcrstate";
const FORM: u32 = 1;
const HASH: usize = 32;

/// The saved state of one component's shared instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedState {
    pub(crate) component: String,
    /// The version of the component that saved it.
    pub(crate) version: String,
    /// The interface that the state belongs to, and its version.
    pub(crate) interface: String,
    pub(crate) interface_version: u32,
    pub(crate) state_version: u32,
    /// Whether it is kept, and restored to nothing.
    pub(crate) is_aside: bool,
    pub(crate) bytes: Arc<[u8]>,
}

impl SavedState {
    /// Whether both are states of one instance, in one version of the state.
    #[allow(dead_code, reason = "only some features ask")]
    pub(crate) fn is_of_form(&self, other: &SavedState) -> bool {
        let form = |state: &SavedState| (state.interface_version, state.state_version);
        (&self.component, &self.interface) == (&other.component, &other.interface) && form(self) == form(other)
    }
}

/// Writes states.
pub(crate) fn encode(states: &[SavedState]) -> Vec<u8> {
    let len = |len: usize| u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
    let mut to = Vec::with_capacity(states.iter().map(|state| state.bytes.len() + 128).sum::<usize>() + 64);
    to.extend_from_slice(MAGIC);
    to.extend_from_slice(&FORM.to_le_bytes());
    to.extend_from_slice(&len(states.len()));
    for state in states {
        for text in [&state.component, &state.version, &state.interface] {
            to.extend_from_slice(&len(text.len()));
            to.extend_from_slice(text.as_bytes());
        }
        to.extend_from_slice(&state.interface_version.to_le_bytes());
        to.extend_from_slice(&state.state_version.to_le_bytes());
        to.push(state.is_aside.into());
        to.extend_from_slice(&(state.bytes.len() as u64).to_le_bytes());
        to.extend_from_slice(&state.bytes);
    }
    let hash = blake3::hash(&to);
    to.extend_from_slice(hash.as_bytes());
    to
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// `State` for any other bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<SavedState>> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(damaged(format!("{} bytes that do not begin as saved states do", bytes.len())));
    };
    let Some((body, hash)) = rest.split_last_chunk::<HASH>() else {
        return Err(damaged(format!("cut after {} bytes", bytes.len())));
    };
    if blake3::hash(&bytes[..bytes.len() - HASH]).as_bytes() != hash {
        return Err(damaged(format!("{} bytes whose hash is not the one at their end", bytes.len())));
    }
    let mut from = Cursor(body);
    let form = from.u32()?;
    if form != FORM {
        let text = format!("the saved states have form {form}, and this program knows {FORM}; use one that is newer");
        return Err(Error::new(ErrorKind::State, text));
    }
    let mut states = Vec::new();
    for _ in 0..from.u32()? {
        states.push(SavedState {
            component: from.text()?,
            version: from.text()?,
            interface: from.text()?,
            interface_version: from.u32()?,
            state_version: from.u32()?,
            is_aside: from.take(1)? != [0],
            bytes: {
                let len = u64::from_le_bytes(from.array()?);
                from.take(usize::try_from(len).unwrap_or(usize::MAX))?.into()
            },
        });
    }
    if from.0.is_empty() { Ok(states) } else { Err(damaged(format!("{} bytes too many", from.0.len()))) }
}

#[cold]
fn damaged(found: String) -> Error {
    Error::new(ErrorKind::State, format!("damaged saved states: {found}; begin without them, or from an earlier copy"))
}

/// The bytes that are left.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let Some((taken, left)) = self.0.split_at_checked(len) else {
            return Err(damaged(format!("{len} bytes expected, {} left", self.0.len())));
        };
        self.0 = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn text(&mut self) -> Result<String> {
        let len = self.u32()?;
        let bytes = self.take(usize::try_from(len).unwrap_or(usize::MAX))?;
        let text = str::from_utf8(bytes).map_err(|_| damaged("a name that is no text".to_owned()))?;
        Ok(text.to_owned())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn states() -> Vec<SavedState> {
        let state = |component: &str, is_aside, bytes: &[u8]| SavedState {
            component: component.to_owned(),
            version: "1.2.3".to_owned(),
            interface: "kv.store".to_owned(),
            interface_version: 2,
            state_version: 7,
            is_aside,
            bytes: bytes.into(),
        };
        vec![state("kv", false, b"seven"), state("größer", true, b""), state("kv", true, &[0; 300])]
    }

    #[test]
    fn states_are_read_as_they_were_written() {
        for states in [Vec::new(), states()] {
            assert_eq!(decode(&encode(&states)).unwrap(), states);
        }
    }

    #[test]
    fn bytes_cut_or_changed_anywhere_are_refused() {
        let whole = encode(&states());
        let refused = |bytes: &[u8]| {
            let error = decode(bytes).unwrap_err();
            assert!(error.kind() == ErrorKind::State && error.to_string().contains("; begin without"), "{error}");
        };
        (0..whole.len()).for_each(|len| refused(&whole[..len]));
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x40;
            refused(&changed);
        }
        refused(&[whole.clone(), vec![0]].concat());
    }

    /// With a hash that fits: what another program may have written.
    #[test]
    fn lengths_that_are_not_there_are_refused_without_their_memory() {
        let whole = encode(&states());
        let sealed = |body: &[u8]| [body, blake3::hash(body).as_bytes()].concat();
        let body = &whole[..whole.len() - HASH];
        for at in MAGIC.len() + 4..body.len() - 4 {
            let mut changed = body.to_vec();
            changed[at..at + 4].fill(0xff);
            // Within a name or a state, other bytes are as good.
            if let Err(error) = decode(&sealed(&changed)) {
                assert_eq!(error.kind(), ErrorKind::State);
            }
        }
        (0..body.len()).for_each(|len| assert!(decode(&sealed(&body[..len])).is_err()));
        let mut newer = body.to_vec();
        newer[8] = 2;
        let error = decode(&sealed(&newer)).unwrap_err();
        assert!(error.to_string().contains("have form 2, and this program knows 1"), "{error}");
    }
}
