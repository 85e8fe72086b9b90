//! The messages of the control socket: requests, answers, and errors on their way out and back in.
//!
//! These are functions over bytes. Their input may be hostile: a request is at most [`LINE_LIMIT`] bytes, which the
//! connection sees to, and is read without recursion, since nothing but strings, numbers and the raw text of the
//! arguments is taken from it. The page `control` documents the format.

use std::{error::Error as StdError, fmt};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{Error, ErrorKind, Result, Straggler, events::Event};

/// The number of the protocol that this version of lcr speaks.
pub const PROTOCOL: u32 = 1;

/// How long a request may be, with its line feed, in bytes.
pub(super) const LINE_LIMIT: usize = 64 << 10;

/// How long an answer may be, in bytes.
pub(super) const ANSWER_LIMIT: usize = 4 << 20;

/// How many items a list in an answer has at most.
pub(super) const ITEMS: usize = 10_000;

/// How many sources of an error are sent, and read. The chain is dropped by recursion.
const CAUSES: usize = 16;

/// The largest number that every reader of JSON reads exactly.
const ID_LIMIT: u64 = (1 << 53) - 1;

/// One request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) command: String,
    arguments: Option<Box<RawValue>>,
}

/// A line that is no request: what to answer, to which request as far as that is known.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) id: Option<u64>,
    pub(super) error: Error,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestLine {
    id: u64,
    command: String,
    #[serde(default)]
    arguments: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct IdOnly {
    id: u64,
}

impl Request {
    /// Reads a line, without its line feed.
    pub(super) fn read(line: &[u8]) -> Result<Request, Malformed> {
        let refused = |id, text: String| Malformed { id, error: Error::new(ErrorKind::Invalid, text) };
        let line = std::str::from_utf8(line)
            .map_err(|error| refused(None, format!("the request is not UTF-8 from byte {} on", error.valid_up_to())))?;
        let request: RequestLine = serde_json::from_str(line).map_err(|error| {
            let id = serde_json::from_str::<IdOnly>(line).ok().map(|only| only.id).filter(|&id| id <= ID_LIMIT);
            refused(id, format!("the request is not one JSON object of id, command and arguments: {error}"))
        })?;
        let RequestLine { id, command, arguments } = request;
        if id > ID_LIMIT {
            return Err(refused(None, format!("the id {id} is above {ID_LIMIT}, up to which all readers are exact")));
        }
        Ok(Request { id, command, arguments })
    }

    /// The arguments as `A`; absent ones are an empty object.
    pub(super) fn arguments<A: DeserializeOwned>(&self) -> Result<A> {
        let text = self.arguments.as_ref().map_or("{}", |raw| raw.get());
        serde_json::from_str(text).map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("the arguments of `{}` are refused: {error}", self.command))
        })
    }
}

/// The line of a request, as a client sends it.
pub(super) fn request(id: u64, command: &str, arguments: &impl Serialize) -> Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Line<'a, A> {
        id: u64,
        command: &'a str,
        arguments: &'a A,
    }
    let line = line(&Line { id, command, arguments })?;
    if line.len() > LINE_LIMIT {
        let text = format!("the request has {} bytes, and {LINE_LIMIT} at most are taken; ask in parts", line.len());
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    Ok(line)
}

/// The line that answers a request. An answer that is too long becomes an error.
pub(super) fn answer(id: Option<u64>, answer: &Result<Box<RawValue>>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Outcome<'a> {
        Ok(&'a RawValue),
        Error(ErrorLine),
    }
    #[derive(Serialize)]
    struct Line<'a> {
        id: Option<u64>,
        #[serde(flatten)]
        outcome: Outcome<'a>,
    }
    let refusal = |error: &Error| Outcome::Error(ErrorLine::of(error));
    let outcome = match answer {
        Ok(value) if value.get().len() > ANSWER_LIMIT => refusal(&Error::new(
            ErrorKind::Invalid,
            format!("the answer has {} bytes, and {ANSWER_LIMIT} at most are sent", value.get().len()),
        )),
        Ok(value) => Outcome::Ok(value),
        Err(error) => refusal(error),
    };
    line(&Line { id, outcome }).unwrap_or_else(|_| b"{\"id\":null,\"error\":{}}\n".to_vec())
}

/// The line of an event, which belongs to the request `id`.
pub(super) fn event(id: u64, event: &Event) -> Vec<u8> {
    #[derive(Serialize)]
    struct Line<'a> {
        id: u64,
        event: &'a Event,
    }
    line(&Line { id, event }).unwrap_or_else(|_| lost(id, 1))
}

/// The line of what a watch noted, which is JSON without a line end.
pub(super) fn noted(id: u64, json: &str) -> Vec<u8> {
    format!("{{\"id\":{id},\"event\":{json}}}\n").into_bytes()
}

/// The line that says that `count` events are left out.
pub(super) fn lost(id: u64, count: u64) -> Vec<u8> {
    format!("{{\"id\":{id},\"lost\":{count}}}\n").into_bytes()
}

