//! The branch: depends on the teller, and has no state.

use lcr::{Context, Handle};
use lcr_tests::{
    bank::{Branch, Teller},
    script::{Moment, Role, Script},
};

/// The counter hall.
pub struct Hall {
    teller: Handle<dyn Teller>,
    _role: Role,
}

impl Hall {
    fn open(context: &Context) -> Result<Hall, lcr::BoxError> {
        let script = if context.is_configured() { context.config()? } else { Script::default() };
        let role = Role::begin("branch 1.0.0".to_owned(), script, Moment::Create)?;
        Ok(Hall { teller: context.dependency()?, _role: role })
    }
}

#[lcr::component(name = "branch", version = "1.0.0", create = Self::open)]
impl Branch for Hall {
    fn deposit(&self, n: u64) -> u64 {
        self.teller.deposit(n)
    }
    fn versions(&self) -> (u32, u32) {
        self.teller.versions()
    }
}
