//! The command layer. Its versions are thin editions of this module.
//!
//! [`Layer`] looks a request's first word up in the [`table`], checks the number of
//! words, counts the call and runs it; [`strings`], [`keyspace`], [`server`] and
//! [`catalogue`] hold the commands themselves. What is refused becomes an error line
//! with Redis's own words, so that clients that look for them find them.

mod catalogue;
mod glob;
mod keyspace;
mod served;
mod server;
mod strings;
pub(crate) mod table;

use std::{borrow::Cow, fmt::Write as _, time::SystemTime};

use kv::{Answer, Engine, EngineError, Touched, reply};

pub(crate) use served::Counts;
use served::Served;
use table::{BASE, Command};

/// What makes one version of the layer.
pub(crate) struct Edition {
    /// What `INFO` shows.
    pub(crate) version: &'static str,
    /// Commands beside the [`BASE`].
    pub(crate) more: &'static [Command],
}

/// The command layer over one engine.
pub(crate) struct Layer {
    engine: Box<dyn Engine>,
    edition: &'static Edition,
    served: Served,
}

impl Layer {
    /// A layer that has served nothing yet.
    pub(crate) fn new(edition: &'static Edition, engine: impl Engine + 'static) -> Layer {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Layer::resumed(edition, engine, Counts { since: now.as_secs(), ..Counts::default() })
    }

    /// A layer that goes on counting where another stopped.
    pub(crate) fn resumed(edition: &'static Edition, engine: impl Engine + 'static, counts: Counts) -> Layer {
        let names = BASE.iter().chain(edition.more).map(|command| command.name);
        Layer { engine: Box::new(engine), edition, served: Served::resumed(names, counts) }
    }

    /// What was served until now.
    pub(crate) fn counts(&self) -> Counts {
        let names = self.commands().map(|command| command.name);
        self.served.counts(names)
    }

    /// The engine that commands work on.
    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// Executes one request and returns its reply, and what it touched.
    pub(crate) fn execute(&self, words: &[&[u8]]) -> Answer {
        let mut answer = Answer { reply: Vec::new(), touched: Touched::Nothing };
        if let Err(Refusal(text)) = self.run(words, &mut answer) {
            answer.reply.clear();
            reply::error(&mut answer.reply, &text);
            self.served.refused();
        }
        answer
    }

    /// Whether a command of that name may write, or would be unknown.
    pub(crate) fn may_write(&self, name: &[u8]) -> bool {
        self.find(name).is_none_or(|(_, command)| command.is_writer())
    }

    fn run(&self, words: &[&[u8]], answer: &mut Answer) -> Result<(), Refusal> {
        let (name, arguments) = words.split_first().ok_or_else(|| Refusal::new("ERR empty request"))?;
        let Some((number, command)) = self.find(name) else {
            self.served.unknown();
            return Err(unknown(name, arguments));
        };
        self.served.call(number);
        if !command.takes(words.len()) {
            return Err(Refusal::arity(command.name));
        }
        // An engine that fails in the middle may have changed some keys, so the keys of a refused request
        // count as touched, too. A refused removal removes nothing.
        answer.touched = command.keys_of(words.len());
        (command.run)(self, words, &mut answer.reply)?;
        if command.is_writer() && answer.touched == Touched::Nothing {
            answer.touched = Touched::Everything;
        }
        Ok(())
    }

    fn commands(&self) -> impl Iterator<Item = &'static Command> {
        BASE.iter().chain(self.edition.more)
    }

    fn find(&self, name: &[u8]) -> Option<(usize, &'static Command)> {
        self.commands().enumerate().find(|(_, command)| command.name.as_bytes().eq_ignore_ascii_case(name))
    }
}

/// Why a request was refused: the text of its error line.
pub(crate) struct Refusal(Cow<'static, str>);

impl Refusal {
    fn new(text: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal(text.into())
    }

    fn arity(name: &str) -> Refusal {
        Refusal::new(format!("ERR wrong number of arguments for '{name}' command"))
    }

    fn syntax() -> Refusal {
        Refusal::new("ERR syntax error")
    }

    fn not_an_integer() -> Refusal {
        Refusal::new(format!("ERR {}", EngineError::NotAnInteger))
    }

    fn subcommand(command: &str, word: &[u8]) -> Refusal {
        let help = command.to_ascii_uppercase();
        Refusal::new(format!("ERR unknown subcommand '{}'. Try {help} HELP.", shown(word, 128)))
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Refusal {
        Refusal::new(format!("ERR {error}"))
    }
}

/// As Redis words it, with at most 128 characters of the name and of the arguments.
fn unknown(name: &[u8], arguments: &[&[u8]]) -> Refusal {
    let mut beginning = String::new();
    for argument in arguments {
        if beginning.len() >= 128 {
            break;
        }
        let room = 128 - beginning.len();
        let _ = write!(beginning, "'{}' ", shown(argument, room));
    }
    Refusal::new(format!("ERR unknown command '{}', with args beginning with: {beginning}", shown(name, 128)))
}

/// At most `len` bytes of a word, fit for an error line.
fn shown(word: &[u8], len: usize) -> Cow<'_, str> {
    String::from_utf8_lossy(&word[..word.len().min(len)])
}
