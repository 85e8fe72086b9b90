//! Replaces the serving components by good ones in turn, and offers candidates that must be refused.

pub(crate) mod faulty;

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use lcr::{PlanBuilder, Report, Runtime, Trial};

use crate::{
    artifacts::{Artifacts, COMMANDS_V1, COMMANDS_V2, ENGINE_HASH, ENGINE_HASH_NEXT, ENGINE_TREE},
    load::latency::Activity,
};

/// How long callers may be held; a usual hand-over takes a small part of it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

/// How long callers may be held for the last changes of an engine that was copied ahead, and how many changes it may
/// note meanwhile.
const PRECOPY_HOLD: Duration = Duration::from_millis(100);
pub(crate) const PRECOPY_BACKLOG: usize = 1 << 24;

/// The components of each kind, in the order of their taking turns. The second engine is another build of the first.
const ENGINES: [&str; 3] = [ENGINE_HASH, ENGINE_HASH_NEXT, ENGINE_TREE];
/// The components in those libraries.
const ENGINE_COMPONENTS: [&str; 3] = ["kv-engine-hash", "kv-engine-hash", "kv-engine-tree"];
const COMMANDS: [&str; 2] = [COMMANDS_V1, COMMANDS_V2];
/// The component in the libraries of [`COMMANDS`], and its versions.
const COMMANDS_COMPONENT: &str = "kv-commands";
const COMMANDS_VERSIONS: [&str; 2] = ["1.0.0", "2.0.0"];

/// A transaction that was tried.
pub(crate) struct Change {
    /// A description of the attempt.
    pub(crate) what: String,
    /// When it began, since the start of the program.
    pub(crate) at: Duration,
    /// From the request to the end, staging included.
    pub(crate) took: Duration,
    /// The report, or the refusal with all of its causes.
    pub(crate) result: Result<Report, Refused>,
    /// Whether it must be refused.
    pub(crate) faulty: bool,
}

impl Change {
    /// Whether it was committed or refused as it must be.
    pub(crate) fn is_as_expected(&self) -> bool {
        self.result.is_err() == self.faulty
    }
}

/// A refusal in words.
pub(crate) struct Refused {
    /// The class, as `lcr` names it.
    pub(crate) kind: lcr::ErrorKind,
    /// The error and its causes.
    pub(crate) text: String,
}

impl From<lcr::Error> for Refused {
    fn from(error: lcr::Error) -> Refused {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        Refused { kind: error.kind(), text }
    }
}

/// Changes the components of one runtime, one transaction at a time.
pub(crate) struct Changer<'a> {
    runtime: &'a Runtime,
    artifacts: &'a Artifacts,
    activity: &'a Activity,
    deadline: Duration,
    start: Instant,
    turn: usize,
    engine: usize,
    commands: usize,
}

impl<'a> Changer<'a> {
    /// Loads the first engine and the first command layer, in one transaction. Later ones
    /// may hold callers until `deadline`.
    ///
    /// # Errors
    /// The runtime refuses them.
    pub(crate) fn install(
        runtime: &'a Runtime,
        artifacts: &'a Artifacts,
        activity: &'a Activity,
        deadline: Duration,
    ) -> lcr::Result<Changer<'a>> {
        runtime.plan().add(artifacts.path(ENGINES[0])).add(artifacts.path(COMMANDS[0])).commit()?;
        Ok(Changer { runtime, artifacts, activity, deadline, start: Instant::now(), turn: 0, engine: 0, commands: 0 })
    }

    /// Goes on with an engine and a command layer that serve already; `None` if they are none of those here.
    pub(crate) fn resume(
        runtime: &'a Runtime,
        artifacts: &'a Artifacts,
        activity: &'a Activity,
        deadline: Duration,
    ) -> Option<Changer<'a>> {
        let present = runtime.status().components;
        let engine = ENGINE_COMPONENTS.iter().position(|name| present.iter().any(|found| found.id.name == *name))?;
        let commands = present.iter().find(|found| found.id.name == COMMANDS_COMPONENT)?.id.version.to_string();
        let commands = COMMANDS_VERSIONS.iter().position(|version| *version == commands)?;
        Some(Changer { runtime, artifacts, activity, deadline, start: Instant::now(), turn: 0, engine, commands })
    }

    /// Replaces the engine, the command layer, or both, in turn. Three turns make each kind of replacement.
    pub(crate) fn replace(&mut self) -> Change {
        let (engine, commands) = [(true, false), (false, true), (true, true)][self.turn % 3];
        self.turn += 1;
        self.replace_these(engine, commands)
    }

    fn replace_these(&mut self, engine: bool, commands: bool) -> Change {
        let (next_engine, next_commands) =
            ((self.engine + usize::from(engine)) % ENGINES.len(), self.commands ^ usize::from(commands));
        let mut files = Vec::new();
        if engine {
            files.push(self.artifacts.path(ENGINES[next_engine]).to_owned());
        }
        if commands {
            files.push(self.artifacts.path(COMMANDS[next_commands]).to_owned());
        }
        let what = match (engine, commands) {
            (true, false) => "engine",
            (false, true) => "commands",
            _ => "both at once",
        };
        let change = self.attempt(what, &files, &Attempt { deadline: self.deadline, ..Attempt::default() });
        if change.result.is_ok() {
            (self.engine, self.commands) = (next_engine, next_commands);
        }
        change
    }

    /// Whether an engine with hash maps serves.
    pub(crate) fn has_hash_engine(&self) -> bool {
        ENGINES[self.engine] != ENGINE_TREE
    }

    pub(crate) fn runtime(&self) -> &'a Runtime {
        self.runtime
    }

    /// Replaces what these files replace.
    pub(crate) fn attempt(&self, what: &str, files: &[PathBuf], attempt: &Attempt) -> Change {
        let start = Instant::now();
        let result = self.activity.during(|| {
            let plan = files.iter().fold(self.runtime.plan(), PlanBuilder::replace);
            let plan = attempt.discard.iter().fold(plan, |plan, component| plan.discard_state(component));
            let plan = attempt.trial.iter().fold(plan, |plan, rules| plan.trial(rules.clone()));
            plan.deadline(attempt.deadline).precopy_hold(PRECOPY_HOLD).precopy_backlog(PRECOPY_BACKLOG).commit()
        });
        Change {
            what: what.to_owned(),
            at: start - self.start,
            took: start.elapsed(),
            result: result.map_err(Refused::from),
            faulty: attempt.faulty,
        }
    }

    /// The library of this name.
    pub(crate) fn file(&self, name: &str) -> &Path {
        self.artifacts.path(name)
    }
}

/// How a transaction is tried.
pub(crate) struct Attempt {
    pub(crate) deadline: Duration,
    /// Components whose state may be lost.
    pub(crate) discard: Vec<String>,
    pub(crate) faulty: bool,
    /// The rules by which the new versions are on trial, if they are.
    pub(crate) trial: Option<Trial>,
}

impl Default for Attempt {
    fn default() -> Attempt {
        Attempt { deadline: DEADLINE, discard: Vec::new(), faulty: false, trial: None }
    }
}
