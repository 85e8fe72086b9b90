//! How values are printed, and how differences are told.

use std::{collections::BTreeMap, time::Duration};

use super::{
    every_type::{Event, Level, Pair, Point, Tokens},
    *,
};
use crate::{Bytes, Serde};

fn shown<T: Abi>(value: T, limit: usize) -> String {
    let shape = shape_of::<T>();
    let ty = Type::of(&shape).unwrap();
    let sent = Sent::new(value);
    text(sent.at(&ty), limit)
}

fn point(name: &str) -> Point {
    Point { x: 1, y: None, name: name.to_owned() }
}

#[test]
fn values_are_printed_as_debug_prints_them() {
    let moved = Event::Moved { from: (-1, 2), by: Some(Box::new(point("a"))) };
    let events = vec![Event::Nothing, Event::Text("t\n".to_owned()), moved];
    assert_eq!(shown(events.clone(), 1000), format!("{events:?}"));
    let value = (Some(Pair(1, "x".to_owned())), [1.0_f32, f32::NAN], Ok::<char, ()>('\''), Duration::from_millis(1500));
    assert_eq!(shown(value.clone(), 1000), format!("{value:?}"));
    assert_eq!(shown(b"ab\xff".to_vec(), 1000), "0x6162ff");
    assert_eq!(shown(Bytes::from("text"), 1000), "b\"text\"");
    assert_eq!(shown(Serde(vec![Some(1_u8), None]), 1000), "Serde([1,null])");
    assert_eq!(shown(std::net::Ipv4Addr::LOCALHOST, 1000), "127.0.0.1");
}

#[test]
fn a_long_value_is_cut_at_the_limit() {
    assert_eq!(shown("x".repeat(1 << 20), 12), "\"xxxxxxxx…");
    assert_eq!(shown((0..1_000_000_u32).collect::<Vec<_>>(), 13), "[0, 1, 2, …");
    assert_eq!(shown("ßßßßßßßßß".to_owned(), 9), "\"ßß…");
    let long = shown(Serde((0..1000_u32).collect::<Vec<_>>()), 60);
    assert!(long.starts_with("Serde(40") && long.ends_with(" bytes)"), "{long}");
    assert!(shown(vec![Level::Low; 1000], 100).len() <= 100);
}

#[test]
fn secrets_are_hidden_in_texts_and_differences_and_written_as_json_where_that_is_asked_for() {
    let shape = shape_of::<Option<Point>>();
    let mut ty = Type::of(&shape).unwrap();
    mark(&mut ty, "name");
    let sent = Sent::new(Some(point("password")));
    assert_eq!(text(sent.at(&ty), 1000), "Some(Point { x: 1, y: None, name: *** })");
    let json = json::encode(sent.at(&ty), Secrets::Hidden, 1000).unwrap();
    assert_eq!(json, "{\"x\":1,\"y\":null,\"name\":\"***\"}");
    assert!(json::encode(sent.at(&ty), Secrets::Shown, 1000).unwrap().contains("password"));
    let found = compared(&ty, &sent, &Sent::new(Some(point("other")))).unwrap();
    assert_eq!(found.to_string(), "Some.name: *** became another ***");
    // One is made from JSON as any value is.
    let read = json::decode(&ty, "{\"x\":1,\"y\":null,\"name\":\"password\"}", "it").unwrap();
    assert_eq!(difference(sent.at(&ty), read.at().unwrap(), 1000), Ok(None));
}

#[test]
fn the_way_to_what_differs_in_a_secret_field_ends_at_the_field() {
    let shape = shape_of::<Option<Tokens>>();
    let mut ty = Type::of(&shape).unwrap();
    mark(&mut ty, "tokens");
    let sent = |token: &str| Sent::new(Some(Tokens { user: 1, tokens: [(token.to_owned(), 1)].into() }));
    let found = compared(&ty, &sent("tok-123"), &sent("tok-124")).unwrap();
    assert_eq!(found.to_string(), "Some.tokens: *** became another ***");
}

#[test]
fn the_order_of_a_sequence_in_a_serde_value_counts_where_that_is_asked_for() {
    let shape = shape_of::<Serde<(u8, u8)>>();
    let ty = Type::of(&shape).unwrap();
    let (one, other) = (Sent::new(Serde((1, 2))), Sent::new(Serde((2, 1))));
    assert_eq!(compared(&ty, &one, &other), None);
    let found = ordered_difference(one.at(&ty), other.at(&ty), 1000).unwrap().unwrap();
    assert!(found.path.starts_with("[0]"), "{found}");
    assert_eq!(ordered_difference(one.at(&ty), one.at(&ty), 1000), Ok(None));
}

#[test]
fn a_serde_value_costs_more_where_a_caller_waits_and_not_more_for_being_in_a_map() {
    type Sack = BTreeMap<u8, Serde<Vec<u8>>>;
    let shape = shape_of::<Sack>();
    let ty = Type::of(&shape).unwrap();
    let [one, other] = [1, 2].map(|byte| Sent::new(Sack::from([(1, Serde(vec![byte; 500]))])));
    assert!(ordered_difference(one.at(&ty), other.at(&ty), 1_100).unwrap().is_some());
    assert!(is_equal(one.at(&ty), one.at(&ty), 1_100).is_err());
    assert_eq!(is_equal(one.at(&ty), one.at(&ty), 9_000), Ok(true));
}

