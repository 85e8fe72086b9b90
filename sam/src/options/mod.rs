//! The values of options that are words: which policy, how a stop reaches an instance, what becomes
//! of strays.
//!
//! Each type reads the words of the command line, the environment and the attribute by [`FromStr`], and
//! writes them by [`Display`]:
//!
//! ```
//! use sam::options::KillMode;
//!
//! assert_eq!("mixed".parse::<KillMode>()?, KillMode::Mixed);
//! assert_eq!(KillMode::Mixed.to_string(), "mixed");
//! assert_eq!("all".parse::<KillMode>().unwrap_err().to_string(), "\"all\" is unknown; give group, mixed or main");
//! # Ok::<(), sam::Error>(())
//! ```
//!
//! [`FromStr`]: std::str::FromStr
//! [`Display`]: std::fmt::Display
// Beside the enums this folder has all that the crate knows of options:
//
// | file | |
// |---|---|
// | `table` | every option: its word, meaning, default, and where it can be given. A key of `#[sam::main]` is in `lcr-macros/src/options/table.rs`, too |
// | `setting` | what a row of the table is |
// | `values`, `words` | from text to values |
// | `environment` | the variables `SAM_*` |
// | `surroundings` | what another program is to find around itself |
// | `defaults` | `Options`: everything that a supervisor is told, and what it is told if nothing is given |
// | `policy` | from `Options` to the policy of the state machine, with the ranges of values |
// | `pages` | manual pages and chapters, compared with the table |

mod defaults;
pub(crate) mod environment;
#[cfg(test)]
mod pages;
mod policy;
#[allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "the command and the tests alone name it")]
pub(crate) mod setting;
#[allow(clippy::exhaustive_structs, reason = "the command alone names it")]
pub(crate) mod surroundings;
pub(crate) mod table;
pub(crate) mod values;
mod words;

pub(crate) use defaults::Options;

pub use crate::state::{Checks, Recovery, SignalTarget};

/// How the next instance is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Respawn {
    /// The supervisor forks: each instance is a copy of the process as it was when supervision began. This is
    /// fast, and nothing before that point runs again. But all instances have the same layout of addresses and
    /// the same stack canary.
    #[default]
    Fork,
    /// The instance executes the program's file anew: `main` runs from its first line, at new addresses.
    Exec,
    /// As `Exec` after an end by SIGSEGV, SIGBUS, SIGILL or SIGABRT, else as `Fork`. Memory errors end
    /// by these signals, and so do an attacker's guesses at addresses or the canary.
    ExecAfterFault,
}

/// What becomes of processes that outlive their instance and have left its process group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strays {
    /// The supervisor kills them before the next instance begins. As process 1 every orphan of the
    /// container becomes its child; there it keeps them, unless [`Cgroup::Need`] tells whose they are.
    #[default]
    Kill,
    /// They live on as children of the supervisor, which reaps them.
    Keep,
}

/// Whether each instance lives in a cgroup (version 2) of its own. The supervisor then kills an instance
/// with everything that descends from it at once, also processes that have left its process group or fork
/// without rest.
///
/// The supervisor makes `sam-PID` below its own cgroup, with a cgroup in it for each instance in turns, and
/// removes it at its end. If the supervisor is killed, the next supervisor in the same cgroup removes what is
/// left. Cgroups need Linux 5.14 and the right to make them. Limits of the supervisor's cgroup hold for the
/// instances as before. The first instance begins some 15 ms later, because the kernel takes that long to move
/// a process into a cgroup; later instances are moved ahead of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Cgroup {
    /// The supervisor makes a cgroup where it can. Elsewhere it goes on without, and says nothing. Where systemd
    /// runs, it can if systemd has delegated the supervisor's cgroup (`Delegate=yes` in the unit). It makes
    /// none with [`Strays::Keep`] or [`KillMode::Main`], and none as process 1, which keeps orphans.
    #[default]
    Auto,
    /// Supervision does not begin without a cgroup. The supervisor makes one as process 1, too, and where
    /// systemd has not delegated its cgroup. Refused together with [`Strays::Keep`] or [`KillMode::Main`].
    Need,
    /// The supervisor makes no cgroup.
    Off,
}

/// Whose messages by `sd_notify(3)` the supervisor reads. It ignores those of other processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Notify {
    /// Those of the instance's main process.
    #[default]
    Main,
    /// Those of every process of the instance's process group, such as a script's helpers.
    Group,
}

/// Which processes of an instance a stop and SIGKILL reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum KillMode {
    /// A stop goes to the whole process group, which has the whole stop limit to end. SIGKILL ends what is
    /// left then, or what is left when the main process ends in another way.
    #[default]
    Group,
    /// A stop goes to the main process, which knows what to tell its helpers. As soon as the main process
    /// has ended, or is to be killed, SIGKILL ends the rest.
    Mixed,
    /// A stop and SIGKILL reach the main process alone. What it has started lives on, as with
    /// [`Strays::Keep`], and may live beside the next instance. There is no cgroup.
    Main,
}
