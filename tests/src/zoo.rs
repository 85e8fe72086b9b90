//! Values of every kind that serde knows, declared in the ways that authors use.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
    num::NonZeroU16,
    time::Duration,
};

use lcr::{Serde, wire};
use serde::{Deserialize, Serialize};

/// A component that keeps values in its state.
#[lcr::interface(name = "test.zoo", version = 1)]
pub trait Zoo {
    /// Adds a value to the state.
    fn keep(&self, animal: Serde<Animal>);
    /// Returns all values, in the order in which they were added.
    fn animals(&self) -> Serde<Vec<Animal>>;
    /// Makes a chain of this many links part of the state.
    fn chain(&self, links: u32);
    /// The length of the chain.
    fn links(&self) -> u32;
}

/// A list that is as deep as it is long.
#[derive(Default, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// The next link.
    pub next: Option<Box<Chain>>,
}

impl Chain {
    /// A chain of this many links.
    pub fn of(links: u32) -> Chain {
        (0..links).fold(Chain::default(), |chain, _| Chain { next: Some(Box::new(chain)) })
    }

    /// How many links follow this one.
    pub fn len(&self) -> u32 {
        let (mut links, mut link) = (0, self);
        while let Some(next) = &link.next {
            (links, link) = (links + 1, next);
        }
        links
    }

    /// Whether this is the only link.
    pub fn is_empty(&self) -> bool {
        self.next.is_none()
    }
}

/// A tree that is as deep as it is long, whose nodes are read through serde's private buffer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
#[allow(missing_docs, reason = "a tree")]
pub enum Tree {
    Leaf { value: Vec<u8> },
    Branch { left: Box<Tree>, right: Option<Box<Tree>> },
}

/// A unit struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unit;

/// A newtype struct.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Newtype(pub Option<Option<()>>);

/// A tuple struct.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair(pub u8, pub Option<String>);

/// An enum without values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "colours")]
pub enum Colour {
    Red,
    Green,
}

/// An externally tagged enum with each kind of variant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the kinds of variants")]
pub enum External {
    Unit,
    Newtype(Option<Option<u8>>),
    Tuple(i8, Vec<u8>),
    Struct { a: Option<()>, b: Vec<u8> },
}

/// An internally tagged enum with each kind of variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
#[allow(missing_docs, reason = "the kinds of variants")]
pub enum Internal {
    Unit,
    Newtype(Inner),
    Put { key: String, value: Vec<u8>, nested: Option<Option<External>>, from: Option<IpAddr> },
}

/// An adjacently tagged enum with each kind of variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
#[allow(missing_docs, reason = "the kinds of variants")]
pub enum Adjacent {
    Unit,
    Newtype(Vec<u8>),
    Tuple(u16, Option<Option<bool>>),
    Struct { colour: Colour },
}

/// An enum without a tag: no two variants take each other's values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "the kinds of variants")]
pub enum Untagged {
    Text(String),
    Colour(Colour),
    Character(char),
    Whole(u64),
    Signed { signed: i64 },
    Enum { external: External },
    Tagged { adjacent: Adjacent },
    Nested { nested: Option<Option<Vec<u8>>> },
    Bytes(Vec<u8>),
    Words(Vec<String>),
}

/// A struct that is flattened into another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields")]
pub struct Inner {
    pub single: f32,
    pub double: f64,
    pub colours: BTreeMap<Colour, Vec<u8>>,
    pub blob: serde_bytes::ByteBuf,
}

/// A struct that takes other maps in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields")]
pub struct Flat {
    pub own: Option<Option<i16>>,
    #[serde(flatten)]
    pub inner: Inner,
    #[serde(flatten)]
    pub external: External,
    #[serde(flatten)]
    pub rest: HashMap<String, Newtype>,
}

/// Three options inside each other.
pub type Deep = Option<Option<Option<u8>>>;

/// Scalars and types of the standard library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields")]
pub struct Scalars {
    pub unsigned: (u8, u16, u32, u64, u128),
    pub signed: (i8, i16, i32, i64, i128),
    pub nothing: ((), Unit, Option<()>, Option<Unit>),
    pub character: char,
    pub truths: [bool; 3],
    pub span: Duration,
    pub address: Option<IpAddr>,
    pub port: NonZeroU16,
    pub outcome: Result<Vec<i64>, String>,
    pub by_number: BTreeMap<(i8, Option<u8>), Deep>,
}

/// A value of some kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the kinds of values")]
pub enum Animal {
    Scalars(Box<Scalars>),
    Nested(Option<Option<u8>>),
    Mixed((u8, u8, u16, Option<u8>, u8), Vec<Option<u8>>),
    Newtype(Newtype),
    Pair(Pair),
    External(External),
    Internal(Internal),
    Adjacent(Adjacent),
    Untagged(Untagged),
    Flat(Box<Flat>),
    Many(Vec<Animal>),
}

/// Reads hostile bytes as types of every kind, and checks that each value that was read can be written and
/// read again.
///
/// # Panics
/// If a value that was read is not written and read as itself.
pub fn read_hostile(bytes: &[u8]) {
    fn read<T: Serialize + for<'de> Deserialize<'de>>(bytes: &[u8]) {
        let Ok(value) = wire::decode::<T>(bytes) else { return };
        match wire::verify(&value) {
            Ok(()) => {}
            // A value that was read leniently may be too deep to be written.
            Err(error) if error.is_too_deep() => {}
            Err(error) => panic!("{}: {error}", std::any::type_name::<T>()),
        }
    }
    read::<Vec<Animal>>(bytes);
    read::<Animal>(bytes);
    read::<Scalars>(bytes);
    read::<Flat>(bytes);
    read::<Internal>(bytes);
    read::<Untagged>(bytes);
    read::<Tree>(bytes);
    read::<Chain>(bytes);
    read::<Vec<Option<String>>>(bytes);
    read::<Vec<u8>>(bytes);
    read::<serde_bytes::ByteBuf>(bytes);
    read::<BTreeMap<u64, (f64, f32)>>(bytes);
    read::<HashMap<Option<Colour>, HashSet<External>>>(bytes);
    drop(wire::decode::<serde::de::IgnoredAny>(bytes));
}
