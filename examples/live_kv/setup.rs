//! Sets up a runtime with its components, and the server that calls them.

use std::{
    error::Error,
    io,
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    thread,
};

use kv::Commands;
use lcr::Runtime;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{
    args::Args,
    artifacts::{Artifacts, Built, GOOD},
    load::latency::Activity,
    replace::{Changer, DEADLINE},
    server::{Server, request::Limits},
};

/// Any error that ends the program.
pub(crate) type Fatal = Box<dyn Error>;

/// The libraries that serving needs, and `more`.
///
/// # Errors
/// A library cannot be built or found.
pub(crate) fn artifacts(args: &Args, more: &[&'static str]) -> Result<Artifacts, Fatal> {
    let names: Vec<&str> = [GOOD, more].concat();
    if let Some(directory) = &args.components {
        return Ok(Artifacts::in_directory(directory, &names)?);
    }
    // An instance that takes over must not wait for Cargo.
    if let Some(note) = sam::app().stored()?
        && let Some(artifacts) = Artifacts::recall(&note, &names)
    {
        return Ok(artifacts);
    }
    println!("building {} components", names.len());
    let artifacts = Artifacts::build(&names, |built: Built<'_>| println!("{built}"))?;
    sam::app().store(&artifacts.note()?)?;
    Ok(artifacts)
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
    let changer = Changer::install(runtime, artifacts, activity, DEADLINE)?;
    let commands = Arc::new(runtime.service::<dyn Commands>()?);
    let server = Server::start(address, threads, commands, Limits::default())
        .map_err(|error| format!("cannot serve on {address}: {error}"))?;
    Ok((changer, server))
}

/// Sends a message at the first SIGINT or SIGTERM.
///
/// # Errors
/// The signals cannot be caught.
pub(crate) fn stop_signals() -> io::Result<Receiver<()>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (stop, stopped) = mpsc::channel();
    thread::Builder::new().name("kv-signals".into()).spawn(move || {
        signals.forever().next();
        // The receiver may be gone when the program ends.
        let _ = stop.send(());
    })?;
    Ok(stopped)
}
