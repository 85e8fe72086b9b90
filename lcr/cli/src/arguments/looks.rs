//! Commands that look at a process as it goes on.

use std::time::Duration;

use clap::Args;

use super::Target;

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
