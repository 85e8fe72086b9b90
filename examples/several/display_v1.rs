//! Version 1 of the display, for version 1 of the sensor.

use lcr::{Context, Handle};

mod interface;
mod interface_v1;
use interface::Display;
use interface_v1::Sensor;

struct Degrees(Handle<dyn Sensor>);

impl Degrees {
    fn open(context: &Context) -> Result<Degrees, lcr::Error> {
        context.dependency().map(Degrees)
    }
}

#[lcr::component(create = Self::open, deps(Sensor), name = "display", version = "1.0.0")]
impl Display for Degrees {
    fn line(&self) -> String {
        format!("{:.1} degrees", self.0.measure())
    }
}
