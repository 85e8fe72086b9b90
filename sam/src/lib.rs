//! An availability manager: a supervisor for the process that it is linked into.
//!
//! The process that starts becomes the **supervisor**, one thread that does nothing else. The
//! program runs in its child, an **instance**. When an instance crashes, hangs or says that it
//! has failed, the next one begins, with what the one before stored, with its listening sockets
//! open all the while, and with a report of how that one ended.
//!
//! # Begin
//!
//! ```no_run
//! #[sam::main(interval = "2s")]
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let app = sam::app();
//!     // Bound once; the supervisor holds it, so that no connection is refused in between.
//!     let listener = app.listener("127.0.0.1:8080")?;
//!     // What the instance before stored last; nothing in the first.
//!     let mut served = app.stored()?.try_into().map_or(0, u64::from_le_bytes);
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
//! [`main`](macro@main) lists what a supervisor can be told; [`Builder`] is the same without
//! an attribute, in a place of one's own choosing. A program that waits for events says so
//! instead of beating: [`App::pause_checks`] and [`App::resume_checks`], or checks of its own that are
//! [parked](Check::parked) meanwhile.
//!
//! # What is watched
//!
//! - **Ends.** An exit by status 0 (or one of [`Builder::clean_exits`]) is the end of the
//!   service, and the supervisor's own. Any other end is followed by the next instance: at
//!   once, then after growing delays, within a budget. When that is spent the supervisor ends
//!   as its last instance did.
//! - **Silence.** A running instance gives signs of life ([`App::beat`], one store to shared
//!   memory), each thread or task for itself if it likes ([`App::check`]); or the supervisor
//!   asks ([`Checks::Asks`](options::Checks::Asks)); or a command looks from outside ([`Builder::probe`]). One that is
//!   overdue is warned by a signal (SIGTERM unless told otherwise) and, if it does not
//!   recover within the grace, killed with its whole process group, and its cgroup where it
//!   has one ([`Cgroup`](options::Cgroup)).
//! - **Its own word.** [`App::mark_failed`].
//!
//! The supervisor's own lateness, a suspended machine, a debugger, and an instance that was
//! ready to run and got no processor are not taken for a hang.
//!
//! # What survives
//!
//! - Data: [`App::store`], whole at every byte of a kill. It is in memory of the kernel's and
//!   lives as long as the supervisor.
//! - Descriptors: [`App::keep_fd`], [`App::take_fd`], [`App::listener`].
//! - How the last one ended: [`App::previous_exit`].
//!
//! What it does if it is told nothing, and why, is in [`guide::defaults`].
//!
//! # Operators
//!
//! SIGTERM, SIGINT and SIGQUIT to the supervisor stop both; other signals are passed on to the
//! instance's main process ([`Builder::pass_signals`]). Under a service manager that speaks `sd_notify(3)` it says READY, STATUS, WATCHDOG
//! and STOPPING. As process 1 it reaps orphans. If it is killed, its instance dies with it, and,
//! while another stands by, its process group and its descendants, whatever user they have become.
//! What has left the group and lost its parent is found only in a [`Cgroup`](options::Cgroup).
//!
//! A program finds signals (ignored, blocked) and descriptors as it would without a supervisor, but
//! for standard streams that are closed: those are opened as `/dev/null`.
//!
//! The environment wins over the program: `SAM_INTERVAL=500ms`. [`guide::options`] lists all options with
//! their variables, and [`Builder::without_environment`] turns the environment off.
//!
//! # The command
//!
//! `sam run [OPTIONS] -- PROGRAM [ARGUMENTS...]` supervises any program
//! ([`Builder::program`]): by its end, by a probe (`--probe COMMAND`), or by what it says
//! through `sd_notify(3)` ([`Builder::notify`], `--watchdog 2s`). It is told by options and
//! leaves the variables above to programs that are linked with this crate. It ends as the
//! program ended; with 64 if the arguments make no sense, 71 if the system refuses something,
//! 126 if the program cannot be executed and 127 if it is not there. `sam status FILE` shows
//! a status file, and ends with 0 if the program serves, 1 if it does not, 2 if the file says
//! nothing, and 3 if its supervisor is gone. `sam stop`, `sam restart` and `sam signal` reach a
//! supervisor by that file. `sam COMMAND --help` has the rest.
//! The package `sam-cli` builds it (`cargo install --path sam/cli`): a program that links this crate
//! compiles none of it.
//!
//! # C
//!
//! `libsam.so` (package `sam-c`) has corosync's twelve functions; `corosync/sam.h` is its header.
//!
//! # Inside
//!
//! Floors, each of which uses only those above it in this list:
//!
//! 1. `state`: what to do, as a pure function of state, event and time.
//! 2. `shared`: what both processes see: the board (health) and the vault (stored data).
//! 3. `wire`: messages between an instance and its supervisor.
//! 4. `app`: what runs in the instance.
//! 5. `supervisor`: effects; one thread, one loop.

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
mod environment;
mod error;
pub mod options;
/// How the previous instance ended: what [`App::previous_exit`] returns.
pub mod report {
    pub use crate::{
        app::{CheckReport, Report},
        state::Exit,
    };
}
mod settings;
mod shared;
mod state;
mod supervisor;
mod surroundings;
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
