//! `exports`: the methods of a process or of a library file, with their signatures, marks and patches.
//!
//! A process and a file answer in one form: that of the command `exports` of the control socket.

use lcr::manifest::{Exported, Manifest};
use serde_json::{Value as Json, json};

use crate::{
    arguments::Exports,
    exit::{Failure, Outcome},
    output::{Output, Style},
    process::{Process, list, number, text},
};

/// Prints the methods of each interface.
pub(crate) fn exports(arguments: &Exports, output: &Output) -> Result<Outcome, Failure> {
    let answer = match arguments.file() {
        Some(file) => {
            let (manifest, hash) = Manifest::read_hashed(file)?;
            let exported = manifest.exports.iter().map(|export| {
                let mut exported = Exported::of(export);
                exported.hash = Some(hash);
                exported
            });
            json!({ "exports": exported.collect::<Vec<_>>() })
        }
        None => Process::find(&arguments.target)?.ask("exports", &json!({ "component": arguments.of }))?,
    };
    if output.is_json() {
        output.json(&answer)?;
        return Ok(Outcome::Done);
    }
    let exports = list(&answer, "exports");
    let interfaces = exports.iter().enumerate().map(|(at, export)| {
        let gap = if at > 0 { "\n" } else { "" };
        format!("{gap}{}", interface(export, output))
    });
    output.text(&interfaces.collect::<String>())?;
    Ok(Outcome::of(!exports.is_empty()))
}

/// One interface of a component, a line for each method.
fn interface(export: &Json, output: &Output) -> String {
    let name = format!("{} v{}", text(export, "interface"), number(export, "interface_version"));
    let (component, version, by) = (text(export, "name"), text(export, "version"), text(export, "type_name"));
    let of = output.paint(Style::Faint, format!("of {component} {version}, by {by}"));
    let methods = list(export, "methods");
    let wide = methods.len().saturating_sub(1).to_string().len();
    let lines = methods.iter().map(|method| {
        let marks = marks(method);
        let marks = if marks.is_empty() { String::new() } else { format!("  ({})", marks.join("; ")) };
        let signature = text(method, "signature");
        format!("  {:>wide$}  {signature}{}\n", number(method, "id"), output.paint(Style::Faint, marks))
    });
    format!("{} {of}\n{}", output.paint(Style::Strong, name), lines.collect::<String>())
}

/// What there is to say of a method beside its signature.
fn marks(method: &Json) -> Vec<String> {
    let mut marks = Vec::new();
    let words = [("pure", "pure"), ("has_default", "has a default body")];
    marks.extend(words.iter().filter(|(member, _)| method[*member] == true).map(|(_, word)| (*word).to_owned()));
    for argument in list(method, "arguments").iter().filter(|argument| argument["secret"] == true) {
        marks.push(format!("{} is secret", text(argument, "name")));
    }
    for patch in list(method, "patches") {
        marks.push(format!("patched by {}, patch {}", text(patch, "name"), number(patch, "number")));
    }
    marks
}
