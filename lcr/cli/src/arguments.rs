//! The command line, as clap reads it. The help, the completions and the manual pages come from here.

pub(crate) mod edit;
mod methods;
mod trial_ends;
pub(crate) mod watching;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::{exit, output::Color};
use edit::Edit;

pub(crate) use methods::{Call, Exports};
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

/// What a change may do, and how long.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ChangeOptions {
    /// Why, for reports, events and the history
    #[arg(long, value_name = "TEXT", help_heading = "Change")]
    pub(crate) reason: Option<String>,
    /// Put the new versions on trial for that long, such as 10s, or for that many calls, such as 1000calls or
    /// 1000calls,10m to wait so long for them (default: 1h); a fault brings the old ones back
    #[arg(long, value_name = "TIME|CALLS", help_heading = "Change")]
    pub(crate) trial: Option<TrialEnds>,
    /// How many faults the trial allows. Default: 0
    #[arg(long, value_name = "NUMBER", requires = "trial", help_heading = "Change")]
    pub(crate) trial_faults: Option<u64>,
    /// Change protected components, too
    #[arg(long, help_heading = "Change")]
    pub(crate) override_protected: bool,
    /// Let a component whose panics end the process replace one whose panics do not
    #[arg(long, help_heading = "Change")]
    pub(crate) allow_panic_abort: bool,
    /// Refuse the change if a patch that stands would fall off. Default: it rests until a version comes that it fits
    #[arg(long, help_heading = "Change")]
    pub(crate) require_patches: bool,
    /// Let the state of this component be lost
    #[arg(long, value_name = "COMPONENT", help_heading = "Change")]
    pub(crate) discard_state: Vec<String>,
    /// How long callers may be held. Default: 1s
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Change")]
    pub(crate) deadline: Option<Duration>,
    /// How long the change may take while callers go on. Default: 30s
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Change")]
    pub(crate) timeout: Option<Duration>,
    /// How long a shut gate waits for the calls inside. Default: 100ms
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Change")]
    pub(crate) gate_wait: Option<Duration>,
}

impl ChangeOptions {
    /// Whether the new versions go on trial.
    pub(crate) fn is_trial(&self) -> bool {
        self.trial.is_some()
    }
}

/// What the commands that change something have in common.
#[derive(Args, Clone, Debug)]
pub(crate) struct Commit {
    /// Show what would happen, and change nothing
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
    /// Wait for the end of the trial, and fail if the new versions did not stay
    #[arg(long, requires = "trial")]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) options: ChangeOptions,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// A file whose component replaces one: `FILE`, or `COMPONENT=FILE`.
#[derive(Clone, Debug)]
pub(crate) struct Replaced {
    pub(crate) component: Option<String>,
    pub(crate) file: PathBuf,
}

impl std::str::FromStr for Replaced {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Replaced, std::convert::Infallible> {
        Ok(match text.split_once('=') {
            Some((component, file)) if !component.is_empty() && !component.contains('/') => {
                Replaced { component: Some(component.to_owned()), file: file.into() }
            }
            _ => Replaced { component: None, file: text.into() },
        })
    }
}

/// `lcr replace`
#[derive(Args, Debug)]
pub(crate) struct Replace {
    /// The libraries; COMPONENT=FILE replaces a component of another name
    #[arg(required = true, value_name = "[COMPONENT=]FILE")]
    pub(crate) files: Vec<Replaced>,
    #[command(flatten)]
    pub(crate) commit: Commit,
}

/// `lcr add`
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// The libraries
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) commit: Commit,
}

/// `lcr remove`
#[derive(Args, Debug)]
pub(crate) struct Remove {
    /// The names of the components
    #[arg(required = true, value_name = "COMPONENT")]
    pub(crate) components: Vec<String>,
    #[command(flatten)]
    pub(crate) commit: Commit,
}

/// `lcr sync`
#[derive(Args, Debug)]
pub(crate) struct Sync {
    /// The directory; its files *.so are looked at
    pub(crate) directory: PathBuf,
    #[command(flatten)]
    pub(crate) commit: Commit,
}

/// `lcr plan` and `lcr rehearse`
#[derive(Args, Debug)]
#[command(after_help = "Exits with 1 if the plan would be refused.")]
pub(crate) struct Plan {
    /// Libraries that replace components
    #[arg(value_name = "[COMPONENT=]FILE")]
    pub(crate) files: Vec<Replaced>,
    /// A library to add
    #[arg(long, value_name = "FILE")]
    pub(crate) add: Vec<PathBuf>,
    /// A component to remove
    #[arg(long, value_name = "COMPONENT")]
    pub(crate) remove: Vec<String>,
    /// A directory to bring in
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) sync: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: ChangeOptions,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `lcr check`
#[derive(Args, Debug)]
#[command(after_help = "Exits with 1 if the library would be refused.")]
pub(crate) struct Check {
    /// The library
    pub(crate) file: PathBuf,
    /// Ask no process: check whether the library can take the place of this one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pid", "name", "uid", "socket"])]
    pub(crate) against: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `lcr rollback`
#[derive(Args, Debug)]
pub(crate) struct Rollback {
    /// How many changes to go back, also those of earlier processes if there is a history on disk. Default: 1
    #[arg(value_name = "N", conflicts_with_all = ["to", "entry", "original"])]
    pub(crate) steps: Option<u32>,
    /// Go back to what served in this generation of the running process
    #[arg(long, value_name = "GENERATION", conflicts_with_all = ["entry", "original"])]
    pub(crate) to: Option<u64>,
    /// Go back to what this entry of the history on disk put in place
    #[arg(long, value_name = "NUMBER", conflicts_with = "original")]
    pub(crate) entry: Option<u64>,
    /// Go back to what was linked or loaded first
    #[arg(long)]
    pub(crate) original: bool,
    #[command(flatten)]
    pub(crate) commit: Commit,
}

/// `lcr abandon`
#[derive(Args, Debug)]
pub(crate) struct Abandon {
    /// Why, for events and the history
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `lcr quarantine`
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = false)]
pub(crate) struct Quarantine {
    #[command(subcommand)]
    pub(crate) what: Option<QuarantineCommand>,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Let a file be used again
    Release {
        /// The content hash of the file, or its first digits
        hash: String,
    },
}

