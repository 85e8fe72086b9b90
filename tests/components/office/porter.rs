//! The porter.

use lcr::{BoxError, Context, Handle};
use lcr_tests::office::{Archive, Epoch, Porter, Seal, Terms};

/// The epoch of the seal that it reported to.
pub struct Lodge(Epoch);

impl Lodge {
    fn open(context: &Context) -> Result<Lodge, BoxError> {
        let terms = if context.is_configured() { context.config()? } else { Terms::default() };
        let seal: Handle<dyn Seal> = context.dependency()?;
        let archive: Handle<dyn Archive> = context.dependency()?;
        archive.file(format!("porter {}", terms.epoch));
        Ok(Lodge(seal.stamp(format!("porter {}", terms.epoch))))
    }
}

#[lcr::component(name = "porter", version = "1.0.0", create = Self::open)]
impl Porter for Lodge {
    fn seal(&self) -> Epoch {
        self.0
    }
}
