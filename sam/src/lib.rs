//! An availability manager: a supervisor for the process that it is linked into.
//!
//! The process that starts becomes the **supervisor**, one thread that does nothing else. The
//! program runs in its child, an **instance**. When an instance crashes, hangs or says that it
//! has failed, the next one begins, with the data that its predecessor stored, with listening sockets that
//! stayed open, and with a report of how the predecessor ended.
//!
//! # Begin
//!
//! ```no_run
//! #[sam::main(interval = "2s")]
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let app = sam::app();
//!     // Bound once; the supervisor holds it, so that no connection is refused in between.
//!     let listener = app.listener("127.0.0.1:8080")?;
//!     // What the instance before stored last. The first instance finds `None`.
//!     let mut served = app.stored()?.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
//!     app.resume_checks();
//!     for connection in listener.incoming() {
//!         drop(connection?);
//!         served += 1;
//!         app.store(&served.to_le_bytes())?;
//!         app.beat();
//!     }
//!     Ok(())
//! }
//! ```
//!
//! [`main`](macro@main) lists the options of a supervisor; [`Builder`] sets the same by a call. [`App`] has
//! what a program tells its supervisor, and what it finds of the instance before.
//!
//! # The guide
//!
//! | page | answers |
//! |---|---|
//! | [`guide::first_service`] | how a program becomes a service, and how it ends |
//! | [`guide::health`] | beats, checks, questions and probes; when an instance is ready; what follows a hang |
//! | [`guide::what_survives`] | stored data, descriptors, how the instance before ended |
//! | [`guide::graceful_stop`] | stops, warnings, which processes a signal reaches |
//! | `sam::tokio` | a server on tokio (feature `tokio`) |
//! | [`guide::under_systemd`] | a unit, its watchdog, socket activation, logs |
//! | [`guide::in_a_container`] | process 1, orphans, health checks |
//! | [`guide::c`] | libsam for C |
//! | [`guide::options`] | every option: meaning, default, where it can be given |
//! | [`guide::defaults`] | what a supervisor does without any option, and why |
//!
//! # What is watched
//!
//! - **Ends.** Status 0, or one of [`Builder::clean_exits`], ends the service, and the supervisor with it.
//!   After any other end the next instance begins: at once, then after growing delays, within a budget.
//!   When the budget is spent, the supervisor ends as its last instance did.
//! - **Silence.** A running instance gives signs of life: by [`App::beat`], one store to shared memory; by a
//!   [`check`](App::check) for each thread or task; by answers, if the supervisor asks
//!   ([`Checks::Asks`](options::Checks::Asks)); or a command looks from outside ([`Builder::probe`]). The
//!   supervisor warns an overdue instance by a signal (SIGTERM by default). If the instance does not recover
//!   within the grace, the supervisor kills it with its whole process group, and with its
//!   [cgroup](options::Cgroup) where it has one.
//! - **Its own word.** [`App::mark_failed`].
//!
//! The supervisor takes none of these for a hang: its own lateness, a suspended machine, a debugger, and an
//! instance that was ready to run and got no processor.
//!
//! # Operators
//!
//! SIGTERM, SIGINT and SIGQUIT to the supervisor stop both processes; the supervisor passes other signals on
//! to the instance's main process ([`Builder::pass_signals`]). It speaks `sd_notify(3)` to a service manager
//! above: READY, STATUS, WATCHDOG and STOPPING. As process 1 it reaps orphans. If the supervisor is killed, its
//! instance dies with it ([`Builder::outlive`]).
//!
//! A program finds signals (ignored, blocked) and descriptors as it would without a supervisor, with one
//! exception: the supervisor opens a standard stream that is closed as `/dev/null`.
//!
//! The environment wins over the program: `SAM_INTERVAL=500ms`. [`guide::options`] lists the variables, and
//! [`Builder::without_environment`] turns them off.
//!
//! # The command
//!
//! `sam run [OPTIONS] -- PROGRAM [ARGUMENTS...]` supervises any program: by its end, by a probe
//! (`--probe COMMAND`), or by what it sends through `sd_notify(3)` (`--watchdog 2s`). `sam status`, `sam stop`,
//! `sam restart` and `sam signal` find a supervisor by its status file. `sam COMMAND --help` lists options and
//! exit statuses. The package `sam-cli` builds the command (`cargo install --path sam/cli`); a program that is
//! linked with this crate compiles none of it.
//!
//! # Inside
//!
//! The crate has five floors. Each uses only those above it in this list:
//!
//! 1. `state`: what to do, as a pure function of state, event and time.
//! 2. `shared`: the memory that both processes see: the board (health) and the vault (stored data).
//! 3. `wire`: messages between an instance and its supervisor.
//! 4. `app`: what runs in the instance.
//! 5. `supervisor`: effects; one thread, one loop.

#![deny(missing_debug_implementations)]
// What a user meets: each error and panic is documented, no builder is dropped unnoticed, and a public type
// that may grow says so.
#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::return_self_not_must_use)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
#[path = "fuzzing.rs"]
pub mod __fuzzing;

pub mod guide;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod app;
mod builder;
mod error;
pub mod options;
/// What the supervisor tells an instance: what [`App::previous_exit`] and [`App::last_warning`] return.
pub mod report {
    pub use crate::{
        app::{CheckReport, Report, Warning, WarningCause},
        state::Exit,
    };
}
mod shared;
mod state;
mod supervisor;
#[cfg(test)]
mod testing;
mod time;
mod wire;

#[cfg(feature = "tokio")]
pub use app::tokio;
pub use app::{App, Check, Parked, Question, app};
pub use builder::Builder;
pub use error::{Error, ErrorKind, Result};
pub use lcr_macros::sam_main as main;
