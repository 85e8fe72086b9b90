//! A list of the files that may be loaded, by the hashes of their contents.
//!
//! The list in a file is what `b3sum` prints: on each line 64 hexadecimal digits, then, after white space, a name
//! that only people read. Empty lines, and lines that begin with `#`, say nothing. The file is read at each load, so
//! that it may grow while the program runs, and it must pass the checks that a library must pass.

use std::{
    collections::BTreeSet,
    fs::{File, Metadata},
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::image::content_hash::ContentHash,
};

use super::{original, owners::untrusted, show};

/// The largest list, in bytes: some 50,000 files.
const MOST: u64 = 8 << 20;

/// Which contents may be loaded: those of the list and of the files together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hashes {
    pub(super) listed: BTreeSet<ContentHash>,
    pub(super) files: Vec<PathBuf>,
}

impl Hashes {
    /// Refuses contents that are not listed, and every content while a list cannot be read. `open` opens a list.
    pub(super) fn check(&self, hash: &ContentHash, open: impl Fn(&Path) -> Result<(File, Metadata)>) -> Result<()> {
        let mut is_listed = self.listed.contains(hash);
        for file in &self.files {
            let read = || -> Result<BTreeSet<ContentHash>> {
                let (opened, _) = open(file)?;
                let bytes = original::read_at_most(opened, MOST)?;
                parse(&bytes)
            };
            let listed = read().map_err(|error| {
                let text = format!("the list of trusted hashes {} cannot be used", show(file));
                untrusted(format!("{text}: {error}; mend the list")).with_source(error)
            })?;
            is_listed |= listed.contains(hash);
        }
        if is_listed {
            return Ok(());
        }
        let mut places = vec![format!("{} that the program trusts", self.listed.len())];
        places.extend(self.files.iter().map(|file| format!("those in {}", show(file))));
        let places = places.join(" and ");
        Err(untrusted(format!("its hash {hash} is not among the hashes {places}; check the file and list its hash")))
    }
}

/// The hashes in the text of a list.
pub(super) fn parse(text: &[u8]) -> Result<BTreeSet<ContentHash>> {
    let mut hashes = BTreeSet::new();
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        // `b3sum` begins a line with a backslash if it has escaped the name.
        let line = line.strip_prefix(b"\\").unwrap_or(line);
        let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
        let hash = str::from_utf8(&line[..end]).ok().and_then(|digits| digits.parse().ok());
        hashes.insert(hash.ok_or_else(|| no_hash(number + 1, &line[..end]))?);
    }
    Ok(hashes)
}

#[cold]
fn no_hash(line: usize, found: &[u8]) -> Error {
    // A line may have any length.
    let found = found[..found.len().min(80)].escape_ascii();
    let text = format!("line {line}: no hash: `{found}`; give 64 hexadecimal digits, as b3sum prints them");
    Error::new(ErrorKind::Invalid, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_what_b3sum_prints() {
        let (one, two) = (ContentHash::of(b"one"), ContentHash::of(b"two"));
        let upper = two.to_string().to_uppercase();
        let text = format!("# trusted\n\n{one}  libone.so\r\n\\{upper}  a\\nb.so\n  {one}");
        assert_eq!(parse(text.as_bytes()).unwrap(), BTreeSet::from([one, two]));
        assert!(parse(b"").unwrap().is_empty());
    }

    #[test]
    fn any_other_line_is_refused_with_its_number() {
        let hash = ContentHash::of(b"one").to_string();
        let others = [&hash[1..], &format!("{hash}0"), &format!("g{}", &hash[1..]), "libone.so", "\\", "\0", "é"];
        for line in others {
            let error = parse(format!("{hash}\n{line}").as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with("line 2: "), "{error}");
            assert!(error.to_string().contains("64 hexadecimal digits"), "{error}");
        }
    }
}
