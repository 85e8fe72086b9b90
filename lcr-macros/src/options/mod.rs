//! How the options of an attribute are read: each key fills one typed field, once.
//!
//! [`table`] has the keys. A key that is unknown, given twice or written in
//! another form is refused, and so is a value that its type cannot hold; reading goes on behind
//! the next comma, so that one pass finds every mistake.

use proc_macro2::{Span, TokenStream};
use syn::{
    Attribute, Ident, Token,
    ext::IdentExt as _,
    parse::{ParseStream, Parser as _},
};

use crate::refusal::Refusals;

mod names;
pub(crate) mod table;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use value::{Flag, Spanned, StateKey, Text, Value, listed};

/// The options of one attribute: a struct with a [`Field`] for each key.
pub(crate) trait Options: Default {
    /// Each key with the way in which an author writes it.
    const KEYS: &'static [(&'static str, &'static str)];

    /// Fills the field of `key` with what follows in `input`; `None` if there is no such key.
    fn fill(&mut self, key: &str, input: ParseStream<'_>) -> Option<Result<(), Unfilled>>;

    /// Reads the arguments of an attribute.
    fn read(tokens: TokenStream, refusals: &mut Refusals) -> Self {
        let mut options = Self::default();
        options.add(tokens, refusals);
        options
    }

    /// Reads the arguments of those of `attributes` that are `#[name(..)]`.
    fn read_helpers(name: &str, attributes: &[Attribute], refusals: &mut Refusals) -> Self {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
            match attribute.meta.require_list() {
                Ok(list) => options.add(list.tokens.clone(), refusals),
                Err(error) => refusals.absorb(error),
            }
        }
        options
    }

    /// Adds the arguments of another attribute of the same kind.
    fn add(&mut self, tokens: TokenStream, refusals: &mut Refusals) {
        let list = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = read_key(self, input) {
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
}

fn read_key<O: Options>(options: &mut O, input: ParseStream<'_>) -> syn::Result<()> {
    let name = input.call(Ident::parse_any)?;
    let key = name.to_string();
    let Some(filled) = options.fill(&key, input) else {
        let known = O::KEYS.iter().map(|(_, usage)| format!("`{usage}`")).collect::<Vec<_>>();
        let message = format!("there is no key `{key}`; known: {}", known.join(", "));
        return Err(syn::Error::new(name.span(), message));
    };
    filled.map_err(|unfilled| match unfilled {
        Unfilled::Twice => syn::Error::new(name.span(), format!("`{key}` is given twice; keep one of them")),
        Unfilled::Form => syn::Error::new(name.span(), format!("this key is written as `{}`", usage::<O>(&key))),
        Unfilled::Value(error) => error,
    })
}

/// How an author writes `key`.
fn usage<O: Options>(key: &str) -> &'static str {
    O::KEYS.iter().find(|(known, _)| *known == key).map_or("", |(_, usage)| usage)
}

/// What became of one key.
#[derive(Default)]
pub(crate) enum Field<T> {
    /// The author left the key out.
    #[default]
    Absent,
    /// The author gave the key, and its value was refused.
    Refused,
    Given(T),
}

/// Why a field keeps what it had.
pub(crate) enum Unfilled {
    Twice,
    /// The value is written in another form than the key's usage.
    Form,
    /// The value is of the form, and the error says why it is refused.
    Value(syn::Error),
}

impl From<syn::Error> for Unfilled {
    fn from(_: syn::Error) -> Unfilled {
        Unfilled::Form
    }
}

impl<T: Value> Field<T> {
    /// Reads the field's value out of `input`.
    pub(crate) fn fill(&mut self, key: &str, input: ParseStream<'_>) -> Result<(), Unfilled> {
        let value = T::read(key, input);
        let is_complete = input.is_empty() || input.peek(Token![,]);
        if !matches!(self, Field::Absent) {
            return Err(Unfilled::Twice);
        }
        *self = Field::Refused;
        let value = value?;
        if !is_complete {
            return Err(Unfilled::Form);
        }
        *self = Field::Given(value);
        Ok(())
    }
}

impl<T> Field<T> {
    /// The value, if there is one.
    pub(crate) fn given(self) -> Option<T> {
        match self {
            Field::Given(value) => Some(value),
            Field::Absent | Field::Refused => None,
        }
    }

    /// The value, if there is one; refuses the absence of `key`, without which the attribute `O`
    /// means nothing.
    pub(crate) fn required<O: Options>(self, key: &str, refusals: &mut Refusals) -> Option<T> {
        if matches!(self, Field::Absent) {
            let message = format!("`{key}` is missing; add `{}`", usage::<O>(key));
            refusals.absorb(syn::Error::new(Span::call_site(), message));
        }
        self.given()
    }
}

impl Field<Flag> {
    /// Whether the author gave the flag.
    pub(crate) fn is_given(&self) -> bool {
        matches!(self, Field::Given(Flag))
    }
}
