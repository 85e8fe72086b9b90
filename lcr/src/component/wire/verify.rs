//! Whether a value comes back as it was.
//!
//! The check compares what was written of a value with what is written of its copy, so it
//! needs no equality of the author's type, and NaN equals itself. Two values that the author's
//! `Serialize` writes alike are one here.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    decode::{self, Input, unknown},
    encode,
    error::{DEPTH, Error},
    tag::{self, width},
    unwanted::Unwanted,
};

pub(super) fn value<T: Serialize + DeserializeOwned>(value: &T) -> Result<(), Error> {
    let (written, doubt) = encode::value(value, Unwanted::default())?;
    let copy = decode::value::<T>(&written).map_err(|error| Error::unreadable(&error, doubt))?;
    let (again, _) = encode::value(&copy, Unwanted::default())?;
    match difference(&written, &again, false)? {
        None => Ok(()),
        Some((path, difference)) => Err(Error::changed(&path, &difference)),
    }
}

/// Where two encoded values differ first, as a way that begins with `.` or `[`, and how. Entries of maps may come in
/// another order, and so may elements of sequences, unless their order counts. Needs memory in proportion to the bytes, up to 64 times as much.
pub(super) fn difference(was: &[u8], is: &[u8], order_counts: bool) -> Result<Option<(String, String)>, Error> {
    if was == is {
        return Ok(None);
    }
    let (mut was, mut is) = (tree(was)?, tree(is)?);
    was.sort(false);
    is.sort(false);
    let mut path = String::new();
    let Some(difference) = was.difference(&is, &mut path) else { return Ok(None) };
    if order_counts {
        return Ok(Some((path, difference)));
    }
    // A set is a sequence, too, in an order of its own.
    was.sort(true);
    is.sort(true);
    Ok(if was == is { None } else { Some((path, difference)) })
}

fn tree(bytes: &[u8]) -> Result<Node<'_>, Error> {
    let mut input = Input::new(bytes)?;
    let node = Node::read(&mut input, DEPTH)?;
    if input.left() == 0 { Ok(node) } else { Err(Error::new("bytes are behind the value")) }
}

/// A value, as its bytes say.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Node<'a> {
    /// A tag, and the bytes that belong to it.
    Leaf(u8, &'a [u8]),
    Some(Box<Node<'a>>),
    Seq(Vec<Node<'a>>),
    Map(Vec<(Node<'a>, Node<'a>)>),
    Variant(&'a str, Box<Node<'a>>),
}

impl<'a> Node<'a> {
    /// Reads a value in which so many others may be inside each other.
    fn read(input: &mut Input<'a>, levels: usize) -> Result<Node<'a>, Error> {
        let inner = |input: &mut Input<'a>| {
            levels.checked_sub(1).ok_or_else(Error::too_deep).and_then(|levels| Node::read(input, levels))
        };
        Ok(match input.tag()? {
            tag @ (tag::UNIT | tag::NONE | tag::FALSE | tag::TRUE) => Node::Leaf(tag, &[]),
            tag @ (tag::STR | tag::BYTES | tag::NAME) => Node::Leaf(tag, input.bytes()?),
            tag::SOME => Node::Some(Box::new(inner(input)?)),
            tag::SEQ => {
                let count = input.length(1)?;
                Node::Seq((0..count).map(|_| inner(input)).collect::<Result<_, _>>()?)
            }
            tag::PACKED => {
                let (count, tag) = input.packed()?;
                let scalars = input.take(count * width(tag))?.chunks_exact(width(tag));
                Node::Seq(scalars.map(|scalar| Node::Leaf(tag, scalar)).collect())
            }
            tag::MAP => {
                let count = input.length(2)?;
                let entries = (0..count).map(|_| Ok((inner(input)?, inner(input)?)));
                Node::Map(entries.collect::<Result<_, Error>>()?)
            }
            tag::VARIANT => Node::Variant(input.text()?, Box::new(inner(input)?)),
            tag if width(tag) != 0 => Node::Leaf(tag, input.take(width(tag))?),
            tag => return Err(unknown(tag)),
        })
    }

    /// Puts the entries of maps into an order of their own; the elements of sequences too, if
    /// `all`.
    fn sort(&mut self, all: bool) {
        match self {
            Node::Leaf(..) => {}
            Node::Some(inner) | Node::Variant(_, inner) => inner.sort(all),
            Node::Seq(elements) => {
                elements.iter_mut().for_each(|element| element.sort(all));
                if all {
                    elements.sort();
                }
            }
            Node::Map(entries) => {
                for (key, value) in entries.iter_mut() {
                    key.sort(all);
                    value.sort(all);
                }
                entries.sort();
            }
        }
    }

    /// What differs first between this value and its copy, both sorted. Leaves the way to it
    /// in `path`.
    fn difference(&self, copy: &Node<'_>, path: &mut String) -> Option<String> {
        match (self, copy) {
            (Node::Some(was), Node::Some(is)) => was.difference(is, path),
            (Node::Variant(was, inner), Node::Variant(is, other)) if was == is => {
                inner.difference_at(other, &format!(".{was}"), path)
            }
            (Node::Seq(was), Node::Seq(is)) if was.len() == is.len() => {
                let mut pairs = was.iter().zip(is).enumerate();
                pairs.find_map(|(at, (was, is))| was.difference_at(is, &format!("[{at}]"), path))
            }
            (Node::Map(was), Node::Map(is)) => was
                .iter()
                .find_map(|(key, value)| {
                    let step = format!(".{key}");
                    match is.binary_search_by(|(other, _)| other.cmp(key)) {
                        Ok(at) => value.difference_at(&is[at].1, &step, path),
                        Err(_) => {
                            path.push_str(&step);
                            Some(format!("{value} is lost"))
                        }
                    }
                })
                .or_else(|| (was.len() != is.len()).then(|| format!("{self} became {copy}"))),
            (was, is) => (was != is).then(|| format!("{was} became {is}")),
        }
    }

    /// The same for a part of which `step` is the name.
    fn difference_at(&self, copy: &Node<'_>, step: &str, path: &mut String) -> Option<String> {
        let length = path.len();
        path.push_str(step);
        let difference = self.difference(copy, path);
        if difference.is_none() {
            path.truncate(length);
        }
        difference
    }
}

/// A value in a few words; a text as it is.
impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Leaf(tag::STR, text) => f.write_str(&String::from_utf8_lossy(text)),
            Node::Leaf(tag::NAME, name) => write!(f, "variant {}", String::from_utf8_lossy(name)),
            Node::Leaf(tag, _) => f.write_str(tag::name(*tag)),
            Node::Some(inner) => write!(f, "Some({inner})"),
            Node::Seq(elements) => write!(f, "a sequence of {}", elements.len()),
            Node::Map(entries) => write!(f, "a map of {}", entries.len()),
            Node::Variant(name, _) => write!(f, "variant {name}"),
        }
    }
}