fn mark(ty: &mut Type<'_>, name: &str) {
    use super::super::types::Form;
    match &mut ty.form {
        Form::Option { value, .. } => mark(value, name),
        Form::Struct(_, fields) => fields.list.iter_mut().for_each(|field| field.is_secret |= field.name == name),
        _ => {}
    }
}

#[test]
fn a_difference_tells_the_way_to_it() {
    fn told<T: Abi>(was: T, is: T) -> String {
        let shape = shape_of::<T>();
        let ty = Type::of(&shape).unwrap();
        compared(&ty, &Sent::new(was), &Sent::new(is)).unwrap().to_string()
    }
    assert_eq!(told(1_u8, 2), "the value: 1 became 2");
    let event = |name: &str| vec![Event::Nothing, Event::Moved { from: (0, 0), by: Some(Box::new(point(name))) }];
    assert_eq!(told(event("a"), event("b")), "[1].Moved.by.Some.name: \"a\" became \"b\"");
    assert_eq!(told(vec![1_u64], vec![]), "the value: 1 elements became 0 elements");
    assert_eq!(told(Ok::<u8, u8>(1), Err(1)), "the value: Ok(1) became Err(1)");
    assert_eq!(told(Pair(1, "a".to_owned()), Pair(1, "b".to_owned())), "1: \"a\" became \"b\"");
    let map = |value: u8| BTreeMap::from([(1_u8, value), (2, 0)]);
    assert_eq!(told(map(1), map(2)), "[1]: 1 became 2");
    assert!(told(Serde(map(1)), Serde(map(2))).contains("became"));
    let long = |end: char| "x".repeat(1 << 16) + &end.to_string();
    assert!(told(long('a'), long('b')).len() < 400);
}

#[test]
fn a_comparison_ends_with_its_budget() {
    let shape = shape_of::<Vec<u32>>();
    let ty = Type::of(&shape).unwrap();
    let (one, other) = (Sent::new(vec![0_u32; 1000]), Sent::new(vec![0_u32; 1000]));
    assert!(difference(one.at(&ty), other.at(&ty), 100).is_err());
    assert_eq!(difference(one.at(&ty), other.at(&ty), 2000), Ok(None));
    let shape = shape_of::<String>();
    let ty = Type::of(&shape).unwrap();
    let (long, longer) = (Sent::new("x".repeat(1 << 16)), Sent::new("x".repeat(1 << 17)));
    assert!(is_equal(long.at(&ty), long.at(&ty), 100).is_err());
    assert_eq!(is_equal(long.at(&ty), longer.at(&ty), 1), Ok(false), "nothing is read of texts of two lengths");
}

#[test]
fn a_value_weighs_what_it_owns_and_no_more_is_looked_at_than_the_limit() {
    let shape = shape_of::<Vec<Option<String>>>();
    let ty = Type::of(&shape).unwrap();
    let of = |len: usize| {
        let sent = Sent::new(vec![Some("x".repeat(len)), None]);
        weight(sent.at(&ty), 1 << 20)
    };
    assert_eq!(of(1_000).unwrap() - of(0).unwrap(), 1_000);
    assert_eq!(of(1 << 20), None);
    let shape = shape_of::<Vec<u64>>();
    let ty = Type::of(&shape).unwrap();
    let sent = Sent::new(vec![0_u64; 100]);
    assert_eq!(weight(sent.at(&ty), ENOUGH), Some(ty.size + 800));
}

#[test]
fn elements_may_come_in_any_order_where_the_caller_says_so() {
    fn found<T: Abi>(was: T, is: T) -> Option<String> {
        let shape = shape_of::<T>();
        let ty = Type::of(&shape).unwrap();
        let (was, is) = (Sent::new(was), Sent::new(is));
        let ordered = ordered_difference(was.at(&ty), is.at(&ty), ENOUGH).unwrap();
        let unordered = unordered_difference(was.at(&ty), is.at(&ty), ENOUGH).unwrap();
        assert!(ordered.is_some(), "each pair here differs in order at least");
        unordered.map(|difference| difference.to_string())
    }
    assert_eq!(found(vec![3_u16, 1, 2], vec![1, 2, 3]), None);
    assert_eq!(found(vec![1_u16, 1, 2], vec![1, 2, 2]).unwrap(), "[1]: 1 became nothing");
    assert_eq!(found(vec![1_u16], vec![1, 1]).unwrap(), "the value: 1 elements became 2 elements");
    assert_eq!(found(vec![vec![1_u16, 2], vec![3]], vec![vec![3], vec![2, 1]]), None);
    assert_eq!(
        found(
            Some(vec![(1_u16, "a".to_owned()), (2, "b".to_owned())]),
            Some(vec![(2, "b".to_owned()), (1, "a".to_owned())])
        ),
        None
    );
    assert_eq!(found(Serde(vec![vec![1], vec![2]]), Serde(vec![vec![2], vec![1]])), None);
    // An order that means something.
    assert!(found([1_u16, 2], [2, 1]).is_some());
    assert!(found((1_u16, 2_u16), (2, 1)).is_some());
    assert!(found(b"ab".to_vec(), b"ba".to_vec()).is_some());
    let (many, others): (Vec<u64>, Vec<u64>) = ((0..10_000).collect(), (0..10_000).rev().collect());
    let shape = shape_of::<Vec<u64>>();
    let ty = Type::of(&shape).unwrap();
    let (many, others) = (Sent::new(many), Sent::new(others));
    assert!(unordered_difference(many.at(&ty), others.at(&ty), 4 << 20).is_err(), "its steps are bounded");
}
