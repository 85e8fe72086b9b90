//! Values made of values.

use std::time::Duration;

use lcr_tests::values::{
    composites::layout,
    contract::{Colour, Composites, Event, Meters, Nothing, Pair, Point, Record, View},
    sequences::points,
};

#[derive(Default)]
pub struct Change;

/// The record with each field changed.
pub fn changed(v: Record) -> Record {
    Record {
        small: v.small.wrapping_add(1),
        wide: v.wide.wrapping_add(1),
        flag: !v.flag,
        name: v.name + "!",
        tiny: v.tiny.wrapping_add(1),
        ratio: v.ratio * 2.0,
        mark: char::from_u32(u32::from(v.mark) + 1).unwrap_or_default(),
        tags: v.tags.into_iter().rev().collect(),
        span: v.span + Duration::from_secs(1),
        nothing: v.nothing,
        triple: (v.triple.2 as u8, v.triple.0.into(), v.triple.1 as u16),
    }
}

#[lcr::component(name = "values", version = "1.0.0")]
impl Composites for Change {
    fn nested_option(&self, v: Option<Option<Option<u32>>>) -> (u8, Option<Option<u32>>) {
        match v {
            None => (0, None),
            Some(None) => (1, None),
            Some(Some(None)) => (2, Some(None)),
            Some(Some(Some(n))) => (3, Some(Some(n.wrapping_add(1)))),
        }
    }
    fn borrowed_option(&self, v: Option<&str>, w: Option<&mut [u8]>) -> Option<String> {
        if let (Some(text), Some(room)) = (v, w) {
            room.copy_from_slice(&text.as_bytes()[..room.len()]);
        }
        v.map(str::to_owned)
    }
    fn swapped(&self, v: Result<String, u64>) -> Result<u64, String> {
        match v {
            Ok(text) => Err(text),
            Err(number) => Ok(number),
        }
    }
    fn verdict(&self, v: Result<(), ()>) -> Result<(), ()> {
        match v {
            Ok(()) => Err(()),
            Err(()) => Ok(()),
        }
    }
    fn deep(&self, v: Result<Option<Vec<String>>, Box<i8>>) -> Option<Result<Box<i8>, Vec<String>>> {
        match v {
            Ok(Some(words)) => Some(Err(words)),
            Ok(None) => None,
            Err(number) => Some(Ok(number)),
        }
    }
    fn boxed(&self, v: Box<u64>) -> Box<String> {
        Box::new(v.to_string())
    }
    fn boxes(&self, mut v: Box<Vec<Box<Option<String>>>>) -> Box<Vec<Box<Option<String>>>> {
        v.reverse();
        v
    }
    fn array(&self, mut v: [String; 3]) -> [String; 3] {
        v.reverse();
        v
    }
    fn wide_array(&self, v: [u64; 40]) -> [u64; 40] {
        v.map(|n| !n)
    }
    fn square(&self, v: [[u8; 2]; 3]) -> [[u8; 3]; 2] {
        [v.map(|row| row[0]), v.map(|row| row[1])]
    }
    fn empty_arrays(&self, _: [String; 0], _: [u64; 0]) -> [u8; 0] {
        []
    }
    fn one(&self, (a,): (u8,)) -> (u8,) {
        (!a,)
    }
    fn two(&self, (a, b): (u8, String)) -> (String, u8) {
        (b, a)
    }
    fn three(&self, (a, b, c): (u8, u64, f32)) -> (f32, u64, u8) {
        (c, b, a)
    }
    fn four(&self, (a, b, c, d): (u8, u64, f32, &str)) -> (String, f32, u64, u8) {
        (d.to_owned(), c, b, a)
    }
    fn five(&self, (a, b, c, d, e): (u8, u64, f32, char, i128)) -> (i128, char, f32, u64, u8) {
        (e, d, c, b, a)
    }
    fn six(&self, (a, b, c, d, e, f): (u8, u64, f32, char, i128, bool)) -> (bool, i128, char, f32, u64, u8) {
        (f, e, d, c, b, a)
    }
    fn seven(
        &self,
        (a, b, c, d, e, f, g): (u8, u64, f32, char, i128, bool, i16),
    ) -> (i16, bool, i128, char, f32, u64, u8) {
        (g, f, e, d, c, b, a)
    }
    fn eight(
        &self,
        (a, b, c, d, e, f, g, h): (u8, u64, f32, char, i128, bool, i16, f64),
    ) -> (f64, i16, bool, i128, char, f32, u64, u8) {
        (h, g, f, e, d, c, b, a)
    }
    fn duration(&self, v: Duration) -> Option<Duration> {
        v.checked_mul(2)
    }
    fn view(&self, v: View<'_>) -> Vec<u8> {
        let text = v.value.unwrap_or(v.key.as_bytes());
        let len = text.len().min(v.room.len());
        v.room[..len].copy_from_slice(&text[..len]);
        v.room[..len].to_vec()
    }
    fn pair(&self, v: Pair<String, Pair<u8, Vec<u16>>>) -> Pair<Pair<u8, Vec<u16>>, String> {
        Pair { first: v.second, second: v.first }
    }
    fn record(&self, v: Record) -> Record {
        changed(v)
    }
    fn point(&self, mut v: Point) -> Point {
        v.corners.reverse();
        v
    }
    fn meters(&self, Meters(length, name): Meters, nothing: Nothing) -> (Nothing, Meters) {
        (nothing, Meters(-length, name + ", swapped"))
    }
    fn colour(&self, v: Colour) -> (i16, Colour) {
        let next = match v {
            Colour::Red => Colour::Green,
            Colour::Green => Colour::Blue,
            Colour::Blue => Colour::Red,
        };
        (v as i16, next)
    }
    fn event(&self, v: Event<u16>) -> Event<u16> {
        let points = points(5);
        match v {
            Event::Nothing => Event::Line("nothing".to_owned(), u8::MAX),
            Event::Line(text, number) => {
                assert_eq!((text.as_str(), number), ("nothing", u8::MAX));
                Event::Moved { from: points[2], to: points[4] }
            }
            Event::Moved { from, to } => {
                assert_eq!((from, to), (points[2], points[4]));
                Event::Wrapped(Box::new(Pair { first: 4, second: Some(Colour::Blue) }))
            }
            Event::Wrapped(pair) => {
                assert_eq!((pair.first, pair.second), (4, Some(Colour::Blue)));
                Event::Many(vec![1, 2, u16::MAX])
            }
            Event::Many(numbers) => {
                assert_eq!(numbers, [1, 2, u16::MAX]);
                Event::Nothing
            }
        }
    }
    fn events(&self, mut v: Vec<Event<String>>) -> Vec<Event<String>> {
        v.reverse();
        v
    }
    fn layout(&self) -> Vec<u64> {
        layout()
    }
}
