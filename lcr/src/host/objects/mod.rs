//! Who is there: [`registry`] knows which [providers](provider) offer what, and which [components
//! and implementations](component) serve them; [`services`] what handles are bound to, and
//! [`instances`] the objects that serve it; [`slots`] what handles point to; [`builders`] which
//! thread constructs what; [`uncommitted`] what a transaction has made and not committed;
//! [`order`] sorts by dependency, and [`cycle`] refuses what cannot be sorted.
//!
//! [`owner::Objects`] holds all of that for one runtime, behind the runtime's state lock; the parts
//! do not know each other beyond this order. Nothing here publishes a world, or runs code of
//! components but for the health check and `save` of an [`instance`](instances::Instance).

pub(crate) mod builders;
pub(crate) mod component;
mod cycle;
pub(crate) mod instances;
pub(crate) mod order;
pub(crate) mod owner;
pub(crate) mod provider;
pub(crate) mod registry;
pub(crate) mod services;
pub(crate) mod slots;
pub(crate) mod uncommitted;
