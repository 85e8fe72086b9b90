//! The first difference of two shapes, as a short text that leads to its place.

use super::{Kind, Part, Shape};
use std::{collections::HashSet, fmt};

/// Where two shapes differ first, and how.
///
/// `Display` writes one line: the path from the method down, what was expected and found there, and what to do:
/// ``get: argument 1: struct Key: field 2 `len`: expected u32, found u64; ...``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The places on the path, from the inside out.
    path: Vec<String>,
    what: String,
}

impl Difference {
    fn new(what: String) -> Option<Difference> {
        Some(Difference { path: Vec::new(), what })
    }

    fn expected(expected: impl fmt::Display, found: impl fmt::Display) -> Option<Difference> {
        Difference::new(format!("expected {expected}, found {found}"))
    }

    fn inside(mut self, place: String) -> Difference {
        self.path.push(place);
        self
    }

    /// The path and the difference, without the advice.
    pub fn summary(&self) -> String {
        let path = self.path.iter().rev().map(|place| format!("{place}: "));
        path.chain([self.what.clone()]).collect()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ADVICE: &str = "build both against one definition, or give the changed interface a new version";
        write!(f, "{}; {ADVICE}", self.summary())
    }
}

/// Compares the shape that a caller was compiled with to the shape that a component offers. `None` if the component
/// can serve the caller.
///
/// Kinds, names, sizes, alignments, offsets, discriminants, lengths and the number of parts must be the same. A
/// callback that is an argument of a method may promise more than the component wants: a `Send + Sync` function is
/// also an `Fn` alone. It may not promise less, since the component might call it from other threads.
pub(crate) fn compare(expected: &Shape, found: &Shape) -> Option<Difference> {
    compare_within(None, expected, found)
}

/// Whether a value must not be shown by one shape and may be by another one, which is the same but for that.
pub(crate) fn hides_more(one: &Shape, other: &Shape) -> bool {
    let mut parts = one.parts.iter().zip(&other.parts);
    // Nothing inside a secret is shown, whatever is said of it.
    parts.any(|(one, other)| !other.is_secret && (one.is_secret || hides_more(&one.shape, &other.shape)))
}

fn compare_within(parent: Option<Kind>, expected: &Shape, found: &Shape) -> Option<Difference> {
    if let Some(lacking) = lacking_bounds(parent, expected, found) {
        return Some(lacking);
    }
    let difference = compare_node(expected, found)?;
    let place = match expected.kind {
        _ if is_another(expected, found) => return Some(difference),
        Kind::Method => expected.name.clone(),
        Kind::Struct => format!("struct {}", expected.name),
        Kind::Enum => format!("enum {}", expected.name),
        Kind::Variant => return Some(difference), // its enum has named it
        // For a leaf the difference says it all.
        _ if expected.parts.is_empty() => return Some(difference),
        kind => format!("{kind:?}"),
    };
    Some(difference.inside(place))
}

fn compare_node(expected: &Shape, found: &Shape) -> Option<Difference> {
    if is_another(expected, found) {
        return Difference::expected(title(expected), title(found));
    }
    if expected.parts.len() != found.parts.len() {
        return count(expected, found);
    }
    let parts = expected.parts.iter().zip(&found.parts).enumerate();
    for (number, (ours, theirs)) in parts {
        if let Some(difference) = compare_part(expected.kind, ours, theirs) {
            return Some(match label(expected.kind, ours, number) {
                Some(label) => difference.inside(label),
                None => difference,
            });
        }
    }
    if (expected.size, expected.align) != (found.size, found.align) {
        let layout = |shape: &Shape| format!("{} bytes aligned to {}", shape.size, shape.align);
        return Difference::expected(layout(expected), layout(found));
    }
    None
}

