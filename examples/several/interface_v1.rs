//! Version 1 of the sensor's interface.

/// Measures the temperature.
#[lcr::interface(name = "several.sensor", version = 1)]
pub trait Sensor {
    /// Returns the temperature in degrees Celsius.
    fn measure(&self) -> f64;
}