/// What is sent as `ok`.
pub(super) fn value(of: &impl Serialize) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(of).map_err(|error| unwritable(&error))
}

fn line(message: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message).map_err(|error| unwritable(&error))?;
    line.push(b'\n');
    Ok(line)
}

pub(super) fn unwritable(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Invalid, format!("this cannot be written as JSON: {error}; names of files must be UTF-8"))
}

/// What a server says of itself: the answer to `hello`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hello {
    /// The number of the protocol that both sides speak from now on.
    pub protocol: u32,
    /// The version of the server's lcr.
    pub lcr: String,
    /// The name of the program.
    pub program: String,
    /// The number of its process.
    pub pid: u32,
    /// The user that it acts as.
    pub uid: u32,
    /// Whether it refuses requests that change something.
    pub read_only: bool,
    /// The number of its last commit.
    pub generation: u64,
    /// The commands that it knows.
    pub commands: Vec<String>,
}

/// An error as it is sent.
#[derive(Serialize, Deserialize)]
struct ErrorLine {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    code: i32,
    #[serde(default)]
    exit: u8,
    #[serde(default)]
    text: String,
    #[serde(default)]
    causes: Vec<String>,
    #[serde(default)]
    stragglers: Vec<Straggler>,
}

impl ErrorLine {
    fn of(error: &Error) -> ErrorLine {
        let mut causes = Vec::new();
        let mut next = StdError::source(error);
        // A chain may be as long as its author likes.
        while let Some(cause) = next.filter(|_| causes.len() < CAUSES) {
            causes.push(cause.to_string());
            next = cause.source();
        }
        let kind = error.kind();
        ErrorLine {
            kind: kind.name().to_owned(),
            code: kind.code(),
            exit: kind.exit_status(),
            text: error.to_string(),
            causes,
            stragglers: error.stragglers().iter().take(ITEMS).cloned().collect(),
        }
    }

    /// The error at the client. A kind that this version does not know becomes `Internal`, and its name a part of the
    /// text.
    fn into_error(mut self) -> Error {
        // The server may be another user's.
        self.causes.truncate(CAUSES);
        let cause =
            self.causes.into_iter().rev().fold(None, |cause, text| Some(Cause { text, cause: cause.map(Box::new) }));
        let error = match ErrorKind::from_name(&self.kind) {
            Some(kind) => Error::new(kind, self.text),
            None => Error::new(ErrorKind::Internal, format!("{} ({})", self.text, self.kind)),
        }
        .with_stragglers(self.stragglers);
        match cause {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }
}

/// The text of an error's source in another process.
#[derive(Debug)]
struct Cause {
    text: String,
    cause: Option<Box<Cause>>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// A line from a server, as a client reads it.
pub(super) struct Received {
    /// The request that it belongs to.
    pub(super) id: Option<u64>,
    pub(super) what: What,
}

/// What a line from a server brings.
pub(super) enum What {
    Ok(Box<RawValue>),
    Refused(Error),
    Event(Box<RawValue>),
    Lost(u64),
    /// Of a later version.
    Unknown,
}

impl Received {
    /// Reads a line from a server.
    pub(super) fn read(line: &[u8]) -> Result<Received> {
        #[derive(Deserialize)]
        struct Line {
            id: Option<u64>,
            ok: Option<Box<RawValue>>,
            error: Option<ErrorLine>,
            event: Option<Box<RawValue>>,
            lost: Option<u64>,
        }
        let unreadable = |error| Error::new(ErrorKind::Invalid, format!("the server's line cannot be read: {error}"));
        let line: Line = serde_json::from_slice(line).map_err(unreadable)?;
        let what = match line {
            Line { error: Some(error), .. } => What::Refused(error.into_error()),
            Line { ok: Some(value), .. } => What::Ok(value),
            Line { event: Some(event), .. } => What::Event(event),
            Line { lost: Some(lost), .. } => What::Lost(lost),
            _ => What::Unknown,
        };
        Ok(Received { id: line.id, what })
    }
}

/// A value that the other side sent, as `R`.
pub(super) fn read<R: DeserializeOwned>(value: &RawValue) -> Result<R> {
    serde_json::from_str(value.get()).map_err(|error| {
        Error::new(ErrorKind::Invalid, format!("the server's answer is not what was asked for: {error}"))
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_error_with_sources_without_end_is_read_and_dropped() {
        let causes = vec!["\"c\""; 1_000_000].join(",");
        let line = format!("{{\"id\":1,\"error\":{{\"kind\":\"busy\",\"text\":\"no\",\"causes\":[{causes}]}}}}");
        let What::Refused(error) = Received::read(line.as_bytes()).unwrap().what else { panic!("it is an error") };
        let mut sources = 0;
        let mut next = StdError::source(&error);
        while let Some(cause) = next {
            (sources, next) = (sources + 1, cause.source());
        }
        assert_eq!((error.kind(), sources), (ErrorKind::Busy, CAUSES));
    }
}
