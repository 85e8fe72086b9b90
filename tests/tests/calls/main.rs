//! Calls through handles: how values cross, which instance serves, and what is in a call while its
//! component is replaced.

mod awaiting;
mod both_ways;
mod churn;
mod growth;
mod mutations;
mod nesting;
mod pins;
mod races;
mod replacement;
mod stragglers;
mod threads;
mod values;
mod wire;
