//! Commands that change the components of a process, and what they have in common.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{CanaryShare, Condition, ShadowMethods, Target, TrialEnds};

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
    /// Before that, give the new version this share of the calls, such as 5%, and withdraw it if it does worse than the
    /// old one; 5%,500calls says after how many of its own calls it takes the place, and 5%,500calls,10m how long it
    /// waits for them (default: 1000calls,1h). With 5%requests or 5%,500requests, this share of the requests, each
    /// whole: what a thread of the program calls while it holds a pin
    #[arg(long, value_name = "SHARE", help_heading = "Change")]
    pub(crate) canary: Option<CanaryShare>,
    /// With --canary: the share is of the calls of this method whose argument, or a part of it, has this value, as
    /// JSON, such as 'kv.store.get:key="user-7"' or 'kv.store.put:entry.tags[0]="a"', or 'kv.store.*:tenant=7' for all
    /// methods that have one; other calls stay with the old version. If given more than once, of calls that match any
    #[arg(long, value_name = "METHOD:ARGUMENT=JSON", requires = "canary", help_heading = "Change")]
    pub(crate) matching: Vec<Condition>,
    /// Before that, give the new version copies of the calls of these methods, such as kv.store.get, kv.store.* or *
    /// for all that are declared pure, and withdraw it if one comes out differently; kv.store.*,500calls,10m says after
    /// how many calls it takes the place, and how long it waits for them (default: 1000calls,1h), and kv.store.*,10% of
    /// which share of the calls it gets copies
    #[arg(long, value_name = "METHODS", conflicts_with = "canary", help_heading = "Change")]
    pub(crate) shadow: Option<ShadowMethods>,
    /// With --shadow: take sequences for equal that have the same elements in another order
    #[arg(long, requires = "shadow", help_heading = "Change")]
    pub(crate) any_order: bool,
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
    /// Wait for the end of the canary, shadow or trial, and fail if the new versions did not stay
    #[arg(long)]
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
