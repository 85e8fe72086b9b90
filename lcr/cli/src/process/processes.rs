//! `ps`: the processes that have a control socket.

use std::time::Duration;

use lcr::control::{Client, Socket, sockets};
use serde_json::{Value as Json, json};

use crate::{
    exit::{Failure, Outcome},
    output::Output,
    table::Table,
};

use super::{finding::HOW_TO_OPEN, list, number, text};

/// How long a process may take to answer before it is shown as silent.
const PATIENCE: Duration = Duration::from_secs(2);

/// Prints every process that can be seen.
pub(crate) fn ps(output: &Output) -> Result<Outcome, Failure> {
    let found: Vec<Json> = sockets().iter().filter_map(look).collect();
    if output.is_json() {
        output.json(&json!({ "processes": found }))?;
        return Ok(Outcome::of(!found.is_empty()));
    }
    if found.is_empty() {
        output.note(format_args!("no process has a control socket; {HOW_TO_OPEN}"));
        return Ok(Outcome::No);
    }
    let mut table = Table::new(&["PID", "PROGRAM", "UID", "GENERATION", "COMPONENTS", "STATE", "SOCKET"]);
    for process in &found {
        table.row([
            number(process, "pid").to_string(),
            text(process, "program").to_owned(),
            number(process, "uid").to_string(),
            process["generation"].as_u64().map(|number| number.to_string()).unwrap_or_default(),
            process["components"].as_u64().map(|number| number.to_string()).unwrap_or_default(),
            text(process, "state").to_owned(),
            text(process, "socket").to_owned(),
        ]);
    }
    output.text(&table.text(output))?;
    Ok(Outcome::Done)
}

/// What is seen of a process; `None` if it has ended.
fn look(socket: &Socket) -> Option<Json> {
    let mut process = json!({
        "pid": socket.pid,
        "program": socket.program,
        "uid": socket.uid,
        "socket": socket.path,
    });
    let mut client = match Client::connect_to(socket) {
        Ok(client) => client,
        Err(error) if matches!(error.kind(), lcr::ErrorKind::NotFound | lcr::ErrorKind::Closed) => return None,
        Err(error) => {
            process["state"] = error.kind().name().into();
            process["error"] = error.to_string().into();
            return Some(process);
        }
    };
    client.timeout(PATIENCE);
    let hello = client.hello().clone();
    process["lcr"] = hello.lcr.into();
    process["read_only"] = hello.read_only.into();
    process["generation"] = hello.generation.into();
    let state = match client.status() {
        Ok(status) => {
            let mut names: Vec<&str> = list(&status, "components").iter().map(|each| text(each, "name")).collect();
            names.sort_unstable();
            names.dedup();
            process["components"] = names.len().into();
            state(&status, hello.read_only)
        }
        Err(error) => error.kind().name().to_owned(),
    };
    process["state"] = state.into();
    Some(process)
}

fn state(status: &Json, read_only: bool) -> String {
    let mut words = Vec::new();
    if status["is_gate_shut"] == true {
        words.push("changing");
    }
    if list(status, "components").iter().any(|component| component["on_trial"] == true) {
        words.push("on trial");
    }
    if read_only {
        words.push("read-only");
    }
    if words.is_empty() { "serves".to_owned() } else { words.join(", ") }
}
