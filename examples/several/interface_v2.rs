//! Version 2 of the sensor's interface, which does not serve callers of version 1: the attribute has no
//! `replaces(1)`, and the result has another type.

/// Measures the temperature.
#[lcr::interface(name = "several.sensor", version = 2)]
pub trait Sensor {
    /// Returns the temperature in thousandths of a kelvin.
    fn measure(&self) -> u64;
}
