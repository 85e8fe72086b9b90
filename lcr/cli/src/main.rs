//! The command `lcr`: shows and changes the components of a running program, and helps to write them.
//!
//! `arguments` declares the command line, from which clap makes the help, the completions of shells and the manual
//! pages. Each command is a file, or a folder, that returns an [`Outcome`](exit::Outcome) or a
//! [`Failure`](exit::Failure); `exit` has the table of exit statuses. What is printed goes through `output`, which
//! knows whether colours and JSON are wanted.
//!
//! | folder or file | commands |
//! |---|---|
//! | `files` | of library files, which need no process: `inspect`, `diff` |
//! | `scaffold` | `new` |
//! | `shell` | `completions`, `manual` |

#![deny(missing_debug_implementations)]

mod arguments;
mod exit;
mod files;
mod output;
mod scaffold;
mod shell;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};
use exit::{Failure, Outcome, Status};
use output::Output;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and the version are answers, and all else is a wrong argument. A closed pipe is no fault.
            let status = if error.use_stderr() { Status::Usage } else { Status::Done };
            let _ = error.print();
            return status.into();
        }
    };
    let output = Output::new(arguments.common.json, arguments.common.color);
    match run(arguments.command, &output) {
        Ok(outcome) => outcome.status().into(),
        Err(failure) => failure.report(&output),
    }
}

fn run(command: Command, output: &Output) -> Result<Outcome, Failure> {
    match command {
        Command::Inspect(inspect) => files::inspect::inspect(&inspect, output),
        Command::Diff(diff) => files::fit::diff(&diff, output),
        Command::New(new) => scaffold::new(&new, output),
        Command::Completions(completions) => shell::completions(&completions, output),
        Command::Manual(manual) => shell::manual(&manual, output),
    }
}
