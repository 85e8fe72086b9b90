//! What the supervisor does, as a pure function: `step(state, event, now)`.
//!
//! Nothing here touches a process, a clock or memory that others see; the `supervisor`
//! carries the actions out and tells what happened as events. It sleeps until
//! [`State::deadline`]; at every wake-up it tells first what happened (`Ended`, `Halted`,
//! `Signal` ...), then, if an instance lives, `Look`, then `Tick`. Misses are judged at a
//! `Look`, where the board was just read; time limits at a `Tick`.
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
//! Judged means: if the operator stopped it, or under `Quit`, `Exit` with the
//! instance's own exit; so too if its code is fatal, or if it is clean and nothing was
//! wrong with the instance. One that leaves with 0 because it was warned is restarted, and so is
//! one that recovered from a warning and was not healthy for `healthy_after` since: a graceful
//! shutdown that the warning began may go on beating. Only `finalize` is stronger than a warning.
//! Otherwise the next is made after the backoff's delay if the budget allows it at that
//! time; if it does not, `Exit` with the last exit, but never with 0.
//!
//! A restart that an operator asks for is a stop whose end is followed by the next instance, at
//! once and whatever the policy, the status and the budget are. A stop is stronger.
//!
//! SIGTSTP to the supervisor goes to the group; once the instance has halted, `Suspend`.
//! The SIGCONT that ends this goes to the group too, and everything that was due is due
//! anew. No operator asks for a halt by SIGSTOP here: the checks go on counting.
//!
//! # Invariants
//! 1. `Spawn` only after `Ended` (or `NotSpawned`) of the instance before: never two live.
//! 2. In no window are there more restarts than the budget has, but for those that an operator asks
//!    for.
//! 3. After the operator's stop there is no `Spawn`; an instance that lives is killed no
//!    later than the `Tick` at stop limit, and its end is the supervisor's.
//! 4. A warning is not earlier than what it is for, and no later than the first `Look`
//!    from then on, unless excused; a kill is a grace after its warning, at the first
//!    `Tick` from then on. A recovery in between earns the next miss a new warning.
//! 5. After `Exit` there is no action, and `deadline` is `NEVER`.
//! 6. A `Look` and a `Tick` of one moment, at or after `deadline`, move it past that
//!    moment, or an answer (`Spawned`, `Ended`) is owed: no busy loop.
//! 7. A living instance without a complaint, all of whose checks are parked, and which
//!    no probe watches, has no deadline.
//! 8. `Probed` and `Unprobed` count only while a probe runs; a probe that runs at `Ended` is stopped.

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
