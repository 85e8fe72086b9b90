//! Version 2 of the sensor's interface. It does not serve callers of version 1: there is no
//! `replaces(1)`, and the result has another type.

/// Measures.
#[lcr::interface(name = "several.sensor", version = 2)]
pub trait Sensor {
    /// The temperature in thousandths of a kelvin.
    fn measure(&self) -> u64;
}
