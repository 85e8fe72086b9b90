//! Version 1 of the sensor's interface.

/// Measures.
#[lcr::interface(name = "several.sensor", version = 1)]
pub trait Sensor {
    /// The temperature in degrees Celsius.
    fn measure(&self) -> f64;
}