impl Quarantine {
    /// The hash to release.
    pub(crate) fn release(&self) -> Option<&str> {
        self.what.as_ref().map(|QuarantineCommand::Release { hash }| hash.as_str())
    }
}

/// `lcr history`
#[derive(Args, Debug)]
pub(crate) struct History {
    /// How many entries, the last ones
    #[arg(short = 'c', long, value_name = "NUMBER", default_value_t = 20)]
    pub(crate) count: u64,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `lcr options`
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Options to change, such as keep=500, keep_for_s=none or unload_on_shutdown=true
    #[arg(value_name = "NAME=VALUE")]
    pub(crate) changes: Vec<String>,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `lcr why`
#[derive(Args, Debug)]
pub(crate) struct Why {
    /// How many refusals, the last ones
    #[arg(short = 'c', long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) count: usize,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `lcr events`
#[derive(Args, Debug)]
pub(crate) struct Events {
    /// Go on until the process ends; otherwise end when nothing has happened for a second
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// End after that many events
    #[arg(short = 'c', long, value_name = "NUMBER")]
    pub(crate) count: Option<u64>,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `lcr graph`
#[derive(Args, Debug)]
pub(crate) struct Graph {
    /// Print a graph for Graphviz
    #[arg(long, conflicts_with = "picture")]
    pub(crate) dot: bool,
    /// Draw boxes and lines in place of a list
    #[arg(long, short)]
    pub(crate) picture: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `lcr top`
#[derive(Args, Debug)]
pub(crate) struct Top {
    /// How often to look
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "500ms")]
    pub(crate) every: Duration,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `lcr watch`
#[derive(Args, Debug)]
pub(crate) struct Watch {
    /// The component: its folder, or the name of its package
    #[arg(value_name = "CRATE")]
    pub(crate) package: String,
    /// Build with optimisations
    #[arg(long)]
    pub(crate) release: bool,
    /// Build this [[example]] of the package in place of its library
    #[arg(long, value_name = "NAME")]
    pub(crate) example: Option<String>,
    /// End after the first replacement
    #[arg(long)]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) options: ChangeOptions,
    #[command(flatten)]
    pub(crate) target: Target,
    /// Further arguments for cargo build
    #[arg(last = true, value_name = "CARGO ARGUMENTS")]
    pub(crate) cargo: Vec<String>,
}

/// `lcr inspect`
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// The library
    pub(crate) file: PathBuf,
    /// Spell out the structs and enums of the signatures
    #[arg(long)]
    pub(crate) types: bool,
}

/// `lcr source`
#[derive(Args, Debug)]
#[command(after_help = "The component must be built with the feature `source` of lcr.")]
pub(crate) struct Source {
    /// The method, by interface and method, such as kv.store.get. Default: all methods of the component
    #[arg(required_unless_present_any = ["component", "file"])]
    pub(crate) method: Option<String>,
    /// The component. Default: the only one that implements the interface
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    pub(crate) component: Option<String>,
    /// Read a library file, without running it, and no process
    #[arg(long, value_name = "LIBRARY", conflicts_with_all = ["pid", "name", "uid", "socket"])]
    pub(crate) file: Option<PathBuf>,
    /// Print the syntax tree, as JSON
    #[arg(long)]
    pub(crate) ast: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `lcr diff`
#[derive(Args, Debug)]
#[command(after_help = "Exits with 1 if the new library cannot take the place of the old one.")]
pub(crate) struct Diff {
    /// The library that serves
    pub(crate) old: PathBuf,
    /// The library that would take its place
    pub(crate) new: PathBuf,
}

/// `lcr completions`
#[derive(Args, Debug)]
#[command(after_help = "\
For bash:  source <(lcr completions bash)
For zsh:   lcr completions zsh > \"${fpath[1]}/_lcr\"
For fish:  lcr completions fish > ~/.config/fish/completions/lcr.fish")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

/// `lcr manual`
#[derive(Args, Debug)]
pub(crate) struct Manual {
    /// The directory, such as ~/.local/share/man/man1. Made if it is not there
    pub(crate) directory: PathBuf,
}

/// `lcr new`
#[derive(Args, Debug)]
pub(crate) struct New {
    /// The directory to make; its last part names the packages
    pub(crate) path: PathBuf,
    /// Make the interface of a trait in a file: FILE, or FILE:TRAIT if there are several
    #[arg(long, value_name = "FILE[:TRAIT]")]
    pub(crate) from: Option<String>,
    /// The folder of lcr's source, to depend on in place of a version
    #[arg(long, value_name = "FOLDER")]
    pub(crate) lcr_path: Option<PathBuf>,
}
