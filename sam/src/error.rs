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
        /// What class of refusal an [`Error`] is.
        ///
        /// The variants are stable; new ones may be added.
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

            /// The value of corosync's `cs_error_t` (`corotypes.h`) that is nearest to it.
            /// Several kinds may share one.
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
    /// The operating system refused an operation; the source says which error it gave.
    Io = "io", cs 2, exit 71;
    /// The supervisor did not answer in time: it is stopped, or the machine is.
    Timeout = "timeout", cs 5, exit 75;
    /// An argument, an option or a value from the environment makes no sense.
    Invalid = "invalid", cs 7, exit 64;
    /// The kernel has no memory for it.
    NoMemory = "no-memory", cs 8, exit 71;
    /// The call makes no sense now: before registration, after `finalize`, in a forked child.
    BadState = "bad-state", cs 9, exit 70;
    /// A name is longer than its field.
    NameTooLong = "name-too-long", cs 13, exit 64;
    /// The program that is to be supervised is not there.
    NoProgram = "no-program", cs 12, exit 127;
    /// The program that is to be supervised cannot be executed.
    NotExecutable = "not-executable", cs 11, exit 126;
    /// It exists already, and there can be only one.
    Exists = "exists", cs 14, exit 70;
    /// The vault cannot hold that much; what was stored stays.
    NoSpace = "no-space", cs 15, exit 73;
    /// A table of fixed size (kept descriptors, checks) is full.
    Full = "full", cs 18, exit 70;
    /// This kernel, or this version, cannot do that.
    NotSupported = "not-supported", cs 19, exit 69;
    /// Threads exist already, and a fork would lose them.
    Threads = "threads", cs 20, exit 70;
    /// What the processes share was overwritten by something that should not have.
    Damaged = "damaged", cs 21, exit 70;
    /// The supervisor is gone.
    Gone = "gone", cs 2, exit 69;
}

impl ErrorKind {
    /// The kind of a name as [`name`](Self::name) spells it.
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

    /// An operation `what` that the operating system refused with `error`.
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

    /// The same error because of `source`.
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
        let error = Error::io("open the vault", io::Error::from_raw_os_error(libc::EMFILE));
        assert_eq!((error.to_string().as_str(), error.kind()), ("open the vault", ErrorKind::Io));
        assert!(error.source().is_some());
        assert_eq!(Error::io("x", io::Error::from_raw_os_error(libc::ENOMEM)).kind(), ErrorKind::NoMemory);
    }
}
