//! The keys that our attributes take: one table, and the parser that it drives.
//!
//! A key that is unknown, given twice or written in another form is refused, and
//! reading goes on behind the next comma.

use proc_macro2::{Span, TokenStream};
use syn::{
    Ident, LitBool, LitInt, LitStr, Path, Token,
    ext::IdentExt as _,
    parenthesized,
    parse::{ParseStream, Parser as _},
    punctuated::Punctuated,
};

use crate::refusal::Refusals;

/// Which attribute a key belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    Interface,
    Component,
    Abi,
    /// `#[sam::main]`.
    Main,
}

#[derive(Clone, Copy)]
enum Form {
    Flag,
    Switch,
    Text,
    Number,
    Numbers,
    Path,
    Paths,
}

struct Key {
    of: Attribute,
    name: &'static str,
    form: Form,
    usage: &'static str,
}

const fn key(of: Attribute, name: &'static str, form: Form, usage: &'static str) -> Key {
    Key { of, name, form, usage }
}

const KEYS: &[Key] = &[
    key(Attribute::Interface, "name", Form::Text, "name = \"kv.store\""),
    key(Attribute::Interface, "version", Form::Number, "version = 1"),
    key(Attribute::Interface, "replaces", Form::Numbers, "replaces(1, 2)"),
    key(Attribute::Interface, "deps", Form::Paths, "deps(Journal, other::Clock)"),
    key(Attribute::Component, "name", Form::Text, "name = \"kv-hash\""),
    key(Attribute::Component, "version", Form::Text, "version = \"1.2.3\""),
    key(Attribute::Component, "create", Form::Path, "create = Self::open"),
    key(Attribute::Component, "healthy", Form::Path, "healthy = Self::check"),
    key(Attribute::Component, "replaces", Form::Numbers, "replaces(1, 2)"),
    key(Attribute::Component, "deps", Form::Paths, "deps(Journal, other::Clock)"),
    key(Attribute::Component, "state", Form::Flag, "state"),
    key(Attribute::Component, "protected", Form::Flag, "protected"),
    key(Attribute::Component, "unload", Form::Flag, "unload"),
    key(Attribute::Abi, "plain", Form::Flag, "plain"),
    key(Attribute::Main, "interval", Form::Text, "interval = \"2s\""),
    key(Attribute::Main, "policy", Form::Text, "policy = \"restart\""),
    key(Attribute::Main, "checks", Form::Text, "checks = \"beats\""),
    key(Attribute::Main, "warn_signal", Form::Text, "warn_signal = \"SIGTERM\""),
    key(Attribute::Main, "reopen_signal", Form::Text, "reopen_signal = \"SIGHUP\""),
    key(Attribute::Main, "stop_signal", Form::Text, "stop_signal = \"SIGQUIT\""),
    key(Attribute::Main, "pass_signals", Form::Text, "pass_signals = \"main\""),
    key(Attribute::Main, "kill_mode", Form::Text, "kill_mode = \"group\""),
    key(Attribute::Main, "grace", Form::Text, "grace = \"2s\""),
    key(Attribute::Main, "start_limit", Form::Text, "start_limit = \"30s\""),
    key(Attribute::Main, "stop_limit", Form::Text, "stop_limit = \"10s\""),
    key(Attribute::Main, "backoff", Form::Text, "backoff = \"100ms..30s\""),
    key(Attribute::Main, "budget", Form::Text, "budget = \"10/60s\""),
    key(Attribute::Main, "healthy_after", Form::Text, "healthy_after = \"10s\""),
    key(Attribute::Main, "clean_exits", Form::Numbers, "clean_exits(3, 4)"),
    key(Attribute::Main, "fatal_exits", Form::Numbers, "fatal_exits(64, 78)"),
    key(Attribute::Main, "respawn", Form::Text, "respawn = \"fork\""),
    key(Attribute::Main, "strays", Form::Text, "strays = \"kill\""),
    key(Attribute::Main, "cgroup", Form::Text, "cgroup = \"auto\""),
    key(Attribute::Main, "outlive", Form::Switch, "outlive = true"),
    key(Attribute::Main, "huge_pages", Form::Switch, "huge_pages = false"),
    key(Attribute::Main, "standby", Form::Switch, "standby = false"),
    key(Attribute::Main, "ready_at_start", Form::Switch, "ready_at_start = false"),
    key(Attribute::Main, "log", Form::Switch, "log = false"),
    key(Attribute::Main, "events", Form::Text, "events = \"events.jsonl\""),
    key(Attribute::Main, "status", Form::Text, "status = \"status.json\""),
    key(Attribute::Main, "probe", Form::Text, "probe = \"curl -fs localhost\""),
    key(Attribute::Main, "probe_every", Form::Text, "probe_every = \"10s\""),
    key(Attribute::Main, "probe_limit", Form::Text, "probe_limit = \"5s\""),
    key(Attribute::Main, "probe_failures", Form::Number, "probe_failures = 3"),
];

