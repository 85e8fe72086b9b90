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
//! | `exports` | `exports`, of a process or of a file |
//! | `source` | `source`, of a process or of a file |
//! | `edit` | `edit`, which makes another text of a method, and a patch of that |
//! | `process` | that speak to a process through its control socket |
//! | `replay` | `replay`, of a process or of libraries |
//! | `top` | `top`, the live view |
//! | `watch` | `watch` |
//! | `scaffold` | `new` |
//! | `shell` | `completions`, `manual` |

#![deny(missing_debug_implementations)]

mod arguments;
mod edit;
mod exact;
mod exit;
mod exports;
mod files;
mod output;
mod process;
mod replay;
mod scaffold;
mod shell;
mod source;
mod table;
mod top;
mod watch;

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
        Command::Ps => process::processes::ps(output),
        Command::Ls(target) => process::look::ls(&target, output),
        Command::Top(top) => top::top(&top, output),
        Command::Graph(graph) => process::graph::graph(&graph, output),
        Command::Events(events) => process::events::events(&events, output),
        Command::History(history) => process::history::history(&history, output),
        Command::Options(options) => process::options::options(&options, output),
        Command::Why(why) => process::look::why(&why, output),
        Command::Stragglers(target) => process::look::stragglers(&target, output),
        Command::Pins(target) => process::look::pins(&target, output),
        Command::Check(check) => process::change::check(&check, output),
        Command::Plan(plan) => process::change::plan(&plan, output),
        Command::Rehearse(plan) => process::change::rehearse(&plan, output),
        Command::Replace(replace) => process::change::replace(&replace, output),
        Command::Add(add) => process::change::add(&add, output),
        Command::Remove(remove) => process::change::remove(&remove, output),
        Command::Sync(sync) => process::change::sync(&sync, output),
        Command::Rollback(rollback) => process::back::rollback(&rollback, output),
        Command::Trial(target) => process::trial::trial(&target, output),
        Command::Confirm(target) => process::trial::confirm(&target, output),
        Command::Abandon(abandon) => process::trial::abandon(&abandon, output),
        Command::Quarantine(quarantine) => process::trial::quarantine(&quarantine, output),
        Command::Inspect(inspect) => files::inspect::inspect(&inspect, output),
        Command::Exports(of) => exports::exports(&of, output),
        Command::Call(call) => process::call::call(&call, output),
        Command::Source(source) => source::source(&source, output),
        Command::Edit(edit) => edit::edit(&edit, output),
        Command::Diff(diff) => files::fit::diff(&diff, output),
        Command::Trace(trace) => process::watching::trace(&trace, output),
        Command::Stats(stats) => process::watching::stats(&stats, output),
        Command::Slow(slow) => process::watching::slow(&slow, output),
        Command::Fail(fail) => process::watching::fail(&fail, output),
        Command::Record(record) => process::watching::record(&record, output),
        Command::Replay(replay) => replay::replay(&replay, output),
        Command::Watch(watch) => watch::watch(&watch, output),
        Command::New(new) => scaffold::new(&new, output),
        Command::Completions(completions) => shell::completions(&completions, output),
        Command::Manual(manual) => shell::manual(&manual, output),
    }
}
