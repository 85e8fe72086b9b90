//! Version 2 of the display, for version 2 of the sensor.

use lcr::{Context, Handle};

mod interface;
mod interface_v2;
use interface::Display;
use interface_v2::Sensor;

struct Kelvins(Handle<dyn Sensor>);

impl Kelvins {
    fn open(context: &Context) -> Result<Kelvins, lcr::Error> {
        context.dependency().map(Kelvins)
    }
}

#[lcr::component(create = Self::open, deps(Sensor), name = "display", version = "2.0.0")]
impl Display for Kelvins {
    fn line(&self) -> String {
        let millikelvins = self.0.measure();
        format!("{}.{} kelvins", millikelvins / 1000, millikelvins % 1000 / 100)
    }
}
