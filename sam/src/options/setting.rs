//! What the table of options has of each: its word, what it means, its default, and where it can be given.
//!
//! `stop-limit` is `--stop-limit` on the command line, `SAM_STOP_LIMIT` in the environment, `stop_limit`
//! in the attribute `#[sam::main]` and [`Builder::stop_limit`](crate::Builder::stop_limit), and its value
//! is written in the same way in all of them. The environment and the command read values through the
//! table. Pages are written from it (`pages`): the help of `sam run`, the manual pages, the chapter
//! `guide::options` and the table of the attribute. Tests compare the builder and the attribute, which
//! cannot use it, with it.

use std::ffi::OsStr;

use super::defaults::Options;

/// One option.
#[derive(Debug)]
pub struct Setting {
    /// Its name, as on the command line.
    pub word: &'static str,
    /// What it is about.
    pub section: Section,
    /// What to give.
    pub value: Value,
    /// What holds if it is not given.
    pub default: Unset,
    /// The same for the command, where that is something else.
    pub default_of_command: Option<&'static str>,
    /// One to a few sentences. `{word}` is another option, as the page spells it.
    pub meaning: &'static str,
    /// Where it can be given.
    pub places: Places,
    /// The first version that has it.
    pub since: &'static str,
    /// Puts the value in. `None`: it makes no sense.
    pub(crate) set: fn(&mut Options, &OsStr) -> Option<()>,
}

/// What an option is about, in the order in which pages show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// How the supervisor knows that an instance is well.
    Health,
    /// What follows when it is not.
    Failure,
    /// How instances are made, and what becomes of what they leave.
    Instances,
    /// The operator's signals.
    Stop,
    /// What a program finds around itself.
    Surroundings,
    /// What the supervisor reports, and where.
    Reports,
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its name on the command line: `TIME`.
    pub placeholder: &'static str,
    /// What to give, as a refusal says it.
    pub expected: &'static str,
}

/// On or off: `0` or `1` in the environment, a boolean in the attribute and the builder, `--word` or
/// `--no-word` on the command line.
pub const SWITCH: Value = Value { placeholder: "0|1", expected: "0 or 1" };

/// What holds without an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// As if this were given.
    Value(&'static str),
    /// What this says.
    Text(&'static str),
}

impl Unset {
    /// As a page shows it.
    pub fn text(self) -> &'static str {
        match self {
            Unset::Value(text) | Unset::Text(text) => text,
        }
    }
}

/// Where an option can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// `#[sam::main(...)]`
    pub attribute: bool,
    /// `SAM_*`, read by programs that are linked with this crate.
    pub environment: bool,
    /// `sam run`
    pub command: bool,
    /// `Builder`
    pub builder: bool,
}

impl Setting {
    /// Its variable in the environment.
    pub fn variable(&self) -> String {
        format!("SAM_{}", self.word.to_ascii_uppercase().replace('-', "_"))
    }

    /// Its key in the attribute, and its method of the builder.
    pub fn key(&self) -> String {
        self.word.replace('-', "_")
    }

    /// Whether it is on or off.
    pub fn is_switch(&self) -> bool {
        self.value == SWITCH
    }
}

/// `text` with each `{word}` spelled by `spell`.
pub fn spelled(text: &str, spell: impl Fn(&str) -> String) -> String {
    let (mut spelled, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('{') {
        let (word, after) = behind.split_once('}').unwrap_or((behind, ""));
        spelled.push_str(before);
        spelled.push_str(&spell(word));
        rest = after;
    }
    spelled + rest
}
