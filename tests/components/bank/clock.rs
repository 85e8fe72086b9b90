//! A clock of version `V`: scripted, without state.

use lcr::{BoxError, Context};
use lcr_tests::script::{Moment, Role, Script};

/// Nothing to hand over.
pub struct Hands<const V: u32>(Role);

impl<const V: u32> Hands<V> {
    /// A clock; its configuration, if there is one, is its script.
    pub fn open(context: &Context) -> Result<Hands<V>, BoxError> {
        let script = if context.is_configured() { context.config()? } else { Script::default() };
        Ok(Hands(Role::begin(format!("clock {V}.0.0"), script, Moment::Create)?))
    }

    /// Which version this is.
    pub fn answer(&self) -> u32 {
        self.0.answer();
        V
    }

    /// The health check.
    pub fn check(&self) -> Result<(), BoxError> {
        self.0.play(Moment::Healthy)
    }
}
