//! Values of real types, and of types that only a shape describes: there and back, copied, compared, released.

mod every_type;
mod generated;
mod hostile;
mod parts;
mod shown;

use std::{fmt::Debug, mem::MaybeUninit};

use super::{
    difference::{Difference, difference, is_equal, ordered_difference, unordered_difference},
    json::{self, Secrets},
    memory::BLOCKS,
    text::text,
    types::Type,
    value::Value,
    view::At,
    weight::weight,
};
use crate::{
    Abi,
    abi::shape::Sink,
    host::image::{reader::Reader, shape::Shape},
};

/// More than any value of these tests needs.
const ENOUGH: usize = 1 << 24;

/// A type's shape, as a host has it: out of a manifest's bytes.
fn shape_of<T: Abi>() -> Shape {
    let mut measure = Sink::new(&mut []);
    measure.shape(T::SHAPE);
    let mut bytes = vec![0; measure.len()];
    Sink::new(&mut bytes).shape(T::SHAPE);
    let mut reader = Reader::new(&bytes);
    let shape = Shape::decode_memory(&mut reader).unwrap();
    reader.end().unwrap();
    shape
}

/// A value on its way, which is dropped as its type drops it.
struct Sent<T: Abi>(MaybeUninit<T::Repr>);

impl<T: Abi> Sent<T> {
    fn new(value: T) -> Sent<T> {
        Sent(MaybeUninit::new(value.into_repr()))
    }

    fn at<'a>(&'a self, ty: &'a Type<'a>) -> At<'a> {
        // SAFETY: a value of the type is there, as long as this is borrowed.
        unsafe { At::new(ty, self.0.as_ptr().cast()) }
    }
}

impl<T: Abi> Drop for Sent<T> {
    fn drop(&mut self) {
        // SAFETY: `new` initialised it.
        let repr = unsafe { self.0.assume_init() };
        // SAFETY: it is used once.
        drop(unsafe { T::from_repr(repr) });
    }
}

/// What a receiver of its own type makes of a value that was made by shape.
fn received<T: Abi>(mut value: Value<'_>) -> T {
    let repr = value.give().cast::<T::Repr>();
    // SAFETY: the value is of the shape of `T`, and was given.
    let repr = unsafe { repr.read() };
    // SAFETY: it is used once. Types of these tests own what they hold.
    unsafe { T::from_repr(repr) }
}

fn compared<T: Abi>(ty: &Type<'_>, one: &Sent<T>, other: &Sent<T>) -> Option<Difference> {
    let found = difference(one.at(ty), other.at(ty), ENOUGH).unwrap();
    let ordered = ordered_difference(one.at(ty), other.at(ty), ENOUGH).unwrap();
    assert_eq!(is_equal(one.at(ty), other.at(ty), ENOUGH), Ok(ordered.is_none()), "{ordered:?}");
    found
}

/// Everything that can be done with the values by their shape is right, and nothing is left behind. Returns the JSON of
/// each.
fn holds<T: Abi + Clone + PartialEq + Debug>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    let shape = shape_of::<T>();
    let ty = Type::of(&shape).unwrap();
    let values: Vec<T> = values.into_iter().collect();
    let sent: Vec<Sent<T>> = values.iter().cloned().map(Sent::new).collect();
    let before = BLOCKS.get();
    let mut texts = Vec::new();
    for (value, here) in values.iter().zip(&sent) {
        // A copy is equal, is a value to its own type, and is released by shape.
        let copy = Value::copy_of(&ty, here.at(&ty)).unwrap();
        assert_eq!(difference(here.at(&ty), copy.at().unwrap(), ENOUGH).unwrap(), None);
        let weighs = weight(here.at(&ty), ENOUGH).unwrap();
        assert!(weighs >= ty.size && weight(here.at(&ty), weighs) == Some(weighs));
        assert_eq!((weight(copy.at().unwrap(), ENOUGH), weight(here.at(&ty), weighs - 1)), (Some(weighs), None));
        drop(copy);
        assert_eq!(BLOCKS.get(), before, "a copy of {value:?} leaks");
        assert_eq!(received::<T>(Value::copy_of(&ty, here.at(&ty)).unwrap()), *value);
        assert_eq!(BLOCKS.get(), before, "a received copy of {value:?} leaks");

        let json = json::encode(here.at(&ty), Secrets::Shown, ENOUGH).unwrap();
        let read = || json::decode(&ty, &json, "it").unwrap_or_else(|error| panic!("{json}: {error}"));
        let back = read();
        assert_eq!(difference(here.at(&ty), back.at().unwrap(), ENOUGH).unwrap(), None, "{json}");
        drop(back);
        assert_eq!(BLOCKS.get(), before, "what was read of {json} leaks");
        assert_eq!(received::<T>(read()), *value, "{json}");
        assert_eq!(BLOCKS.get(), before, "{json} leaks");
        texts.push(json);

        let whole = text(here.at(&ty), ENOUGH);
        for limit in [3, 4, 10, whole.len()] {
            assert!(text(here.at(&ty), limit).len() <= limit);
        }
    }
    for (value, here) in values.iter().zip(&sent) {
        for (other, there) in values.iter().zip(&sent) {
            let found = compared(&ty, here, there);
            assert_eq!(found.is_none(), value == other, "{value:?}, {other:?}: {found:?}");
        }
    }
    texts
}
