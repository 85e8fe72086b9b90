//! The interfaces, and the types that they declare.
#![allow(missing_docs, reason = "a method that carries one type says all in its signature")]
#![allow(
    clippy::box_collection,
    clippy::result_unit_err,
    clippy::too_many_arguments,
    clippy::type_complexity,
    clippy::vec_box,
    reason = "every type that may cross does so here, also those that one would not choose"
)]

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    num::NonZero,
    ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use lcr::{Bytes, Fault, Handle, Serde};
use serde::{Deserialize, Serialize};

/// Every scalar. The answer to an integer is its complement, the answer to a float its bits.
#[lcr::interface(name = "test.values.numbers", version = 1)]
pub trait Numbers {
    fn u8(&self, v: u8) -> u8;
    fn u16(&self, v: u16) -> u16;
    fn u32(&self, v: u32) -> u32;
    fn u64(&self, v: u64) -> u64;
    fn u128(&self, v: u128) -> u128;
    fn usize(&self, v: usize) -> usize;
    fn i8(&self, v: i8) -> i8;
    fn i16(&self, v: i16) -> i16;
    fn i32(&self, v: i32) -> i32;
    fn i64(&self, v: i64) -> i64;
    fn i128(&self, v: i128) -> i128;
    fn isize(&self, v: isize) -> isize;
    fn f32_to_bits(&self, v: f32) -> u32;
    fn f32_from_bits(&self, bits: u32) -> f32;
    fn f64_to_bits(&self, v: f64) -> u64;
    fn f64_from_bits(&self, bits: u64) -> f64;
    fn bool(&self, v: bool) -> bool;
    fn char_to_number(&self, v: char) -> u32;
    fn char_from_number(&self, number: u32) -> Option<char>;
    /// `after - before`.
    fn unit(&self, before: u8, v: (), after: u8) -> (u8, ());
    /// As many arguments as there may be, in registers of both kinds and on the stack,
    /// written out with commas.
    fn many(
        &self,
        a: u8,
        b: i128,
        c: f32,
        d: bool,
        e: u64,
        f: f64,
        g: i16,
        h: char,
        i: u128,
        j: f32,
        k: i8,
        l: &str,
    ) -> String;
}

/// Plain data.
#[derive(Clone, Copy, Debug, PartialEq, lcr::Abi)]
#[abi(plain)]
#[repr(C)]
pub struct Point {
    pub tag: u8,
    pub x: f64,
    pub y: f64,
    pub corners: [i16; 3],
}

/// Texts, slices and vectors.
#[lcr::interface(name = "test.values.sequences", version = 1)]
pub trait Sequences {
    /// Returns the address of the text and its length.
    fn text_place(&self, v: &str) -> (usize, usize);
    /// Returns the address of the bytes and their length.
    fn bytes_place(&self, v: &[u8]) -> (usize, usize);
    /// Returns the address of the path, its length, and how many parts it has.
    fn path_place(&self, v: &Path, within: &OsStr) -> (usize, usize, u64);
    /// Returns the address of the points, and the middle one.
    fn points_place(&self, v: &[Point]) -> (usize, Option<Point>);
    /// The text with its characters reversed.
    fn text(&self, v: &str) -> String;
    fn sum(&self, wide: &[u64], narrow: &[i8], arrays: &[[u16; 2]]) -> i128;
    fn count(&self, flags: &[bool], chars: &[char]) -> (u64, String);
    /// Adds `by` to each, and returns their address.
    fn add(&self, v: &mut [u64], by: u64) -> usize;
    /// Swaps `x` and `y` of each.
    fn flip(&self, v: &mut [Point]);
    /// Copies what fits.
    fn copy(&self, from: &[u8], to: &mut [u8]) -> u64;
    /// Appends `x` to the text and doubles its room.
    fn string(&self, v: String) -> String;
    fn reversed(&self, v: Vec<u32>) -> Vec<u32>;
    fn points(&self, v: Vec<Point>) -> Vec<Point>;
    fn strings(&self, v: Vec<String>) -> Vec<String>;
    fn nested(&self, v: Vec<Vec<u32>>) -> Vec<Vec<u32>>;
    fn joined(&self, v: Vec<&[u8]>) -> Vec<u8>;
    fn words(&self, v: Vec<&str>) -> Vec<String>;
    fn units(&self, v: Vec<()>) -> u64;
    /// Calls back with a text, bytes, and the address of each.
    fn lend(&self, f: &dyn Fn(&str, usize, &[u8], usize) -> u64) -> u64;
    /// Calls back with that path and its parent.
    fn lend_path(&self, path: &Path, f: &dyn Fn(&Path, Option<&Path>) -> bool) -> bool;
}

