//! A command layer that panics under load: in every 256th request, after some thousands that it answers well.

#[path = "../commands/mod.rs"]
mod commands;
#[path = "fuse.rs"]
mod fuse;

use commands::{Counts, Edition, Layer};
use fuse::Fuse;
use kv::{Answer, CommandError, Commands, Engine};
use lcr::{BoxError, Context};

static EDITION: Edition = Edition { version: "2.1.0", more: &[] };

/// The layer.
pub(crate) struct PanickingCommands {
    layer: Layer,
    fuse: Fuse,
}

impl PanickingCommands {
    fn create(context: &Context) -> Result<PanickingCommands, BoxError> {
        let layer = Layer::new(&EDITION, context.dependency::<dyn Engine>()?);
        Ok(PanickingCommands { layer, fuse: Fuse::default() })
    }
}

#[lcr::component(create = PanickingCommands::create, state, unload, name = "kv-commands", version = "2.1.0")]
impl Commands for PanickingCommands {
    fn execute(&self, words: Vec<&[u8]>) -> Result<Answer, CommandError> {
        let is_bad = self.fuse.call().is_some_and(|before| before.is_multiple_of(256));
        assert!(!is_bad, "this version panics under load");
        Ok(self.layer.execute(&words))
    }

    fn may_write(&self, name: &[u8]) -> Result<bool, CommandError> {
        Ok(self.layer.may_write(name))
    }
}

impl lcr::Stateful for PanickingCommands {
    type State = Counts;

    fn save(&self) -> Result<Counts, BoxError> {
        Ok(self.layer.counts())
    }

    fn restore(counts: Counts, context: &Context) -> Result<PanickingCommands, BoxError> {
        let layer = Layer::resumed(&EDITION, context.dependency::<dyn Engine>()?, counts);
        Ok(PanickingCommands { layer, fuse: Fuse::default() })
    }
}
