//! Options, results, boxes, arrays, tuples, durations, and types with `derive(Abi)`.

use std::{array, mem::offset_of, time::Duration};

use super::{
    contract::{Colour, Composites, Event, Meters, Nothing, Pair, Record, View},
    sequences::{TEXT, points},
};

/// `Option` and `Result`, nested in each other.
///
/// # Panics
/// If one arrives as another.
pub fn options_and_results(peer: &impl Composites) {
    assert_eq!(peer.nested_option(None), (0, None));
    assert_eq!(peer.nested_option(Some(None)), (1, None));
    assert_eq!(peer.nested_option(Some(Some(None))), (2, Some(None)));
    assert_eq!(peer.nested_option(Some(Some(Some(u32::MAX)))), (3, Some(Some(0))));
    let mut room = [b' '; 3];
    assert_eq!(peer.borrowed_option(Some(TEXT), Some(&mut room)), Some(TEXT.to_owned()));
    assert_eq!(room, TEXT.as_bytes()[..3]);
    assert_eq!(peer.borrowed_option(Some(""), None), Some(String::new()));
    assert_eq!(peer.borrowed_option(None, Some(&mut room)), None);
    assert_eq!(peer.swapped(Ok(TEXT.to_owned())), Err(TEXT.to_owned()));
    assert_eq!(peer.swapped(Err(u64::MAX)), Ok(u64::MAX));
    assert_eq!(peer.verdict(Ok(())), Err(()));
    assert_eq!(peer.verdict(Err(())), Ok(()));
    let words = vec![String::new(), TEXT.to_owned()];
    assert_eq!(peer.deep(Ok(Some(words.clone()))), Some(Err(words)));
    assert_eq!(peer.deep(Ok(None)), None);
    assert_eq!(peer.deep(Err(Box::new(-5))), Some(Ok(Box::new(-5))));
    for duration in [Duration::ZERO, Duration::from_nanos(1), Duration::new(7, 999_999_999)] {
        assert_eq!(peer.duration(duration), Some(duration * 2));
    }
    assert_eq!(peer.duration(Duration::MAX), None);
}

/// `Box`, arrays and tuples of every length.
///
/// # Panics
/// If one arrives as another.
pub fn boxes_arrays_and_tuples(peer: &impl Composites) {
    assert_eq!(*peer.boxed(Box::new(u64::MAX)), u64::MAX.to_string());
    let boxes = vec![Box::new(None), Box::new(Some(TEXT.to_owned())), Box::new(Some(String::new()))];
    assert_eq!(*peer.boxes(Box::new(boxes.clone())), boxes.into_iter().rev().collect::<Vec<_>>());
    let strings = ["a".to_owned(), String::new(), TEXT.to_owned()];
    assert_eq!(peer.array(strings), [TEXT, "", "a"]);
    let wide: [u64; 40] = array::from_fn(|n| u64::MAX - n as u64);
    assert_eq!(peer.wide_array(wide), array::from_fn(|n| n as u64));
    assert_eq!(peer.square([[1, 2], [3, 4], [5, 6]]), [[1, 3, 5], [2, 4, 6]]);
    assert_eq!(peer.empty_arrays([], []), [0_u8; 0]);
    let (f, c, i, d) = (1.5, '🦀', i128::MIN, f64::MIN_POSITIVE);
    assert_eq!(peer.one((9,)), (!9,));
    assert_eq!(peer.two((1, TEXT.to_owned())), (TEXT.to_owned(), 1));
    assert_eq!(peer.three((1, u64::MAX, f)), (f, u64::MAX, 1));
    assert_eq!(peer.four((1, 2, f, TEXT)), (TEXT.to_owned(), f, 2, 1));
    assert_eq!(peer.five((1, 2, f, c, i)), (i, c, f, 2, 1));
    assert_eq!(peer.six((1, 2, f, c, i, true)), (true, i, c, f, 2, 1));
    assert_eq!(peer.seven((1, 2, f, c, i, true, -9)), (-9, true, i, c, f, 2, 1));
    assert_eq!(peer.eight((1, 2, f, c, i, true, -9, d)), (d, -9, true, i, c, f, 2, 1));
}

