//! The journal: the file that records are appended to.
//!
//! [`line`](super::line) has the form of a line and the argument about crashes; here is the file.
//!
//! - **Open** reads the whole file, cuts a torn tail, and refuses a damaged one. It refuses one with a record that only
//!   a newer version knows, too, which is no damage. It looks at each record's first bytes only, so that a long journal
//!   opens fast; [`Journal::read`] parses one.
//! - **Append** writes one line and syncs. If either fails, the file is cut to where it was, and the caller gets the
//!   error: a record is there whole, or was never acknowledged. If even the cut fails, the next append cuts first.
//! - **Rewrite** puts a new file with fewer records into the place of the old one, by rename. A crash leaves either.
//!
//! The numbers of records grow without end and are never used twice, also behind a rewrite.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::error::{Error, ErrorKind, Result};

use super::{
    disk::Disk,
    kind::Kind,
    line::{self, Damage, FIRST_SUM, LONGEST, Sum},
    record::{FORMAT, Numbered, Record},
};

/// A record's place in the file, and what it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) kind: Kind,
    /// Whether it may be a commit on trial. False only if it is not.
    pub(super) may_be_trial: bool,
    /// Whether it is about a patch of the program.
    pub(super) is_patch: bool,
    at: u64,
    len: u32,
}

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    disk: Disk,
    places: Vec<Place>,
    /// Where the next line begins.
    end: u64,
    sum: Sum,
    next: u64,
    /// Whether there may be bytes behind `end`.
    has_rest: bool,
    /// How many bytes of a torn line were cut when it was opened.
    pub(super) cut: u64,
    /// How many records were parsed.
    #[cfg(test)]
    pub(super) parsed: std::cell::Cell<usize>,
}

impl Journal {
    /// Opens the journal in a directory that the caller owns; makes it if there is none.
    ///
    /// # Errors
    /// `Io`; `History` if it is damaged, or if a newer version has written to it: then it stays as it is.
    pub(super) fn open(directory: &Path, disk: Disk, program: &str) -> Result<Journal> {
        let path = directory.join("journal.jsonl");
        let failed = |error| Error::io(format!("open the journal {}", path.display()), error);
        let rest = directory.join("journal.new");
        if rest.exists() {
            // Of a rewrite that a crash has cut off.
            disk.remove(&rest).map_err(failed)?;
        }
        let is_new = !path.exists();
        let file = disk.open(&path).map_err(failed)?;
        if is_new {
            disk.sync_directory(directory).map_err(failed)?;
        }
        let mut journal = Journal::of(path, file, disk)?;
        journal.cut_rest()?;
        if journal.places.is_empty() {
            journal.append(Record::Journal { format: FORMAT, program: program.to_owned() })?;
        }
        Ok(journal)
    }

