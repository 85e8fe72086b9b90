//! Which calls a canary is of, by the value of an argument or a part of it: what is asked for, and what that is of a
//! method.
//!
//! # What is compared
//! The candidate gets its share of the calls that match, and the old version serves the others, and the rest of those
//! that match. Calls that do not match are neither drawn for nor counted: of the two versions, like is compared with
//! like, and [`evidence`](crate::host::watching::evidence) holds as it stands, since a call's arguments are there
//! before its draw. That the candidate never served more than its share of the calls that match implies that it never
//! served more than that of all calls. A share of all calls that match is refused as of all calls: without the old
//! version's there is nothing to compare with.
//!
//! # Secrets
//! A canary by the value of what is secret, in either version, is refused, also of a part in it: whether a call was
//! counted tells whether a guess was right.

use std::sync::Arc;

use crate::{
    change::watching::pattern,
    error::{Error, ErrorKind, Result},
    host::{
        image::manifest::MethodManifest,
        watching::{
            matching::{Matching, Subject},
            signature::Signature,
        },
    },
};

use super::shadowing::Meant;

/// How many conditions a canary has at most.
const MOST: usize = 64;

/// How long the value of a condition may be as JSON, in bytes: so much is compared with the argument of each call.
const LONGEST: usize = 4_096;

/// How long the name of a method, or of an argument, may be, in bytes: the status has them.
const LONGEST_NAME: usize = 512;

/// Conditions, of which a call has to meet one.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    /// Patterns of methods, one for each condition.
    methods: Vec<String>,
    values: Vec<Value>,
}

/// The value that an argument has to have, or a part of one.
#[derive(Clone, Debug)]
struct Value {
    argument: String,
    json: String,
}