/// A record with something in every field.
pub fn record() -> Record {
    Record {
        small: 1,
        wide: u128::MAX - 1,
        flag: true,
        name: TEXT.to_owned(),
        tiny: -128,
        ratio: 0.25,
        mark: 'x',
        tags: vec!["a".to_owned(), String::new()],
        span: Duration::from_millis(1500),
        nothing: Nothing,
        triple: (1, u32::MAX, 2),
    }
}

/// The record that a component makes of [`record`].
pub fn changed_record() -> Record {
    Record {
        small: 2,
        wide: u128::MAX,
        flag: false,
        name: format!("{TEXT}!"),
        tiny: -127,
        ratio: 0.5,
        mark: 'y',
        tags: vec![String::new(), "a".to_owned()],
        span: Duration::from_millis(2500),
        nothing: Nothing,
        triple: (2, 1, u16::MAX),
    }
}

/// The offsets that the compiler of this crate gave to the fields of [`Record`].
pub fn layout() -> Vec<u64> {
    macro_rules! offsets {
        ($($field:ident)*) => { [$(offset_of!(Record, $field) as u64),*] };
    }
    offsets!(small wide flag name tiny ratio mark tags span nothing triple).to_vec()
}

/// Structs: named, unnamed and no fields, generic, borrowing, plain.
///
/// # Panics
/// If one arrives as another.
pub fn structs(peer: &impl Composites) {
    assert_eq!(peer.record(record()), changed_record());
    assert_eq!(peer.record(Record::default()).tags, Vec::<String>::new());
    let inner = Pair { first: 7, second: vec![1, 2, u16::MAX] };
    let pair = Pair { first: TEXT.to_owned(), second: inner.clone() };
    assert_eq!(peer.pair(pair), Pair { first: inner, second: TEXT.to_owned() });
    let mut room = [0; 4];
    assert_eq!(peer.view(View { key: "key", value: None, room: &mut room }), b"key");
    assert_eq!(&room, b"key\0");
    assert_eq!(peer.view(View { key: "key", value: Some(b"value"), room: &mut room }), b"valu");
    assert_eq!(&room, b"valu");
    let point = points(2)[1];
    assert_eq!(peer.point(point).corners, [i16::MAX, -1, 1]);
    assert_eq!((peer.point(point).x, peer.point(point).tag), (point.x, point.tag));
    let meters = peer.meters(Meters(2.5, "wide".to_owned()), Nothing);
    assert_eq!(meters, (Nothing, Meters(-2.5, "wide, swapped".to_owned())));
}

/// Enums: bare, with discriminants, with every kind of variant.
///
/// # Panics
/// If one arrives as another.
pub fn enums(peer: &impl Composites) {
    assert_eq!(peer.colour(Colour::Red), (-7, Colour::Green));
    assert_eq!(peer.colour(Colour::Green), (-6, Colour::Blue));
    assert_eq!(peer.colour(Colour::Blue), (300, Colour::Red));
    let mut event = Event::Nothing;
    let pair = Pair { first: 4_u16, second: Some(Colour::Blue) };
    let from = points(5);
    let rounds = [
        Event::Line("nothing".to_owned(), u8::MAX),
        Event::Moved { from: from[2], to: from[4] },
        Event::Wrapped(Box::new(pair)),
        Event::Many(vec![1, 2, u16::MAX]),
        Event::Nothing,
    ];
    for expected in rounds {
        event = peer.event(event);
        assert_eq!(event, expected);
    }
    let events = vec![
        Event::Many(vec![TEXT.to_owned()]),
        Event::Nothing,
        Event::Wrapped(Box::new(Pair { first: String::new(), second: None })),
    ];
    assert_eq!(peer.events(events.clone()), events.into_iter().rev().collect::<Vec<_>>());
}
