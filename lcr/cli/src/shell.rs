//! `completions` and `manual`: what clap makes of the declaration of the command line.

use std::fs;

use clap::CommandFactory as _;
use serde_json::json;

use crate::{
    arguments::{Arguments, Completions, Manual},
    exit::{Failure, Outcome},
    output::Output,
};

/// Prints the completions of a shell.
pub(crate) fn completions(arguments: &Completions, output: &Output) -> Result<Outcome, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "lcr", &mut text);
    match output.is_json() {
        true => output.json(&json!({
            "shell": arguments.shell.to_string(),
            "completions": String::from_utf8_lossy(&text),
        }))?,
        false => output.text(&String::from_utf8_lossy(&text))?,
    }
    Ok(Outcome::Done)
}

/// Writes a manual page for the command, and one for each of its commands.
pub(crate) fn manual(arguments: &Manual, output: &Output) -> Result<Outcome, Failure> {
    let directory = &arguments.directory;
    let failed = |error| Failure::system(format!("manual pages cannot be written to {}", directory.display()), &error);
    fs::create_dir_all(directory).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command().disable_help_subcommand(true), directory).map_err(failed)?;
    match output.is_json() {
        true => output.json(&json!({ "directory": directory }))?,
        false => output.line(format!("lcr.1 and a page for each command are in {}", directory.display()))?,
    }
    Ok(Outcome::Done)
}
