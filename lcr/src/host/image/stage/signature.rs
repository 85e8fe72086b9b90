//! Signatures beside files, as minisign makes them: `minisign -Sm libstore.so` writes `libstore.so.minisig`.
//!
//! The signature is verified over the private copy, which no other user can write to, and that copy is what the
//! loader maps. What verified is kept with the copy, byte for byte, so that a copy that is stored for later can be
//! verified again.
//!
//! A file of a signature is untrusted, too: it is opened as a library is, at most [`MOST`] bytes of it are read, and
//! a key decides about the rest.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use minisign_verify::{Error as Failure, Signature};

use crate::error::{Error, ErrorKind, Result};

use super::{
    original::{self, show},
    owners::untrusted,
};

/// The largest signature or key, in bytes: minisign writes comments of 9 KiB at most.
const MOST: u64 = 16 << 10;

/// A public key of [minisign](https://jedisct1.github.io/minisign/), for
/// [`Trust::signed_by`](crate::Trust::signed_by).
///
/// `Display` writes it as minisign prints it: 56 characters that begin with `RW`.
///
/// ```
/// # // A key of the example in minisign's documentation.
/// let key: lcr::PublicKey = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".parse()?;
/// # Ok::<(), lcr::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: minisign_verify::PublicKey,
    text: String,
}

impl PublicKey {
    /// Reads a key from a file that minisign wrote (`minisign.pub`). Whoever may write to that file decides what is
    /// loaded.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] and [`ErrorKind::Io`] from reading the file; [`ErrorKind::Invalid`] if it is no key.
    pub fn read(path: impl AsRef<Path>) -> Result<PublicKey> {
        let path = path.as_ref();
        let read = || {
            let (file, _) = original::open(path)?;
            let bytes = original::read_at_most(file, MOST)?;
            str::from_utf8(&bytes).map_err(|_| no_key("bytes that are no text"))?.parse()
        };
        read().map_err(|error: Error| error.at(show(path)))
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    /// Reads the key itself, or the two lines of a file with one.
    fn from_str(text: &str) -> Result<PublicKey> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = match (lines.next(), lines.next(), lines.next()) {
            (Some(comment), Some(line), None) if comment.starts_with("untrusted comment:") => line,
            (Some(line), None, None) => line,
            _ => return Err(no_key("another number of lines")),
        };
        let key = minisign_verify::PublicKey::from_base64(line).map_err(|error| no_key(&error.to_string()))?;
        Ok(PublicKey { key, text: line.to_owned() })
    }
}

#[cold]
fn no_key(found: &str) -> Error {
    let text = format!("no public key of minisign: {found}; give the line that begins with `RW`, or its file");
    Error::new(ErrorKind::Invalid, text)
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// Verifies the signature beside `file` over `bytes`, the content of the private copy. Returns the signature's bytes.
pub(super) fn verify(file: &Path, bytes: &[u8], keys: &[PublicKey]) -> Result<Box<[u8]>> {
    let beside = beside(file);
    let name = show(&beside);
    let (opened, _) = original::open(&beside).map_err(|error| {
        let how = format!("sign the file: minisign -Sm {}", show(file));
        match error.kind() {
            ErrorKind::NotFound => untrusted(format!("it has no signature {name}; {how}")),
            _ => untrusted(format!("its signature {name} cannot be read: {error}; {how}")).with_source(error),
        }
    })?;
    let text = original::read_at_most(opened, MOST).map_err(|error| {
        untrusted(format!("its signature {name} cannot be read: {error}; sign the file again")).with_source(error)
    })?;
    check(&text, bytes, keys).map_err(|error| error.at(format!("its signature {name}")))?;
    Ok(text.into())
}

/// `FILE.minisig`, as minisign names it.
fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".minisig");
    name.into()
}

/// Whether `text` is a signature of `bytes` by one of the keys.
fn check(text: &[u8], bytes: &[u8], keys: &[PublicKey]) -> Result<()> {
    let damaged = |why: &str| untrusted(format!("it is no signature of minisign: {why}; sign the file again"));
    let text = str::from_utf8(text).map_err(|_| damaged("bytes that are no text"))?;
    let signature = Signature::decode(text).map_err(|error| damaged(&error.to_string()))?;
    let mut claimed = None;
    for key in keys {
        match key.key.verify(bytes, &signature, true) {
            Ok(()) => return Ok(()),
            Err(Failure::UnexpectedKeyId) => {}
            Err(_) => claimed = Some(key),
        }
    }
    if let Some(key) = claimed {
        let text = format!(
            "it claims the key {key} and does not fit the file, which was changed after it was signed, or is another; \
             sign it again"
        );
        return Err(untrusted(text));
    }
    let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
    let text = format!("it is made by another key than {}; sign the file by one of these", keys.join(", "));
    Err(untrusted(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of minisign's own documentation.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1556193335\tfile:test
y/rUw2y8/hOUYjZU71eHp/Wo1KZ40fGy2VJEDl34XMJM+TX48Ss/17u3IvIfbVR1FkZZSNCisQbuQY+bHwhEBg==";

    fn keys() -> [PublicKey; 1] {
        [KEY.parse().unwrap()]
    }

    #[test]
    fn a_signature_that_minisign_made_is_accepted() {
        check(SIGNATURE.as_bytes(), b"test", &keys()).unwrap();
        let file = format!("untrusted comment: minisign public key\n{KEY}\n");
        assert_eq!(file.parse::<PublicKey>().unwrap().to_string(), KEY);
    }

    #[test]
    fn a_signature_cut_or_changed_anywhere_is_refused() {
        let refused = |text: &[u8], bytes: &[u8]| {
            let error = check(text, bytes, &keys()).unwrap_err();
            assert!(error.kind() == ErrorKind::Untrusted && error.to_string().contains("; sign"), "{error}");
        };
        let bytes = SIGNATURE.as_bytes();
        (0..bytes.len()).for_each(|len| refused(&bytes[..len], b"test"));
        refused(bytes, b"tess");
        refused(bytes, b"");
        // All but the first line, which minisign itself calls untrusted.
        for at in SIGNATURE.find('\n').unwrap()..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            refused(&changed, b"test");
        }
        for len in [0, 1, 74, 1 << 14] {
            refused(&vec![b'A'; len], b"test");
            refused(&vec![b'\n'; len], b"test");
            refused(&vec![0xff; len], b"test");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "RWQ", &KEY[1..], &format!("{KEY}A"), &format!("{KEY}\n{KEY}"), "a\nb\nc", "é"] {
            let error = text.parse::<PublicKey>().unwrap_err();
            assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("; give"), "{error}");
        }
    }
}