    /// Opens the journal in a directory where this process cannot write, for reading. A torn tail stays.
    ///
    /// # Errors
    /// As for [`open`](Journal::open); `Io` if there is none.
    pub(super) fn open_to_read(directory: &Path, disk: Disk) -> Result<Journal> {
        let path = directory.join("journal.jsonl");
        let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&path);
        let file = opened.map_err(|error| Error::io(format!("open the journal {}", path.display()), error))?;
        Journal::of(path, file, disk)
    }

    fn of(path: PathBuf, file: File, disk: Disk) -> Result<Journal> {
        let bytes =
            fs::read(&path).map_err(|error| Error::io(format!("read the journal {}", path.display()), error))?;
        let Index { places, end, sum, torn } = index(&bytes).map_err(|unread| unread.error(&path))?;
        let next = places.last().map_or(1, |place| place.number + 1);
        Ok(Journal {
            path,
            file,
            disk,
            places,
            end,
            sum,
            next,
            has_rest: torn > 0,
            cut: torn,
            #[cfg(test)]
            parsed: std::cell::Cell::default(),
        })
    }

    /// The records, in order.
    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }

    /// Reads one record.
    pub(super) fn read(&self, place: &Place) -> Result<Numbered> {
        #[cfg(test)]
        self.parsed.set(self.parsed.get() + 1);
        let text = self.text(place)?;
        parse(&text).map_err(|what| {
            let what = format!("record {}: {what}", place.number);
            // The sums of the lines were right when the journal was opened.
            match serde_json::from_slice::<serde::de::IgnoredAny>(&text) {
                Ok(_) => newer(&self.path, &what, None),
                Err(_) => damaged(&self.path, place.at, &what),
            }
        })
    }

    fn text(&self, place: &Place) -> Result<Vec<u8>> {
        let mut text = vec![0; place.len as usize];
        let failed = |error| Error::io(format!("read the journal {}", self.path.display()), error);
        self.file.read_exact_at(&mut text, place.at).map_err(failed)?;
        Ok(text)
    }

    /// Appends a record and syncs. Returns its number.
    ///
    /// # Errors
    /// `Io` if it could not be written and synced: then it is not there. `Invalid` if it is too long.
    pub(super) fn append(&mut self, record: Record) -> Result<u64> {
        self.cut_rest()?;
        let numbered = Numbered { number: self.next, at: SystemTime::now(), record };
        let (text, kind) = to_text(&numbered)?;
        let (line, sum) = line::line(&self.sum, &text);
        self.has_rest = true;
        let written = self.disk.write(&self.file, &line).and_then(|()| self.disk.sync(&self.file));
        if let Err(error) = written {
            // What is left of it is cut now or ahead of the next record.
            let _ = self.cut_rest();
            return Err(Error::io(format!("write to the journal {}", self.path.display()), error));
        }
        self.has_rest = false;
        self.places.push(place(self.next, kind, self.end, &line, &text));
        self.end += line.len() as u64;
        self.sum = sum;
        self.next += 1;
        Ok(numbered.number)
    }

    /// Keeps these records only.
    pub(super) fn rewrite(&mut self, keep: impl Fn(&Place) -> bool) -> Result<()> {
        let mut bytes = Vec::new();
        let (mut places, mut sum) = (Vec::new(), FIRST_SUM);
        for kept in self.places.iter().filter(|place| place.kind == Kind::Journal || keep(place)) {
            // As it is, with fields that only a later version knows.
            let text = String::from_utf8(self.text(kept)?)
                .map_err(|error| damaged(&self.path, kept.at, "a record that is no text").with_source(error))?;
            let (line, next) = line::line(&sum, &text);
            places.push(place(kept.number, kept.kind, bytes.len() as u64, &line, &text));
            bytes.extend_from_slice(&line);
            sum = next;
        }
        let failed = |error| Error::io(format!("write the journal {} anew", self.path.display()), error);
        let temporary = self.path.with_file_name("journal.new");
        let write = || -> io::Result<File> {
            if temporary.exists() {
                self.disk.remove(&temporary)?;
            }
            let made = self.disk.open(&temporary)?;
            self.disk.write(&made, &bytes)?;
            self.disk.sync(&made)?;
            self.disk.rename(&temporary, &self.path)?;
            Ok(made)
        };
        let written = write();
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        // From the rename on the new file is the journal, also if its name is not synced yet.
        self.file = written.map_err(failed)?;
        (self.places, self.end, self.sum, self.has_rest) = (places, bytes.len() as u64, sum, false);
        self.path.parent().map_or(Ok(()), |directory| self.disk.sync_directory(directory)).map_err(failed)
    }

    fn cut_rest(&mut self) -> Result<()> {
        if self.has_rest {
            let cut = self.disk.cut(&self.file, self.end).and_then(|()| self.disk.sync(&self.file));
            cut.map_err(|error| Error::io(format!("cut a torn line of {}", self.path.display()), error))?;
            self.has_rest = false;
        }
        Ok(())
    }

    /// Reads the file once more and compares it with what is known of it.
    pub(super) fn verify(&self) -> Result<()> {
        let failed = |error| Error::io(format!("read the journal {}", self.path.display()), error);
        let bytes = fs::read(&self.path).map_err(failed)?;
        let index = index(&bytes).map_err(|unread| unread.error(&self.path))?;
        if index.end != self.end || index.sum != self.sum {
            return Err(damaged(&self.path, index.end, "another process has written to it, or it was cut"));
        }
        self.places.iter().try_for_each(|place| self.read(place).map(drop))
    }
}

/// What is known of the bytes of a journal.
pub(super) struct Index {
    pub(super) places: Vec<Place>,
    pub(super) end: u64,
    pub(super) sum: Sum,
    pub(super) torn: u64,
}

/// Why the bytes of a journal are not read.
pub(super) enum Unread {
    Damage(Damage),
    /// A newer version has written this, and that is it if it has said so.
    Newer(String, Option<String>),
}

