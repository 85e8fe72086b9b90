//! The one error of the crate: opaque, one word wide, with a kind that programs can match.
//!
//! Every fallible public function returns it. Floors 0 to 3 build it through [`Error::new`];
//! callers ask for its [`kind`](Error::kind), and for the rest of the story through
//! [`source`](std::error::Error::source).
//!
//! Invariants:
//! 1. The text says what was refused, what was found and what to do: lower case, one idea, and
//!    never the text of its source, so that a chain of errors repeats nothing.
//! 2. Kinds, their names, their numbers for C and the socket, and their exit statuses live in one
//!    table, `kinds!` below. A number, once released, keeps its meaning.
//! 3. No type of a dependency appears in the public signature; sources are `dyn Error`.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;

mod straggler;

pub use straggler::Straggler;
#[cfg(feature = "host")]
pub use straggler::{HeldBy, LifecycleStep, MethodId};

/// The result of a fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Makes [`ErrorKind`] and everything that is a function of it from one table.
macro_rules! kinds {
    ($( $(#[$doc:meta])* $kind:ident = $code:literal, $name:literal, exit $exit:literal; )*) => {
        /// The class of an [`Error`]. Later versions may add variants, and keep these.
        ///
        /// `Display` writes the [`name`](Self::name). The page
        /// [`operating`](crate::guide::operating) says who acts on which kind.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum ErrorKind {
            $( $(#[$doc])* $kind = $code, )*
        }

        impl ErrorKind {
            /// Every kind, in the order of their codes.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$kind),*];

            /// The kind's name, such as `not-found`. Stable.
            pub const fn name(self) -> &'static str {
                match self { $( ErrorKind::$kind => $name, )* }
            }

            /// The exit status for a program that ends with this error, after `sysexits.h`: 64 to 77.
            pub const fn exit_status(self) -> u8 {
                match self { $( ErrorKind::$kind => $exit, )* }
            }
        }
    };
}

kinds! {
    /// The operating system refused an operation; the source has its error.
    Io = 1, "io", exit 74;
    /// The file is not a shared library that this process could map.
    NotALibrary = 2, "not-a-library", exit 65;
    /// The library is well-formed, but holds no component.
    NoManifest = 3, "no-manifest", exit 65;
    /// The library's manifest is damaged, contradicts itself, or differs from what its code registers.
    BadManifest = 4, "bad-manifest", exit 65;
    /// Users other than this one and root could change the file, or its hash is not listed, or it lacks the
    /// signature that the program demands: see [`Trust`](crate::Trust).
    Untrusted = 5, "untrusted", exit 77;
    /// The dynamic loader refused the library, or the process has no room for another image.
    Load = 6, "load", exit 65;
    /// A signature, a shape or an interface version differs from what its callers were compiled with.
    Mismatch = 7, "mismatch", exit 65;
    /// No file, component, interface, instance or generation of that name exists.
    NotFound = 8, "not-found", exit 66;
    /// Several components fit, and the request names none of them.
    Ambiguous = 9, "ambiguous", exit 64;
    /// A dependency is missing, or dependencies form a cycle.
    Dependency = 10, "dependency", exit 69;
    /// A component's constructor returned an error or panicked.
    Construct = 11, "construct", exit 70;
    /// A component's own health check refused the new instance.
    Unhealthy = 12, "unhealthy", exit 70;
    /// State could not be saved, migrated or restored.
    State = 13, "state", exit 65;
    /// Calls or pins were still inside when the time was over: see [`Error::stragglers`].
    Deadline = 14, "deadline", exit 75;
    /// Another transaction is running.
    Busy = 15, "busy", exit 75;
    /// The calling thread is inside a component that the request would have to wait for.
    Reentrant = 16, "reentrant", exit 70;
    /// The component is protected and the transaction carries no override.
    Protected = 17, "protected", exit 77;
    /// An argument, an option or a plan contradicts what is there; the text says how.
    Invalid = 18, "invalid", exit 64;
    /// The runtime was dropped, or is ending.
    Closed = 19, "closed", exit 69;
    /// lcr itself failed: its own code, or a subscriber of `tracing` that it called, panicked.
    Internal = 20, "internal", exit 70;
    /// The history of the runtime could not be written or read, and the request needs it.
    History = 21, "history", exit 73;
    /// The plan would do something else than it says, because something changed since it was built.
    Stale = 22, "stale", exit 75;
    /// A component is on trial, and the request would change it: confirm or abandon the trial first.
    OnTrial = 23, "on-trial", exit 75;
    /// The file failed a trial, and no operator has released it since.
    Quarantined = 24, "quarantined", exit 77;
}

impl ErrorKind {
    /// The kind's number: 1 or more, and stable. C callers and sockets use 0 for success.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The kind with this number; `None` for 0 and for numbers of newer versions.
    pub fn from_code(code: i32) -> Option<ErrorKind> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }

    /// The kind with this [`name`](Self::name); `None` if there is none.
    pub fn from_name(name: &str) -> Option<ErrorKind> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// Written as its name.
#[cfg(feature = "host")]
impl serde::Serialize for ErrorKind {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

#[cfg(feature = "host")]
impl<'de> serde::Deserialize<'de> for ErrorKind {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<ErrorKind, D::Error> {
        let name = <String as serde::Deserialize>::deserialize(from)?;
        ErrorKind::from_name(&name).ok_or_else(|| {
            serde::de::Error::custom(format_args!("`{name}` is no kind of error that this version knows"))
        })
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a request was refused. Whatever the error, the components that served before still serve; after
/// an `Internal` error their successors may serve instead.
///
/// `Display` writes one line: what was refused, what was found, what to do. The line does not repeat
/// the error's [`source`](std::error::Error::source). An error is one word wide, `Send` and `Sync`.
///
/// ```
/// # fn show(error: lcr::Error) {
/// match error.kind() {
///     lcr::ErrorKind::Busy => println!("later: {error}"),
///     lcr::ErrorKind::Deadline => error.stragglers().iter().for_each(|s| println!("{s}")),
///     kind => std::process::exit(kind.exit_status().into()),
/// }
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    stragglers: Vec<Straggler>,
}

impl Error {
    /// An error of `kind`; `message` follows invariant 1.
    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        let message = message.into();
        Error(Box::new(Inner { kind, message, source: None, stragglers: Vec::new() }))
    }

    /// A panic of lcr's own code, or of a subscriber's, which ended `what`.
    #[cold]
    pub(crate) fn internal(what: impl fmt::Display, panic: &(dyn Any + Send)) -> Error {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&'static str>().copied()).unwrap_or("no message");
        Error::new(ErrorKind::Internal, format!("{what}: lcr itself panicked: {text}; please report this"))
    }

    /// An operation `what` that the operating system refused with `error`.
    #[cold]
    pub(crate) fn io(what: impl Into<String>, error: std::io::Error) -> Error {
        Error::new(ErrorKind::Io, what).with_source(error)
    }

    /// This error, caused by `source`.
    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.source = Some(source.into());
        self
    }

    /// This error with `place: ` before its text.
    pub(crate) fn at(mut self, place: impl fmt::Display) -> Error {
        self.0.message = format!("{place}: {}", self.0.message);
        self
    }

    /// This error with the calls that were still running.
    pub(crate) fn with_stragglers(mut self, stragglers: Vec<Straggler>) -> Error {
        self.0.stragglers = stragglers;
        self
    }

    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The calls, pins and steps that were still running when a deadline passed. Empty for all kinds
    /// but `Deadline`.
    pub fn stragglers(&self) -> &[Straggler] {
        &self.0.stragglers
    }

    /// Whether the same request may succeed later, with nothing corrected: `Busy` and `Deadline`.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind(), ErrorKind::Busy | ErrorKind::Deadline)
    }

    /// Whether the file was refused before any of its code ran: `NotALibrary`, `NoManifest`,
    /// `BadManifest` and `Untrusted`.
    pub fn is_bad_file(&self) -> bool {
        use ErrorKind::*;
        matches!(self.kind(), NotALibrary | NoManifest | BadManifest | Untrusted)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        if !self.0.stragglers.is_empty() {
            out.field("stragglers", &self.0.stragglers);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::{straggler::HeldBy, *};
    use std::collections::HashSet;

    #[test]
    fn an_error_is_one_word_and_crosses_threads() {
        fn crosses_threads<T: Send + Sync + 'static>() {}
        crosses_threads::<Error>();
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn names_and_codes_are_unique_and_find_their_kind_again() {
        let mut seen = HashSet::new();
        for &kind in ErrorKind::ALL {
            assert!(seen.insert(kind.name().to_owned()) && seen.insert(kind.code().to_string()));
            assert!(kind.code() > 0 && kind.exit_status() > 0);
            assert_eq!(ErrorKind::from_code(kind.code()), Some(kind));
            assert_eq!(ErrorKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(ErrorKind::from_code(0), None);
    }

    #[test]
    fn display_leaves_the_source_to_its_reader() {
        let cause = std::io::Error::from_raw_os_error(2);
        let error = Error::io("open kv.so", cause).at("staging");
        assert_eq!(error.to_string(), "staging: open kv.so");
        assert!(StdError::source(&error).unwrap().to_string().contains("os error 2"));
        assert!(format!("{error:?}").contains("source"));
    }

    #[test]
    fn a_deadline_is_transient_and_has_its_stragglers() {
        let (held_by, seen_for) = (HeldBy::Pin { generation: 7 }, std::time::Duration::from_secs(2));
        let pin = Straggler { thread: None, thread_id: 78, held_by, seen_for };
        let error = Error::new(ErrorKind::Deadline, "a pin is held").with_stragglers(vec![pin.clone()]);
        assert!(error.is_transient() && !error.is_bad_file());
        assert_eq!(error.stragglers(), [pin]);
    }
}
