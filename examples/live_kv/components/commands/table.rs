//! The table of commands: the one place that names them.

use kv::Touched;

use super::{Layer, Refusal, catalogue, keyspace, server, strings};

/// A command's function: appends one reply, or refuses.
pub(crate) type Run = fn(&Layer, &[&[u8]], &mut Vec<u8>) -> Result<(), Refusal>;

/// A command, with what `COMMAND` tells of it.
pub(crate) struct Command {
    /// Its name in lower case.
    pub(crate) name: &'static str,
    /// The number of words, or, if negative, the least number.
    pub(crate) arity: i32,
    /// What it does.
    pub(crate) run: Run,
    /// What it does, in a sentence.
    pub(crate) summary: &'static str,
    /// `write`, `readonly` or `admin`; nothing for what touches no key.
    pub(crate) flag: Option<&'static str>,
    /// The first word that is a key, the last (negative: from the end), and the step.
    pub(crate) keys: (i32, i32, i32),
}

impl Command {
    /// A command that touches no key.
    pub(crate) const fn new(name: &'static str, arity: i32, run: Run, summary: &'static str) -> Command {
        Command { name, arity, run, summary, flag: None, keys: (0, 0, 0) }
    }

    /// The same, marked as a reader.
    pub(crate) const fn reads(self, keys: (i32, i32, i32)) -> Command {
        Command { flag: Some("readonly"), keys, ..self }
    }

    /// The same, marked as a writer.
    pub(crate) const fn writes(self, keys: (i32, i32, i32)) -> Command {
        Command { flag: Some("write"), keys, ..self }
    }

    /// Whether it changes the map.
    pub(crate) fn is_writer(&self) -> bool {
        self.flag == Some("write")
    }

    /// The keys that a request of `words` words writes to.
    pub(crate) fn keys_of(&self, words: usize) -> Touched {
        let (first, last, step) = self.keys;
        if !self.is_writer() || first == 0 {
            return Touched::Nothing;
        }
        let last = if last < 0 { (words as u32).saturating_sub(last.unsigned_abs()) } else { last as u32 };
        Touched::Words { first: first as u32, last, step: step as u32 }
    }

    /// Whether the command accepts a request of `words` words, its name included.
    pub(crate) fn takes(&self, words: usize) -> bool {
        let least = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { words >= least } else { words == least }
    }
}

const NO_KEY: (i32, i32, i32) = (0, 0, 0);
/// The keys of a command on one key, its first argument.
pub(crate) const ONE_KEY: (i32, i32, i32) = (1, 1, 1);
const ALL_KEYS: (i32, i32, i32) = (1, -1, 1);
const PAIRS: (i32, i32, i32) = (1, -1, 2);

/// The commands of every edition; the frequent ones first, as lookup is from the start.
pub(crate) const BASE: &[Command] = &[
    Command::new("get", 2, strings::get, "Returns the value of a key.").reads(ONE_KEY),
    Command::new("set", -3, strings::set, "Sets the value of a key, on a condition if one is given.").writes(ONE_KEY),
    Command::new("setnx", 3, strings::setnx, "Sets the value of a key that is not there.").writes(ONE_KEY),
    Command::new("incr", 2, strings::incr, "Adds one to the integer at a key.").writes(ONE_KEY),
    Command::new("mget", -2, strings::mget, "Returns the values of several keys at one moment.").reads(ALL_KEYS),
    Command::new("mset", -3, strings::mset, "Sets the values of several keys at one moment.").writes(PAIRS),
    Command::new("ping", -1, server::ping, "Answers."),
    Command::new("incrby", 3, strings::incrby, "Adds a number to the integer at a key.").writes(ONE_KEY),
    Command::new("decr", 2, strings::decr, "Subtracts one from the integer at a key.").writes(ONE_KEY),
    Command::new("decrby", 3, strings::decrby, "Subtracts a number from the integer at a key.").writes(ONE_KEY),
    Command::new("del", -2, keyspace::del, "Removes keys.").writes(ALL_KEYS),
    Command::new("exists", -2, keyspace::exists, "Counts which of the given keys there are.").reads(ALL_KEYS),
    Command::new("scan", -2, keyspace::scan, "Returns the keys, page by page.").reads(NO_KEY),
    Command::new("dbsize", 1, keyspace::dbsize, "Returns the number of keys.").reads(NO_KEY),
    Command::new("flushall", -1, keyspace::flushall, "Removes every key.").writes(NO_KEY),
    Command::new("echo", 2, server::echo, "Returns its argument."),
    Command::new("select", 2, server::select, "Chooses the database, of which there is one, 0."),
    Command::new("client", -2, server::client, "Accepts what a client says of itself."),
    Command::new("config", -2, server::config, "Returns configuration parameters."),
    Command::new("info", -1, server::info, "Returns what there is to know about the server."),
    Command::new("command", -1, catalogue::command, "Returns what there is to know about commands."),
    Command::new("hello", -1, server::of_connection, "Chooses the protocol, and names the connection."),
    Command::new("reset", 1, server::of_connection, "Has the connection be as it began."),
    Command::new("quit", -1, server::quit, "Closes the connection after the reply."),
];
