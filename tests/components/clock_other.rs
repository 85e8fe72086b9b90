//! A clock of another name.

use lcr_tests::bank::Clock;

/// Nothing to hand over.
#[derive(Default)]
pub struct Shadow;

#[lcr::component(name = "sundial", version = "5.0.0")]
impl Clock for Shadow {
    fn version(&self) -> u32 {
        5
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}
