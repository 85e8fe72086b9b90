//! Version 1 of the display, for version 1 of the sensor.

use lcr::{Context, Handle};

mod interfaces;
use interfaces::Display;

/// The sensor as this display knows it.
#[lcr::interface(name = "several.sensor", version = 1)]
pub trait Sensor {
    /// The temperature in degrees Celsius.
    fn measure(&self) -> f64;
}

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
