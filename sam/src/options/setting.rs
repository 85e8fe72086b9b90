//! A row of the table of options: an option's word, meaning and default, and where it can be given.
//!
//! `stop-limit` is `--stop-limit` on the command line, `SAM_STOP_LIMIT` in the environment, `stop_limit`
//! in the attribute `#[sam::main]` and [`Builder::stop_limit`](crate::Builder::stop_limit), and its value
//! is written in the same way in all of them. The environment and the command read values through the
//! table. Pages are written from the table (`pages`): the help of `sam run`, the manual pages, the chapter
//! `guide::options` and the keys of the attribute. The builder and the attribute cannot use the table; tests
//! compare them with it.

use std::ffi::OsStr;

use super::defaults::Options;

/// One option.
#[derive(Debug)]
pub struct Setting {
    /// The option's name, as on the command line.
    pub word: &'static str,
    /// What the option is about.
    pub section: Section,
    /// The value that the option takes.
    pub value: Value,
    /// What holds if the option is not given.
    pub default: Unset,
    /// What holds for the command, where that is something else.
    pub default_of_command: Option<&'static str>,
    /// One to a few sentences. `{word}` stands for another option, as the page spells it.
    pub meaning: &'static str,
    /// Where the option can be given.
    pub places: Places,
    /// The first version that has the option.
    pub since: &'static str,
    /// Puts the value into the options. `None`: the option does not take that value.
    pub(crate) set: fn(&mut Options, &OsStr) -> Option<()>,
}

/// What an option is about, in the order in which pages show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// How the supervisor knows that an instance is well.
    Health,
    /// What follows when an instance is not well.
    Failure,
    /// How instances are made, and what becomes of what they leave.
    Instances,
    /// Stops, and the operator's other signals.
    Stop,
    /// What another program finds around itself.
    Surroundings,
    /// What the supervisor reports, and where.
    Reports,
}

/// The value that an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// The value's name on the command line: `TIME`.
    pub placeholder: &'static str,
    /// What to give, as the text of a refusal has it.
    pub expected: &'static str,
}

/// On or off: `0` or `1` in the environment, a boolean in the attribute and the builder, `--word` or
/// `--no-word` on the command line.
pub const SWITCH: Value = Value { placeholder: "0|1", expected: "0 or 1" };

/// What holds if an option is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// The same as if this value were given.
    Value(&'static str),
    /// What this text says.
    Text(&'static str),
}

impl Unset {
    /// The text that a page shows.
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
    /// The option's variable in the environment.
    pub fn variable(&self) -> String {
        format!("SAM_{}", self.word.to_ascii_uppercase().replace('-', "_"))
    }

    /// The option's key in the attribute, which is also its method of the builder.
    pub fn key(&self) -> String {
        self.word.replace('-', "_")
    }

    /// Whether the option is a switch.
    pub fn is_switch(&self) -> bool {
        self.value == SWITCH
    }
}

/// `text` with what `spell` makes of the word in place of each `{word}`.
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
