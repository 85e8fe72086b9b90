//! Comparing two values of one type, and saying where they differ first.
//!
//! Two values are equal where `PartialEq` of honest types finds them equal, with one exception: a NaN equals a NaN, so
//! that a value equals its copy. `0.0` equals `-0.0`. What a `Serde` value was encoded from is compared, not its bytes:
//! integers have no width, a character and the name of a variant are texts, a `Some` is its content. Entries of its
//! maps may come in any order, and so may the elements of its sequences, since a set is one, unless the caller says
//! that their order counts. Elsewhere the order of a sequence counts, unless the caller says that it does not; that of
//! bytes and of an array `[T; N]` does in any case. Maps and sets of std are compared without regard to order. Shared
//! content is compared, handles and functions by identity. Secrets are compared, too, and not shown.

use std::{collections::HashMap, fmt};

use super::{
    json,
    text::text,
    types::{Meaning, Style},
    view::{At, List, Parts, View},
};
use crate::wire;

/// How long a value may be that a difference shows, in bytes.
const SHOWN: usize = 120;

/// Where two values differ first, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The way to it: `.entries[3].name`. Empty for the value itself.
    pub(crate) path: String,
    /// What the first value has there.
    pub(crate) was: String,
    /// What the second one has there.
    pub(crate) is: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the value" } else { self.path.trim_start_matches('.') };
        write!(f, "{path}: {} became {}", self.was, self.is)
    }
}

/// The comparison took all of its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfinished;

/// Compares two values of one type. `budget` bounds the work: it is the number of nodes, elements and bytes that are
/// looked at.
///
/// # Errors
/// If the budget is too small, and no difference was found by then.
pub(crate) fn difference(was: At<'_>, is: At<'_>, budget: usize) -> Result<Option<Difference>, Unfinished> {
    let mut walk = Walk::new(false, budget);
    walk.compare(was, is)?;
    Ok(walk.found)
}

/// As [`difference`], where the order of a sequence in a `Serde` value counts.
///
/// # Errors
/// As for that.
pub(crate) fn ordered_difference(was: At<'_>, is: At<'_>, budget: usize) -> Result<Option<Difference>, Unfinished> {
    let mut walk = Walk::new(true, budget);
    walk.compare(was, is)?;
    Ok(walk.found)
}

/// As [`difference`], where the order of a sequence counts nowhere, but that of bytes and of an array. Each element is
/// looked for among those that are left, so that this may take the square of their number in steps.
///
/// # Errors
/// As for that.
pub(crate) fn unordered_difference(was: At<'_>, is: At<'_>, budget: usize) -> Result<Option<Difference>, Unfinished> {
    let mut walk = Walk { is_any_order: true, ..Walk::new(false, budget) };
    walk.compare(was, is)?;
    Ok(walk.found)
}

/// Whether two values of one type are equal, as [`ordered_difference`] has it. Writes no text of them, and tells texts,
/// bytes and sequences of two lengths apart without reading them.
///
/// # Errors
/// As for that.
pub(crate) fn is_equal(one: At<'_>, other: At<'_>, budget: usize) -> Result<bool, Unfinished> {
    let mut walk = Walk { is_quiet: true, is_waited_for: true, ..Walk::new(true, budget) };
    walk.compare(one, other)?;
    Ok(walk.found.is_none())
}

struct Walk {
    /// The way to what is compared; it stays at the first difference.
    path: String,
    found: Option<Difference>,
    /// Whether the order of a sequence in a `Serde` value counts.
    does_order_count: bool,
    /// Whether that of no other sequence counts either.
    is_any_order: bool,
    /// Whether nobody asks where the values differ, and how.
    is_quiet: bool,
    /// Whether a caller waits, so that a serde value costs what it takes to read it.
    is_waited_for: bool,
    left: usize,
}

impl Walk {
    fn new(does_order_count: bool, budget: usize) -> Walk {
        let (path, found) = (String::new(), None);
        let (is_any_order, is_quiet, is_waited_for) = (false, false, false);
        Walk { path, found, does_order_count, is_any_order, is_quiet, is_waited_for, left: budget }
    }

    /// Whether two values are equal, of which nobody asks more.
    fn are_equal(&mut self, compare: impl FnOnce(&mut Walk) -> Result<(), Unfinished>) -> Result<bool, Unfinished> {
        let (is_any_order, is_waited_for) = (self.is_any_order, self.is_waited_for);
        let mut walk =
            Walk { is_quiet: true, is_any_order, is_waited_for, ..Walk::new(self.does_order_count, self.left) };
        compare(&mut walk)?;
        self.left = walk.left;
        Ok(walk.found.is_none())
    }

