//! What the supervisor does, as a pure function: `step(state, event, now)`.
//!
//! Nothing here touches a process, a clock or memory that another process sees. The `supervisor`
//! executes the actions and turns what happened into events. It sleeps until [`State::deadline`]. At
//! every wake-up it first sends what happened (`Ended`, `Halted`, `Signal` ...), then, if an instance
//! lives, `Look`, then `Tick`. The machine judges misses at a `Look`, for which the board was just read,
//! and time limits at a `Tick`.
//!
//! | stage | `Tick` when due | `Look` | `Ended` | the operator's stop | other signals |
//! |---|---|---|---|---|---|
//! | `Waiting` | `Spawn`, to `Spawning` | - | - | `Exit` by that signal | dropped |
//! | `Spawning` | - | - | - | remembered | dropped |
//! | `Living` | `Ask`, `Probe`, `StopProbe` | complaint: `Warn`, to `Warned` | judged | `Send`, to `Stopping` | `Send` |
//! | `Warned` | `Kill`, to `Killing` | no complaint: to `Living`, still suspect; a new one: `Warn` again | judged | `Send`, to `Stopping`, which keeps an earlier kill | `Send` |
//! | `Stopping` | `Kill`, to `Killing` | - | `Exit` | `Send` again; a second SIGINT: `Kill`, to `Killing` | `Send` |
//! | `Killing` | - | - | judged | remembered, `Send` | `Send` |
//! | `Left` | - | - | - | - | - |
//!
//! `Spawned` makes `Living` of `Spawning` (or `Stopping`, if a stop was remembered).
//! `NotSpawned` is judged as a failed end, but keeps the instance's number.
//!
//! Judged means (`decision`): the machine ends the supervisor with the instance's own exit if the operator
//! stopped the instance, if the policy is `Quit`, if the exit code is fatal, and if the code is clean and
//! nothing was wrong with the instance. An instance that exits with 0 because it was warned is followed by
//! the next one. So is an instance that recovered from a warning and was not healthy for `healthy_after`
//! since: a graceful shutdown that the warning began may go on beating. Only `finalize` is stronger than a
//! warning. After every other end the machine makes the next instance, after the backoff's delay, if the
//! budget allows a restart at that time. If it does not, the supervisor ends with the last exit, but
//! never with 0.
//!
//! A restart that an operator asks for is a stop after which the next instance follows at once, whatever
//! the policy, the exit and the budget are. A stop is stronger than a restart.
//!
//! The machine passes SIGTSTP on to the group. Once the instance has halted, it asks for `Suspend`. The
//! SIGCONT that ends this goes to the group, too, and everything that was due is due anew. SIGSTOP to
//! an instance is no such request: its checks go on counting.
//!
//! # Invariants
//! 1. `Spawn` comes only after `Ended` (or `NotSpawned`) of the instance before: two never live at once.
//! 2. No window has more restarts than the budget allows, apart from those that an operator asks for.
//! 3. After the operator's stop there is no `Spawn`. The machine kills an instance that lives no later than
//!    at the first `Tick` at or after the stop limit, and the instance's end is the supervisor's.
//! 4. A warning comes no earlier than its cause, and no later than the first `Look` from then on, unless
//!    the miss is excused. A kill comes a grace after its warning, at the first `Tick` from then on. If
//!    the instance recovers in between, the next miss earns a new warning.
//! 5. After `Exit` there is no action, and `deadline` is `NEVER`.
//! 6. A `Look` and a `Tick` of one moment, at or after `deadline`, move `deadline` past that moment, or the
//!    supervisor owes an answer (`Spawned`, `Ended`): there is no busy loop.
//! 7. An instance has no deadline if it has no complaint, all its checks are parked and no probe watches
//!    it.
//! 8. `Probed` and `Unprobed` count only while a probe runs. A probe that runs at `Ended` is stopped.

mod action;
mod backoff;
mod budget;
mod decision;
mod event;
mod exit;
mod health;
mod machine;
mod policy;
mod signals;
mod stage;
mod view;

#[cfg(test)]
mod tests;

pub use action::SignalTarget;
pub(crate) use action::{Action, Actions};
pub(crate) use event::{Event, Excuse, Phase, Reading};
pub use exit::Exit;
pub(crate) use machine::{State, step};
pub(crate) use policy::{Backoff, Budget, Codes, Policy, Probing};
pub use policy::{Checks, Recovery};
pub(crate) use stage::{Cause, Decision, Stage};
