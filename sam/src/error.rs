//! The one error of the crate: opaque, one word wide, with a kind that programs can match.
//!
//! Invariants:
//! 1. The text says what was refused, what was found and what to do: lower case, one idea, and
//!    never the text of its source, so that a chain of errors repeats nothing.
//! 2. Kinds, their names, corosync's numbers for them (`cs_error_t`) and their exit statuses live
//!    in one table, `kinds!` below.
//! 3. No type of a dependency appears in the public signature; sources are `dyn Error`.

use std::error::Error as StdError;
use std::{fmt, io};

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Makes [`ErrorKind`] and everything that is a function of it from one table.
macro_rules! kinds {
    ($( $(#[$doc:meta])* $kind:ident = $name:literal, cs $cs:literal, exit $exit:literal; )*) => {
        /// Which class of refusal an [`Error`] belongs to.
        ///
        /// The variants are stable; a later version may add more.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $( $(#[$doc])* $kind, )*
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$kind),*];

            /// The stable name, as events and the command line print it.
            pub const fn name(self) -> &'static str {
                match self { $( ErrorKind::$kind => $name, )* }
            }

            /// The number of corosync's `cs_error_t` (`corotypes.h`) that is nearest to this kind.
            /// Several kinds may share a number.
            pub const fn cs_error(self) -> i32 {
                match self { $( ErrorKind::$kind => $cs, )* }
            }

            /// The exit status of a command that ends with this error (after `sysexits.h`).
            pub const fn exit_status(self) -> u8 {
                match self { $( ErrorKind::$kind => $exit, )* }
            }
        }
    };
}

kinds! {
    /// The operating system refused an operation. The source is its error.
    Io = "io", cs 2, exit 71;
    /// The supervisor did not answer within 5 s, because SIGSTOP has stopped it, for example.
    Timeout = "timeout", cs 5, exit 75;
    /// An argument, an option or a variable of the environment has a value that sam does not take. The text
    /// says what to give.
    Invalid = "invalid", cs 7, exit 64;
    /// The kernel has no memory for the operation.
    NoMemory = "no-memory", cs 8, exit 71;
    /// This process is a child that an instance has forked, and has no supervisor of its own.
    BadState = "bad-state", cs 9, exit 70;
    /// The name of a check or of a kept descriptor is too long.
    NameTooLong = "name-too-long", cs 13, exit 64;
    /// The program to supervise does not exist.
    NoProgram = "no-program", cs 12, exit 127;
    /// The program to supervise cannot be executed.
    NotExecutable = "not-executable", cs 11, exit 126;
    /// This process is an instance already, or another supervisor keeps the status file.
    Exists = "exists", cs 14, exit 70;
    /// There is no room to store that much. What was stored stays.
    NoSpace = "no-space", cs 15, exit 73;
    /// No further check can begin, or no further descriptor can be kept: as many exist as there can be.
    Full = "full", cs 18, exit 70;
    /// This system, or the supervisor's version of sam, does not support the operation.
    NotSupported = "not-supported", cs 19, exit 69;
    /// This process has other threads, which would be missing in its forks, the instances.
    Threads = "threads", cs 20, exit 70;
    /// A process has overwritten memory, or garbled messages, that the supervisor and its instances share.
    Damaged = "damaged", cs 21, exit 70;
    /// The supervisor has ended.
    Gone = "gone", cs 2, exit 69;
}

impl ErrorKind {
    /// The kind with that [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<ErrorKind> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why something was refused.
///
/// One word wide, `Send` and `Sync`. Its `Display` is one line without its source; walk
/// [`source`](std::error::Error::source) for the rest.
///
/// ```
/// let error = sam::app().check("", std::time::Duration::from_secs(1)).unwrap_err();
/// assert_eq!(error.kind(), sam::ErrorKind::Invalid);
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `message` follows invariant 1.
    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    /// The error of an operation that the operating system refused with `error`. `what` says which:
    /// "cannot ...".
    #[cold]
    pub(crate) fn io(what: impl Into<String>, error: impl Into<io::Error>) -> Error {
        let error = error.into();
        let kind = match (error.kind(), error.raw_os_error()) {
            (_, Some(libc::ENOMEM)) | (io::ErrorKind::OutOfMemory, _) => ErrorKind::NoMemory,
            (_, Some(libc::ENOSYS | libc::EOPNOTSUPP)) => ErrorKind::NotSupported,
            _ => ErrorKind::Io,
        };
        Error::new(kind, what).with_source(error)
    }

    /// The same error, with `source` as its cause.
    #[must_use]
    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Error {
        self.0.source = Some(Box::new(source));
        self
    }

    /// What class of refusal this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_and_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn every_kind_has_a_name_of_its_own_and_is_no_success() {
        for &kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_name(kind.name()), Some(kind));
            assert!(kind.cs_error() > 1, "{kind}: 1 is CS_OK");
            assert!(kind.exit_status() >= 64, "{kind}");
        }
    }

    #[test]
    fn the_source_is_not_part_of_the_text() {
        let error = Error::io("cannot open the vault", io::Error::from_raw_os_error(libc::EMFILE));
        assert_eq!((error.to_string().as_str(), error.kind()), ("cannot open the vault", ErrorKind::Io));
        assert!(error.source().is_some());
        assert_eq!(Error::io("x", io::Error::from_raw_os_error(libc::ENOMEM)).kind(), ErrorKind::NoMemory);
    }
}
