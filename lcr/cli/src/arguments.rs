//! The command line, as clap reads it. The help, the completions and the manual pages come from here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::{exit, output::Color};

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
    /// Show what a library file says of its component, without running it
    Inspect(Inspect),
    /// Show what a replacement of one library file by another one changes
    Diff(Diff),
    /// Make a workspace of an interface, a component and a host
    New(New),
    /// Print the completions of a shell
    Completions(Completions),
    /// Write the manual pages to a directory
    Manual(Manual),
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
