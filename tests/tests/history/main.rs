//! Histories on disk: what the next process begins with, whatever became of the last one and of its disk.

mod clocks_and_options;
mod crashes;
mod disks;
mod neighbours;
mod owners;
mod reloads;
mod trials;
mod trusted;
mod way_back;

use std::{io, path::Path, process::Command};

use lcr::{Handle, Runtime, history::History};
use lcr_tests::{interfaces::Counter, program};

/// A runtime with a history there, and nothing that is linked.
fn open(directory: &Path) -> Runtime {
    with(History::at(directory))
}

fn with(history: History) -> Runtime {
    Runtime::builder().linked(false).history(history).build().expect("a history never keeps a runtime from starting")
}

/// The version of the counter that serves; 0 if none does.
fn version(rt: &Runtime) -> u32 {
    let counter: lcr::Result<Handle<dyn Counter>> = rt.service();
    counter.map_or(0, |counter| counter.version())
}

/// What the program `recorded` printed until it ended, and whether it ended by itself and well.
fn run(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> io::Result<(Vec<u32>, bool)> {
    let mut command = Command::new(program("recorded"));
    let output = command.arg(directory).args(arguments).envs(variables.iter().copied()).output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    Ok((printed.lines().map(|line| line.parse().expect("a version")).collect(), output.status.success()))
}

/// The journal's text.
fn journal(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("journal.jsonl")).unwrap()
}
