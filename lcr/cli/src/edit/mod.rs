//! `edit`: another text for a method, made of the one that its author wrote, and put into the process as a patch.
//!
//! The new text comes from an editor, from a file, or from the old one by a change of its structure ([`structure`]). It
//! must be a method with the same signature, as callers go on calling it. From the text a function of a patch is made
//! ([`translate`]), which cargo builds ([`library`]) against the crate that declares the interface ([`interface`]).
//! From there on it is a library like any other: `lcr replace` puts it in, with a trial, a reason and a place in the
//! history.

mod editor;
mod interface;
mod library;
mod structure;
mod translate;

use std::fs;

use serde_json::{Value as Json, json};

use crate::{
    arguments::{Replaced, edit::Edit},
    exit::{Failure, Outcome},
    output::Output,
    process::{Process, change, list, nothing, text},
    source,
};
use editor::Folder;
use library::{Built, Patch};
use structure::{Change, Method, Place};
use translate::Function;

/// What the new text is.
struct New {
    /// The method as a whole.
    text: String,
    /// What the user's lines are lines of, for messages.
    of: String,
    change: Option<Change>,
}

/// Changes a method, or prints its new text.
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
    let mut folder = Folder::new()?;
    let new = match change(arguments)? {
        Some(change) => {
            let of = if let Change::Inject { .. } = change { "--inject" } else { "--clause" };
            New { text: method.with(&change)?, of: of.to_owned(), change: Some(change) }
        }
        None => match &arguments.file {
            Some(file) => {
                let name = file.display().to_string();
                let text =
                    fs::read_to_string(file).map_err(|error| Failure::system(format!("{name}: read"), &error))?;
                New { text, of: name, change: None }
            }
            None => match folder.edit(&arguments.method, &was)? {
                Some((text, name)) => New { text, of: name, change: None },
                None => {
                    output.note("the text is as it was; nothing is changed");
                    return Ok(Outcome::of(false));
                }
            },
        },
    };
    if new.change.is_none() {
        method.replaced_by(&Method::read(&new.text, &new.of)?)?;
    }
    if arguments.print {
        let new = new.text.trim_end();
        match output.is_json() {
            true => output.json(&json!({ "method": arguments.method, "was": was, "text": new }))?,
            false => output.line(new)?,
        }
        return Ok(Outcome::Done);
    }
    let function = match &new.change {
        Some(change) => translate::of_change(&method, change, &new.text)?,
        None => translate::of_text(&method, &new.text)?,
    };
    apply(arguments, &answer, &function, &new.of, &folder, output)
}

/// Builds the patch, and puts it in.
fn apply(
    arguments: &Edit,
    answer: &Json,
    function: &Function,
    of: &str,
    folder: &Folder,
    output: &Output,
) -> Result<Outcome, Failure> {
    let interface = arguments.method.rsplit_once('.').map_or("", |(interface, _)| interface);
    let found = interface::find(arguments, interface)?;
    let name = format!("edit-{}", arguments.method);
    let version = version(arguments, &name)?;
    let component = text(answer, "component");
    let patch = Patch { name: &name, version: &version, component, interface: &found, function, of };
    let library = match library::build(&patch, arguments, folder.path(), output)? {
        Built::Library(library) => library,
        Built::Refused => {
            output.note("not built; what serves goes on serving");
            return Ok(Outcome::of(false));
        }
    };
    let mut change = change::Change::new(&arguments.commit.options);
    change.replace(&Replaced { component: None, file: library.path().to_owned() })?;
    change::commit(&arguments.commit, change, output)
}

/// The version of the patch: one more than that of the present one, if there is one.
fn version(arguments: &Edit, name: &str) -> Result<String, Failure> {
    let status = Process::find(&arguments.commit.target)?.ask("status", &nothing())?;
    let present = list(&status, "components").iter().find(|each| text(each, "name") == name);
    let number = present.and_then(|present| text(present, "version").rsplit('.').next()?.parse::<u64>().ok());
    Ok(format!("0.0.{}", number.map_or(1, |number| number.saturating_add(1))))
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