/// A struct that borrows.
#[derive(lcr::Abi)]
pub struct View<'a> {
    pub key: &'a str,
    pub value: Option<&'a [u8]>,
    pub room: &'a mut [u8],
}

/// A struct with parameters, one of them constrained.
#[derive(Clone, Debug, PartialEq, lcr::Abi)]
pub struct Pair<A, B: Clone> {
    pub first: A,
    pub second: B,
}

/// A struct of many kinds of fields, in an order that a compiler would change.
#[derive(Clone, Debug, Default, PartialEq, lcr::Abi)]
pub struct Record {
    pub small: u8,
    pub wide: u128,
    pub flag: bool,
    pub name: String,
    pub tiny: i8,
    pub ratio: f32,
    pub mark: char,
    pub tags: Vec<String>,
    pub span: Duration,
    pub nothing: Nothing,
    pub triple: (u8, u32, u16),
}

/// A struct without fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, lcr::Abi)]
pub struct Nothing;

/// A struct with unnamed fields, whose layout is that of C.
#[derive(Clone, Debug, PartialEq, lcr::Abi)]
pub struct Meters(pub f64, pub String);

/// An enum of bare variants, with discriminants of its own.
#[derive(Clone, Copy, Debug, PartialEq, lcr::Abi)]
#[repr(i16)]
pub enum Colour {
    Red = -7,
    Green,
    Blue = 300,
}

/// An enum of every kind of variant.
#[derive(Clone, Debug, PartialEq, lcr::Abi)]
pub enum Event<T> {
    Nothing,
    Line(String, u8),
    Moved { from: Point, to: Point },
    Wrapped(Box<Pair<T, Option<Colour>>>),
    Many(Vec<T>),
}

