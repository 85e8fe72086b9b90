//! Plans and transactions: what they refuse, what they commit, what a failure leaves behind, and how
//! instances, images and runtimes end.

mod by_pointer;
mod canary;
mod canary_matching;
mod dependencies;
mod described;
mod directories;
mod downgrades;
mod endings;
mod faults;
mod followed;
mod handover;
mod hot_swap;
mod live_mocks;
mod meanwhile;
mod measured;
mod milling;
mod one_object;
mod patch_libraries;
mod plans;
mod precopy;
mod protected;
mod provided;
mod refused_calls;
mod rehearsals;
mod rollback;
mod saving;
mod shadow;
mod stale;
mod stalls;
mod transcript;
mod trial;
mod trial_calls;
mod trial_ends;
mod unloading;
mod upgrades;
