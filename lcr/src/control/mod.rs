//! Floor 4: the control socket, for commands and dashboards that look at a running program and change it.
//!
//! [`serve`] opens the socket of a program; [`Client`] is the other end, and [`sockets`] finds the programs. The page
//! [`control`](crate::guide::control) has the protocol and who may use it.
//!
//! What the server does is cut in two. [`protocol`](self) and `connection` are functions over bytes and a clock that
//! is passed in; `serving` is the loop that moves the bytes, on one thread that waits for nothing but its sockets.
//! `workers` execute requests, so that a replacement that takes seconds holds up neither the loop nor a look at the
//! status. This floor uses what a program could use, too, and nothing else of the crate, but for `with_runtime`: there
//! a socket opens and closes with the runtime.

mod admission;
mod calls;
mod canaries;
mod canary_rules;
mod changes;
mod client;
mod commands;
mod connection;
mod descriptors;
mod directory;
mod ends;
mod exports;
mod finding;
mod following;
#[cfg(feature = "fuzzing")]
mod fuzzing;
mod graph;
mod live;
mod past;
mod peer;
mod protocol;
mod served;
mod server;
mod serving;
mod signals;
mod source;
mod stream;
mod sync;
mod times;
mod trials;
mod view;
mod watching;
mod with_runtime;
mod workers;

pub use canary_rules::{CanaryCondition, CanaryRules};
pub use changes::{Change, GoBack, Replacement, TrialRules};
#[cfg(feature = "fuzzing")]
pub(crate) use fuzzing::fuzz;

pub use client::{Client, EventStream, Streamed};
pub use finding::{Socket, sockets};
pub use protocol::{Hello, PROTOCOL};
pub use server::{Server, ServerBuilder, serve};
