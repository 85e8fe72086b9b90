//! A patch of a method that no clock has.

/// The clock as nobody has it.
#[lcr::interface(name = "bank.clock", version = 1, patches)]
pub trait Clock {
    /// Another method.
    fn chime(&self) -> u32;
}

#[lcr::patch(interface = dyn Clock, name = "chime", version = "1.0.0")]
fn chime(_: &dyn Fn() -> u32) -> u32 {
    0
}
