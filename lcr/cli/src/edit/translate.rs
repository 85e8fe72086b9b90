//! A method's new text as a function of a patch library.
//!
//! A patch sees the method's arguments, and what was there before, which it calls as `next`. It has no instance. So
//! what needs the body that stands there now calls `next`, and copies none of it: a statement before or behind the
//! body, and an arm of its match. A text that replaces the body, or is put into it, must do without the instance: a
//! call of the method itself becomes one of `next`, and any other use of `self` is refused, with its names.

use std::{collections::BTreeSet, ops::Range};

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{FnArg, Pat, ReturnType, spanned::Spanned as _};

use super::structure::{Change, Method, Place, checked, refused};
use crate::exit::Failure;

/// A function of a patch.
#[derive(Debug)]
pub(super) struct Function {
    /// Its text.
    pub(super) text: String,
    /// Which of its lines are the user's, counted from 0.
    pub(super) users: Range<usize>,
    /// The number of the first of these lines in the user's text, counted from 1.
    pub(super) first: usize,
}

/// The parts of a method's signature.
struct Parts {
    name: Ident,
    /// `key: &str`, for each argument.
    arguments: Vec<String>,
    /// Their names.
    names: Vec<String>,
    /// The function's head, up to the brace.
    head: String,
}

/// The function for a change of the method's structure.
pub(super) fn of_change(method: &Method<'_>, change: &Change, new: &str) -> Result<Function, Failure> {
    let parts = Parts::of(method)?;
    match change {
        Change::Inject { place: Place::Before, statement } => {
            let statement = checked(statement)?;
            Ok(parts.around(&statement, "", &parts.call()))
        }
        Change::Inject { place: Place::After, statement } => {
            let statement = checked(statement)?;
            let value = format!("    #[allow(unused_mut)]\n    let mut result = {};\n", parts.call());
            Ok(parts.around(&statement, &value, "result"))
        }
        Change::Inject { place: Place::Index(_), .. } => of_text(method, new),
        Change::Clause { order, arm } => of_arm(method, &parts, *order, arm),
    }
}

/// The function for a new text of the method. The text may call something of its own `next`, so what was there before
/// has another name in it.
pub(super) fn of_text(was: &Method<'_>, new: &str) -> Result<Function, Failure> {
    let parts = Parts::of(was)?;
    let method = Method::read(new, "the new text")?;
    let block = method.block();
    let own = own_calls(block.to_token_stream(), &parts.name, "the text")?;
    let range = block.span().byte_range();
    let first = new[..range.start].matches('\n').count() + 1;
    let mut body = String::new();
    let mut at = range.start;
    for call in own {
        body += &new[at..call.start];
        body += "lcr_next";
        at = call.end;
    }
    body += &new[at..range.end];
    let lines = body.matches('\n').count() + 1;
    // On the line where the text begins, so that its lines keep their numbers.
    let text = format!("{}{{ #[allow(unused_variables)] let lcr_next = next; {body} }}\n", parts.head);
    Ok(Function { text, users: 0..lines, first })
}

/// The function whose match has the new arm, and calls what was there before where the arms do not say otherwise. That
/// call is outside of the match: a pattern may bind a name that is an argument's, or `next`.
fn of_arm(method: &Method<'_>, parts: &Parts, order: usize, arm: &str) -> Result<Function, Failure> {
    let found = method.top_match()?;
    if method.block().stmts.len() != 1 {
        let text = "the body has statements beside its match, which would run twice if an arm were put before what was \
                    there; edit the text";
        return Err(refused(text.to_owned()));
    }
    without_instance(found.expr.to_token_stream(), parts, "what the match looks at")?;
    let before = &found.arms[..order - 1];
    let looks_at = method.slice(found.expr.span());
    let mut text = format!("{}{{\n    'lcr_below: {{\n        return match {looks_at} {{\n", parts.head);
    for other in before {
        // A guard is a part of the pattern.
        without_instance(other.pat.to_token_stream(), parts, "an arm before it")?;
        let pattern = method.slice(other.pat.span());
        text += &format!("            #[allow(unused_variables)]\n            {pattern} => break 'lcr_below,\n");
    }
    let arm = arm.trim().trim_end_matches(',');
    let start = text.matches('\n').count();
    text += &format!("            {arm},\n");
    let end = text.matches('\n').count();
    text += "            #[allow(unreachable_patterns)]\n            _ => break 'lcr_below,\n        };\n    }\n";
    text += &format!("    {}\n}}\n", parts.call());
    Ok(Function { text, users: start..end, first: 1 })
}

