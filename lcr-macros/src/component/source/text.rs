//! The text of each method, and the table of them.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{ImplItem, ImplItemFn, ItemImpl, ext::IdentExt as _};

/// The table that a record holds compressed: the file's name, and each method with its line and text.
pub(super) fn table(item: &ItemImpl) -> Vec<u8> {
    let braces = Braces::of(item);
    let methods: Vec<&ImplItemFn> = item
        .items
        .iter()
        .filter_map(|item| match item {
            ImplItem::Fn(method) => Some(method),
            _ => None,
        })
        .collect();
    let mut table = Vec::new();
    put_name(&mut table, braces.as_ref().map_or("", |braces| &braces.file));
    table.extend_from_slice(&u16_of(methods.len()));
    for method in methods {
        let tokens = method.to_token_stream();
        let found = braces.as_ref().and_then(|braces| braces.text_of(&tokens));
        let (line, text) = found.map_or_else(|| (0, tokens.to_string()), |(line, text)| (line, text.to_owned()));
        put_name(&mut table, &method.sig.ident.unraw().to_string());
        // Line 0: the text is not that of a file.
        table.extend_from_slice(&u32::try_from(line).unwrap_or(0).to_le_bytes());
        table.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        table.extend_from_slice(text.as_bytes());
    }
    table
}

/// A name whose length fits; a longer one is left out.
fn put_name(table: &mut Vec<u8>, name: &str) {
    let name = if u16::try_from(name.len()).is_ok() && !name.contains(char::is_control) { name } else { "" };
    table.extend_from_slice(&u16_of(name.len()));
    table.extend_from_slice(name.as_bytes());
}

/// An impl with more methods than a manifest may have is refused by the compiler, in the manifest's constant.
fn u16_of(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes()
}

/// The braces of an impl, with what is in them, as they stand in the author's file.
struct Braces {
    file: String,
    text: String,
    /// Where each line of the text begins in it.
    lines: Vec<usize>,
    place: Place,
}

/// A place in a file: line and column, both from 1, columns in characters.
#[derive(Clone, Copy)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    fn of(span: proc_macro::Span) -> Place {
        Place { line: span.line(), column: span.column() }
    }
}

impl Braces {
    /// `None` if the compiler has no text.
    fn of(item: &ItemImpl) -> Option<Braces> {
        let span = item.brace_token.span.join().unwrap();
        let text = span.source_text()?;
        let lines = [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Some(Braces { file: span.file(), text, lines, place: Place::of(span.start()) })
    }

    /// The line and the text of a method; `None` if what stands there is not the method.
    fn text_of(&self, method: &TokenStream) -> Option<(usize, &str)> {
        let first = method.clone().into_iter().next()?.span();
        let last = match method.clone().into_iter().last()? {
            TokenTree::Group(group) => group.span_close(),
            other => other.span(),
        };
        let first = Place::of(first.unwrap().start());
        let (start, end) = (self.offset(first)?, self.offset(Place::of(last.unwrap().end()))?);
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        flatten(self.text.get(start..end)?.parse().ok()?, &mut found);
        flatten(method.clone(), &mut expected);
        if found != expected {
            return None;
        }
        let before = self.text[..start].rsplit('\n').next()?;
        let is_first_of_line = before.chars().all(char::is_whitespace);
        Some((first.line, &self.text[if is_first_of_line { start - before.len() } else { start }..end]))
    }

    /// Where a place of the file is in the text.
    fn offset(&self, place: Place) -> Option<usize> {
        let line = place.line.checked_sub(self.place.line)?;
        let first_column = if line == 0 { self.place.column } else { 1 };
        let start = *self.lines.get(line)?;
        let columns = place.column.checked_sub(first_column)?;
        let text = self.text[start..].split('\n').next()?;
        text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(columns).map(|at| start + at)
    }
}

/// The tokens one after another, with a token for each delimiter that is written.
fn flatten(tokens: TokenStream, into: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    // The compiler's own, of what a macro substituted.
                    Delimiter::None => ("", ""),
                };
                into.extend((!open.is_empty()).then(|| open.to_owned()));
                flatten(group.stream(), into);
                into.extend((!close.is_empty()).then(|| close.to_owned()));
            }
            other => into.push(other.to_string()),
        }
    }
}