/// The bounds that the component wants of a callback and that the caller does not promise.
fn lacking_bounds(parent: Option<Kind>, given: &Shape, wanted: &Shape) -> Option<Difference> {
    if !is_callback(given) || given.kind != wanted.kind || given.name == wanted.name {
        return None;
    }
    // A method that takes a callback wants its bounds. For a callback that takes a callback it is the other way
    // round; the macros make none, so its bounds have to be the same.
    let is_enough = |name: &str| given.name.split(" + ").any(|given| given == name);
    let lacking: Vec<_> = match parent {
        Some(Kind::Method) => wanted.name.split(" + ").filter(|name| !name.is_empty() && !is_enough(name)).collect(),
        _ => vec!["the same bounds"],
    };
    if lacking.is_empty() {
        return None;
    }
    let lacking = lacking.join(" + ");
    Difference::expected(title(given), format_args!("{}, and callers do not promise {lacking}", title(wanted)))
}

fn is_callback(shape: &Shape) -> bool {
    matches!(shape.kind, Kind::Callback | Kind::BoxedCallback)
}

/// Whether the two differ as a whole, so that their parts need not be compared.
fn is_another(expected: &Shape, found: &Shape) -> bool {
    let is_other_version = expected.kind == Kind::Handle && expected.size != found.size;
    let is_other_name = expected.name != found.name && !is_callback(expected);
    expected.kind != found.kind || is_other_name || is_other_version
}

fn compare_part(parent: Kind, expected: &Part, found: &Part) -> Option<Difference> {
    if expected.name != found.name {
        return Difference::expected(quoted(parent, expected), quoted(parent, found));
    }
    if let Some(difference) = compare_within(Some(parent), &expected.shape, &found.shape) {
        return Some(difference);
    }
    if expected.at == found.at {
        return None;
    }
    let what = match parent {
        Kind::Enum => "discriminant",
        Kind::Array => "length",
        _ => "offset",
    };
    Difference::expected(format_args!("{what} {}", expected.at), found.at)
}

/// The difference of two shapes with different numbers of parts. Names the added or missing part, if names can tell.
fn count(expected: &Shape, found: &Shape) -> Option<Difference> {
    if !matches!(expected.kind, Kind::Struct | Kind::Enum | Kind::Variant) {
        return Difference::expected(title(expected), title(found));
    }
    let names = |shape: &'_ Shape| shape.parts.iter().map(|part| part.name.clone()).collect::<HashSet<_>>();
    let (ours, theirs) = (names(expected), names(found));
    let added = found.parts.iter().find(|part| !ours.contains(&part.name));
    let missing = expected.parts.iter().find(|part| !theirs.contains(&part.name));
    let change = match (added, missing) {
        (Some(part), None) => format!("; {} was added", quoted(expected.kind, part)),
        (None, Some(part)) => format!("; {} is missing", quoted(expected.kind, part)),
        _ => String::new(),
    };
    let noun = if expected.kind == Kind::Enum { "variants" } else { "fields" };
    let (ours, theirs) = (expected.parts.len(), found.parts.len());
    Difference::new(format!("expected {ours} {noun}, found {theirs}{change}"))
}

/// The text of a node that differs as a whole.
fn title(shape: &Shape) -> String {
    let text = match shape.kind {
        Kind::Struct => format!("struct {}", shape.name),
        Kind::Enum => format!("enum {}", shape.name),
        _ => shape.to_string(),
    };
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}

fn quoted(parent: Kind, part: &Part) -> String {
    let noun = if parent == Kind::Enum { "variant" } else { "field" };
    format!("{noun} `{}`", part.name)
}

/// The place of a part inside its parent, as a path has it.
fn label(parent: Kind, part: &Part, number: usize) -> Option<String> {
    let number = number + 1;
    match parent {
        _ if part.name == "->" => Some("result".to_owned()),
        Kind::Method | Kind::Callback | Kind::BoxedCallback => Some(format!("argument {number}")),
        Kind::Enum => Some(format!("variant {number} `{}`", part.name)),
        Kind::Tuple => Some(format!("field {number}")),
        Kind::Struct | Kind::Variant => Some(format!("field {number} `{}`", part.name)),
        Kind::Result => Some(if number == 1 { "Ok" } else { "Err" }.to_owned()),
        _ => None,
    }
}
