//! Trials: new versions on probation after their commit, and their three ends: confirm, roll back, fail.
//!
//! `plan().replace(file).trial(rules)` begins one with the commit. From then on a thread of the runtime ([`watcher`])
//! watches exactly the versions that the commit put in place, and asks a state machine ([`machine`]) what becomes of
//! them. [`looks`] are health checks and the program's check, [`trials`] is what others see, [`operator`] what they
//! ask, [`refusals`] what plans must not do meanwhile, [`way_back`] what of others the rollback needs,
//! [`quarantine`] has the files that failed, and [`counted`] counts calls, for a trial that ends by them.
//!
//! # What is watched, and what that costs a call
//!
//! Nothing is added to a call, unless the trial ends by a number of calls. A handle call under any other trial executes
//! the instructions that it executes without one.
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
//! # A trial by calls
//!
//! A count has to be exact where it decides. The call path may not count (invariant 4 of the design), and what can be
//! seen without it is not a number of calls: frames are plain stores of who is inside at a moment, so a look sees each
//! long call many times and a short one never. So calls of the versions on trial go a way of their own for the time of
//! such a trial, and no other call does: each of their methods is hooked, as a patched one is, by the thunks that its
//! image has for every signature, with one layer that counts the answer
//! ([`answers`](crate::component::answers), [`counting`](crate::host::objects::counting)). The commit publishes the
//! hooked tables, the end of the trial the plain ones. A trial by time makes none, and its calls take the instructions
//! that they always take. Under one by calls a call pays for the thunk, two indirect calls, a barrier against panics
//! and an atomic addition to a counter that all callers share: about what a patch that counts costs, and more where
//! many threads do nothing else. Who cannot have that chooses time.
//!
//! *Too few calls.* A trial whose calls never come would keep its components from every other change, and nobody would
//! be told. So it has a limit, by default an hour: a service that gets a call each four seconds answers a thousand
//! within it, and an operator still knows of the change that did not stay. Behind the limit the versions before serve
//! again. To confirm instead would call a version good that was asked for proof and gave none, and the next start would
//! trust it; to go on as it is would leave the operator where the limit began. Nobody who does not call is harmed by
//! the rollback, and the files are not in quarantine: the same plan can be made again, for a time or with a longer
//! limit.
//!
//! *What is promised.* The trial confirms only when so many calls have been answered, each counted once, and a look at
//! health and check that began after that has passed. Panics that callers have told the host by then count before. A
//! panic on its way through a caller at that very moment does not.
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
mod counted;
pub(crate) mod end;
pub(super) mod gates;
mod looks;
mod machine;
mod operator;
pub(crate) mod quarantine;
pub(super) mod refusals;
pub(crate) mod rules;
pub(in crate::change) mod trials;
pub(crate) mod warned;
mod watcher;
mod way_back;

pub(super) use watcher::Prepared;