impl Conditions {
    pub(super) fn add(&mut self, method: String, argument: String, json: &str) {
        self.methods.push(method);
        self.values.push(Value { argument, json: json.trim().to_owned() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.methods.is_empty()
    }

    /// # Errors
    /// `Invalid` if there are too many, or a value is too long.
    pub(super) fn check(&self) -> Result<()> {
        let names = self.methods.iter().chain(self.values.iter().map(|value| &value.argument));
        if let Some(name) = names.filter(|name| name.len() > LONGEST_NAME).map(|name| name.len()).max() {
            let text = format!(
                "a condition names a method or an argument in {name} bytes, and {LONGEST_NAME} are taken; shorten it"
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let longest = self.values.iter().map(|value| value.json.len()).max().unwrap_or_default();
        if self.methods.len() <= MOST && longest <= LONGEST {
            return Ok(());
        }
        let text = format!(
            "a canary has {MOST} conditions at most, each with a value of {LONGEST} bytes at most, since they are \
             compared with each call, and not {} with up to {longest} bytes; match fewer values",
            self.methods.len()
        );
        Err(Error::new(ErrorKind::Invalid, text))
    }

    /// Each as it is written for `lcr replace --matching`.
    pub(super) fn texts(&self) -> Vec<String> {
        let written = |(method, Value { argument, json }): (&String, &Value)| format!("{method}:{argument}={json}");
        self.methods.iter().zip(&self.values).map(written).collect()
    }

    /// The same without the values: for what is logged and told.
    pub(super) fn places(&self) -> Vec<String> {
        let written = |(method, Value { argument, .. }): (&String, &Value)| format!("{method}:{argument}");
        let mut places: Vec<String> = self.methods.iter().zip(&self.values).map(written).collect();
        places.dedup();
        places
    }
}

/// Conditions, and what has come of them among the methods of a component.
pub(super) struct Met<'r> {
    conditions: &'r Conditions,
    meant: Meant<'r>,
    came: Vec<Came>,
}

/// What has come of a condition.
#[derive(Clone, Debug)]
enum Came {
    /// It means no method.
    Nothing,
    /// It means this method, and does not fit it, for this reason.
    LeftOut(String, String),
    /// There is a method with calls that may meet it.
    Applied,
}

impl<'r> Met<'r> {
    pub(super) fn new(conditions: &'r Conditions) -> Met<'r> {
        let (meant, came) = (Meant::new(&conditions.methods), vec![Came::Nothing; conditions.methods.len()]);
        Met { conditions, meant, came }
    }

    /// Whether the method is meant, and only together with others.
    pub(super) fn is_meant(&mut self, name: &str) -> Option<bool> {
        self.meant.is_meant(name)
    }

    /// What a call of the method has to have. A condition with a pattern is passed over if it does not fit the method
    /// and another condition does.
    ///
    /// # Errors
    /// Why no call of the method can be matched, or not by a condition that names it in full.
    pub(super) fn of(
        &mut self,
        name: &str,
        (old, new): (&MethodManifest, &MethodManifest),
        signature: &Arc<Signature>,
    ) -> std::result::Result<Matching, String> {
        let mut matching = Matching::new(signature);
        let mut first = None;
        let Conditions { methods, values } = self.conditions;
        for ((pattern, value), came) in methods.iter().zip(values).zip(&mut self.came) {
            if !pattern::means(pattern, name) {
                continue;
            }
            match value.put(&mut matching, old, new) {
                Ok(()) => *came = Came::Applied,
                Err(why) if !pattern.contains('*') => return Err(why),
                Err(why) => {
                    came.leave_out(name, &why);
                    first.get_or_insert(why);
                }
            }
        }
        match first {
            Some(why) if matching.is_empty() => Err(why),
            _ => Ok(matching),
        }
    }

    /// The method has no layer.
    pub(super) fn leave_out(&mut self, name: &str, why: &str) {
        let meant = self.conditions.methods.iter().zip(&mut self.came);
        meant.filter(|(pattern, _)| pattern::means(pattern, name)).for_each(|(_, came)| came.leave_out(name, why));
    }

    /// Refuses a condition that no call can meet.
    ///
    /// # Errors
    /// `NotFound` if it means no method; `Invalid` if it fits none that it means.
    pub(super) fn check(&self) -> Result<()> {
        self.meant.check()?;
        let texts = self.conditions.texts();
        let left_out = texts.iter().zip(&self.came).find_map(|(text, came)| match came {
            Came::LeftOut(method, why) => Some((text, method, why)),
            Came::Nothing | Came::Applied => None,
        });
        let Some((condition, method, why)) = left_out else { return Ok(()) };
        let text = format!("no call can meet `{condition:.200}`: {method} stays with the old version, as {why}");
        Err(Error::new(ErrorKind::Invalid, text))
    }
}

impl Came {
    fn leave_out(&mut self, name: &str, why: &str) {
        if let Came::Nothing = self {
            *self = Came::LeftOut(name.to_owned(), why.to_owned());
        }
    }
}

impl Value {
    /// Has calls match whose argument has this value; or why none can.
    fn put(
        &self,
        matching: &mut Matching,
        old: &MethodManifest,
        new: &MethodManifest,
    ) -> std::result::Result<(), String> {
        let Value { argument, json } = self;
        let subject = Subject::read(argument)?;
        let name = subject.argument;
        // By the names that the running version has: those are listed.
        let place = place(old, name).ok_or_else(|| format!("it has no argument `{name:.80}`: {}", known(old)))?;
        if subject.is_secret(old, place)? || subject.is_secret(new, place)? {
            return Err(format!(
                "its argument `{argument}` is secret or has a secret in it, which a share of the calls by its value \
                 would tell"
            ));
        }
        matching.add(place, &subject, json).map_err(|error| error.to_string())
    }
}

/// The place of an argument, from 0, by its name or its place from 1.
fn place(method: &MethodManifest, argument: &str) -> Option<usize> {
    let count = method.shape.arguments().count();
    let named = method.arguments.iter().position(|name| name == argument);
    named.or_else(|| argument.parse::<usize>().ok()?.checked_sub(1)).filter(|&place| place < count)
}

/// What arguments of a method can be called.
fn known(method: &MethodManifest) -> String {
    match (&method.arguments[..], method.shape.arguments().count()) {
        (_, 0) => "it takes none".to_owned(),
        ([], count) => format!("their names are not known; give a place from 1 to {count}"),
        (names, _) => format!("it has `{}`", names.join("`, `")),
    }
}