    fn spend(&mut self, cost: usize) -> Result<(), Unfinished> {
        self.left = self.left.checked_sub(cost).ok_or(Unfinished)?;
        Ok(())
    }

    fn differ(&mut self, was: impl FnOnce() -> String, is: impl FnOnce() -> String) {
        self.found = Some(match self.is_quiet {
            true => Difference { path: String::new(), was: String::new(), is: String::new() },
            false => Difference { path: self.path.clone(), was: was(), is: is() },
        });
    }

    /// Compares what `step` leads to. Returns whether it is equal.
    fn step(&mut self, step: fmt::Arguments<'_>, was: At<'_>, is: At<'_>) -> Result<bool, Unfinished> {
        if self.is_quiet {
            return self.compare(was, is).map(|()| self.found.is_none());
        }
        let before = self.path.len();
        fmt::Write::write_fmt(&mut self.path, step).expect("a text takes any text");
        self.compare(was, is)?;
        self.path.truncate(before);
        Ok(self.found.is_none())
    }

    fn compare(&mut self, was: At<'_>, is: At<'_>) -> Result<(), Unfinished> {
        self.spend(1)?;
        // Not by a view, which reads a text from its beginning to its end.
        if was.text_len() != is.text_len() {
            self.differ(|| text(was, SHOWN), || text(is, SHOWN));
            return Ok(());
        }
        let same = match (was.view(), is.view()) {
            (View::Unit, View::Unit) | (View::None, View::None) => true,
            (View::Bool(was), View::Bool(is)) => was == is,
            (View::Char(was), View::Char(is)) => was == is,
            (View::Unsigned(was), View::Unsigned(is)) => was == is,
            (View::Signed(was), View::Signed(is)) => was == is,
            (View::F32(was), View::F32(is)) => was == is || was.is_nan() && is.is_nan(),
            (View::F64(was), View::F64(is)) => was == is || was.is_nan() && is.is_nan(),
            (View::Duration(was), View::Duration(is)) => was == is,
            (View::Text(was), View::Text(is)) => self.same_bytes(was.as_bytes(), is.as_bytes())?,
            (View::Bytes(was), View::Bytes(is)) => self.same_bytes(was, is)?,
            (View::List(one), View::List(other)) if self.is_any_order && !was.is_array() => {
                return self.any_order(one, other);
            }
            (View::List(was), View::List(is)) => return self.list(was, is),
            (View::Some(was), View::Some(is)) => return self.step(format_args!(".Some"), was, is).map(drop),
            (View::Ok(was), View::Ok(is)) => return self.step(format_args!(".Ok"), was, is).map(drop),
            (View::Err(was), View::Err(is)) => return self.step(format_args!(".Err"), was, is).map(drop),
            (View::Inside(was), View::Inside(is)) => return self.compare(was, is),
            (View::Struct(meaning @ (Meaning::Map | Meaning::Set), was), View::Struct(_, is)) => {
                return self.unordered(meaning, was, is);
            }
            (View::Struct(meaning, was), View::Struct(_, is)) => {
                return self.fields(meaning.is_its_field(), was, is);
            }
            (View::Variant(one, was), View::Variant(other, is)) if one.name == other.name => {
                let before = self.path.len();
                self.path += ".";
                self.path += one.name;
                self.fields(false, was, is)?;
                self.path.truncate(before);
                return Ok(());
            }
            (View::Serde(was), View::Serde(is)) => return self.serde(was, is),
            (View::Handle(was), View::Handle(is)) => was == is,
            (View::Function(was), View::Function(is)) => was == is,
            _ => false,
        };
        if !same {
            self.differ(|| text(was, SHOWN), || text(is, SHOWN));
        }
        Ok(())
    }

    fn same_bytes(&mut self, was: &[u8], is: &[u8]) -> Result<bool, Unfinished> {
        if was.len() != is.len() {
            return Ok(false);
        }
        self.spend(was.len() / 16)?;
        Ok(was == is)
    }

    fn list(&mut self, was: List<'_>, is: List<'_>) -> Result<(), Unfinished> {
        if was.len != is.len {
            self.differ(|| format!("{} elements", was.len), || format!("{} elements", is.len));
            return Ok(());
        }
        // Of elements without a byte, no two differ.
        if was.element.size == 0 {
            return Ok(());
        }
        for (place, (was, is)) in was.iter().zip(is.iter()).enumerate() {
            if !self.step(format_args!("[{place}]"), was, is)? {
                break;
            }
        }
        Ok(())
    }

