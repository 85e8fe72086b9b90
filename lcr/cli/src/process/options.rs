//! `options`: what a process keeps of its history on disk, and what it does with it at its start and end.

use serde_json::{Map, Value as Json};

use crate::{
    arguments::Options,
    exit::{Failure, Outcome},
    output::Output,
    table::Table,
};

use super::Process;

/// Prints the options, and changes those that are named.
pub(crate) fn options(arguments: &Options, output: &Output) -> Result<Outcome, Failure> {
    let changes = arguments.changes.iter().map(|change| change_of(change)).collect::<Result<Map<_, _>, _>>()?;
    let mut process = Process::find(&arguments.target)?;
    let answer = process.ask("options", &changes.into())?;
    if output.is_json() {
        output.json(&answer)?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(&["OPTION", "VALUE"]);
    for (name, value) in answer.as_object().into_iter().flatten() {
        let value = match value {
            Json::Null => "none".to_owned(),
            Json::String(text) => text.clone(),
            value => value.to_string(),
        };
        table.row([name.clone(), value]);
    }
    output.text(&table.text(output))?;
    Ok(Outcome::Done)
}

/// `keep=500`, `keep_for_s=none`, `unload_on_shutdown=true`. The process knows the names.
fn change_of(change: &str) -> Result<(String, Json), Failure> {
    let wrong = || Failure::usage(format!("`{change}` is no NAME=VALUE with a number, true, false or none"));
    let (name, value) = change.split_once('=').ok_or_else(wrong)?;
    let value = match value {
        "none" => Json::Null,
        "true" | "false" => (value == "true").into(),
        number => number.parse::<u64>().map_err(|_| wrong())?.into(),
    };
    Ok((name.to_owned(), value))
}