impl Parts {
    fn of(method: &Method<'_>) -> Result<Parts, Failure> {
        let signature = method.signature();
        if signature.asyncness.is_some() {
            let text = "an async method cannot be patched, because a patch would stand around each poll; edit the \
                        component";
            return Err(refused(text.to_owned()));
        }
        if !signature.generics.params.is_empty() {
            let text = "the signature names lifetimes, which a patch cannot repeat; leave them out in the component";
            return Err(refused(text.to_owned()));
        }
        if let ReturnType::Type(_, ty) = &signature.output
            && matches!(**ty, syn::Type::ImplTrait(_))
        {
            return Err(refused("a method that returns a stream cannot be patched; edit the component".to_owned()));
        }
        let is_next =
            |input: &FnArg| matches!(input, FnArg::Typed(input) if mentions(input.pat.to_token_stream(), "next"));
        if signature.inputs.iter().any(is_next) {
            let text = "an argument is called `next`, which is what a patch calls what was there before; give it \
                        another name in the component";
            return Err(refused(text.to_owned()));
        }
        let (mut arguments, mut names, mut types) = (Vec::new(), Vec::new(), Vec::new());
        for (number, input) in signature.inputs.iter().enumerate() {
            let FnArg::Typed(input) = input else { continue };
            let name = match &*input.pat {
                Pat::Ident(name) => name.ident.to_string(),
                _ => format!("argument_{number}"),
            };
            let ty = method.slice(input.ty.span());
            let is_changed = matches!(&*input.pat, Pat::Ident(name) if name.mutability.is_some());
            let mutable = if is_changed { "mut " } else { "" };
            arguments.push(format!("{mutable}{name}: {ty}"));
            names.push(name);
            types.push(ty.to_owned());
        }
        let tokens = signature.inputs.iter().filter(|input| matches!(input, FnArg::Typed(_)));
        let mut tokens: TokenStream = tokens.map(|input| input.to_token_stream()).collect();
        tokens.extend(signature.output.to_token_stream());
        if mentions(tokens, "Self") {
            let text = "the signature names `Self`, which is the component's type; name the types in the component";
            return Err(refused(text.to_owned()));
        }
        let output = method.slice(signature.output.span());
        let output = if output.is_empty() { String::new() } else { format!(" {output}") };
        let name = &signature.ident;
        let all = [vec![format!("next: &dyn Fn({}){output}", types.join(", "))], arguments.clone()].concat();
        let head = format!("pub fn {name}({}){output} ", all.join(", "));
        Ok(Parts { name: name.clone(), arguments, names, head })
    }

    /// What calls what was there before.
    fn call(&self) -> String {
        debug_assert_eq!(self.arguments.len(), self.names.len());
        format!("next({})", self.names.join(", "))
    }

    /// A function with a statement between something and its value.
    fn around(&self, statement: &str, before: &str, value: &str) -> Function {
        let head = format!("{}{{\n{before}", self.head);
        let start = head.matches('\n').count();
        let lines = statement.matches('\n').count() + 1;
        let text = format!("{head}    {statement}\n    {value}\n}}\n");
        Function { text, users: start..start + lines, first: 1 }
    }
}

/// Refuses tokens that use the instance, the method itself included.
fn without_instance(tokens: TokenStream, parts: &Parts, what: &str) -> Result<(), Failure> {
    match own_calls(tokens, &parts.name, what)?[..] {
        [] => Ok(()),
        _ => Err(refused(format!("{what} calls the method itself; edit the text"))),
    }
}

/// Where the tokens call the method itself: `self.name`. Refuses every other use of the instance and its type.
fn own_calls(tokens: TokenStream, name: &Ident, what: &str) -> Result<Vec<Range<usize>>, Failure> {
    let (mut own, mut others) = (Vec::new(), BTreeSet::new());
    look(tokens, name, &mut own, &mut others);
    if others.is_empty() {
        return Ok(own);
    }
    let names: Vec<String> = others.into_iter().map(|name| format!("`{name}`")).collect();
    Err(refused(format!(
        "{what} uses {}: a patch library has no instance, and sees the arguments and `next` only; leave it out, or \
         change the component",
        names.join(", ")
    )))
}