/// Values made of values.
#[lcr::interface(name = "test.values.composites", version = 1)]
pub trait Composites {
    /// Returns how many of the options are `Some`, and the number plus one.
    fn nested_option(&self, v: Option<Option<Option<u32>>>) -> (u8, Option<Option<u32>>);
    fn borrowed_option(&self, v: Option<&str>, w: Option<&mut [u8]>) -> Option<String>;
    /// Swaps the sides.
    fn swapped(&self, v: Result<String, u64>) -> Result<u64, String>;
    fn verdict(&self, v: Result<(), ()>) -> Result<(), ()>;
    fn deep(&self, v: Result<Option<Vec<String>>, Box<i8>>) -> Option<Result<Box<i8>, Vec<String>>>;
    fn boxed(&self, v: Box<u64>) -> Box<String>;
    fn boxes(&self, v: Box<Vec<Box<Option<String>>>>) -> Box<Vec<Box<Option<String>>>>;
    fn array(&self, v: [String; 3]) -> [String; 3];
    fn wide_array(&self, v: [u64; 40]) -> [u64; 40];
    fn square(&self, v: [[u8; 2]; 3]) -> [[u8; 3]; 2];
    fn empty_arrays(&self, v: [String; 0], w: [u64; 0]) -> [u8; 0];
    fn one(&self, v: (u8,)) -> (u8,);
    fn two(&self, v: (u8, String)) -> (String, u8);
    fn three(&self, v: (u8, u64, f32)) -> (f32, u64, u8);
    fn four(&self, v: (u8, u64, f32, &str)) -> (String, f32, u64, u8);
    fn five(&self, v: (u8, u64, f32, char, i128)) -> (i128, char, f32, u64, u8);
    fn six(&self, v: (u8, u64, f32, char, i128, bool)) -> (bool, i128, char, f32, u64, u8);
    fn seven(&self, v: (u8, u64, f32, char, i128, bool, i16)) -> (i16, bool, i128, char, f32, u64, u8);
    fn eight(&self, v: (u8, u64, f32, char, i128, bool, i16, f64)) -> (f64, i16, bool, i128, char, f32, u64, u8);
    fn duration(&self, v: Duration) -> Option<Duration>;
    /// Writes the value, or else the key, to the room, and returns what it wrote.
    fn view(&self, v: View<'_>) -> Vec<u8>;
    fn pair(&self, v: Pair<String, Pair<u8, Vec<u16>>>) -> Pair<Pair<u8, Vec<u16>>, String>;
    /// Each field changed a little.
    fn record(&self, v: Record) -> Record;
    fn point(&self, v: Point) -> Point;
    fn meters(&self, v: Meters, nothing: Nothing) -> (Nothing, Meters);
    fn colour(&self, v: Colour) -> (i16, Colour);
    /// The next variant.
    fn event(&self, v: Event<u16>) -> Event<u16>;
    fn events(&self, v: Vec<Event<String>>) -> Vec<Event<String>>;
    /// The component's [`layout`](super::composites::layout).
    fn layout(&self) -> Vec<u64>;
}

/// A struct of types of std.
#[derive(Clone, Debug, PartialEq, lcr::Abi)]
pub struct Visit {
    pub path: PathBuf,
    pub at: SystemTime,
    pub from: Option<SocketAddr>,
    pub count: NonZero<u32>,
    pub lines: Range<u64>,
}

/// An enum of types of std.
#[derive(Debug, lcr::Abi)]
pub enum Answer {
    Order(Ordering),
    Failed(io::Error),
    Visits(Vec<Visit>),
}

/// Types of std.
#[lcr::interface(name = "test.values.of_std", version = 1)]
pub trait OfStd {
    /// The path with the name below it.
    fn joined(&self, path: PathBuf, name: &OsStr) -> PathBuf;
    fn parts(&self, path: &Path) -> Vec<OsString>;
    /// The text twice.
    fn doubled(&self, text: OsString) -> OsString;
    fn later(&self, at: SystemTime, by: Duration) -> Option<SystemTime>;
    /// How much `b` is behind `a`; else, how much it is before.
    fn between(&self, a: SystemTime, b: SystemTime) -> Result<Duration, Duration>;
    fn half(&self, v: NonZero<u8>) -> io::Result<NonZero<u8>>;
    /// Each number's complement, where that is not zero.
    fn complements(&self, v: Vec<NonZero<i128>>) -> Vec<Option<NonZero<i128>>>;
    fn order(&self, a: &str, b: &str) -> Ordering;
    fn reversed(&self, v: Vec<Ordering>) -> Vec<Ordering>;
    /// The same numbers.
    fn inclusive(&self, v: Range<u64>) -> Option<RangeInclusive<u64>>;
    fn ends(&self, v: RangeInclusive<i32>) -> (RangeFrom<i32>, RangeTo<i32>, RangeToInclusive<i32>, RangeFull);
    fn mirrored(&self, v: (RangeFrom<i8>, RangeTo<i8>, RangeToInclusive<i8>, RangeFull)) -> [i8; 3];
    /// The bounds in the other order, included where they were excluded.
    fn flipped(&self, v: (Bound<String>, Bound<String>)) -> (Bound<String>, Bound<String>);
    /// The address with each bit flipped.
    fn address(&self, v: IpAddr) -> IpAddr;
    fn addresses(&self, v: Ipv4Addr, w: Ipv6Addr) -> (Ipv6Addr, Ipv4Addr);
    /// The same address at the next port.
    fn socket(&self, v: SocketAddr) -> SocketAddr;
    fn sockets(&self, v: SocketAddrV4, w: SocketAddrV6) -> [SocketAddr; 2];
    /// Each field changed a little.
    fn visit(&self, v: Visit) -> Visit;
    fn answer(&self, v: Answer) -> Answer;
    /// The file's bytes.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Fails with `how`: `"kind"`, `"text"`, `"sources"`, `"panic"`; else returns the text's length.
    fn fail(&self, how: &str) -> io::Result<NonZero<u64>>;
    /// What the error says, and its kind's text.
    fn told(&self, error: io::Error) -> (String, String, Option<i32>);
    /// Calls back with a path and a time of this side.
    fn asked(&self, f: &dyn Fn(&Path, SystemTime, PathBuf) -> io::Result<Ordering>) -> io::Result<Ordering>;
    /// The path's parent, and the time a second later.
    async fn awaited(&self, path: &Path, at: SystemTime) -> io::Result<(PathBuf, SystemTime)>;
}

/// A type that only serde knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Tree {
    Leaf(Option<f64>),
    Node { name: String, children: Vec<Tree> },
}

