//! The user's guide: one page for each question, in the order in which they arise.
//!
//! | page | answers |
//! |---|---|
//! | [`soundness`] | why a program without `unsafe` has no undefined behaviour, and what remains an author's word |
//! | [`with_tokio`] | where a program on tokio calls, replaces and drops |

#[doc = include_str!("../docs/with_tokio.md")]
pub mod with_tokio {}

#[doc = include_str!("../docs/soundness.md")]
pub mod soundness {}
