//! `call`: a method of a running component, with arguments and result as JSON.

use std::{collections::BTreeMap, io::Read as _, time::Duration};

use serde_json::{Value as Json, json, value::RawValue};

use crate::{
    arguments::Call,
    exit::{Failure, Outcome, Status},
    output::Output,
};

use super::{Process, text};

/// How much longer than the call itself the answer may take.
const BESIDES: Duration = Duration::from_secs(20);

/// The most that is read of standard input, in bytes: no request is longer.
const INPUT: u64 = 64 << 10;

/// A JSON object whose members are as they were written: numbers of a tree of JSON would be rounded.
type Object = BTreeMap<String, Box<RawValue>>;

/// Calls the method and prints its result.
pub(crate) fn call(arguments: &Call, output: &Output) -> Result<Outcome, Failure> {
    let request = request(arguments)?;
    let mut process = Process::find(&arguments.target)?;
    let answer: Object = process.ask_exactly("call", &request, arguments.timeout.saturating_add(BESIDES))?;
    let member =
        |name: &str| answer.get(name).map_or(Json::Null, |raw| serde_json::from_str(raw.get()).unwrap_or_default());
    let (fault, is_error) = (member("fault"), member("is_error") == true);
    let outcome = match text(&fault, "kind") {
        _ if fault.is_null() && is_error => Outcome::No,
        _ if fault.is_null() => Outcome::Done,
        "withdrawn" => Outcome::Ended(Status::NotFound),
        "revoked" => Outcome::Ended(Status::Unavailable),
        "gate" | "cancelled" => Outcome::Ended(Status::Later),
        _ => Outcome::Failed,
    };
    if output.is_json() {
        let members: Vec<String> = answer.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        output.written_json(&format!("{{{}}}", members.join(",")))?;
        return Ok(outcome);
    }
    if !fault.is_null() {
        output.complain(text(&fault, "text"));
    }
    if let Some(result) = answer.get("result") {
        output.written_json(result.get())?;
    }
    let changed = answer.get("changed").and_then(|changed| serde_json::from_str::<Object>(changed.get()).ok());
    for (name, value) in changed.unwrap_or_default() {
        output.written_json(&format!("{name} = {value}"))?;
    }
    Ok(outcome)
}

/// The arguments of the request `call`.
fn request(arguments: &Call) -> Result<Object, Failure> {
    let (component, method) = match arguments.method.split_once('/') {
        Some((component, method)) => (Some(component), method),
        None => (None, &*arguments.method),
    };
    let Some((interface, method)) = method.rsplit_once('.') else {
        let text = format!("`{method}` names no method; write [COMPONENT/]INTERFACE.METHOD, such as kv.store.get");
        return Err(Failure::usage(text));
    };
    let mut given = arguments.arguments.clone();
    if given == "-" {
        given.clear();
        let read = std::io::stdin().take(INPUT).read_to_string(&mut given);
        read.map_err(|error| Failure::system("standard input cannot be read", &error))?;
    }
    // A request is one line. In JSON, line ends are between values only.
    let given = given.trim().replace(['\n', '\r'], " ");
    let given =
        RawValue::from_string(given).map_err(|error| Failure::usage(format!("the arguments are not JSON: {error}")))?;
    let timeout = u64::try_from(arguments.timeout.as_millis()).unwrap_or(u64::MAX);
    let mut request = Object::from([("arguments".to_owned(), given)]);
    let others = [
        ("interface", json!(interface)),
        ("method", json!(method)),
        ("component", json!(component)),
        ("effects", json!(arguments.yes)),
        ("timeout_ms", json!(timeout)),
        ("limit", json!(arguments.limit)),
    ];
    for (name, value) in others {
        let raw = serde_json::value::to_raw_value(&value).expect("a value is JSON");
        request.insert(name.to_owned(), raw);
    }
    Ok(request)
}