fn look(tokens: TokenStream, name: &Ident, own: &mut Vec<Range<usize>>, others: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => look(group.stream(), name, own, others),
            TokenTree::Ident(ident) if ident == "Self" => drop(others.insert("Self".to_owned())),
            TokenTree::Ident(ident) if ident == "self" => {
                let is_path = matches!(tokens.get(at + 1), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
                match (tokens.get(at + 1), tokens.get(at + 2), tokens.get(at + 3)) {
                    // `self::path` is a module, which the library lacks; the compiler says so.
                    _ if is_path => {}
                    (Some(TokenTree::Punct(dot)), Some(TokenTree::Ident(called)), Some(TokenTree::Group(_)))
                        if dot.as_char() == '.' && called == name =>
                    {
                        own.push(ident.span().byte_range().start..called.span().byte_range().end);
                    }
                    (Some(TokenTree::Punct(dot)), Some(member), _) if dot.as_char() == '.' => {
                        others.insert(format!("self.{member}"));
                    }
                    _ => drop(others.insert("self".to_owned())),
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

fn mentions(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(group.stream(), word),
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "    /// Gets.
    fn get(&self, key: u8) -> Option<u8> {
        match key {
            0 => None,
            n if n > 7 => self.get(n - 1),
            n => self.map.get(n),
        }
    }";

    fn made(text: &str, change: &Change) -> Result<Function, String> {
        let method = Method::read(text, "text").unwrap();
        let new = method.with(change).unwrap_or_default();
        of_change(&method, change, &new).map_err(|failure| failure.text().to_owned())
    }

    fn inject(place: Place, statement: &str) -> Change {
        Change::Inject { place, statement: statement.to_owned() }
    }

    fn users(function: &Function) -> Vec<&str> {
        function.text.lines().skip(function.users.start).take(function.users.len()).map(str::trim).collect()
    }

    #[test]
    fn what_is_put_around_a_body_calls_what_was_there_and_copies_none_of_it() {
        let head = "pub fn get(next: &dyn Fn(u8) -> Option<u8>, key: u8) -> Option<u8> {\n";
        let before = made(GET, &inject(Place::Before, "if key == 0 { return None }")).unwrap();
        assert_eq!(before.text, format!("{head}    if key == 0 {{ return None }}\n    next(key)\n}}\n"));
        assert_eq!(users(&before), ["if key == 0 { return None }"]);
        let after = made(GET, &inject(Place::After, "result = None")).unwrap();
        assert!(after.text.contains("let mut result = next(key);\n    result = None;\n    result\n}"), "{after:?}");
        assert_eq!((users(&after), after.first), (vec!["result = None;"], 1));
        let arm = made(GET, &Change::Clause { order: 2, arm: "42 => Some(24)".to_owned() }).unwrap();
        let lines: Vec<&str> = arm.text.lines().map(str::trim).collect();
        assert!(lines.contains(&"0 => break 'lcr_below,") && lines.contains(&"_ => break 'lcr_below,"), "{arm:?}");
        assert!(arm.text.ends_with("\n    next(key)\n}\n"), "{arm:?}");
        assert_eq!(users(&arm), ["42 => Some(24),"]);
    }

    #[test]
    fn a_new_text_keeps_its_lines_and_calls_of_the_method_itself_go_to_what_was_there() {
        let method = Method::read(GET, "text").unwrap();
        let new = "fn get(&self, key: u8) -> Option<u8> {\n    let found = self.get(key)?;\n    Some(found + 1)\n}";
        let function = of_text(&method, new).unwrap();
        assert!(function.text.contains("{\n    let found = lcr_next(key)?;\n    Some(found + 1)\n}"), "{function:?}");
        assert_eq!((function.users, function.first), (0..4, 1));
    }

    /// What a patch passes on are its arguments, whatever the author's patterns call what they bind.
    #[test]
    fn an_arm_before_the_new_one_that_binds_an_arguments_name_does_not_change_what_is_passed_on() {
        let text = "fn pick(&self, key: Option<u8>, other: u8) -> u8 {
            match (key, other) {
                (Some(other), _) if other > 7 => 1,
                (Some(next), key) => 2,
                _ => 3,
            }
        }";
        let arm = made(text, &Change::Clause { order: 3, arm: "(None, 4) => 5".to_owned() }).unwrap();
        assert!(arm.text.contains("(Some(other), _) if other > 7 => break"), "the guard stays: {arm:?}");
        let (inside, behind) = arm.text.rsplit_once("        };\n    }\n").unwrap();
        assert!(!inside.contains("next("), "{arm:?}");
        assert_eq!(behind, "    next(key, other)\n}\n");
    }

    #[test]
    fn what_needs_the_instance_is_refused_with_the_names_of_what_it_uses() {
        let method = Method::read(GET, "text").unwrap();
        let refusal = |text: &str| of_text(&method, text).unwrap_err().text().to_owned();
        let text = refusal("fn get(&self, key: u8) -> Option<u8> { println!(\"{}\", self.count); self.map.get(key) }");
        assert!(text.contains("uses `self.count`, `self.map`: a patch library has no instance"), "{text}");
        assert!(refusal("fn get(&self, key: u8) -> Option<u8> { other(self) }").contains("uses `self`:"));
        assert!(refusal("fn get(&self, key: u8) -> Option<u8> { Self::look(key) }").contains("`Self`"));
        let index = made(GET, &inject(Place::Index(1), "let _ = key;")).unwrap_err();
        assert!(index.contains("`self.map`"), "{index}");
        let alone = "fn f(&self, n: u8) -> u8 { log(n); match n { 0 => 1, n => n } }";
        let text = made(alone, &Change::Clause { order: 1, arm: "4 => 2".to_owned() }).unwrap_err();
        assert!(text.contains("would run twice"), "{text}");
        for (text, part) in [
            ("async fn f(&self) -> u8 { 1 }", "async method"),
            ("fn f<'a>(&self, s: &'a str) -> u8 { 1 }", "names lifetimes"),
            ("fn f(&self, s: Self) -> u8 { 1 }", "names `Self`"),
            ("fn f(&self, next: u8) -> u8 { 1 }", "is called `next`"),
        ] {
            let refused = made(text, &inject(Place::Before, "g()")).unwrap_err();
            assert!(refused.contains(part), "{refused}");
        }
    }
}
