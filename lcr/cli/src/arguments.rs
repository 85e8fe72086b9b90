//! The command line, as clap reads it. The help, the completions and the manual pages come from here.

mod canary;
mod changes;
pub(crate) mod edit;
mod files;
mod looks;
mod methods;
mod past;
mod trial_ends;
pub(crate) mod watching;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{exit, output::Color};
use edit::Edit;

pub(crate) use canary::{CanaryShare, Condition, ShadowMethods, Until};
pub(crate) use changes::{Add, ChangeOptions, Check, Commit, Plan, Remove, Replace, Replaced, Sync};
pub(crate) use files::{Completions, Diff, Inspect, Manual, New, Source, Watch};
pub(crate) use looks::{Events, Graph, Top};
pub(crate) use methods::{Call, Exports};
pub(crate) use past::{Abandon, History, Options, Quarantine, Rollback, Why};
pub(crate) use trial_ends::TrialEnds;

/// Shows and changes the components of a running program
#[derive(Debug, Parser)]
#[command(
    name = "lcr",
    version,
    after_long_help = exit::HELP,
    disable_help_subcommand = false,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// Print JSON, one value a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub(crate) color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the processes that have a control socket
    Ps,
    /// List the components of a process
    #[command(visible_alias = "status")]
    Ls(Target),
    /// Show the components, faults and last changes of a process, as they change
    Top(Top),
    /// Draw what depends on what
    Graph(Graph),
    /// Show what happens in a process
    Events(Events),
    /// List the changes of a process, and what was refused
    #[command(visible_alias = "log")]
    History(History),
    /// Show the options of a history on disk, or change some
    Options(Options),
    /// Show the last refusals in full
    Why(Why),
    /// List the calls that are still inside replaced instances
    Stragglers(Target),
    /// List who holds a pin
    Pins(Target),
    /// Check whether a process would take a library
    Check(Check),
    /// Show what a change would do
    Plan(Plan),
    /// Try a change on a copy of the live state, and throw the copy away
    Rehearse(Plan),
    /// Replace components by those of library files, all in one commit
    Replace(Replace),
    /// Add the components of library files
    Add(Add),
    /// Remove components
    Remove(Remove),
    /// Bring what is in a directory into a process: what is new is added, what differs replaces
    Sync(Sync),
    /// Go back to components that served before
    Rollback(Rollback),
    /// Show the trial that is under way
    Trial(Target),
    /// End the trial: the new versions stay
    Confirm(Target),
    /// End the trial: the versions before it come back
    Abandon(Abandon),
    /// List the files that are refused because they failed, or release one
    Quarantine(Quarantine),
    /// Show what a library file says of its component, without running it
    Inspect(Inspect),
    /// List the methods of a component, of a process or of a library file, with their patches
    Exports(Exports),
    /// Call a method of a running component with JSON
    Call(Call),
    /// Show the source text of a method, of a process or of a library file
    Source(Source),
    /// Change one method of a process by another source text
    Edit(Edit),
    /// Show what a replacement of one library file by another one changes
    Diff(Diff),
    /// Show calls of methods as they end
    Trace(watching::Trace),
    /// Count the calls of methods, and time them
    Stats(watching::Stats),
    /// Show the slowest calls of methods
    Slow(watching::Slow),
    /// Have a share of the calls of methods fail
    Fail(watching::Fail),
    /// Write calls of methods to a file
    Record(watching::Record),
    /// Make the calls of a record again, and say which outcomes differ
    Replay(watching::Replay),
    /// Build a component at each change of its source, and replace it in a process
    Watch(Watch),
    /// Make a workspace of an interface, a component and a host
    New(New),
    /// Print the completions of a shell
    Completions(Completions),
    /// Write the manual pages to a directory
    Manual(Manual),
}

/// Which process a command speaks to. Default: the only one of this user.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Target {
    /// The process with this number
    #[arg(long, value_name = "NUMBER", help_heading = "Process (default: the only one of this user)")]
    pub(crate) pid: Option<u32>,
    /// The program with this name
    #[arg(long, value_name = "PROGRAM", help_heading = "Process (default: the only one of this user)")]
    pub(crate) name: Option<String>,
    /// Processes of the user with this number. Default: this user, also for root
    #[arg(long, value_name = "NUMBER", help_heading = "Process (default: the only one of this user)")]
    pub(crate) uid: Option<u32>,
    /// The control socket at this path; also LCR_SOCKET
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with_all = ["pid", "name", "uid"],
        help_heading = "Process (default: the only one of this user)"
    )]
    pub(crate) socket: Option<PathBuf>,
}
