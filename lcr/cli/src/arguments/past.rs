//! Commands on what was changed: the history, and the ways back.

use clap::{Args, Subcommand};

use super::{Commit, Target};

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
