//! What a command is given.

use std::cell::Cell;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Actor, Result, Runtime};

use super::protocol::{self, Request};

/// What makes an answer when the runtime has been let go.
pub(super) type Afterwards = Box<dyn FnOnce() -> Result<Box<RawValue>>>;

/// A request, with the runtime that it is made of and who makes it.
pub(super) struct Served<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) request: &'a Request,
    pub(super) actor: &'a Actor,
    /// Whether the server refuses what changes something.
    pub(super) is_read_only: bool,
    pub(super) afterwards: &'a Cell<Option<Afterwards>>,
}

impl Served<'_> {
    /// Has `answer` make the answer, on the same thread, when the runtime has been let go: a worker that waits keeps no
    /// runtime alive.
    pub(super) fn afterwards(&self, answer: impl FnOnce() -> Result<Box<RawValue>> + 'static) -> Result<Box<RawValue>> {
        self.afterwards.set(Some(Box::new(answer)));
        protocol::value(&())
    }
}

/// No arguments.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}
