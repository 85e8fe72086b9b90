//! The first version of the command layer.

#[path = "commands/mod.rs"]
mod commands;

use commands::{Counts, Edition, Layer};
use kv::{Answer, CommandError, Commands, Engine};
use lcr::{BoxError, Context};

static EDITION: Edition = Edition { version: "1.0.0", more: &[] };

/// The layer, over whatever engine the context names.
pub(crate) struct CommandsV1(Layer);

impl CommandsV1 {
    fn create(context: &Context) -> Result<CommandsV1, BoxError> {
        Ok(CommandsV1::over(context.dependency::<dyn Engine>()?))
    }

    /// The layer over `engine`.
    pub(crate) fn over(engine: impl Engine + 'static) -> CommandsV1 {
        CommandsV1(Layer::new(&EDITION, engine))
    }

    /// The same, going on from what another version counted.
    pub(crate) fn after(counts: Counts, engine: impl Engine + 'static) -> CommandsV1 {
        CommandsV1(Layer::resumed(&EDITION, engine, counts))
    }
}

#[lcr::component(create = CommandsV1::create, state, unload, name = "kv-commands", version = "1.0.0")]
impl Commands for CommandsV1 {
    fn execute(&self, words: Vec<&[u8]>) -> Result<Answer, CommandError> {
        Ok(self.0.execute(&words))
    }

    fn may_write(&self, name: &[u8]) -> Result<bool, CommandError> {
        Ok(self.0.may_write(name))
    }
}

impl lcr::Stateful for CommandsV1 {
    type State = Counts;

    fn save(&self) -> Result<Counts, BoxError> {
        Ok(self.0.counts())
    }

    fn restore(counts: Counts, context: &Context) -> Result<CommandsV1, BoxError> {
        Ok(CommandsV1::after(counts, context.dependency::<dyn Engine>()?))
    }
}
