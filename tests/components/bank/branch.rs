//! A branch of version `V`: scripted, depends on the teller, has no state.

use lcr::{BoxError, Context, Handle};
use lcr_tests::{
    bank::Teller,
    script::{Moment, Role, Script},
};

/// The counter hall.
pub struct Hall<const V: u32> {
    pub teller: Handle<dyn Teller>,
    _role: Role,
}

impl<const V: u32> Hall<V> {
    /// A hall; its configuration, if there is one, is its script.
    pub fn open(context: &Context) -> Result<Hall<V>, BoxError> {
        let script = if context.is_configured() { context.config()? } else { Script::default() };
        let role = Role::begin(format!("branch {V}.0.0"), script, Moment::Create)?;
        Ok(Hall { teller: context.dependency()?, _role: role })
    }
}
