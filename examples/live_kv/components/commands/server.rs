//! Commands about the connection and the server.

use std::{fmt::Write, time::SystemTime};

use kv::{integer, reply};

use super::{Layer, Refusal, glob};

pub(crate) fn ping(_: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    match &words[1..] {
        [] => reply::status(out, "PONG"),
        [text] => reply::bulk(out, text),
        _ => return Err(Refusal::arity("ping")),
    }
    Ok(())
}

pub(crate) fn echo(_: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    reply::bulk(out, words[1]);
    Ok(())
}

/// The host closes the connection.
pub(crate) fn quit(_: &Layer, _: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    reply::status(out, "OK");
    Ok(())
}

pub(crate) fn select(_: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    match integer::parse(words[1]) {
        Some(0) => reply::status(out, "OK"),
        Some(_) => return Err(Refusal::new("ERR DB index is out of range")),
        None => return Err(Refusal::not_an_integer()),
    }
    Ok(())
}

/// What a client says of its own connection, which this layer keeps nothing about.
pub(crate) fn of_connection(_: &Layer, words: &[&[u8]], _: &mut Vec<u8>) -> Result<(), Refusal> {
    let name = String::from_utf8_lossy(words[0]).to_ascii_uppercase();
    Err(Refusal::new(format!("ERR {name} is about a connection, and for its host to answer")))
}

/// A request that the host did not answer. An older host answers none of these, so this layer
/// accepts the ones that need no memory of the connection.
pub(crate) fn client(_: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    match (&*words[1].to_ascii_lowercase(), words.len()) {
        (b"setinfo", 4) => reply::status(out, "OK"),
        (b"setinfo", _) => return Err(Refusal::arity("client|setinfo")),
        _ => return Err(Refusal::subcommand("client", words[1])),
    }
    Ok(())
}

/// What `CONFIG GET` knows; benchmarks ask for the first two.
const PARAMETERS: &[(&str, &str)] = &[("save", ""), ("appendonly", "no"), ("databases", "1")];

pub(crate) fn config(_: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    if !words[1].eq_ignore_ascii_case(b"get") {
        return Err(Refusal::subcommand("config", words[1]));
    }
    let patterns: Vec<Vec<u8>> = words[2..].iter().map(|pattern| pattern.to_ascii_lowercase()).collect();
    if patterns.is_empty() {
        return Err(Refusal::arity("config|get"));
    }
    let wanted = |name: &str| patterns.iter().any(|pattern| glob::matches(pattern, name.as_bytes()));
    let found: Vec<_> = PARAMETERS.iter().filter(|(name, _)| wanted(name)).collect();
    reply::map(out, found.len());
    for (name, value) in found {
        reply::bulk(out, name.as_bytes());
        reply::bulk(out, value.as_bytes());
    }
    Ok(())
}

/// A section of `INFO`: its name, whether it is shown by default, and its lines.
struct Section {
    name: &'static str,
    usual: bool,
    write: fn(&Layer, &mut String) -> Result<(), Refusal>,
}

const SECTIONS: &[Section] = &[
    Section { name: "Server", usual: true, write: about_server },
    Section { name: "Stats", usual: true, write: about_requests },
    Section { name: "Commandstats", usual: false, write: about_commands },
    Section { name: "Keyspace", usual: true, write: about_keys },
];

pub(crate) fn info(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let named = |name: &[u8]| words[1..].iter().any(|word| word.eq_ignore_ascii_case(name));
    let all = named(b"all") || named(b"everything");
    let usual = words.len() == 1 || named(b"default");
    let mut text = String::new();
    for section in SECTIONS {
        if all || (usual && section.usual) || named(section.name.as_bytes()) {
            let gap = if text.is_empty() { "" } else { "\r\n" };
            let _ = write!(text, "{gap}# {}\r\n", section.name);
            (section.write)(layer, &mut text)?;
        }
    }
    reply::text(out, &text);
    Ok(())
}

fn about_server(layer: &Layer, text: &mut String) -> Result<(), Refusal> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let uptime = now.as_secs().saturating_sub(layer.counts().since);
    let engine = layer.engine().describe()?;
    let version = layer.edition.version;
    let _ = write!(text, "server_name:live_kv\r\nredis_mode:standalone\r\nprocess_id:{}\r\n", std::process::id());
    let _ = write!(text, "uptime_in_seconds:{uptime}\r\ncommands_version:{version}\r\nengine:{engine}\r\n");
    Ok(())
}

fn about_requests(layer: &Layer, text: &mut String) -> Result<(), Refusal> {
    let counts = layer.counts();
    let _ = write!(text, "total_commands_processed:{}\r\n", counts.total());
    let _ = write!(text, "total_error_replies:{}\r\n", counts.refused);
    Ok(())
}

fn about_commands(layer: &Layer, text: &mut String) -> Result<(), Refusal> {
    for (name, calls) in layer.counts().calls.iter().filter(|(_, calls)| **calls > 0) {
        let _ = write!(text, "cmdstat_{name}:calls={calls}\r\n");
    }
    Ok(())
}

fn about_keys(layer: &Layer, text: &mut String) -> Result<(), Refusal> {
    let keys = layer.engine().count()?;
    if keys > 0 {
        let _ = write!(text, "db0:keys={keys},expires=0,avg_ttl=0\r\n");
    }
    Ok(())
}
