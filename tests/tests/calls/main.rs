//! Calls through handles: how values cross, which instance serves, and what is in a call while its
//! component is replaced.

mod awaiting;
mod both_ways;
mod churn;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod fast_path;
mod growth;
mod mutations;
mod nesting;
mod parcels;
mod pins;
mod points;
mod races;
mod replacement;
mod runtimes;
mod stragglers;
mod threads;
mod values;
mod wire;
