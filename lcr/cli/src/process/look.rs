//! `ls`, `stragglers` and `pins`: what a process holds at this moment.

use serde_json::{Value as Json, json};

use crate::{
    arguments::{Target, Why},
    exit::{Failure, Outcome},
    output::{Output, Style, bytes, counted},
    table::Table,
};

use super::{Process, component, list, micros, nothing, number, short, text};

/// Prints the components, and what there is beside them.
pub(crate) fn ls(target: &Target, output: &Output) -> Result<Outcome, Failure> {
    let mut process = Process::find(target)?;
    let status = process.ask("status", &nothing())?;
    if output.is_json() {
        output.json(&status)?;
        return Ok(Outcome::Done);
    }
    let generation = format!("{}, generation {}", process.name(), number(&status, "generation"));
    let text =
        format!("{}\n{}{}", output.paint(Style::Strong, generation), components(&status).text(output), rest(&status));
    output.text(&text)?;
    Ok(Outcome::Done)
}

/// One row for each implementation.
fn components(status: &Json) -> Table {
    let mut table = Table::new(&["COMPONENT", "VERSION", "INTERFACE", "INSTANCES", "CALLS", "FAULTS", "HASH", "IS"]);
    for each in list(status, "components") {
        let optional = |member: &str| each[member].as_u64().map(|number| number.to_string()).unwrap_or_default();
        let words = [("on_trial", "on trial"), ("protected", "protected")];
        let is = words.iter().filter(|(member, _)| each[*member] == true).map(|(_, word)| (*word).to_owned());
        let patches = each["patches"].as_u64().filter(|&patches| patches > 0);
        let patched = patches.map(|patches| format!("patched by {patches}, number {}", number(each, "patch_number")));
        let is: Vec<String> = is.chain(patched).collect();
        table.row([
            text(each, "name").to_owned(),
            text(each, "version").to_owned(),
            format!("{} v{}", text(each, "interface"), number(each, "interface_version")),
            number(each, "instances").to_string(),
            optional("calls"),
            optional("faults"),
            each["hash"].as_str().map_or_else(|| "linked".to_owned(), |hash| short(hash).to_owned()),
            is.join(", "),
        ]);
    }
    table
}

