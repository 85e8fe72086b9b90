//! What a command is given.

use serde::Deserialize;

use crate::{Actor, Runtime};

use super::protocol::Request;

/// A request, with the runtime that it is made of and who makes it.
pub(super) struct Served<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) request: &'a Request,
    pub(super) actor: &'a Actor,
}

/// No arguments.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}
