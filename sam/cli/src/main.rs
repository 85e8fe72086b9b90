//! The command `sam`: supervises any program (`sam run`), shows how a supervised program is doing
//! (`sam status`), and stops, restarts or signals it by the supervisor's status file. `sam COMMAND --help`
//! is the manual, and lists the exit statuses; `help` has its texts.

#![deny(missing_debug_implementations)]

mod help;
mod run;
mod signal;
mod status;
mod user;

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

/// The exit status of a wrong argument: EX_USAGE of `sysexits.h`.
const USAGE: u8 = 64;

/// Why an argument is refused, and what to give.
#[derive(Debug)]
struct Refusal(String);

impl Refusal {
    fn new(text: impl Into<String>) -> Refusal {
        Refusal(text.into())
    }
}

impl Display for Refusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl From<lexopt::Error> for Refusal {
    fn from(error: lexopt::Error) -> Refusal {
        Refusal(match error {
            lexopt::Error::UnexpectedOption(option) => format!("there is no option {option}"),
            lexopt::Error::MissingValue { option: Some(option) } => format!("{option} needs a value; give one"),
            lexopt::Error::UnexpectedValue { option, .. } => format!("{option} takes no value"),
            lexopt::Error::UnexpectedArgument(argument) => format!("{argument:?} is one argument too many"),
            other => other.to_string(),
        })
    }
}

fn main() -> ExitCode {
    let mut parser = lexopt::Parser::from_env();
    let (result, manual) = match parser.next() {
        Ok(Some(lexopt::Arg::Value(command))) => match command.to_str() {
            Some("run") => (run::run(parser), "sam run --help"),
            Some("status") => (status::status(parser), "sam status --help"),
            Some("stop") => (signal::stop(parser), "sam stop --help"),
            Some("restart") => (signal::restart(parser), "sam restart --help"),
            Some("signal") => (signal::signal(parser), "sam signal --help"),
            Some("help") => (print(help::SAM), ""),
            _ => {
                let text = format!("there is no command {command:?}; give run, status, stop, restart or signal");
                (Err(Refusal::new(text)), "sam --help")
            }
        },
        Ok(Some(lexopt::Arg::Long("help") | lexopt::Arg::Short('h'))) => (print(help::SAM), ""),
        Ok(Some(lexopt::Arg::Long("version") | lexopt::Arg::Short('V'))) => {
            (print(&format!("sam {}\n", env!("CARGO_PKG_VERSION"))), "")
        }
        Ok(Some(other)) => (Err(other.unexpected().into()), "sam --help"),
        Ok(None) => (Err(Refusal::new("there is no command; give run, status, stop, restart or signal")), "sam --help"),
        Err(error) => (Err(error.into()), "sam --help"),
    };
    result.unwrap_or_else(|refusal| {
        eprintln!("sam: {refusal}; see `{manual}`");
        ExitCode::from(USAGE)
    })
}

/// Prints `text` on standard output. It is no error if the reader has gone away.
fn print(text: &str) -> Result<ExitCode, Refusal> {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("sam: cannot write to standard output: {error}");
            Ok(ExitCode::from(sam::ErrorKind::Io.exit_status()))
        }
    }
}
