//! Commands on the methods of a component: which there are, and calls of them.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::Target;

/// `lcr exports`
#[derive(Args, Debug)]
pub(crate) struct Exports {
    /// The component. Default: all of the process. What has a `/` in it, or ends in `.so`, is a library file, which is
    /// read without running it; then no process is asked
    #[arg(value_name = "COMPONENT|FILE")]
    pub(crate) of: Option<String>,
    #[command(flatten)]
    pub(crate) target: Target,
}

impl Exports {
    /// The library file that is meant.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let of = self.of.as_deref()?;
        (of.contains('/') || of.ends_with(".so")).then(|| of.into())
    }
}

/// `lcr call`
#[derive(Args, Debug)]
#[command(after_help = "\
The result is printed as JSON. Exits with 1 if the method returned an error, with 70 if it panicked, and with 75 if it \
has not returned in time.")]
pub(crate) struct Call {
    /// The method: [COMPONENT/]INTERFACE.METHOD, such as kv.store.get
    #[arg(value_name = "METHOD")]
    pub(crate) method: String,
    /// Its arguments as JSON: an array in their order, or an object by their names. `-` reads standard input
    #[arg(value_name = "JSON", default_value = "[]", allow_hyphen_values = true)]
    pub(crate) arguments: String,
    /// Call a method that is not declared `#[lcr(pure)]`, too: it may change something
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// How long to wait for the method
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "10s")]
    pub(crate) timeout: Duration,
    /// How long the result may be as JSON, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub(crate) limit: u64,
    #[command(flatten)]
    pub(crate) target: Target,
}
