//! What is present in a runtime. [`registry`] has the [providers](provider), with the [components and
//! implementations](component) that serve them. [`services`] are what handles are bound to, [`instances`] the objects
//! that serve them, and [`slots`] what handles point to. [`faces`] are the interfaces of objects that serve several,
//! [`methods`] the tables that calls go through, [`patches`] those with patched methods, some of them by
//! [libraries](patch_libraries), and [`counting`] says whose
//! answers are counted. [`points`] are those that are armed, and [`left_hooks`] what is left of hooks. [`provided`] are
//! objects of the program in the place of constructed ones, and an [`offer`] describes one to a plan. [`builders`] says
//! which thread constructs what, [`beside`] which threads call an instance without a frame, and [`uncommitted`] has
//! what a transaction has made and not committed. A [`kept`] component can be put in place again; an [`origin`] is what
//! it was loaded from. [`faults`] counts the panics of an implementation. [`order`] sorts by dependency, and [`cycle`]
//! refuses what cannot be sorted.
//!
//! [`owner::Objects`] holds all of that for one runtime, behind the runtime's state lock. Nothing here
//! publishes a world. The only code of components that runs here is the health check, `save` and
//! [looks at the state](incremental) of an [`instance`](instances::Instance), and that without the lock.

pub(crate) mod beside;
pub(crate) mod builders;
pub(crate) mod component;
pub(crate) mod counting;
mod cycle;
mod faces;
pub(crate) mod faults;
mod incremental;
pub(crate) mod instances;
pub(crate) mod kept;
pub(crate) mod left_hooks;
mod methods;
mod of_threads;
pub(crate) mod offer;
pub(crate) mod order;
pub(crate) mod origin;
pub(crate) mod owner;
pub(crate) mod patch_libraries;
pub(crate) mod patches;
pub(crate) mod points;
mod provided;
pub(crate) mod provider;
pub(crate) mod registry;
pub(crate) mod services;
pub(crate) mod slots;
mod tracking;
pub(crate) mod uncommitted;
