//! A patch of a clock whose method has another result.

/// The clock as nobody has it.
#[lcr::interface(name = "bank.clock", version = 1, patches)]
pub trait Clock {
    /// Another result.
    fn version(&self) -> u64;
}

#[lcr::patch(interface = dyn Clock, name = "wide", version = "1.0.0")]
fn version(next: &dyn Fn() -> u64) -> u64 {
    next()
}
