//! The user's guide: one page for each question, in the order in which they arise.
//!
//! | page | answers |
//! |---|---|
//! | [`options`] | what a supervisor can be told: name, meaning, default, and where it can be given |
//! | [`defaults`] | what a supervisor does if it is told nothing, and why |

#[doc = include_str!("../docs/options.md")]
pub mod options {}

#[doc = include_str!("../docs/defaults.md")]
pub mod defaults {}
