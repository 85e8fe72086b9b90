//! Version 1 of the sensor, which measures in degrees.

/// Measures.
#[lcr::interface(name = "several.sensor", version = 1)]
pub trait Sensor {
    /// The temperature in degrees Celsius.
    fn measure(&self) -> f64;
}

#[derive(Default)]
struct Degrees;

#[lcr::component(name = "sensor", version = "1.0.0")]
impl Sensor for Degrees {
    fn measure(&self) -> f64 {
        21.5
    }
}
