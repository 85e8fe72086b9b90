//! The second version of the command layer: one command more, `STRLEN`.

#[path = "commands/mod.rs"]
mod commands;

use commands::{
    Counts, Edition, Layer, Refusal,
    table::{Command, ONE_KEY},
};
use kv::{Answer, CommandError, Commands, Engine, reply};
use lcr::{BoxError, Context};

static EDITION: Edition = Edition { version: "2.0.0", more: &[STRLEN] };

const STRLEN: Command = Command::new("strlen", 2, strlen, "Returns the length of a key's value.").reads(ONE_KEY);

fn strlen(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let len = layer.engine().get(words[1])?.map_or(0, |value| value.len());
    reply::integer(out, len as i64);
    Ok(())
}

/// The layer, over whatever engine the context names.
pub(crate) struct CommandsV2(Layer);

impl CommandsV2 {
    fn create(context: &Context) -> Result<CommandsV2, BoxError> {
        Ok(CommandsV2::over(context.dependency::<dyn Engine>()?))
    }

    /// The layer over `engine`.
    pub(crate) fn over(engine: impl Engine + 'static) -> CommandsV2 {
        CommandsV2(Layer::new(&EDITION, engine))
    }

    /// The same, going on from what another version counted.
    pub(crate) fn after(counts: Counts, engine: impl Engine + 'static) -> CommandsV2 {
        CommandsV2(Layer::resumed(&EDITION, engine, counts))
    }
}

#[lcr::component(create = CommandsV2::create, state, unload, name = "kv-commands", version = "2.0.0")]
impl Commands for CommandsV2 {
    fn execute(&self, words: Vec<&[u8]>) -> Result<Answer, CommandError> {
        Ok(self.0.execute(&words))
    }

    fn may_write(&self, name: &[u8]) -> Result<bool, CommandError> {
        Ok(self.0.may_write(name))
    }
}

impl lcr::Stateful for CommandsV2 {
    type State = Counts;

    fn save(&self) -> Result<Counts, BoxError> {
        Ok(self.0.counts())
    }

    fn restore(counts: Counts, context: &Context) -> Result<CommandsV2, BoxError> {
        Ok(CommandsV2::after(counts, context.dependency::<dyn Engine>()?))
    }
}