/// Reads the bytes of a journal: any bytes at all.
pub(super) fn index(bytes: &[u8]) -> Result<Index, Unread> {
    let scan = line::scan(bytes).map_err(Unread::Damage)?;
    let mut places: Vec<Place> = Vec::with_capacity(scan.records.len());
    for (line, record) in (1..).zip(&scan.records) {
        let damage = |what| Unread::Damage(Damage { line, at: record.start, what });
        let text = &bytes[record.clone()];
        let (_, name) = Numbered::look_at_name(text).ok_or(damage("a record that does not begin as each does"))?;
        let Some((number, kind)) = Numbered::look(text) else {
            return Err(Unread::Newer(format!("line {line} is a record of kind `{name}`"), writer(bytes, &places)));
        };
        if places.last().is_some_and(|last| last.number >= number) || number == 0 || number == u64::MAX {
            return Err(damage("a record whose number does not follow"));
        }
        if (kind == Kind::Journal) != places.is_empty() {
            return Err(damage("a record that does not belong in this place"));
        }
        if kind == Kind::Journal {
            match parse(text).map(|first| first.record) {
                Ok(Record::Journal { format: FORMAT, .. }) => {}
                Ok(Record::Journal { format, .. }) if format > FORMAT => {
                    return Err(Unread::Newer(format!("its form is {format}"), None));
                }
                _ => return Err(damage("a journal of a form that there never was")),
            }
        }
        let len = u32::try_from(record.len()).unwrap_or(u32::MAX);
        places.push(Place {
            number,
            kind,
            may_be_trial: may_be_trial(kind, text),
            is_patch: Numbered::is_of_patch(text),
            at: record.start as u64,
            len,
        });
    }
    Ok(Index { places, end: scan.end as u64, sum: scan.sum, torn: scan.torn as u64 })
}

/// The version of lcr that wrote what is behind these records.
fn writer(bytes: &[u8], places: &[Place]) -> Option<String> {
    let start = places.iter().rfind(|place| place.kind == Kind::Start)?;
    let from = usize::try_from(start.at).ok()?;
    match parse(bytes.get(from..from + start.len as usize)?).ok()?.record {
        Record::Start(start) => start.lcr,
        _ => None,
    }
}

pub(super) fn parse(text: &[u8]) -> Result<Numbered, String> {
    Numbered::parse(text).map_err(|error| error.to_string())
}

fn to_text(record: &Numbered) -> Result<(String, Kind)> {
    let text = record.to_text().map_err(|error| {
        Error::new(ErrorKind::Invalid, "a record of the history cannot be written as JSON").with_source(error)
    })?;
    let kind = Numbered::look(text.as_bytes()).map(|(_, kind)| kind);
    match kind {
        Some(kind) if text.len() <= LONGEST => Ok((text, kind)),
        _ => {
            let text = format!(
                "a record of the history has {} bytes, the limit is {LONGEST}; give components shorter configurations",
                text.len()
            );
            Err(Error::new(ErrorKind::Invalid, text))
        }
    }
}

/// The place of a record whose line begins at `from`.
fn place(number: u64, kind: Kind, from: u64, line: &[u8], text: &str) -> Place {
    // The line ends with two bytes that close it.
    let at = from + (line.len() - 2 - text.len()) as u64;
    let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let text = text.as_bytes();
    Place { number, kind, may_be_trial: may_be_trial(kind, text), is_patch: Numbered::is_of_patch(text), at, len }
}

/// Whether a record may be a commit on trial. Its first bytes tell in all but strange cases, so that a long journal
/// opens fast.
fn may_be_trial(kind: Kind, text: &[u8]) -> bool {
    const NOT: &[u8] = b"\"on_trial\":false";
    // Nothing but numbers and the mark of a patch stand ahead of it.
    let head = &text[..text.len().min(256)];
    kind == Kind::Committed && !head.windows(NOT.len()).any(|bytes| bytes == NOT)
}

impl Unread {
    fn error(&self, path: &Path) -> Error {
        match self {
            Unread::Damage(Damage { line, at, what }) => damaged(path, *at as u64, &format!("line {line}: {what}")),
            Unread::Newer(what, by) => newer(path, what, by.as_deref()),
        }
    }
}

/// `what` only a newer version knows, which is `by`.
fn newer(path: &Path, what: &str, by: Option<&str>) -> Error {
    let path = path.display();
    let mine = env!("CARGO_PKG_VERSION");
    let (by, wanted) = match by {
        Some(by) => (format!(", lcr {by}"), format!("lcr >= {by}")),
        None => (String::new(), format!("lcr > {mine}")),
    };
    let text = format!(
        "the journal {path} was written by a newer version{by}: {what}, which lcr {mine} does not know; use {wanted}; \
         the journal stays as it is, and what is linked serves"
    );
    Error::new(ErrorKind::History, text)
}

fn damaged(path: &Path, at: u64, what: &str) -> Error {
    let path = path.display();
    let text = format!(
        "the journal {path} is damaged at byte {at}: {what}; what is linked serves; look at it with `less`, then move \
         it aside to begin a new one"
    );
    Error::new(ErrorKind::History, text)
}
