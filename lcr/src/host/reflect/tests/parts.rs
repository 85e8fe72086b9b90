//! Parts of values, by the way to them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{
    every_type::{Event, Level, Pair, Point},
    *,
};
use crate::{Bytes, Serde, host::reflect::part::Way};

/// Finds each part of a value, by the way that its JSON shows.
pub(super) fn find_each(ty: &Type<'_>, here: At<'_>, json: &Json, way: &str) {
    match Way::read(way).unwrap().to_part_of(ty, "it") {
        Ok(part) => {
            let found = part.of(here, &mut ENOUGH.clone()).unwrap_or_else(|| panic!("{way} is absent from {json}"));
            let text = json::encode(found, Secrets::Shown, ENOUGH).unwrap();
            assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), *json, "{way}");
        }
        Err(why) => {
            let is_no_part = ["its keys are no texts", "is no single value"].iter().any(|said| why.contains(said));
            assert!(is_no_part || way.ends_with("[\"hex\"]"), "{way}: {why}");
        }
    }
    match json {
        Json::Array(elements) => {
            let each = elements.iter().enumerate();
            each.for_each(|(place, element)| find_each(ty, here, element, &format!("{way}[{place}]")));
        }
        Json::Object(members) => {
            members.iter().for_each(|(name, member)| find_each(ty, here, member, &format!("{way}[{name:?}]")));
        }
        _ => {}
    }
}

/// The part of a value, as JSON; `None` if it is absent.
fn part<T: Abi>(value: T, way: &str) -> Option<String> {
    let shape = shape_of::<T>();
    let ty = Type::of(&shape).unwrap();
    let sent = Sent::new(value);
    let part = Way::read(way).unwrap().to_part_of(&ty, "it").unwrap();
    let found = part.of(sent.at(&ty), &mut ENOUGH.clone())?;
    Some(json::encode(found, Secrets::Shown, ENOUGH).unwrap())
}

fn refused<T: Abi>(way: &str) -> String {
    let shape = shape_of::<T>();
    Way::read(way).unwrap().to_part_of(&Type::of(&shape).unwrap(), "it").unwrap_err()
}

fn point() -> Point {
    Point { x: 3, y: None, name: "rye".to_owned() }
}

