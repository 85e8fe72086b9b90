//! Version 1 of the sensor, which measures in degrees Celsius.

mod interface_v1;
use interface_v1::Sensor;

#[derive(Default)]
struct Degrees;

#[lcr::component(name = "sensor", version = "1.0.0")]
impl Sensor for Degrees {
    fn measure(&self) -> f64 {
        21.5
    }
}
