//! Changes of a method's structure, made in its text.
//!
//! The parser says where things are, and the change is put between them, so that the author's comments and layout stay.
//! The outcome is parsed again before it is handed out.

use std::ops::Range;

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{
    Arm, Block, Expr, ExprMatch, ImplItemFn, ReturnType, Signature, Stmt, Type, parse::Parser as _,
    spanned::Spanned as _,
};

use crate::exit::{Failure, Status};

/// A change of a method's structure.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// A statement is put into the body.
    Inject { place: Place, statement: String },
    /// An arm is put into the match that the body consists of, as the one of this number.
    Clause { order: usize, arm: String },
}

/// Where a statement is put.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In front of all others.
    Before,
    /// Behind all others, where it sees what the method returns as `result`, and may change it.
    After,
    /// In front of the statement of this number, counted from 1.
    Index(usize),
}

/// A method and its text.
pub(super) struct Method<'a> {
    text: &'a str,
    item: ImplItemFn,
}

impl<'a> Method<'a> {
    /// Reads the text of a method; `what` is the text, for errors.
    pub(super) fn read(text: &'a str, what: &str) -> Result<Method<'a>, Failure> {
        let item =
            syn::parse_str(text).map_err(|error| refused(format!("{what} is no method: {error}{}", at(&error))))?;
        Ok(Method { text, item })
    }

    /// Its signature.
    pub(super) fn signature(&self) -> &Signature {
        &self.item.sig
    }

    /// Its body.
    pub(super) fn block(&self) -> &Block {
        &self.item.block
    }

    /// Refuses a successor with another signature.
    pub(super) fn replaced_by(&self, new: &Method<'_>) -> Result<(), Failure> {
        let tokens = |method: &Method<'_>| method.item.sig.to_token_stream().to_string();
        if tokens(self) == tokens(new) {
            return Ok(());
        }
        let signature = |method: &Method<'_>| method.slice(method.item.sig.span()).to_owned();
        let (was, is) = (signature(self), signature(new));
        Err(refused(format!("the signature was `{was}`, and is `{is}`; callers need the one that was")))
    }

    /// The text with a change.
    pub(super) fn with(&self, change: &Change) -> Result<String, Failure> {
        let new = match change {
            Change::Inject { place, statement } => self.inject(*place, statement)?,
            Change::Clause { order, arm } => self.clause(*order, arm)?,
        };
        Method::read(&new, "what the change makes of the text")?;
        Ok(new)
    }

    fn inject(&self, place: Place, statement: &str) -> Result<String, Failure> {
        let statement = checked(statement)?;
        let block = &self.item.block;
        let count = block.stmts.len();
        match place {
            Place::After => self.behind(&statement),
            Place::Before => self.put(block.brace_token.span.open().byte_range().end, &statement, block),
            Place::Index(index) => {
                let ends_with_value = matches!(block.stmts.last(), Some(Stmt::Expr(_, None)));
                let last = if ends_with_value { count } else { count + 1 };
                if index > last {
                    let text =
                        format!("a statement cannot be number {index}: the body has {count}, so up to {last} fit");
                    return Err(refused(text));
                }
                match block.stmts.get(index - 1) {
                    Some(next) => {
                        let at = next.span().byte_range().start;
                        let indent = self.indent(at);
                        let (before, behind) = self.text.split_at(at);
                        Ok(format!("{before}{statement}\n{indent}{behind}"))
                    }
                    None => {
                        let last = block.stmts.last().map(|last| last.span().byte_range().end);
                        let at = last.unwrap_or(block.brace_token.span.open().byte_range().end);
                        self.put(at, &statement, block)
                    }
                }
            }
        }
    }

    /// Puts a statement on a line of its own.
    fn put(&self, at: usize, statement: &str, block: &Block) -> Result<String, Failure> {
        let indent = match block.stmts.first() {
            Some(first) => self.indent(first.span().byte_range().start),
            None => format!("{}    ", self.indent(self.start())),
        };
        let (before, behind) = self.text.split_at(at);
        let is_end_of_line = behind.starts_with('\n') || behind.starts_with("\r\n");
        let end = if is_end_of_line { String::new() } else { format!("\n{indent}") };
        let behind = if is_end_of_line { behind } else { behind.trim_start_matches(' ') };
        Ok(format!("{before}\n{indent}{statement}{end}{behind}"))
    }

    /// Has the body's value go through a statement. What the body returns early goes through it, too.
    fn behind(&self, statement: &str) -> Result<String, Failure> {
        let signature = &self.item.sig;
        let (of_closure, of_value) = match &signature.output {
            ReturnType::Default => (String::new(), String::new()),
            ReturnType::Type(_, ty) if matches!(**ty, Type::ImplTrait(_)) => {
                let text = "the method returns `impl ..`, which a statement behind the body cannot see; edit the text";
                return Err(refused(text.to_owned()));
            }
            ReturnType::Type(arrow, ty) => {
                let ty = self.slice(ty.span());
                (format!("{} {ty} ", self.slice(arrow.span())), format!(": {ty}"))
            }
        };
        let block = self.range(self.item.block.span());
        let outer = self.indent(self.start());
        let inner = format!("{outer}    ");
        let body = self.text[block.clone()].replace('\n', "\n    ");
        let value = match signature.asyncness {
            Some(_) => format!("let mut result{of_value} = async {body}.await;"),
            None => format!("let mut result = (|| {of_closure}{body})();"),
        };
        let (before, behind) = (&self.text[..block.start], &self.text[block.end..]);
        Ok(format!(
            "{before}{{\n{inner}#[allow(unused_mut)]\n{inner}{value}\n{inner}{statement}\n{inner}result\n{outer}}}\
             {behind}"
        ))
    }

    fn clause(&self, order: usize, arm: &str) -> Result<String, Failure> {
        let arm = arm.trim().trim_end_matches(',');
        syn::parse_str::<Arm>(arm)
            .map_err(|error| refused(format!("`{arm}` is no arm of a match, such as `0 => None`: {error}")))?;
        let arms = &self.top_match()?.arms;
        if order > arms.len() + 1 {
            let (count, last) = (arms.len(), arms.len() + 1);
            return Err(refused(format!(
                "an arm cannot be number {order}: the match has {count}, so up to {last} fit"
            )));
        }
        if let Some(next) = arms.get(order - 1) {
            let at = next.span().byte_range().start;
            let (before, behind) = self.text.split_at(at);
            return Ok(format!("{before}{arm},\n{}{behind}", self.indent(at)));
        }
        let last = arms.last().ok_or_else(|| refused("the match has no arm".to_owned()))?;
        let span = last.span().byte_range();
        let needs_comma = !self.text[..span.end].ends_with([',', '}']);
        let (before, behind) = self.text.split_at(span.end);
        let comma = if needs_comma { "," } else { "" };
        Ok(format!("{before}{comma}\n{}{arm},{behind}", self.indent(span.start)))
    }

    /// The match that is the body's value, or its only match on the top level.
    pub(super) fn top_match(&self) -> Result<&ExprMatch, Failure> {
        let stmts = &self.item.block.stmts;
        let mut all = stmts.iter().filter_map(as_match);
        let only = match (all.next(), all.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        };
        match stmts.last().and_then(as_match).or(only) {
            Some(chosen) => Ok(chosen),
            None => {
                let text = "the body does not end with a match, nor is there one on its top level; inject a statement";
                Err(refused(text.to_owned()))
            }
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        span.byte_range()
    }

    /// The text of a part of it.
    pub(super) fn slice(&self, span: Span) -> &str {
        &self.text[span.byte_range()]
    }

    /// Where the method begins, behind spaces.
    fn start(&self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }

    /// The spaces at the beginning of the line of a place.
    fn indent(&self, at: usize) -> String {
        let line = self.text[..at].rsplit('\n').next().unwrap_or_default();
        line.chars().take_while(|c| c.is_whitespace()).collect()
    }
}

/// The match that a statement consists of.
fn as_match(statement: &Stmt) -> Option<&ExprMatch> {
    match statement {
        Stmt::Expr(Expr::Match(found), _) => Some(found),
        _ => None,
    }
}

/// A statement, with a semicolon if it needs one.
pub(super) fn checked(statement: &str) -> Result<String, Failure> {
    let statement = statement.trim();
    let parse = |text: &str| Block::parse_within.parse_str(text);
    let no = |error: syn::Error| refused(format!("`{statement}` is no statement: {error}"));
    let parsed = parse(statement).map_err(no)?;
    if parsed.is_empty() {
        return Err(refused("an empty statement".to_owned()));
    }
    let is_value = matches!(parsed.last(), Some(Stmt::Expr(..))) && !statement.ends_with([';', '}']);
    let text = if is_value { format!("{statement};") } else { statement.to_owned() };
    parse(&text).map_err(no)?;
    Ok(text)
}

pub(super) fn refused(text: String) -> Failure {
    Failure::new(Status::Format, "no-edit", text)
}

/// Where a parser stopped.
fn at(error: &syn::Error) -> String {
    let place = error.span().start();
    format!(", line {} column {}", place.line, place.column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "\
    /// Gets.
    fn get(&self, key: u8) -> Option<u8> {
        // Looks.
        let found = self.look(key)?;
        match found {
            // None at all.
            0 => None,
            n => Some(n)
        }
    }";

    fn with(text: &str, change: Change) -> String {
        Method::read(text, "text").unwrap().with(&change).unwrap()
    }

    fn inject(place: Place, statement: &str) -> Change {
        Change::Inject { place, statement: statement.to_owned() }
    }

    fn clause(order: usize, arm: &str) -> Change {
        Change::Clause { order, arm: arm.to_owned() }
    }

    fn refusal(text: &str, change: Change) -> String {
        Method::read(text, "text").unwrap().with(&change).unwrap_err().text().to_owned()
    }

    #[test]
    fn a_statement_is_injected_and_all_else_stays() {
        let body = "        // Looks.\n        let found";
        let before = GET.replace(body, &format!("        tell(key);\n{body}"));
        assert_eq!(with(GET, inject(Place::Before, "tell(key)")), before);
        let first = GET.replace("        let found", "        tell(key);\n        let found");
        assert_eq!(with(GET, inject(Place::Index(1), "tell(key);")), first);
        let second = GET.replace("        match", "        let _ = key;\n        match");
        assert_eq!(with(GET, inject(Place::Index(2), "let _ = key;")), second);
        assert_eq!(with("fn f() {}", inject(Place::Before, "g()")), "fn f() {\n    g();\n    }");
        assert_eq!(with("fn f() { a(); }", inject(Place::Index(2), "if b { c() }")), "fn f() { a();\nif b { c() }\n}");
    }

    #[test]
    fn a_statement_behind_the_body_sees_the_result_also_of_an_early_return() {
        let new = with("    fn f(&self) -> u8 {\n        return 1;\n    }", inject(Place::After, "result += 1"));
        let expected = "    fn f(&self) -> u8 {
        #[allow(unused_mut)]
        let mut result = (|| -> u8 {
            return 1;
        })();
        result += 1;
        result
    }";
        assert_eq!(new, expected);
        let new = with("async fn f(&self) -> u8 { 1 }", inject(Place::After, "tell(&result)"));
        assert!(new.contains("let mut result: u8 = async { 1 }.await;\n    tell(&result);\n    result\n}"), "{new}");
        assert!(refusal("fn f(&self) -> impl Iterator { g() }", inject(Place::After, "h()")).contains("`impl ..`"));
    }

    #[test]
    fn an_arm_is_put_where_it_is_asked_for() {
        let first = GET.replace("            0 =>", "            1 => Some(42),\n            0 =>");
        assert_eq!(with(GET, clause(1, "1 => Some(42)")), first);
        let second = GET.replace("            n =>", "            1 => Some(42),\n            n =>");
        assert_eq!(with(GET, clause(2, "1 => Some(42),")), second);
        let third = GET.replace("Some(n)\n", "Some(n),\n            1 => Some(42),\n");
        assert_eq!(with(GET, clause(3, "1 => Some(42)")), third);
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_reason() {
        assert!(refusal(GET, clause(4, "1 => None")).contains("the match has 2, so up to 3 fit"));
        assert!(refusal(GET, clause(1, "1 + 1")).contains("is no arm of a match"));
        assert!(refusal("fn f() { g() }", clause(1, "1 => 2")).contains("does not end with a match"));
        assert!(refusal(GET, inject(Place::Index(3), "a()")).contains("the body has 2, so up to 2 fit"));
        assert!(refusal(GET, inject(Place::Before, "a(")).contains("is no statement"));
        assert!(refusal(GET, inject(Place::Before, "} fn g() {")).contains("is no statement"));
        assert!(refusal(GET, inject(Place::Before, " ")).contains("an empty statement"));
        let method = Method::read(GET, "text").unwrap();
        let other = Method::read("fn get(&self, key: u16) -> Option<u8> { None }", "other").unwrap();
        let failure = method.replaced_by(&other).unwrap_err();
        assert!(failure.text().contains("is `fn get(&self, key: u16) -> Option<u8>`"), "{}", failure.text());
        let same = Method::read("fn get(&self, key: u8) -> Option<u8> { None }", "same").unwrap();
        method.replaced_by(&same).unwrap();
        let cut = Method::read("fn get(", "text").err().expect("it has no end");
        assert!(cut.text().contains("line 1"), "{}", cut.text());
    }
}
