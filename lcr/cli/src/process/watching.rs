//! `trace`, `stats`, `slow`, `fail` and `record`: hooks around methods, for as long as the command runs.
//!
//! The hooks belong to the connection: the program takes them off when this process ends, also when it is killed.

use std::{
    fs::OpenOptions,
    io::{BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    time::Duration,
};

use lcr::control::{EventStream, Streamed};
use serde_json::{Map, Value as Json, json, value::RawValue};

use crate::{
    arguments::watching::{Fail, Record, Slow, Stats, Trace, Watched},
    exit::{Failure, Outcome},
    output::{Output, Style, counted},
    table::Table,
};

use super::{Process, list, number, text};

/// How long the program may be silent before the command looks whether its reader is still there.
const LOOK: Duration = Duration::from_millis(500);

/// The number of the form of a record's file.
pub(crate) const FORM: u64 = 1;

/// What the program noted.
struct Noted {
    json: Json,
    /// The same as it was written: in a tree of JSON, integers beyond 64 bits are rounded.
    text: Box<RawValue>,
}

/// A watch that is on.
struct Watching {
    name: String,
    answer: Json,
    stream: EventStream,
}

impl Watching {
    /// Begins a watch, with these options beside those that all have.
    fn begin(
        what: &str,
        methods: &[String],
        watched: &Watched,
        time: Option<Duration>,
        options: Json,
        output: &Output,
    ) -> Result<Watching, Failure> {
        let process = Process::find(&watched.target)?;
        process.require("watch")?;
        let mut arguments = match options {
            Json::Object(options) => options,
            _ => Map::new(),
        };
        arguments.retain(|_, value| !value.is_null());
        arguments.insert("what".to_owned(), what.into());
        arguments.insert("methods".to_owned(), methods.into());
        if let Some(component) = &watched.component {
            arguments.insert("component".to_owned(), component.as_str().into());
        }
        if let Some(time) = watched.time.or(time) {
            arguments.insert("time_ms".to_owned(), millis(time));
        }
        let name = process.name();
        let (answer, stream) = process.into_client().watch(&arguments)?;
        let watching = Watching { name, answer, stream };
        if !output.is_json() {
            for left_out in list(&watching.answer, "left_out") {
                let said = format!("{} is left out: {}", text(left_out, "method"), text(left_out, "why"));
                output.note(said);
            }
        }
        Ok(watching)
    }

    /// Gives each line to `take`, until the program says that the watch has ended, or `take` says so. Returns how many
    /// calls were left out.
    fn follow(
        mut self,
        output: &Output,
        mut take: impl FnMut(Option<&Noted>) -> Result<bool, Failure>,
    ) -> Result<u64, Failure> {
        let mut lost = 0;
        loop {
            let goes_on = match self.stream.next::<Box<RawValue>>(LOOK)? {
                Some(Streamed::Event(text)) => {
                    let json: Json = serde_json::from_str(text.get()).unwrap_or_default();
                    if json["end"] == true {
                        return Ok(lost.max(number(&json, "lost")));
                    }
                    take(Some(&Noted { json, text }))?
                }
                Some(Streamed::Lost(count)) => {
                    lost += count;
                    if output.is_json() {
                        output.json(&json!({ "lost": count }))?;
                    }
                    true
                }
                Some(_) => true,
                None => take(None)?,
            };
            if !goes_on || output.reader_has_gone() {
                return Ok(lost);
            }
        }
    }
}

fn millis(time: Duration) -> Json {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into()
}

/// Says how many calls are missing.
fn tell_lost(lost: u64, why: &str, output: &Output) {
    if lost > 0 && !output.is_json() {
        let were = if lost == 1 { "was" } else { "were" };
        output.note(format!("{} {were} left out: {why}", counted(lost, "call")));
    }
}

/// Prints calls as they end.
pub(crate) fn trace(trace: &Trace, output: &Output) -> Result<Outcome, Failure> {
    let options = json!({
        "values": trace.args,
        "errors": trace.errors,
        "slower_us": trace.slower.map(|least| u64::try_from(least.as_micros()).unwrap_or(u64::MAX)),
        "count": trace.count,
        "width": trace.width,
        "per_second": trace.per_second,
    });
    let watching = Watching::begin("trace", &trace.methods, &trace.watched, None, options, output)?;
    let mut seen = 0_u64;
    let lost = watching.follow(output, |line| {
        let Some(Noted { json: line, .. }) = line else { return Ok(true) };
        seen += 1;
        if output.is_json() {
            output.json(line)?
        } else {
            output.line(call(line, output))?
        }
        Ok(true)
    })?;
    tell_lost(lost, "they came faster than they are shown; see --per-second", output);
    Ok(Outcome::of(seen > 0))
}

/// `   0.001234  kv.store.get(key: "a") = Some(1)  12.3µs  worker-1`
fn call(line: &Json, output: &Output) -> String {
    let at = Duration::from_micros(number(line, "at_us")).as_secs_f64();
    let style = match text(line, "outcome") {
        "ok" => Style::Plain,
        "err" => Style::Warning,
        _ => Style::Bad,
    };
    let took = Duration::from_nanos(number(line, "took_ns"));
    let tail = format!("{took:.1?}  {}", text(line, "thread"));
    format!(
        "{}  {}  {}",
        output.paint(Style::Faint, format!("{at:>11.6}")),
        output.paint(style, said(line)),
        output.paint(Style::Faint, tail)
    )
}

/// `kv.store.get(key: "a") = Some(1)`
fn said(line: &Json) -> String {
    let arguments = match &line["arguments"] {
        Json::Array(arguments) => arguments.iter().map(argument).collect::<Vec<_>>().join(", "),
        _ => "..".to_owned(),
    };
    let result = match (text(line, "outcome"), line["result"].as_str()) {
        ("fault", Some(fault)) => format!(" ! {fault}"),
        (_, Some(result)) => format!(" = {result}"),
        (outcome, None) => format!(" {outcome}"),
    };
    format!("{}({arguments}){result}", text(line, "method"))
}

fn argument(argument: &Json) -> String {
    match argument["name"].as_str() {
        Some(name) => format!("{name}: {}", text(argument, "value")),
        None => text(argument, "value").to_owned(),
    }
}

/// Prints counts and quantiles.
pub(crate) fn stats(stats: &Stats, output: &Output) -> Result<Outcome, Failure> {
    let time = Some(Duration::from_secs(10));
    let options = json!({ "every_ms": stats.every.map(millis) });
    let watching = Watching::begin("stats", &stats.methods, &stats.watched, time, options, output)?;
    let mut last = Json::Null;
    watching.follow(output, |line| {
        let Some(Noted { json: line, .. }) = line else { return Ok(true) };
        if stats.watch {
            numbers(line, output)?;
        }
        last = line.clone();
        Ok(true)
    })?;
    if !stats.watch {
        numbers(&last, output)?;
    }
    Ok(Outcome::of(list(&last, "stats").iter().any(|method| number(method, "calls") > 0)))
}

fn numbers(line: &Json, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(output.json(line)?);
    }
    let mut table = Table::new(&["METHOD", "COMPONENT", "CALLS", "FAULTS", "ERRORS", "P50", "P90", "P99", "LONGEST"]);
    let mut methods: Vec<&Json> = list(line, "stats").iter().filter(|method| number(method, "calls") > 0).collect();
    methods.sort_by_key(|method| std::cmp::Reverse(number(method, "calls")));
    for method in methods {
        let time = |member: &str| format!("{:.1?}", Duration::from_nanos(number(method, member)));
        let count = |member: &str| number(method, member).to_string();
        table.row([
            text(method, "method").to_owned(),
            text(method, "component").to_owned(),
            count("calls"),
            count("faults"),
            count("errors"),
            time("p50_ns"),
            time("p90_ns"),
            time("p99_ns"),
            time("longest_ns"),
        ]);
    }
    Ok(output.text(&table.text(output))?)
}

