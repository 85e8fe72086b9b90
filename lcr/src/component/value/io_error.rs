//! `std::io::Error`: its kind, its number of the operating system, its text and those of its sources.
//!
//! An error of a number is made anew from the number, which means the same everywhere in a process. An error that holds
//! an author's error arrives with a [`Told`] in its place, which says what that one said.

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind},
    iter,
};

use super::form::{Form, cross_by_form};
use crate::{abi::fault::FaultKind, component::fault::Fault};

/// Longer chains of sources are cut; a chain that leads back to itself has an end so.
const SOURCES: usize = 32;

/// Numbers of kinds in the order of the list, from 1. They are part of the binary contract: a new kind goes behind the
/// last one. 0 stands for a kind that this list lacks, which arrives as `Other`, as does a number beyond the list.
pub(super) const KINDS: &[ErrorKind] = &[
    ErrorKind::NotFound,
    ErrorKind::PermissionDenied,
    ErrorKind::ConnectionRefused,
    ErrorKind::ConnectionReset,
    ErrorKind::HostUnreachable,
    ErrorKind::NetworkUnreachable,
    ErrorKind::ConnectionAborted,
    ErrorKind::NotConnected,
    ErrorKind::AddrInUse,
    ErrorKind::AddrNotAvailable,
    ErrorKind::NetworkDown,
    ErrorKind::BrokenPipe,
    ErrorKind::AlreadyExists,
    ErrorKind::WouldBlock,
    ErrorKind::NotADirectory,
    ErrorKind::IsADirectory,
    ErrorKind::DirectoryNotEmpty,
    ErrorKind::ReadOnlyFilesystem,
    ErrorKind::StaleNetworkFileHandle,
    ErrorKind::InvalidInput,
    ErrorKind::InvalidData,
    ErrorKind::TimedOut,
    ErrorKind::WriteZero,
    ErrorKind::StorageFull,
    ErrorKind::NotSeekable,
    ErrorKind::QuotaExceeded,
    ErrorKind::FileTooLarge,
    ErrorKind::ResourceBusy,
    ErrorKind::ExecutableFileBusy,
    ErrorKind::Deadlock,
    ErrorKind::CrossesDevices,
    ErrorKind::TooManyLinks,
    ErrorKind::InvalidFilename,
    ErrorKind::ArgumentListTooLong,
    ErrorKind::Interrupted,
    ErrorKind::Unsupported,
    ErrorKind::UnexpectedEof,
    ErrorKind::OutOfMemory,
    ErrorKind::Other,
];

fn number_of(kind: ErrorKind) -> u32 {
    KINDS.iter().position(|known| *known == kind).map_or(0, |place| place as u32 + 1)
}

fn kind_of(number: u32) -> ErrorKind {
    let place = number.checked_sub(1).and_then(|place| usize::try_from(place).ok());
    place.and_then(|place| KINDS.get(place)).copied().unwrap_or(ErrorKind::Other)
}

/// The form, which has the name of its type.
pub(super) mod form {
    /// That of [`std::io::Error`].
    #[derive(Debug, lcr::Abi)]
    pub struct Error {
        /// The number of its kind.
        pub kind: u32,
        /// The number of the operating system. If there is one, it says all, and there are no texts.
        pub code: Option<i32>,
        /// What the error says, then its source, the source of that, and so on. Empty if its kind says all.
        pub texts: Vec<String>,
    }
}

impl Form for io::Error {
    type Form = form::Error;
    const NAME: &'static str = "std::io::Error";

    fn into_form(self) -> form::Error {
        let (kind, code) = (number_of(self.kind()), self.raw_os_error());
        let texts = match (code, self.get_ref()) {
            (Some(_), _) => Vec::new(),
            (None, Some(inner)) => {
                let chain = iter::successors(Some(inner as &dyn Error), |error| Error::source(*error));
                chain.take(SOURCES).map(|error| error.to_string()).collect()
            }
            // Its text is that of the kind, or a text of std's own.
            (None, None) => {
                Some(self.to_string()).filter(|text| *text != self.kind().to_string()).into_iter().collect()
            }
        };
        form::Error { kind, code, texts }
    }

    fn from_form(form::Error { kind, code, texts }: form::Error) -> io::Error {
        if let Some(code) = code {
            return io::Error::from_raw_os_error(code);
        }
        match Told::of(texts) {
            Some(told) => io::Error::new(kind_of(kind), *told),
            None => kind_of(kind).into(),
        }
    }
}

cross_by_form! { {} io::Error; }

/// Stands for an error of another image: says what that said, and has a source for each of its sources.
struct Told {
    text: String,
    source: Option<Box<Told>>,
}

impl Told {
    fn of(texts: Vec<String>) -> Option<Box<Told>> {
        texts.into_iter().take(SOURCES).rfold(None, |source, text| Some(Box::new(Told { text, source })))
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Told {
    /// As a text, which is what std makes an error of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl Error for Told {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &dyn Error)
    }
}

impl From<Fault> for io::Error {
    /// An error that holds the fault: `error.downcast::<Fault>()` gives it back. Its kind is `TimedOut` for a call that
    /// waited at a gate, `NotConnected` for one that nothing serves, `ConnectionAborted` for a cancelled one,
    /// `PermissionDenied` for one that a patch refused, and `Other` for a panic. It is never `Interrupted`, upon which
    /// std repeats a read or write.
    fn from(fault: Fault) -> io::Error {
        let kind = match fault.kind() {
            FaultKind::Panic => ErrorKind::Other,
            FaultKind::Withdrawn | FaultKind::Revoked => ErrorKind::NotConnected,
            FaultKind::Gate => ErrorKind::TimedOut,
            FaultKind::Cancelled => ErrorKind::ConnectionAborted,
            FaultKind::Refused => ErrorKind::PermissionDenied,
        };
        io::Error::new(kind, fault)
    }
}
