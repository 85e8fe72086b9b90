//! The syntax tree of a method, as JSON.
//!
//! The tree is syn's, in the form that the crate `syn-serde` gives it: what can be left out is left out, and places in
//! the file are not part of it.

use std::thread;

use serde_json::Value as Json;
use syn_2::ImplItem;
use syn_serde::Syn as _;

use crate::exit::{Failure, Status};

/// The longest text that is parsed. Whatever nests in it without brackets takes the parser's stack, too.
const LONGEST: usize = 64 << 10;
/// How deep its brackets may be nested.
const DEPTH: usize = 256;
/// The stack of the thread that parses, of which only the part that is used takes memory.
const STACK: usize = 512 << 20;
/// How deep the tree may be, as every other thread has a small stack.
const LEVELS: usize = 2_000;

/// The tree of the text of `method`.
///
/// # Errors
/// If the text is no method of an impl, is too long or nested too deeply. A library file may hold any text.
pub(super) fn of(text: &str, method: &str) -> Result<Json, Failure> {
    let refused =
        |why: String| Failure::new(Status::Format, "no-tree", format!("the text of {method} has no tree: {why}"));
    if text.len() > LONGEST {
        return Err(refused(format!("it has {} bytes, and {LONGEST} are parsed at most", text.len())));
    }
    if depth(text) > DEPTH {
        return Err(refused(format!("it is nested more than {DEPTH} levels deep")));
    }
    thread::scope(|scope| {
        let parser = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || parse(text));
        let parser = parser.map_err(|error| Failure::system("no thread can be started for the parser", &error))?;
        let parsed = parser.join().unwrap_or_else(|_| Err("the parser failed".to_owned()));
        parsed.map_err(refused)
    })
}

fn parse(text: &str) -> Result<Json, String> {
    let item: ImplItem = syn_2::parse_str(text).map_err(|error| error.to_string())?;
    if !matches!(item, ImplItem::Fn(_)) {
        return Err("it is no method of an impl".to_owned());
    }
    let tree = serde_json::to_value(item.to_adapter()).map_err(|error| error.to_string())?;
    if is_deeper(&tree, LEVELS) { Err(format!("it has more than {LEVELS} levels")) } else { Ok(tree) }
}

/// Whether a tree has more levels than that.
fn is_deeper(tree: &Json, levels: usize) -> bool {
    let mut level = vec![tree];
    for _ in 0..levels {
        level = level
            .into_iter()
            .flat_map(|value| match value {
                Json::Array(values) => values.iter().collect::<Vec<_>>(),
                Json::Object(members) => members.values().collect(),
                _ => Vec::new(),
            })
            .collect();
    }
    !level.is_empty()
}

/// How deep brackets are nested at most, those in texts and comments included; and how many operators of one operand
/// follow each other, which nest without brackets.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest, mut run) = (0_usize, 0, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' | b'<' => open += 1,
            b')' | b']' | b'}' | b'>' => open = open.saturating_sub(1),
            _ => {}
        }
        run = if matches!(byte, b'!' | b'-' | b'*' | b'&' | b'|' | b'.') { run + 1 } else { 0 };
        deepest = deepest.max(open + run);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use quote::ToTokens as _;

    use super::*;

    #[test]
    fn a_tree_is_the_one_of_the_text() {
        let text = "/// Adds.\nasync fn add(&self, a: u8) -> u8 {\n    match a { 0 => 1, n if n > 3 => n, _ => 2, }\n}";
        let tree = of(text, "sum.add").unwrap();
        let back: ImplItem = syn_serde::json::from_str(&tree.to_string()).unwrap();
        let tokens = |item: &ImplItem| item.to_token_stream().to_string();
        assert_eq!(tokens(&back), tokens(&syn_2::parse_str(text).unwrap()), "{tree:#}");
        assert_eq!(tree["fn"]["ident"], "add", "{tree:#}");
    }

    #[test]
    fn what_is_no_method_has_no_tree() {
        let nested = |part: &str, count| format!("fn f() {{ {}1 }}", part.repeat(count));
        for text in [
            String::new(),
            "const A: u8 = 1;".to_owned(),
            "fn f(".to_owned(),
            nested("(", 30_000),
            nested("!", 999),
            nested("1 + ", 16_000),
            nested("|a| ", 16_000),
            nested("return ", 9_000),
            nested("1 + ", 1 << 20),
        ] {
            let failure = of(&text, "sum.add").unwrap_err();
            assert!(failure.text().contains("sum.add has no tree"), "{}", failure.text());
        }
    }
}