/// What an operator should know beside the components; nothing if all is quiet.
fn rest(status: &Json) -> String {
    let mut lines = Vec::new();
    if status["is_gate_shut"] == true {
        lines.push("a transaction holds callers now".to_owned());
    }
    lines.extend(list(status, "patches").iter().map(patch));
    let retiring = number(status, "retiring");
    if retiring > 0 {
        lines.push(format!("{} not destroyed yet", counted(retiring, "replaced instance")));
    }
    let stragglers = list(status, "stragglers").len();
    if stragglers > 0 {
        lines.push(format!("{}; see `lcr stragglers`", counted(stragglers as u64, "straggler")));
    }
    let pins = number(status, "pins");
    if pins > 0 {
        lines.push(format!("{}; see `lcr pins`", counted(pins, "pin")));
    }
    let images = number(status, "retained_images");
    if images > 0 {
        let size = bytes(number(status, "retained_image_bytes"));
        let stay = if images == 1 { "stays" } else { "stay" };
        lines.push(format!("{} of old components {stay} mapped, {size}", counted(images, "image")));
    }
    for left in list(status, "left_threads") {
        let name = left["thread"].as_str().unwrap_or("a thread without a name");
        lines.push(format!("{name} runs on, left by {}", component(&left["component"])));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// What a patch does, or why it does nothing.
fn patch(patch: &Json) -> String {
    let methods: Vec<&str> = list(patch, "methods").iter().filter_map(Json::as_str).collect();
    let (name, component, interface) = (text(patch, "name"), text(patch, "component"), text(patch, "interface"));
    let methods = methods.join(", ");
    let number = number(patch, "number");
    match patch["rests"].as_str() {
        None if methods.is_empty() => format!("patch {number} `{name}` adds to `{component}`"),
        None => format!("patch {number} `{name}` stands around {methods} of {interface} in `{component}`"),
        Some(why) => format!("patch {number} `{name}` of {interface} in `{component}` rests: {why}"),
    }
}

/// Prints who is inside replaced instances.
pub(crate) fn stragglers(target: &Target, output: &Output) -> Result<Outcome, Failure> {
    let mut process = Process::find(target)?;
    let answer = process.ask("stragglers", &nothing())?;
    if output.is_json() {
        output.json(&answer)?;
        return Ok(Outcome::Done);
    }
    let found = list(&answer, "stragglers");
    for straggler in found {
        output.line(super::straggler(straggler))?;
    }
    if found.is_empty() {
        output.line("nobody is inside a replaced instance")?;
    }
    Ok(Outcome::Done)
}

/// Prints who holds a pin.
pub(crate) fn pins(target: &Target, output: &Output) -> Result<Outcome, Failure> {
    let mut process = Process::find(target)?;
    let answer = process.ask("pins", &nothing())?;
    if output.is_json() {
        output.json(&answer)?;
        return Ok(Outcome::Done);
    }
    let found = list(&answer, "pins");
    let mut table = Table::new(&["THREAD", "GENERATION", "FOR"]);
    for pin in found {
        let thread = pin["thread"].as_str().filter(|name| !name.is_empty());
        let thread = thread.map_or_else(|| format!("thread {}", number(pin, "thread_id")), str::to_owned);
        table.row([thread, number(pin, "generation").to_string(), micros(pin, "held_for_us")]);
    }
    match table.is_empty() {
        true => output.line("nobody holds a pin")?,
        false => output.text(&table.text(output))?,
    }
    Ok(Outcome::Done)
}

/// Prints the last refusals in full.
pub(crate) fn why(arguments: &Why, output: &Output) -> Result<Outcome, Failure> {
    let mut process = Process::find(&arguments.target)?;
    let answer = process.ask("refusals", &nothing())?;
    let found = list(&answer, "refusals");
    let last = &found[found.len().saturating_sub(arguments.count)..];
    if output.is_json() {
        output.json(&json!({ "refusals": last }))?;
        return Ok(Outcome::Done);
    }
    if last.is_empty() {
        output.line("nothing was refused")?;
    }
    for (place, refused) in last.iter().enumerate() {
        let at = text(refused, "refused_at");
        let rehearsed = if refused["is_rehearsal"] == true { ", rehearsed" } else { "" };
        let head = format!("{at}  {}{rehearsed}", text(refused, "kind"));
        let mut shown = if place == 0 { String::new() } else { "\n".to_owned() };
        shown += &format!("{}\n  {}\n", output.paint(Style::Strong, head), text(refused, "text"));
        if let Some(reason) = refused["reason"].as_str() {
            shown += &format!("  reason    {reason}\n");
        }
        let actor = &refused["actor"];
        if actor.is_object() {
            shown += &format!("  asked by  {}\n", super::actor(actor));
        }
        for straggler in list(refused, "stragglers") {
            shown += &format!("  still running: {}\n", super::straggler(straggler));
        }
        for line in text(refused, "plan").lines() {
            shown += &format!("  {}\n", output.paint(Style::Faint, line));
        }
        output.text(&shown)?;
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_what_is_beside_the_components_is_written_as_one() {
        let with = |number: u64| {
            let status = json!({
                "retiring": number, "pins": number, "retained_images": number, "retained_image_bytes": 2048
            });
            rest(&status)
        };
        let one = "1 replaced instance not destroyed yet\n1 pin; see `lcr pins`\n\
                   1 image of old components stays mapped, 2.0 KiB\n";
        assert_eq!((with(0).as_str(), with(1).as_str()), ("", one));
        assert!(with(2).ends_with("2 images of old components stay mapped, 2.0 KiB\n"), "{}", with(2));
    }
}
