//! Version 2 of the sensor, which measures in thousandths of a kelvin.

mod interface_v2;
use interface_v2::Sensor;

#[derive(Default)]
struct Millikelvins;

#[lcr::component(name = "sensor", version = "2.0.0")]
impl Sensor for Millikelvins {
    fn measure(&self) -> u64 {
        294_650
    }
}
