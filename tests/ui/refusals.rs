//! Sources that the macros refuse, each with the compiler's message. The module `accepted` has the way out of each.
//!
//! `TRYBUILD=overwrite cargo test -p lcr-tests-ui` writes the messages anew.

#[allow(dead_code, clippy::all, reason = "the module compiles every form that the macros take, whatever its style")]
mod accepted;

#[test]
fn code_that_cannot_be_linked_safely_is_refused_with_the_way_out() {
    trybuild::TestCases::new().compile_fail("refused_*.rs");
}
