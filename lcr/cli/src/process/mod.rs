//! Commands that speak to a running process through its control socket.
//!
//! [`finding`] decides which process. [`Process::ask`] sends a command of the protocol (`lcr/docs/control.md`) and
//! returns the answer as JSON, which `--json` prints as it came. What people read is made of the answer here; a member
//! that an older or newer process does not send is left out of the text.

pub(crate) mod back;
pub(crate) mod call;
pub(crate) mod canary;
pub(crate) mod change;
pub(crate) mod drawing;
pub(crate) mod events;
pub(crate) mod finding;
pub(crate) mod graph;
pub(crate) mod history;
pub(crate) mod look;
pub(crate) mod options;
pub(crate) mod processes;
pub(crate) mod trial;
pub(crate) mod watching;

use std::{
    collections::BTreeMap,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use lcr::control::Client;
use serde_json::{Value as Json, json, value::RawValue};

use crate::{
    arguments::Target,
    exit::{Failure, Status},
    output::Output,
};

/// The limits of a change that sets none, of its work and of its hold.
const LIMITS: [(&str, Duration); 2] =
    [("timeout_ms", Duration::from_secs(30)), ("deadline_ms", Duration::from_secs(1))];

/// How much longer than its limits a change may take: files are read before, and old instances are destroyed after.
const BESIDES: Duration = Duration::from_secs(90);

/// A process that answers.
#[derive(Debug)]
pub(crate) struct Process {
    client: Client,
}

impl Process {
    /// The process that the arguments mean.
    ///
    /// # Errors
    /// If there is none, if there are several, or if it does not let this user in.
    pub(crate) fn find(target: &Target) -> Result<Process, Failure> {
        finding::connect(target).map(|client| Process { client })
    }

    /// `kv (pid 4711)`
    pub(crate) fn name(&self) -> String {
        let hello = self.client.hello();
        format!("{} (pid {})", hello.program, hello.pid)
    }

    /// Has the process execute a command.
    ///
    /// # Errors
    /// Those of the command; `Version` if the process does not know it.
    pub(crate) fn ask(&mut self, command: &str, arguments: &Json) -> Result<Json, Failure> {
        self.require(command)?;
        Ok(self.client.call(command, arguments)?)
    }

    /// As [`ask`](Process::ask), with JSON as it was written, within a time.
    ///
    /// # Errors
    /// As for [`ask`](Process::ask).
    pub(crate) fn ask_exactly(
        &mut self,
        command: &str,
        arguments: &BTreeMap<String, Box<RawValue>>,
        timeout: Duration,
    ) -> Result<BTreeMap<String, Box<RawValue>>, Failure> {
        self.require(command)?;
        self.client.timeout(timeout);
        Ok(self.client.call(command, arguments)?)
    }

    /// Refuses a command that the process does not know.
    pub(crate) fn require(&self, command: &str) -> Result<(), Failure> {
        let hello = self.client.hello();
        if self.knows(command) {
            return Ok(());
        }
        let text = format!(
            "{} does not know `{command}`: it has lcr {}; build it with the feature of lcr that has this, or with a \
             later version",
            self.name(),
            hello.lcr
        );
        Err(Failure::new(Status::Version, "unknown-command", text))
    }

    /// Whether the process knows a command.
    pub(crate) fn knows(&self, command: &str) -> bool {
        self.client.hello().commands.iter().any(|known| known == command)
    }

    /// As [`ask`](Process::ask), for what may take long: shows on a terminal how long it has taken, and gives up only
    /// after the limits that the arguments set for the process.
    pub(crate) fn ask_for_long(&mut self, command: &str, arguments: &Json, output: &Output) -> Result<Json, Failure> {
        let limit = |(member, default)| arguments[member].as_u64().map_or(default, Duration::from_millis);
        self.client.timeout(LIMITS.map(limit).into_iter().fold(BESIDES, Duration::saturating_add));
        let name = self.name();
        thread::scope(|scope| {
            let (ended, ends) = mpsc::channel::<()>();
            scope.spawn(move || {
                let begun = Instant::now();
                while let Err(mpsc::RecvTimeoutError::Timeout) = ends.recv_timeout(Duration::from_millis(500)) {
                    output.progress(format_args!("{command} in {name}: {} s", begun.elapsed().as_secs()));
                }
                output.progress_ends();
            });
            let answer = self.ask(command, arguments);
            drop(ended);
            answer
        })
    }

    /// The connection, for a stream of events.
    pub(crate) fn into_client(self) -> Client {
        self.client
    }
}

/// No arguments.
pub(crate) fn nothing() -> Json {
    json!({})
}

/// The text of a member; empty if there is none.
pub(crate) fn text<'a>(value: &'a Json, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// The number of a member; 0 if there is none.
pub(crate) fn number(value: &Json, member: &str) -> u64 {
    value[member].as_u64().unwrap_or_default()
}

/// The list of a member; empty if there is none.
pub(crate) fn list<'a>(value: &'a Json, member: &str) -> &'a [Json] {
    value[member].as_array().map_or(&[], Vec::as_slice)
}

/// A component with its version: `till 1.0.0`, of `{"name":..,"version":..}` or of a text.
pub(crate) fn component(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        value => format!("{} {}", text(value, "name"), text(value, "version")),
    }
}

/// A time in microseconds as people read it.
pub(crate) fn micros(value: &Json, member: &str) -> String {
    let time = Duration::from_micros(number(value, member));
    format!("{time:.1?}")
}

/// The first 12 digits of a hash.
pub(crate) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// Who asked: `kv (pid 71, uid 1000)`.
pub(crate) fn actor(actor: &Json) -> String {
    let program = match text(actor, "program") {
        "" => "a program without a name",
        name => name,
    };
    format!("{program} (pid {}, uid {})", number(actor, "pid"), number(actor, "uid"))
}

/// Who is inside, as the library writes it.
pub(crate) fn straggler(straggler: &Json) -> String {
    match serde_json::from_value::<lcr::Straggler>(straggler.clone()) {
        Ok(straggler) => straggler.to_string(),
        // Of a later version.
        Err(_) => straggler["text"].as_str().map_or_else(|| straggler.to_string(), str::to_owned),
    }
}
