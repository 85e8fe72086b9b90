//! `edit`: another text for a method, made of the one that its author wrote.
//!
//! The new text comes from a file, or from the old one by a change of its structure ([`structure`]). It must be a
//! method with the same signature, as callers go on calling it.

mod structure;

use std::fs;

use serde_json::json;

use crate::{
    arguments::Edit,
    exit::{Failure, Outcome},
    output::Output,
    process::{list, text},
    source,
};
use structure::{Change, Method, Place};

/// Prints the new text of a method.
pub(crate) fn edit(arguments: &Edit, output: &Output) -> Result<Outcome, Failure> {
    let answer = source::ask(&arguments.source())?;
    let was = match list(&answer, "methods") {
        [one] => text(one, "text").to_owned(),
        several => {
            let text = format!(
                "{} has {} texts, between which `#[cfg(..)]` chooses; edit the file",
                arguments.method,
                several.len()
            );
            return Err(Failure::usage(text));
        }
    };
    let method = Method::read(&was, &format!("the text of {}", arguments.method))?;
    let new = match change(arguments)? {
        Some(change) => method.with(&change)?,
        None => {
            let file = arguments.file.as_deref().expect("clap requires one of the three");
            let name = file.display().to_string();
            let text = fs::read_to_string(file).map_err(|error| Failure::system(format!("{name}: read"), &error))?;
            method.replaced_by(&Method::read(&text, &name)?)?;
            text.trim_end().to_owned()
        }
    };
    if output.is_json() {
        output.json(&json!({ "method": arguments.method, "was": was, "text": new }))?;
    } else {
        output.line(&new)?;
    }
    Ok(Outcome::Done)
}

/// The change of structure that the arguments ask for.
fn change(arguments: &Edit) -> Result<Option<Change>, Failure> {
    if let [place, statement] = &arguments.inject[..] {
        let place = match &**place {
            "before" => Place::Before,
            "after" => Place::After,
            index => Place::Index(number(index, "`before`, `after` or the number of a statement, the first is 1")?),
        };
        return Ok(Some(Change::Inject { place, statement: statement.clone() }));
    }
    if let [order, arm] = &arguments.clause[..] {
        let order = number(order, "the place of the new arm, the first is 1")?;
        return Ok(Some(Change::Clause { order, arm: arm.clone() }));
    }
    Ok(None)
}

fn number(text: &str, what: &str) -> Result<usize, Failure> {
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| Failure::usage(format!("`{text}` found for {what}")))
}
