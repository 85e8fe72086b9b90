//! `source`: the text that methods were written as, of a process or of a library file, and their syntax trees.
//!
//! A process and a file answer in one form: that of the command `source` of the control socket. The tree is made here,
//! so that neither a program nor a component parses anything.

mod tree;

use std::path::Path;

use lcr::source::ComponentSource;
use serde_json::{Value as Json, json};

use crate::{
    arguments::Source,
    exit::{Failure, Outcome},
    output::{Output, Style},
    process::{Process, list, number, text},
};

/// Prints the text of a method, or its tree.
pub(crate) fn source(arguments: &Source, output: &Output) -> Result<Outcome, Failure> {
    let mut answer = ask(arguments)?;
    if arguments.ast {
        for method in answer["methods"].as_array_mut().into_iter().flatten() {
            method["ast"] = tree::of(text(method, "text"), text(method, "method"))?;
        }
    }
    if output.is_json() {
        output.json(&answer)?;
        return Ok(Outcome::Done);
    }
    let methods = list(&answer, "methods");
    let component = format!("{} {}", text(&answer, "component"), text(&answer, "version"));
    let mut printed = String::new();
    for (at, method) in methods.iter().enumerate() {
        let place = match (text(method, "file"), number(method, "line")) {
            ("", _) | (_, 0) => "written by a macro".to_owned(),
            (file, line) => format!("{file}:{line}"),
        };
        let title = output.paint(Style::Strong, text(method, "method"));
        let rest = output.paint(Style::Faint, format!("of {component}, by {}, {place}", text(method, "type")));
        let body = if arguments.ast { format!("{:#}", method["ast"]) } else { text(method, "text").to_owned() };
        let gap = if at > 0 { "\n" } else { "" };
        printed += &format!("{gap}{title} {rest}\n{body}\n");
    }
    output.text(&printed)?;
    Ok(Outcome::of(!methods.is_empty()))
}

/// The answer of the process or the file that the arguments mean.
pub(crate) fn ask(arguments: &Source) -> Result<Json, Failure> {
    match &arguments.file {
        Some(file) => of_file(file, arguments.method.as_deref()),
        None => of_process(arguments),
    }
}

fn of_process(arguments: &Source) -> Result<Json, Failure> {
    let mut process = Process::find(&arguments.target)?;
    process.ask("source", &json!({ "method": arguments.method, "component": arguments.component }))
}

fn of_file(file: &Path, method: Option<&str>) -> Result<Json, Failure> {
    let source = ComponentSource::read(file)?;
    let methods = match method {
        Some(method) => source.of(method)?,
        None => source.methods.iter().collect(),
    };
    Ok(json!({
        "component": source.component.name,
        "version": source.component.version.to_string(),
        "methods": methods,
        "lacks": source.lacks.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))
}
