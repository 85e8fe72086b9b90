//! Commands on sources, library files and the command itself.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::{ChangeOptions, Target};

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
