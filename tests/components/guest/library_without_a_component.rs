//! A library like any other, without a component.

#[path = "mark.rs"]
mod mark;

/// Something to export.
#[unsafe(no_mangle)]
pub extern "C" fn lcr_tests_plain() -> u32 {
    2
}
