//! Types that only a shape describes: random ones, laid out as C lays them out, with random values.

use proptest::prelude::*;

use super::*;
use crate::host::image::shape::{Kind, Part};

/// A random number generator that a seed repeats, for everything that follows from one number.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn node(kind: Kind, name: &str, size: u32, align: u16, parts: Vec<Part>) -> Shape {
    Shape { kind, name: name.to_owned(), size, align, parts }
}

fn part(name: &str, at: i64, shape: Shape) -> Part {
    Part { name: name.to_owned(), at, shape, is_secret: false }
}

/// A struct of these fields, as C lays it out.
fn in_order(kind: Kind, name: &str, fields: Vec<(String, Shape)>) -> Shape {
    let (mut size, mut align) = (0_u32, 1_u16);
    let mut parts = Vec::new();
    for (name, shape) in fields {
        let at = size.next_multiple_of(shape.align.into());
        (size, align) = (at + shape.size, align.max(shape.align));
        parts.push(part(&name, at.into(), shape));
    }
    let size = if parts.is_empty() { 1 } else { size.next_multiple_of(align.into()) };
    node(kind, name, size, align, parts)
}

/// The size and alignment of a tag with a union behind it.
fn tagged(tag: u32, payloads: &[&Shape]) -> (u32, u16) {
    let align = payloads.iter().map(|shape| shape.align).max().unwrap_or(1);
    let size = payloads.iter().map(|shape| shape.size).max().unwrap_or(0).next_multiple_of(align.into());
    let whole = align.max(tag as u16);
    ((tag.next_multiple_of(align.into()) + size).next_multiple_of(whole.into()), whole)
}

const SCALARS: [(&str, u32); 8] =
    [("u8", 1), ("i16", 2), ("u32", 4), ("i64", 8), ("u128", 16), ("bool", 1), ("char", 4), ("f64", 8)];

fn random_shape(random: &mut Random, depth: u32) -> Shape {
    let inner = |random: &mut Random| random_shape(random, depth.saturating_sub(1));
    let fields = |random: &mut Random, is_named: bool| -> Vec<(String, Shape)> {
        let count = random.below(4);
        let name = |place: u64| if is_named { format!("f{place}") } else { place.to_string() };
        (0..count).map(|place| (name(place), random_shape(random, depth.saturating_sub(1)))).collect()
    };
    match random.below(if depth == 0 { 5 } else { 14 }) {
        0 | 1 => {
            let (name, width) = SCALARS[random.below(8) as usize];
            node(Kind::Scalar, name, width, width as u16, Vec::new())
        }
        2 => node(Kind::Unit, "", 1, 1, Vec::new()),
        3 => node(Kind::String, "", 32, 8, Vec::new()),
        4 => node(Kind::Bytes, "", 24, 8, Vec::new()),
        5 | 6 => node(Kind::Vec, "", 32, 8, vec![part("", 0, inner(random))]),
        7 => {
            let (len, inner) = (random.below(4) as u32, inner(random));
            node(Kind::Array, "", inner.size * len, inner.align, vec![part("", len.into(), inner)])
        }
        8 => {
            let inner = inner(random);
            let (size, align) = tagged(1, &[&inner]);
            node(Kind::Option, "", size, align, vec![part("", 0, inner)])
        }
        9 => {
            let (ok, err) = (inner(random), inner(random));
            let (size, align) = tagged(1, &[&ok, &err]);
            node(Kind::Result, "", size, align, vec![part("", 0, ok), part("", 0, err)])
        }
        10 => node(Kind::Box, "", 16, 8, vec![part("", 0, inner(random))]),
        11 => {
            let is_named = random.below(2) == 0;
            in_order(Kind::Struct, "S", fields(random, is_named))
        }
        12 => {
            let pair = in_order(Kind::Tuple, "", vec![(String::new(), inner(random)), (String::new(), inner(random))]);
            let entries = node(Kind::Vec, "", 32, 8, vec![part("", 0, pair.clone())]);
            if random.below(2) == 0 {
                pair
            } else {
                node(Kind::Struct, "std::BTreeMap", 32, 8, vec![part("elements", 0, entries)])
            }
        }
        _ => {
            let variants: Vec<_> = (0..=random.below(3))
                .map(|place| {
                    let is_named = random.below(2) == 0;
                    in_order(Kind::Variant, &format!("V{place}"), fields(random, is_named))
                })
                .collect();
            let loaded: Vec<_> = variants.iter().filter(|variant| !variant.parts.is_empty()).collect();
            let (size, align) = if loaded.is_empty() { (4, 4) } else { tagged(4, &loaded) };
            let parts = variants.iter().map(|variant| part(&variant.name, 0, variant.clone())).collect();
            node(Kind::Enum, "E", size, align, parts)
        }
    }
}