/// Values that stay with the side that made them, or come back to it.
#[lcr::interface(name = "test.values.owners", version = 1)]
pub trait Owners {
    /// Returns bytes of this side and their address, and counts the destructor of their owner.
    fn bytes(&self, text: &str) -> (Bytes, usize);
    /// How many owners of bytes this side has destroyed.
    fn destroyed(&self) -> u64;
    /// Returns the address of the bytes, the bytes themselves, and a clone.
    fn pass(&self, v: Bytes) -> (usize, Bytes, Bytes);
    /// Keeps the bytes, and returns those kept before.
    fn keep(&self, v: Option<Bytes>) -> Option<Bytes>;
    /// Returns the complement of the number, which it gets through the handle.
    fn call(&self, handle: Handle<dyn Numbers>, v: u64) -> u64;
    /// Keeps the handle, and returns the one kept before.
    fn keep_handle(&self, v: Option<Handle<dyn Numbers>>) -> Option<Handle<dyn Numbers>>;
    /// Calls back for each word, with its number, and returns the answers.
    fn each(&self, text: &str, f: &dyn Fn(u32, &str) -> Option<String>) -> Vec<String>;
    fn everything(
        &self,
        f: &dyn Fn(Vec<String>, &mut [u8], (i128, f32), Event<u8>, Bytes) -> Result<Record, Bytes>,
    ) -> Result<Record, Bytes>;
    fn nullary(&self, f: &dyn Fn());
    /// Keeps the function, and drops the one kept before.
    fn give(&self, f: Box<dyn Fn(u64, String) -> Vec<u64> + Send>);
    /// Calls the function that was given, on a thread of this side.
    fn call_later(&self, n: u64) -> Vec<u64>;
    /// Drops the function that was given, on a thread of this side.
    fn forget(&self) -> bool;
    /// Drops the function on the spot.
    fn refuse(&self, f: Box<dyn Fn() + Send>);
    fn tree(&self, v: Serde<Tree>) -> Serde<BTreeMap<String, u64>>;
}

/// An error that a fault can become.
#[derive(Clone, Debug, PartialEq, lcr::Abi)]
pub enum Trouble {
    Refused(String),
    Fault(Fault),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble::Fault(fault)
    }
}

/// Panics of every kind in methods of every kind. `how` says what to panic with:
/// `"str"`, `"String"`, `"any"` (a value that is no text), `"bomb"` (a value that panics
/// when it is dropped); anything else returns.
#[lcr::interface(name = "test.values.faulty", version = 1)]
pub trait Faulty {
    fn plain(&self, how: &str) -> u64;
    fn nothing(&self, how: &str);
    fn fault(&self, how: &str) -> Result<u64, Fault>;
    fn trouble(&self, how: &str, held: Vec<String>) -> Result<u64, Trouble>;
    /// A result whose error no fault can become.
    fn text(&self, how: &str) -> Result<u64, String>;
    /// Calls `fault` on the handle, and returns its fault as a value.
    fn passed(&self, peer: Handle<dyn Faulty>, how: &str) -> Option<Fault>;
    /// Calls the function and does not catch what it panics with.
    fn through(&self, f: &dyn Fn(u64) -> u64) -> Result<u64, Fault>;
    /// Bytes whose owner panics when it is dropped, as `how` says.
    fn bytes(&self, how: &str) -> Bytes;
    /// Drops the function and the bytes.
    fn forget(&self, f: Box<dyn Fn() + Send>, bytes: Bytes) -> Result<(), Fault>;
    /// Calls the function and catches what it panics with.
    fn caught(&self, f: &dyn Fn(u64) -> u64) -> Result<u64, String>;
}

/// An interface with a type that serde alone describes, so two sides may have different types.
#[lcr::interface(name = "test.values.picky", version = 1)]
pub trait Picky {
    /// Returns the number, if it can be decoded.
    fn take(&self, v: Serde<Small>, held: Vec<String>) -> Result<u8, Fault>;
}

/// The component's type for the value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Small {
    pub number: u8,
    #[serde(default)]
    pub added: Option<String>,
}

/// The counts of a component with an allocator of its own.
#[lcr::interface(name = "test.values.audit", version = 1)]
pub trait Audit {
    /// Blocks that are allocated.
    fn live(&self) -> u64;
    /// Blocks that were given back and are not of this allocator, or of another layout.
    fn wrong_frees(&self) -> u64;
}
