//! The commands of the control socket, as one table, and their execution.
//!
//! A command calls what a program would call. Its answer is a value in the form of [`view`](super::view), made after
//! the call has returned, so no lock of the runtime is held meanwhile.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Actor, Error, ErrorKind, Result, Runtime, document};

use super::{
    admission::Admission,
    calls, canaries,
    changes::Change,
    exports, graph, past,
    protocol::{self, Hello, PROTOCOL, Request},
    served::{Nothing, Served},
    source, trials, view, watching,
    workers::Takes,
};

/// One command.
pub(super) struct Command {
    name: &'static str,
    /// Which lane executes it.
    pub(super) takes: Takes,
    /// Whether it changes something or opens files, which a server that is read-only refuses.
    changes: bool,
    run: fn(Served<'_>) -> Result<Box<RawValue>>,
}

/// The commands but `hello`, `events` and `watch`, which the loop serves, in the order of the page `control`.
const COMMANDS: &[Command] = &[
    Command { name: "status", takes: Takes::Moments, changes: false, run: status },
    Command { name: "generation", takes: Takes::Moments, changes: false, run: generation },
    Command { name: "stragglers", takes: Takes::Moments, changes: false, run: stragglers },
    Command { name: "pins", takes: Takes::Moments, changes: false, run: pins },
    Command { name: "graph", takes: Takes::Moments, changes: false, run: graph },
    Command { name: "trial", takes: Takes::Moments, changes: false, run: trials::trial },
    Command { name: "wait_trial", takes: Takes::Long, changes: false, run: trials::wait_trial },
    Command { name: "canary", takes: Takes::Moments, changes: false, run: canaries::canary },
    Command { name: "wait_canary", takes: Takes::Long, changes: false, run: canaries::wait_canary },
    Command { name: "confirm", takes: Takes::Long, changes: true, run: trials::confirm },
    Command { name: "abandon", takes: Takes::Long, changes: true, run: trials::abandon },
    Command { name: "quarantine", takes: Takes::Moments, changes: false, run: trials::quarantine },
    Command { name: "release", takes: Takes::Long, changes: true, run: trials::release },
    Command { name: "revisions", takes: Takes::Moments, changes: false, run: revisions },
    // Those of the disk take long on a slow one.
    Command { name: "history", takes: Takes::Long, changes: false, run: past::history },
    #[cfg(feature = "history")]
    Command { name: "options", takes: Takes::Long, changes: true, run: past::options },
    Command { name: "exports", takes: Takes::Moments, changes: false, run: exports::exports },
    // It sees itself to what a server that is read-only may call.
    Command { name: "call", takes: Takes::Call, changes: false, run: calls::call },
    // It reads the program's own copies of files.
    Command { name: "source", takes: Takes::Long, changes: false, run: source::source },
    Command { name: "refusals", takes: Takes::Moments, changes: false, run: refusals },
    // It has the program open files that the client names.
    Command { name: "plan", takes: Takes::Long, changes: true, run: plan },
    Command { name: "rehearse", takes: Takes::Long, changes: true, run: rehearse },
    Command { name: "commit", takes: Takes::Long, changes: true, run: commit },
];

/// The command of that name.
///
/// # Errors
/// `NotFound`; `Protected` if the server is read-only and the command changes something.
pub(super) fn find(name: &str, is_read_only: bool) -> Result<&'static Command> {
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        let names: Vec<_> = COMMANDS.iter().map(|command| command.name).collect();
        let text = format!("there is no command `{name:.40}`; there are hello, events, watch, {}", names.join(", "));
        return Err(Error::new(ErrorKind::NotFound, text));
    };
    refuse_change(name, command.changes && is_read_only)?;
    Ok(command)
}

/// Refuses a command that changes something, if the server is read-only.
///
/// # Errors
/// `Protected`.
pub(super) fn refuse_change(name: &str, is_refused: bool) -> Result<()> {
    if !is_refused {
        return Ok(());
    }
    let text = format!(
        "the program opened its control socket for reading only, and `{name}` changes something or opens files"
    );
    Err(Error::new(ErrorKind::Protected, text))
}

/// Begins a watch. A panic is an `Internal` error.
pub(super) fn watch(runtime: &Runtime, request: &Request, actor: &Actor) -> Result<(Box<RawValue>, watching::Stream)> {
    panic::catch_unwind(AssertUnwindSafe(|| watching::begin(runtime, request, actor)))
        .unwrap_or_else(|panic| Err(Error::internal("a request of the control socket", &*panic)))
}