/// A value of the shape as JSON.
fn random_json(shape: &Shape, random: &mut Random) -> String {
    let nullable = |shape: &Shape| Type::of(shape).unwrap().is_nullable;
    let list = |random: &mut Random, inner: &Shape, len: u64| {
        let elements: Vec<_> = (0..len).map(|_| random_json(inner, random)).collect();
        format!("[{}]", elements.join(","))
    };
    match shape.kind {
        Kind::Scalar => match shape.name.as_str() {
            "bool" => (random.below(2) == 0).to_string(),
            "char" => ["\"a\"", "\"ß\"", "\"\\\"\""][random.below(3) as usize].to_owned(),
            "f64" => ["0.5", "-1e100", "\"inf\"", "3.0"][random.below(4) as usize].to_owned(),
            "i16" | "i64" => (random.below(200) as i64 - 100).to_string(),
            _ => random.below(256).to_string(),
        },
        Kind::Unit => "null".to_owned(),
        Kind::String => format!("\"{}\"", "xß".repeat(random.below(4) as usize)),
        Kind::Bytes => ["\"\"", "\"text\"", "{\"hex\":\"00ff\"}"][random.below(3) as usize].to_owned(),
        Kind::Vec if shape.parts[0].shape.name == "u8" => "\"bytes\"".to_owned(),
        Kind::Vec => {
            let len = random.below(4);
            list(random, &shape.parts[0].shape, len)
        }
        Kind::Array => list(random, &shape.parts[0].shape, shape.parts[0].at as u64),
        Kind::Option if random.below(2) == 0 => "null".to_owned(),
        Kind::Option => {
            let inner = random_json(&shape.parts[0].shape, random);
            if nullable(&shape.parts[0].shape) { format!("{{\"Some\":{inner}}}") } else { inner }
        }
        Kind::Result => {
            let case = random.below(2) as usize;
            format!("{{\"{}\":{}}}", ["Ok", "Err"][case], random_json(&shape.parts[case].shape, random))
        }
        Kind::Box => random_json(&shape.parts[0].shape, random),
        Kind::Enum => {
            let variant = &shape.parts[random.below(shape.parts.len() as u64) as usize].shape;
            if variant.parts.is_empty() {
                return format!("\"{}\"", variant.name);
            }
            format!("{{\"{}\":{}}}", variant.name, random_json(variant, random))
        }
        _ if shape.name == "std::BTreeMap" => {
            let pair = &shape.parts[0].shape.parts[0].shape;
            if pair.parts[0].shape.kind == Kind::String {
                return format!("{{\"k\":{}}}", random_json(&pair.parts[1].shape, random));
            }
            // One entry, since keys may be equal.
            list(random, pair, 1)
        }
        _ => {
            let values: Vec<_> = shape.parts.iter().map(|part| random_json(&part.shape, random)).collect();
            let is_tuple = shape.kind == Kind::Tuple;
            match &shape.parts[..] {
                [] => "null".to_owned(),
                [only] if only.name == "0" => values[0].clone(),
                [first, ..] if is_tuple || first.name == "0" => format!("[{}]", values.join(",")),
                parts => {
                    let fields: Vec<_> =
                        parts.iter().zip(values).map(|(part, value)| format!("\"{}\":{value}", part.name)).collect();
                    format!("{{{}}}", fields.join(","))
                }
            }
        }
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 12 } else { 400 }) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn values_of_random_shapes_are_made_copied_compared_and_written_back(seed: u64, depth in 0_u32..6) {
        let mut random = Random(seed);
        let shape = random_shape(&mut random, depth);
        let ty = Type::of(&shape).unwrap();
        let before = BLOCKS.get();
        let text_of = random_json(&shape, &mut random);
        let value = json::decode(&ty, &text_of, "it").unwrap();
        let here = value.at().unwrap();
        prop_assert_eq!(&json::encode(here, Secrets::Shown, ENOUGH).unwrap(), &text_of);
        let copy = Value::copy_of(&ty, here).unwrap();
        prop_assert_eq!(difference(here, copy.at().unwrap(), ENOUGH), Ok(None));
        prop_assert_eq!(&text(copy.at().unwrap(), ENOUGH), &text(here, ENOUGH));
        let other_text = random_json(&shape, &mut random);
        let other = json::decode(&ty, &other_text, "it").unwrap();
        let found = difference(here, other.at().unwrap(), ENOUGH).unwrap();
        prop_assert_eq!(found.is_none(), text_of == other_text, "{} {} {:?}", text_of, other_text, found);
        drop((value, copy, other));
        prop_assert_eq!(BLOCKS.get(), before);
    }

    #[test]
    fn each_part_of_a_value_is_where_its_json_shows_it(seed: u64, depth in 0_u32..6) {
        let mut random = Random(seed);
        let shape = random_shape(&mut random, depth);
        let ty = Type::of(&shape).unwrap();
        let text = random_json(&shape, &mut random);
        let value = json::decode(&ty, &text, "it").unwrap();
        parts::find_each(&ty, value.at().unwrap(), &serde_json::from_str(&text).unwrap(), "");
    }

    #[test]
    fn damaged_json_is_refused_or_taken_and_leaks_nothing(seed: u64, depth in 0_u32..5, at: usize, byte: u8) {
        let mut random = Random(seed);
        let shape = random_shape(&mut random, depth);
        let ty = Type::of(&shape).unwrap();
        let mut bytes = random_json(&shape, &mut random).into_bytes();
        let (at, before) = (at % bytes.len(), BLOCKS.get());
        bytes[at] = byte;
        if let Ok(value) = json::decode(&ty, &String::from_utf8_lossy(&bytes), "it") {
            let text = json::encode(value.at().unwrap(), Secrets::Shown, ENOUGH).unwrap();
            let again = json::decode(&ty, &text, "it").unwrap();
            prop_assert_eq!(difference(value.at().unwrap(), again.at().unwrap(), ENOUGH), Ok(None));
        }
        prop_assert_eq!(BLOCKS.get(), before);
    }
}
