//! A runtime with its components, and the server that calls them.

use std::{error::Error, sync::Arc};

use kv::Commands;
use lcr::Runtime;

use crate::{
    args::Args,
    artifacts::{Artifacts, Built, GOOD},
    load::latency::Activity,
    replace::Changer,
    server::{Server, request::Limits},
};

/// Any error that ends the program.
pub(crate) type Fatal = Box<dyn Error>;

/// The libraries that serving needs, and `more`.
///
/// # Errors
/// One cannot be built or found.
pub(crate) fn artifacts(args: &Args, more: &[&'static str]) -> Result<Artifacts, Fatal> {
    let names: Vec<&str> = [GOOD, more].concat();
    if let Some(directory) = &args.components {
        return Ok(Artifacts::in_directory(directory, &names)?);
    }
    println!("building {} components", names.len());
    Ok(Artifacts::build(&names, |built: Built<'_>| println!("{built}"))?)
}

/// Loads the first components and starts to serve on `address`.
///
/// # Errors
/// The runtime refuses a component, or the address cannot be listened on.
pub(crate) fn open<'a>(
    runtime: &'a Runtime,
    artifacts: &'a Artifacts,
    activity: &'a Activity,
    address: &str,
    threads: usize,
) -> Result<(Changer<'a>, Server), Fatal> {
    let changer = Changer::install(runtime, artifacts, activity)?;
    let commands = Arc::new(runtime.service::<dyn Commands>()?);
    let server = Server::start(address, threads, commands, Limits::default())
        .map_err(|error| format!("cannot serve on {address}: {error}"))?;
    Ok((changer, server))
}
