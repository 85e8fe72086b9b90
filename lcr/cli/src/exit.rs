//! How a command ends: the one table of exit statuses, and failures with their text.
//!
//! Invariants:
//! 1. A command ends with 0 only if what it was asked to do happened.
//! 2. A status keeps its meaning. Refusals of the runtime end with the status of their kind
//!    ([`lcr::ErrorKind::exit_status`]), which this table has the meanings of.

use std::{fmt, io, process::ExitCode};

use serde_json::json;

use crate::output::Output;

/// Makes [`Status`] and the text about it from one table.
macro_rules! statuses {
    ($($name:ident = $number:literal, $meaning:literal;)*) => {
        /// An exit status that the command itself decides.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(dead_code, reason = "kinds of errors have some of the numbers, and the table has all")]
        #[repr(u8)]
        pub(crate) enum Status {
            $(#[doc = $meaning] $name = $number,)*
        }

        /// Every status with its meaning, in the order of their numbers.
        #[cfg(test)]
        pub(crate) const STATUSES: &[(u8, &str)] = &[$(($number, $meaning)),*];

        /// The table for `lcr help` and for the manual page.
        pub(crate) const HELP: &str = concat!(
            "Exit status:\n",
            $(concat!("  ", $number, "\t", $meaning, "\n"),)*
        );
    };
}

statuses! {
    Done = 0, "what was asked happened";
    No = 1, "the answer is no: it does not fit, nothing is there to show, or the called method returned an error";
    Usage = 64, "an argument is wrong, or fits several things and names none";
    Format = 65, "a file is no component, differs from what its callers know, or cannot take the state";
    NotFound = 66, "no such file, component, generation or hash";
    Unavailable = 69, "no process, it cannot be reached, or something that is needed is missing";
    Failed = 70, "the new component refused, panicked or is unwell, or lcr itself failed";
    History = 73, "the history could not be written or read, and nothing was changed";
    System = 74, "the system refused something";
    Later = 75, "not now: another change runs, or callers did not leave in time; try again";
    Version = 76, "the process speaks another version of the protocol, or does not know the command";
    Forbidden = 77, "not allowed: protected, untrusted, quarantined, read-only, or another user's process";
}

impl Status {
    /// The number.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status.number())
    }
}

/// The end of a command that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Outcome {
    /// What was asked happened.
    Done,
    /// The answer is no.
    No,
    /// What was asked began, and did not come to a good end: a trial was rolled back.
    Failed,
    /// What was asked came to this end, and the output says why.
    Ended(Status),
}

impl Outcome {
    /// `Done` if `yes`, else `No`.
    pub(crate) fn of(yes: bool) -> Outcome {
        if yes { Outcome::Done } else { Outcome::No }
    }

    pub(crate) fn status(self) -> Status {
        match self {
            Outcome::Done => Status::Done,
            Outcome::No => Status::No,
            Outcome::Failed => Status::Failed,
            Outcome::Ended(status) => status,
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    /// The kind of error, for `--json`: that of [`lcr::ErrorKind`], or a word of the command's own.
    kind: String,
    text: String,
}

impl Failure {
    pub(crate) fn new(status: Status, kind: &str, text: impl Into<String>) -> Failure {
        Failure { status: status.number(), kind: kind.to_owned(), text: text.into() }
    }

    /// A wrong argument.
    pub(crate) fn usage(text: impl Into<String>) -> Failure {
        Failure::new(Status::Usage, "usage", text)
    }

    /// An operation that the system refused.
    pub(crate) fn system(what: impl fmt::Display, error: &io::Error) -> Failure {
        Failure::new(Status::System, "io", format!("{what}: {error}"))
    }

    /// The failure with another exit status.
    pub(crate) fn ending_with(self, status: Status) -> Failure {
        Failure { status: status.number(), ..self }
    }

    /// The failure with further lines below its text.
    pub(crate) fn and(self, lines: &str) -> Failure {
        Failure { text: format!("{}\n{lines}", self.text), ..self }
    }

    /// The kind of the error.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// What is wrong, and what to do.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Says why, on standard error, or as JSON on standard output. Returns the exit status.
    pub(crate) fn report(&self, output: &Output) -> ExitCode {
        if output.is_json() {
            let _ = output.json(&json!({ "error": { "kind": self.kind, "text": self.text } }));
        }
        output.complain(&self.text);
        ExitCode::from(self.status)
    }
}

impl From<lcr::Error> for Failure {
    fn from(error: lcr::Error) -> Failure {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        for straggler in error.stragglers() {
            text.push_str(&format!("\n  {straggler}"));
        }
        Failure { status: error.kind().exit_status(), kind: error.kind().name().to_owned(), text }
    }
}

/// An error of writing to standard output. That its reader has gone is none: see [`Output`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::system("standard output cannot be written", &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_ends_with_a_status_of_the_table() {
        for kind in lcr::ErrorKind::ALL {
            let status = kind.exit_status();
            assert!(STATUSES.iter().any(|(number, _)| *number == status), "{kind} ends with {status}");
        }
    }

    #[test]
    fn the_table_is_in_order_and_in_the_help_and_in_readme() {
        assert!(STATUSES.is_sorted_by(|a, b| a.0 < b.0));
        let readme = include_str!("../README.md");
        for (number, meaning) in STATUSES {
            assert!(HELP.contains(&format!("\n  {number}\t{meaning}\n")), "{number}");
            assert!(readme.contains(&format!("\n| {number} | {meaning} |\n")), "{number}");
        }
    }
}
