//! Trials: new versions on probation after their commit, and their three ends: confirm, roll back, fail.
//!
//! `plan().replace(file).trial(rules)` begins one with the commit. From then on a thread of the runtime ([`watcher`])
//! watches exactly the versions that the commit put in place, and asks a state machine ([`machine`]) what becomes of
//! them. [`looks`] are health checks and the program's check, [`trials`] is what others see, [`operator`] what they
//! ask, [`refusals`] what plans must not do meanwhile, [`way_back`] what of others the rollback needs, and
//! [`quarantine`] has the files that failed.
//!
//! # What is watched, and what that costs a call
//!
//! Nothing is added to a call. A handle call under a trial executes the instructions that it executes without one.
//!
//! | observed | how | cost |
//! |---|---|---|
//! | panics, by method | on the way of a fault the host counts it: below | on the way of a fault only |
//! | `healthy()` | a thread of its own for each look, with a limit ([`looks`]) | none |
//! | the program's check | the same | what the check calls |
//! | gates that run out of time | where the threads are that a refused transaction waited for ([`gates`]) | none |
//! | warnings by a supervisor | a thread that looks 50 times a second during a trial ([`warned`]) | none |
//! | time | the machine's own clock | none |
//!
//! A caller that gets a fault asks the host for the name of the component behind it. There the host counts the panic
//! with the implementation in whose code it began ([`faults`](crate::host::objects::faults)), and wakes the thread of
//! the trial, which compares totals.
//!
//! A total cannot be pushed out by other faults, and a panic counts once, however many components it passes. What does
//! not count: faults of the callers' side of a border (a gate that another plan held shut, a withdrawn method, a
//! cancelled call), and panics that a component catches itself. A panic on a thread of the component's own is one of
//! these: it reaches no caller. A component that must not lose a thread says so in `healthy`.
//!
//! # Why no number of calls ends a trial
//!
//! A count has to be exact where it decides. The call path may not count (invariant 4 of the design), and what can be
//! seen without it is not a number of calls: frames show who is inside at a moment, so a look sees each long call
//! many times and a short one never. To count, calls of the slots on trial would have to go a way of their own for the
//! time of the trial. Either the host's slow path, by a closed entry: 282 instructions where a call has 41. Or a
//! counting thunk in front of each method: two instructions at least, of which one is a read-modify-write on a line
//! that all callers share. That is 1.05 of a call on one thread, where a trial may cost 1.02, and a multiple on several
//! threads. So trials end by time, by an operator or by the program, which may count what it likes where it calls:
//! [`Runtime::confirm`](crate::Runtime::confirm) ends the trial after as many calls as it wants.
//!
//! Measured by callgrind, a loop of 1,000,000 calls of a method that adds two numbers, the loop included: 41.00
//! instructions a call without a trial, 41.02 under one, which is what the runtime's threads did meanwhile.
//!
//! # Invariants
//! 1. Before the end is visible, it is recorded. Until then the members are on trial for every plan.
//! 2. What failed is rolled back whole: all members in one commit, with the configurations and bindings that the commit
//!    had set. Commits of other components since then stay.
//! 3. A rollback is refused neither for protection nor for quarantine: nothing may stand between a bad version and the
//!    one before it but what makes the change itself impossible.
//! 4. If the rollback is refused for good, what serves goes on serving, and the end says that the trial failed.
//! 5. Code of components, of the program and of subscribers runs without a lock, and a panic of it decides nothing but
//!    its own look.
//! 6. The end of the runtime ends the trial first. The child of a fork has no trial: what served goes on.

mod begin;
pub(crate) mod end;
pub(super) mod gates;
mod looks;
mod machine;
mod operator;
pub(crate) mod quarantine;
pub(super) mod refusals;
pub(crate) mod rules;
mod trials;
pub(crate) mod warned;
mod watcher;
mod way_back;

pub(super) use watcher::Prepared;
