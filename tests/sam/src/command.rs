//! The command `sam`.

use std::process::{Command, Output, Stdio};

use crate::{Subject, program};

/// A shell's script, supervised by the command.
pub fn sh(options: &[&str], script: &str) -> Subject {
    Subject::by_command(options, "/bin/sh", &["-c", script])
}

/// Runs the command to its end.
///
/// # Panics
/// If it does not start.
pub fn sam(arguments: &[&str]) -> Output {
    Command::new(program("sam")).args(arguments).stdin(Stdio::null()).output().expect("the command starts")
}

/// The text of its output.
///
/// # Panics
/// If the output is no UTF-8.
pub fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the output is UTF-8")
}