enum Value {
    Flag,
    Switch(LitBool),
    Text(LitStr),
    Number(LitInt),
    Numbers(Vec<LitInt>),
    Path(Path),
    Paths(Vec<Path>),
}

/// The keys found in one attribute.
pub(crate) struct Options {
    of: Attribute,
    /// Where a missing key is reported.
    span: Span,
    /// Keys of the table that were given; without a value if it was refused.
    found: Vec<(Ident, Option<Value>)>,
}

impl Options {
    /// Reads the arguments of an attribute that stands at `span`.
    pub(crate) fn parse(of: Attribute, span: Span, tokens: TokenStream, refusals: &mut Refusals) -> Options {
        let mut options = Options { of, span, found: Vec::new() };
        options.read(tokens, refusals);
        options
    }

    /// Adds the arguments of another attribute of the same kind.
    pub(crate) fn read(&mut self, tokens: TokenStream, refusals: &mut Refusals) {
        let list = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = self.read_key(input) {
                    refusals.absorb(error);
                    while !input.is_empty() && !input.peek(Token![,]) {
                        input.parse::<proc_macro2::TokenTree>()?;
                    }
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = list.parse2(tokens) {
            refusals.absorb(error);
        }
    }

    fn read_key(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let name = input.call(Ident::parse_any)?;
        let Some(key) = KEYS.iter().find(|key| key.of == self.of && name == key.name) else {
            let known = KEYS.iter().filter(|key| key.of == self.of).map(|key| format!("`{}`", key.usage));
            let message = format!("there is no key `{name}`; known: {}", known.collect::<Vec<_>>().join(", "));
            return Err(syn::Error::new(name.span(), message));
        };
        let value = read_value(key.form, input).ok();
        let complete = input.is_empty() || input.peek(Token![,]);
        let refusal = if self.found.iter().any(|(earlier, _)| *earlier == name) {
            Err(syn::Error::new(name.span(), format!("`{name}` is given twice; keep one of them")))
        } else if value.is_none() || !complete {
            Err(syn::Error::new(name.span(), format!("this key is written as `{}`", key.usage)))
        } else {
            Ok(())
        };
        self.found.push((name, value));
        refusal
    }

    fn find(&self, name: &str) -> Option<&Value> {
        debug_assert!(KEYS.iter().any(|key| key.of == self.of && key.name == name), "`{name}` is not in the table");
        self.found.iter().find(|(found, _)| found == name)?.1.as_ref()
    }

    /// Whether a flag is given.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.find(name), Some(Value::Flag))
    }

    pub(crate) fn switch(&self, name: &str) -> Option<bool> {
        match self.find(name) {
            Some(Value::Switch(value)) => Some(value.value),
            _ => None,
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&LitStr> {
        match self.find(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<&LitInt> {
        match self.find(name) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn numbers(&self, name: &str) -> &[LitInt] {
        match self.find(name) {
            Some(Value::Numbers(numbers)) => numbers,
            _ => &[],
        }
    }

    pub(crate) fn path(&self, name: &str) -> Option<&Path> {
        match self.find(name) {
            Some(Value::Path(path)) => Some(path),
            _ => None,
        }
    }

    pub(crate) fn paths(&self, name: &str) -> &[Path] {
        match self.find(name) {
            Some(Value::Paths(paths)) => paths,
            _ => &[],
        }
    }

    /// Refuses the absence of a key that the attribute cannot do without.
    pub(crate) fn require(&self, name: &str, refusals: &mut Refusals) {
        let given = self.found.iter().any(|(found, _)| found == name);
        if let Some(key) = KEYS.iter().find(|key| key.of == self.of && key.name == name && !given) {
            refusals.absorb(syn::Error::new(self.span, format!("`{name}` is missing; add `{}`", key.usage)));
        }
    }
}

fn read_value(form: Form, input: ParseStream<'_>) -> syn::Result<Value> {
    match form {
        Form::Flag => Ok(Value::Flag),
        Form::Switch => {
            input.parse::<Token![=]>()?;
            input.parse().map(Value::Switch)
        }
        Form::Text => {
            input.parse::<Token![=]>()?;
            input.parse().map(Value::Text)
        }
        Form::Number => {
            input.parse::<Token![=]>()?;
            input.parse().map(Value::Number)
        }
        Form::Path => {
            input.parse::<Token![=]>()?;
            input.parse().map(Value::Path)
        }
        Form::Numbers => read_list(input).map(Value::Numbers),
        Form::Paths => read_list(input).map(Value::Paths),
    }
}

fn read_list<T: syn::parse::Parse>(input: ParseStream<'_>) -> syn::Result<Vec<T>> {
    let list;
    parenthesized!(list in input);
    let list = Punctuated::<T, Token![,]>::parse_terminated(&list)?;
    Ok(list.into_iter().collect())
}
