//! `COMMAND`, which lists the commands for clients.

use kv::reply;

use super::{Layer, Refusal, table::Command};

pub(crate) fn command(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let Some(subcommand) = words.get(1) else {
        all(layer, out);
        return Ok(());
    };
    match (&*subcommand.to_ascii_lowercase(), &words[2..]) {
        (b"count", []) => reply::integer(out, layer.commands().count() as i64),
        (b"count", _) => return Err(Refusal::arity("command|count")),
        (b"info", []) => all(layer, out),
        (b"info", names) => {
            reply::array(out, names.len());
            for name in names {
                match layer.find(name) {
                    Some((_, command)) => details(command, out),
                    None => reply::optional(out, None),
                }
            }
        }
        (b"docs", names) => {
            let wanted: Vec<&Command> = match names {
                [] => layer.commands().collect(),
                names => names.iter().filter_map(|name| layer.find(name)).map(|(_, command)| command).collect(),
            };
            reply::map(out, wanted.len());
            for command in wanted {
                reply::bulk(out, command.name.as_bytes());
                document(command, out);
            }
        }
        _ => return Err(Refusal::subcommand("command", subcommand)),
    }
    Ok(())
}

fn all(layer: &Layer, out: &mut Vec<u8>) {
    reply::array(out, layer.commands().count());
    for command in layer.commands() {
        details(command, out);
    }
}

/// The six fields that every version of Redis has.
fn details(command: &Command, out: &mut Vec<u8>) {
    reply::array(out, 6);
    reply::bulk(out, command.name.as_bytes());
    reply::integer(out, command.arity.into());
    reply::set(out, usize::from(command.flag.is_some()));
    if let Some(flag) = command.flag {
        reply::status(out, flag);
    }
    let (first, last, step) = command.keys;
    for number in [first, last, step] {
        reply::integer(out, number.into());
    }
}

fn document(command: &Command, out: &mut Vec<u8>) {
    let group = match command.keys {
        (0, ..) if command.flag.is_some() => "generic",
        (0, ..) => "server",
        _ => "string",
    };
    let fields = [("summary", command.summary), ("since", "1.0.0"), ("group", group)];
    reply::map(out, fields.len());
    for (name, value) in fields {
        reply::bulk(out, name.as_bytes());
        reply::bulk(out, value.as_bytes());
    }
}