    /// Looks for each element among those that are left.
    fn any_order(&mut self, was: List<'_>, is: List<'_>) -> Result<(), Unfinished> {
        if was.len != is.len || was.element.size == 0 {
            return self.list(was, is);
        }
        if self.are_equal(|walk| walk.list(was, is))? {
            return Ok(());
        }
        self.spend(was.len)?;
        let mut is_found = vec![false; is.len];
        for (place, element) in was.iter().enumerate() {
            let mut found = None;
            for (at, other) in is.iter().enumerate() {
                self.spend(1)?;
                if !is_found[at] && self.are_equal(|walk| walk.compare(element, other))? {
                    found = Some(at);
                    break;
                }
            }
            match found {
                Some(at) => is_found[at] = true,
                None => {
                    self.path += &format!("[{place}]");
                    self.differ(|| text(element, SHOWN), || "nothing".to_owned());
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn fields(&mut self, is_its_field: bool, was: Parts<'_>, is: Parts<'_>) -> Result<(), Unfinished> {
        for (place, ((field, was_value), (_, is_value))) in was.iter().zip(is.iter()).enumerate() {
            let field_begins = self.path.len();
            let step = match was.fields.style {
                _ if is_its_field || self.is_quiet => String::new(),
                Style::Named => format!(".{}", field.name),
                _ => format!(".{place}"),
            };
            let same = self.step(format_args!("{step}"), was_value, is_value)?;
            if !same {
                if let Some(found) = self.found.as_mut().filter(|_| field.is_secret) {
                    (found.was, found.is) = ("***".to_owned(), "another ***".to_owned());
                    // The way on may have a key of a map in it.
                    found.path.truncate(field_begins);
                    found.path += &step;
                }
                break;
            }
        }
        Ok(())
    }

    /// Compares maps and sets. They are equal at once where both sides have one order; else each key is looked for by
    /// what it is as JSON.
    fn unordered(&mut self, meaning: Meaning, was: Parts<'_>, is: Parts<'_>) -> Result<(), Unfinished> {
        let (Some(was), Some(is)) = (was.first(), is.first()) else { return Ok(()) };
        let (View::List(was_list), View::List(is_list)) = (was.view(), is.view()) else {
            return self.compare(was, is);
        };
        if was_list.len != is_list.len {
            return self.list(was_list, is_list);
        }
        if self.are_equal(|walk| walk.list(was_list, is_list))? {
            return Ok(());
        }
        let mut others = HashMap::new();
        for element in is_list.iter() {
            let (key, value) = entry(meaning, element);
            others.insert(self.key(key)?, value);
        }
        for element in was_list.iter() {
            let (key, value) = entry(meaning, element);
            let name = self.key(key)?;
            match (value, others.get(&name)) {
                (Some(was), Some(Some(is))) => {
                    let is_same = match self.is_quiet {
                        true => self.compare(was, *is).map(|()| self.found.is_none())?,
                        false => self.step(format_args!("[{}]", text(key, SHOWN)), was, *is)?,
                    };
                    if !is_same {
                        return Ok(());
                    }
                }
                (_, Some(_)) => {}
                (_, None) => {
                    self.differ(|| text(key, SHOWN), || "nothing".to_owned());
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What tells keys apart. A key that JSON has no form for equals no other.
    fn key(&mut self, key: At<'_>) -> Result<String, Unfinished> {
        let name = json::encode(key, json::Secrets::Shown, self.left);
        let name = name.unwrap_or_else(|_| format!("<{}>", self.left));
        self.spend(name.len() + 1)?;
        Ok(name)
    }

    fn serde(&mut self, was: &[u8], is: &[u8]) -> Result<(), Unfinished> {
        let bytes = was.len().saturating_add(is.len());
        // To read one takes many times its bytes, in time and memory.
        self.spend(if self.is_waited_for { bytes.saturating_mul(4) } else { bytes / 16 })?;
        let limit = self.left;
        let canonical = |bytes| json::canonical_wire(bytes, limit);
        let found = match (canonical(was), canonical(is)) {
            (Some(was), Some(is)) => wire::difference(&was, &is, self.does_order_count),
            _ => wire::difference(was, is, self.does_order_count),
        };
        match found {
            Ok(None) => {}
            Ok(Some((path, difference))) => {
                self.path += &path;
                self.differ(|| difference, || "another value".to_owned());
            }
            Err(_) => {
                self.differ(|| format!("Serde({} bytes)", was.len()), || format!("Serde({} bytes)", is.len()));
            }
        }
        Ok(())
    }
}

/// The key and the value of a map's entry, or a set's element.
fn entry(meaning: Meaning, element: At<'_>) -> (At<'_>, Option<At<'_>>) {
    if let (Meaning::Map, View::Struct(_, pair)) = (meaning, element.view()) {
        let mut parts = pair.iter().map(|(_, value)| value);
        if let (Some(key), value) = (parts.next(), parts.next()) {
            return (key, value);
        }
    }
    (element, None)
}
