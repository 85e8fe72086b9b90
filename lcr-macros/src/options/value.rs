//! What keys may be given, and how it is written.

use proc_macro2::Span;
use syn::{
    Ident, LitBool, LitInt, LitStr, Member, Path, Token, Type, parenthesized,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use super::Unfilled;

/// What a key may be given.
pub(crate) trait Value: Sized {
    /// Reads the value of `key` out of what follows the key.
    fn read(key: &str, input: ParseStream<'_>) -> Result<Self, Unfilled>;
}

/// A value, and where the author wrote it.
#[derive(Clone, Copy)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// `key`: it is there.
pub(crate) struct Flag;

impl Value for Flag {
    fn read(_: &str, _: ParseStream<'_>) -> Result<Flag, Unfilled> {
        Ok(Flag)
    }
}

/// `state`: the type implements `Stateful`; or `state = field`: a field keeps it.
pub(crate) enum StateKey {
    Implemented,
    Kept(Member),
}

impl Value for StateKey {
    fn read(_: &str, input: ParseStream<'_>) -> Result<StateKey, Unfilled> {
        if input.peek(Token![=]) { Ok(StateKey::Kept(assigned(input)?)) } else { Ok(StateKey::Implemented) }
    }
}

/// `key = true`.
impl Value for bool {
    fn read(_: &str, input: ParseStream<'_>) -> Result<bool, Unfilled> {
        Ok(assigned::<LitBool>(input)?.value)
    }
}

/// `key = some::path`.
impl Value for Path {
    fn read(_: &str, input: ParseStream<'_>) -> Result<Path, Unfilled> {
        Ok(assigned(input)?)
    }
}

/// `key = dyn Trait`.
impl Value for Type {
    fn read(_: &str, input: ParseStream<'_>) -> Result<Type, Unfilled> {
        Ok(assigned(input)?)
    }
}

/// `key = tokio`: a runtime that a component's code runs inside, and where the author named it.
pub(crate) struct RuntimeName {
    pub(crate) span: Span,
}

impl Value for RuntimeName {
    fn read(key: &str, input: ParseStream<'_>) -> Result<RuntimeName, Unfilled> {
        let name: Ident = assigned(input)?;
        if name == "tokio" {
            return Ok(RuntimeName { span: name.span() });
        }
        let message = format!("there is no `{key}` `{name}`; known: `tokio`");
        Err(Unfilled::Value(syn::Error::new(name.span(), message)))
    }
}

/// `key = 1`, from 1.
impl Value for Spanned<u32> {
    fn read(key: &str, input: ParseStream<'_>) -> Result<Spanned<u32>, Unfilled> {
        let number: LitInt = assigned(input)?;
        match number.base10_parse() {
            Ok(value) if value > 0 => Ok(Spanned { value, span: number.span() }),
            _ => {
                let message = format!("`{key}` is a number from 1 to {}", u32::MAX);
                Err(Unfilled::Value(syn::Error::new(number.span(), message)))
            }
        }
    }
}

/// `key(1, 2)`: numbers of any size, which the attribute's check compares with what it allows.
impl Value for Vec<Spanned<u64>> {
    fn read(_: &str, input: ParseStream<'_>) -> Result<Vec<Spanned<u64>>, Unfilled> {
        let spanned =
            |number: LitInt| Spanned { value: number.base10_parse().unwrap_or(u64::MAX), span: number.span() };
        Ok(listed(input)?.into_iter().map(spanned).collect())
    }
}

/// `key(one::Path, Other)`.
impl Value for Vec<Path> {
    fn read(_: &str, input: ParseStream<'_>) -> Result<Vec<Path>, Unfilled> {
        Ok(listed(input)?)
    }
}

/// What a text stands for: `key = "text"`.
pub(crate) trait Text: Sized {
    /// The value of `text`.
    ///
    /// # Errors
    /// What `key` may be given instead.
    fn read(key: &str, text: &str) -> Result<Self, String>;
}

/// Any text.
impl Text for String {
    fn read(_: &str, text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }
}

impl<T: Text> Value for Spanned<T> {
    fn read(key: &str, input: ParseStream<'_>) -> Result<Spanned<T>, Unfilled> {
        let text: LitStr = assigned(input)?;
        match T::read(key, &text.value()) {
            Ok(value) => Ok(Spanned { value, span: text.span() }),
            Err(message) => Err(Unfilled::Value(syn::Error::new(text.span(), message))),
        }
    }
}

fn assigned<T: Parse>(input: ParseStream<'_>) -> syn::Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// `(1, 2)`.
pub(crate) fn listed<T: Parse>(input: ParseStream<'_>) -> syn::Result<Vec<T>> {
    let list;
    parenthesized!(list in input);
    let list = Punctuated::<T, Token![,]>::parse_terminated(&list)?;
    Ok(list.into_iter().collect())
}