/// Executes a command, and lets go of the runtime as soon as that can be. A panic is an `Internal` error.
pub(super) fn execute(
    command: &Command,
    runtime: Arc<Runtime>,
    request: &Request,
    actor: &Actor,
    is_read_only: bool,
) -> Result<Box<RawValue>> {
    let run = || {
        let afterwards = Cell::new(None);
        let served = Served { runtime: &runtime, request, actor, is_read_only, afterwards: &afterwards };
        let answer = (command.run)(served);
        drop(runtime);
        match afterwards.take() {
            Some(rest) if answer.is_ok() => rest(),
            _ => answer,
        }
    };
    panic::catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|panic| Err(Error::internal("a request of the control socket", &*panic)))
}

/// The answer to `hello`.
///
/// # Errors
/// `Mismatch` if the client speaks another protocol; `Invalid`.
pub(super) fn hello(runtime: &Runtime, request: &Request, admission: &Admission) -> Result<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Arguments {
        protocol: u32,
    }
    let Arguments { protocol } = request.arguments()?;
    if protocol != PROTOCOL {
        let text = format!("the client speaks protocol {protocol}, and this program speaks {PROTOCOL}");
        return Err(Error::new(ErrorKind::Mismatch, text));
    }
    protocol::value(&Hello {
        protocol,
        lcr: env!("CARGO_PKG_VERSION").to_owned(),
        program: admission.program.clone(),
        pid: std::process::id(),
        uid: admission.user,
        read_only: admission.read_only,
        generation: runtime.generation(),
        commands: ["hello", "events", watching::COMMAND]
            .into_iter()
            .chain(COMMANDS.iter().map(|command| command.name))
            .map(Into::into)
            .collect(),
    })
}

/// The answer to `events`, which a stream follows.
///
/// # Errors
/// `Invalid`.
pub(super) fn events(request: &Request) -> Result<Box<RawValue>> {
    #[derive(Serialize)]
    struct Answer {
        follows: bool,
    }
    let Nothing {} = request.arguments()?;
    protocol::value(&Answer { follows: true })
}

fn status(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    protocol::value(&view::document(&document::status(served.runtime))?)
}

fn generation(served: Served<'_>) -> Result<Box<RawValue>> {
    #[derive(Serialize)]
    struct Answer {
        generation: u64,
    }
    let Nothing {} = served.request.arguments()?;
    protocol::value(&Answer { generation: served.runtime.generation() })
}

fn stragglers(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    protocol::value(&view::list("stragglers", &served.runtime.status().stragglers)?)
}

fn pins(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    protocol::value(&view::pins(&served.runtime.pins()))
}

fn graph(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    protocol::value(&graph::graph(&served.runtime.status()))
}

fn revisions(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    protocol::value(&view::list("revisions", &served.runtime.revisions())?)
}

fn refusals(served: Served<'_>) -> Result<Box<RawValue>> {
    let Nothing {} = served.request.arguments()?;
    protocol::value(&view::list("refusals", &served.runtime.last_refusals())?)
}

fn plan(served: Served<'_>) -> Result<Box<RawValue>> {
    let change: Change = served.request.arguments()?;
    match change.plan(served.runtime, served.actor)? {
        Some(plan) => protocol::value(&view::plan(&plan.build())?),
        None => protocol::value(&view::nothing_differs(served.runtime.generation())),
    }
}

fn rehearse(served: Served<'_>) -> Result<Box<RawValue>> {
    let change: Change = served.request.arguments()?;
    match change.plan(served.runtime, served.actor)? {
        Some(plan) => protocol::value(&view::with_text(&plan.build().rehearse()?)?),
        None => protocol::value(&view::nothing_differs(served.runtime.generation())),
    }
}

fn commit(served: Served<'_>) -> Result<Box<RawValue>> {
    let change: Change = served.request.arguments()?;
    match change.plan(served.runtime, served.actor)? {
        Some(plan) => match &change.canary {
            Some(rules) => canaries::begin(plan, rules),
            None => protocol::value(&view::with_text(&plan.commit()?)?),
        },
        None => protocol::value(&view::nothing_differs(served.runtime.generation())),
    }
}