/// Prints the slowest calls.
pub(crate) fn slow(slow: &Slow, output: &Output) -> Result<Outcome, Failure> {
    let time = Some(Duration::from_secs(10));
    let options = json!({ "keep": slow.count, "values": slow.args });
    let watching = Watching::begin("slow", &slow.methods, &slow.watched, time, options, output)?;
    let mut last = Json::Null;
    watching.follow(output, |line| {
        last = line.map_or_else(|| last.take(), |line| line.json.clone());
        Ok(true)
    })?;
    if output.is_json() {
        output.json(&last)?;
    } else {
        for call in list(&last, "slowest") {
            let took = format!("{:>9.1?}", Duration::from_nanos(number(call, "took_ns")));
            output.line(format!("{}  {}", output.paint(Style::Strong, took), said(call)))?;
        }
        tell_lost(number(&last, "lost"), "other calls ended at the same moment", output);
    }
    Ok(Outcome::of(!list(&last, "slowest").is_empty()))
}

/// Has calls fail.
pub(crate) fn fail(fail: &Fail, output: &Output) -> Result<Outcome, Failure> {
    let time = Some(Duration::from_secs(60));
    let options = json!({
        "share": fail.rate,
        "failing": fail.failing.name(),
        "seed": fail.seed,
        "override_protected": fail.override_protected,
        "reason": fail.reason,
    });
    let watching = Watching::begin("fail", &fail.methods, &fail.watched, time, options, output)?;
    if !output.is_json() {
        let methods = counted(list(&watching.answer, "methods").len() as u64, "method");
        let text = format!(
            "calls of {methods} of {} fail until this command ends: {}% of them",
            watching.name,
            fail.rate * 100.0
        );
        output.note(text);
    }
    let mut last = Json::Null;
    watching.follow(output, |line| {
        last = line.map_or_else(|| last.take(), |line| line.json.clone());
        Ok(true)
    })?;
    match output.is_json() {
        true => output.json(&last)?,
        false => {
            let calls = counted(number(&last, "calls"), "call");
            output.line(format!("{} of {calls} failed", number(&last, "failed")))?;
        }
    }
    Ok(Outcome::of(number(&last, "failed") > 0))
}