#[test]
fn a_part_is_found_by_fields_places_variants_and_keys() {
    let is = |text: &str| Some(text.to_owned());
    assert_eq!((part(point(), ""), part(5_u8, "")), (is(r#"{"x":3,"y":null,"name":"rye"}"#), is("5")));
    assert_eq!(
        (part(point(), ".x"), part(point(), ".y"), part(point(), "[\"name\"]")),
        (is("3"), is("null"), is("\"rye\""))
    );
    assert_eq!((part(Pair(1, "a".to_owned()), "[1]"), part((7_u8, true), ".0")), (is("\"a\""), is("7")));
    assert_eq!(
        (part(vec![1_u16, 2], "[1]"), part(vec![1_u16, 2], "[2]"), part([5_u8; 3], "[2]")),
        (is("2"), None, is("5"))
    );
    assert_eq!((part(Bytes::from(vec![7, 8]), "[1]"), part(b"ab".to_vec(), "[0]")), (is("8"), is("97")));
    let moved = || Event::Moved { from: (-1, 2), by: Some(Box::new(point())) };
    assert_eq!((part(moved(), ".Moved.from[1]"), part(moved(), ".Moved.by.name")), (is("2"), is("\"rye\"")));
    assert_eq!((part(moved(), ".Text"), part(Event::Text("t".to_owned()), ".Text")), (None, is("\"t\"")));
    let many = || Event::Many(vec![Level::Low, Level::High], [true, false]);
    assert_eq!(
        (part(many(), ".Many[0][1]"), part(many(), ".Many.1[1]"), part(many(), ".Many[0][2]")),
        (is("\"High\""), is("false"), None)
    );
    assert_eq!((part(Ok::<Point, u8>(point()), ".Ok.x"), part(Err::<Point, u8>(9), ".Ok.x")), (is("3"), None));
    assert_eq!(
        (part(Some(point()), ".x"), part(None::<Point>, ".x"), part(None::<Point>, "")),
        (is("3"), None, is("null"))
    );
    assert_eq!((part(Some(Some(1_u8)), ".Some"), part(Some(None::<u8>), ".Some")), (is("1"), is("null")));
    let map = || BTreeMap::from([("a".to_owned(), 1_u8), ("b.c[0]".to_owned(), 2), (String::new(), 3)]);
    assert_eq!(
        (part(map(), ".a"), part(map(), "[\"b.c[0]\"]"), part(map(), "[\"\"]"), part(map(), ".z")),
        (is("1"), is("2"), is("3"), None)
    );
}

#[test]
fn a_part_that_no_value_has_is_refused_with_those_that_there_are() {
    let has_no = |why: String, step: &str, parts: &str| {
        assert!(why.contains(&format!("has no part `{step}`: ")) && why.contains(parts), "{why}");
    };
    has_no(refused::<Point>(".z"), ".z", "it has `.x`, `.y`, `.name`");
    has_no(refused::<Point>("[0]"), "[0]", "`.x`");
    has_no(refused::<Point>(".x.y"), ".y", "`i32`, and has no parts");
    has_no(refused::<Vec<Point>>(".x"), ".x", "`[0]`");
    has_no(refused::<[u8; 3]>("[3]"), "[3]", "it has `[0]`, `[1]`, `[2]`");
    has_no(refused::<[u8; 99]>(".x"), ".x", "`[19]`, ..");
    has_no(refused::<(u8, bool)>("[2]"), "[2]", "it has `[0]`, `[1]`");
    has_no(refused::<Event>(".Nothing"), ".Nothing", "it has `.Text`, `.Unit`, `.Moved`, `.Many`");
    has_no(refused::<Event>(".Moved.to"), ".to", "it has `.from`, `.by`");
    assert!(refused::<Event>(".Moved").contains("`it.Moved` is no single value: it has `.from`, `.by`"));
    has_no(refused::<Level>(".Low"), ".Low", "no variant has a value in it");
    has_no(refused::<Result<u8, u8>>(".Some"), ".Some", "it has `.Ok`, `.Err`");
    has_no(refused::<Option<Option<u8>>>(".x"), ".x", "it has `.Some`");
    has_no(refused::<BTreeMap<u8, u8>>("[\"1\"]"), ".1", "its keys are no texts");
    has_no(refused::<BTreeSet<u8>>("[0]"), "[0]", "a set has no order");
    has_no(refused::<Serde<u8>>(".x"), ".x", "`Serde` value");
    has_no(refused::<(Point, BTreeMap<String, Point>)>("[1].k.q"), ".q", "`it[1].k` has no part");
    for wrong in
        ["a", ".", "..a", "[", "[]", "[a]", "[-1]", "[1", "[\"a]", "[\"a\"", "[0]a", ".a.", "[99999999999999999999]"]
    {
        assert!(Way::read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn whoever_goes_to_a_part_takes_no_more_steps_than_were_given() {
    let map: BTreeMap<String, u8> = (100..200).map(|number| (format!("key {number}"), number)).collect();
    let shape = shape_of::<BTreeMap<String, u8>>();
    let ty = Type::of(&shape).unwrap();
    let sent = Sent::new(map);
    let part = Way::read("[\"key 150\"]").unwrap().to_part_of(&ty, "it").unwrap();
    let mut left = 1_000;
    assert!(part.of(sent.at(&ty), &mut left).is_some());
    let took = 1_000 - left;
    assert!((51..=60).contains(&took), "{took}");
    assert!(part.of(sent.at(&ty), &mut (took - 1)).is_none());
    assert!(part.of(sent.at(&ty), &mut took.clone()).is_some());
}
