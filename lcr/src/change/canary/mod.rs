//! Canaries: a new version serves a share of the calls beside the old one, until it is known whether it does worse.
//!
//! A [trial](crate::change::trial) is of a version that serves everybody; a canary comes before the commit. The new
//! version, the *candidate*, is constructed by a transaction that commits nothing ([`audition`]). A layer around each
//! method of the old version ([`layers`]) draws for each call which version serves it, and counts how it ended. The
//! layers are patches that stand below all others, put in and taken off as a [watch](crate::change::watching) is: no
//! generation, no entry in the history, nothing for a rollback. A thread ([`watcher`]) ends the canary, by the plan's
//! commit or by taking the candidate away.
//!
//! | file | has |
//! |---|---|
//! | [`rules`] | what is asked for |
//! | [`begin`] | how a canary begins, and what is refused |
//! | [`audition`] | how the candidate is constructed |
//! | [`layers`] | the layers, and which methods have none |
//! | [`matching`] | of which calls it is, by the value of an argument |
//! | [`shadowing`] | of a shadow: which methods are meant, and how the old version is called again |
//! | [`prepared`] | threads that are started ahead |
//! | [`standing`] | what the runtime keeps of it, and what plans must not do meanwhile |
//! | [`watcher`] | how it ends |
//! | [`operator`] | what programs and operators ask |
//! | [`end`] | what others see |
//!
//! How calls are drawn and counted is [`comparison`](crate::host::watching::comparison), what makes a version worse,
//! and after how many calls, [`evidence`](crate::host::watching::evidence). Where the share is of whole requests, a
//! request stands for a call in all of this, and [`requests`](crate::host::watching::requests) says what one is, which
//! version serves it, and until when.
//!
//! # Shadows
//! A *shadow* is a canary whose candidate serves nobody: its layers copy calls of chosen methods, and a thread calls
//! the candidate with the copies ([`shadow`](crate::host::watching::shadow),
//! [`second_call`](crate::host::watching::second_call)). All else is a canary's: what is refused, the commands that
//! end it, promotion and quarantine. Of the invariants, 1 and 4 hold as there is no caller of the candidate, and 6 for
//! the thread that calls it: it has a count of the candidate, so a call that never returns keeps both, and nothing
//! else.
//!
//! # Invariants
//! 1. At no moment has the candidate served more than its share of the calls since the canary began; of those that
//!    match, if it is of these.
//! 2. From the call on by which it is known to do worse, it gets none; calls that are inside go on. So with `t` threads
//!    that call, `t - 1` more calls than the test needs may be its own. A request that is under way goes on with it.
//! 3. Neither version keeps state, and both have the same services as dependencies: what one does, the other sees.
//!    Which services these are is compared when the canary begins.
//! 4. A fault of the candidate names it, and charges neither the old version nor a trial.
//! 5. What is promoted is what was tried: the plan keeps the file's private copy from before the canary.
//! 6. The candidate is destroyed when no call and no pin can reach the layers, by the reaper, as a replaced instance
//!    is.
//! 7. The end of the runtime ends the canary first. In the child of a fork the old version serves all calls, but those
//!    of the forking thread's request, if that has drawn the candidate.

mod audition;
mod begin;
pub(crate) mod end;
mod layers;
mod matching;
mod operator;
mod prepared;
pub(crate) mod rules;
mod shadowing;
pub(in crate::change) mod standing;
mod watcher;