/// Writes calls to a file.
pub(crate) fn record(record: &Record, output: &Output) -> Result<Outcome, Failure> {
    let name = record.file.display();
    // What callers pass is for the eyes of whoever records it, and of no other user.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&record.file);
    let file = file.map_err(|error| Failure::system(&name, &error))?;
    let mut file = BufWriter::new(file);
    let time = Some(Duration::from_secs(60));
    let options = json!({ "count": record.count, "per_second": record.per_second });
    let begun = Watching::begin("record", &record.methods, &record.watched, time, options, output);
    let watching = begun.inspect_err(|_| drop(std::fs::remove_file(&record.file)))?;
    let failed = |error: &std::io::Error| Failure::system(format!("{name} cannot be written"), error);
    let head = json!({ "lcr_record": FORM, "process": watching.name, "methods": watching.answer["methods"] });
    writeln!(file, "{head}").map_err(|error| failed(&error))?;
    let mut written = 0_u64;
    let lost = watching.follow(output, |line| {
        match line {
            Some(line) => {
                writeln!(file, "{}", line.text).map_err(|error| failed(&error))?;
                written += 1;
            }
            // So that a command that is killed leaves what has come.
            None => file.flush().map_err(|error| failed(&error))?,
        }
        Ok(true)
    })?;
    file.flush().map_err(|error| failed(&error))?;
    match output.is_json() {
        true => output.json(&json!({ "written": written, "lost": lost }))?,
        false => {
            let are = if written == 1 { "is" } else { "are" };
            output.line(format!("{} {are} in {name}", counted(written, "call")))?;
        }
    }
    tell_lost(lost, "they came faster than they are written (see --per-second), or were too long", output);
    Ok(Outcome::of(written > 0))
}
