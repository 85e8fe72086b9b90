//! Sources that the macros refuse, each with the compiler's message. `ui/accepted.rs` has the way out of each.
//!
//! `TRYBUILD=overwrite cargo test -p lcr-tests --test source refusals` writes the messages anew.

#[test]
fn code_that_cannot_be_linked_safely_is_refused_with_the_way_out() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/accepted.rs");
    cases.compile_fail("ui/refused_*.rs");
}
