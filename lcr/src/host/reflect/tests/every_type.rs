//! Every type of the page `values`, and random values of nested ones.

use std::{
    borrow::Cow,
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZero,
    ops::Bound,
    os::unix::ffi::OsStringExt as _,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use proptest::prelude::*;

use super::*;
use crate::{Bytes, Serde, Shared};

#[derive(Clone, Debug, PartialEq, Default, Abi)]
pub(super) struct Point {
    pub(super) x: i32,
    pub(super) y: Option<u128>,
    pub(super) name: String,
}

/// A secret whose keys are secrets.
#[derive(Clone, Debug, PartialEq, Abi)]
pub(super) struct Tokens {
    pub(super) user: u8,
    pub(super) tokens: BTreeMap<String, u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Abi)]
#[repr(C)]
#[abi(plain)]
pub(super) struct Plain {
    pub(super) a: u8,
    pub(super) b: f64,
    pub(super) c: [u16; 3],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Abi)]
pub(super) enum Level {
    Low,
    High = 7,
}

#[derive(Clone, Debug, PartialEq, Abi)]
pub(super) enum Event {
    Nothing,
    Text(String),
    Unit(()),
    Moved { from: (i8, i64), by: Option<Box<Point>> },
    Many(Vec<Level>, [bool; 2]),
}

#[derive(Clone, Debug, PartialEq, Abi)]
pub(super) struct Pair(pub(super) u8, pub(super) String);

#[derive(Clone, Debug, PartialEq, Abi)]
pub(super) struct Wrapped(pub(super) Option<u8>);

#[derive(Clone, Debug, PartialEq, Abi)]
pub(super) struct Nothing;

fn point() -> Point {
    Point { x: -1, y: Some(u128::MAX), name: "a \"b\"\n\u{1}ß".to_owned() }
}

#[test]
fn scalars_keep_their_value() {
    macro_rules! integers {
        ($($ty:ident)*) => { $(holds([$ty::MIN, 0, 1, $ty::MAX / 3, $ty::MAX]);)* };
    }
    integers! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize }
    holds([true, false]);
    holds(['a', '"', '\0', '\u{10ffff}']);
    holds([()]);
    holds([0.0, 1.5_f32, f32::MIN_POSITIVE, f32::MAX, f32::INFINITY, 1e-45, 16_777_217.0]);
    holds([0.1, -1e300, 5e-324_f64, f64::MIN, f64::NEG_INFINITY, 2_f64.powi(64), 123_456_789.123_456_79]);
    assert_eq!(holds([1.0_f64, 1e21, 300.5]), ["1.0", "1e21", "300.5"]);
    let shape = shape_of::<f64>();
    let ty = Type::of(&shape).unwrap();
    assert!(received::<f64>(json::decode(&ty, "\"NaN\"", "it").unwrap()).is_nan());
    assert_eq!(compared(&ty, &Sent::new(f64::NAN), &Sent::new(-f64::NAN)), None);
    assert_eq!(received::<f64>(json::decode(&ty, "-0.0", "it").unwrap()).to_bits(), (-0.0_f64).to_bits());
}

#[test]
fn payloads_lie_where_the_abi_says_whatever_their_alignment() {
    macro_rules! each {
        ($($ty:ident)*) => {$(
            holds([None, Some($ty::MAX), Some(3)]);
            holds([Ok(1), Err(2), Ok::<$ty, u8>($ty::MAX)]);
            holds([Ok(1), Err($ty::MAX), Ok::<u16, $ty>(1)]);
            holds([(1_u8, $ty::MAX, 2_u16)]);
            holds([vec![Some($ty::MAX), None], vec![]]);
            holds([[Some((3_u8, $ty::MAX)), None]]);
            holds([Bound::Included($ty::MAX), Bound::Unbounded]);
        )*};
    }
    each! { u8 u16 u32 u64 u128 }
    holds([Some(Some(None)), Some(None), None, Some(Some(Some(5_u8)))]);
}

#[test]
fn null_stands_for_one_value() {
    assert_eq!(holds([None, Some(None), Some(Some(5_u8))]), ["null", "{\"Some\":null}", "{\"Some\":5}"]);
    assert_eq!(holds([None, Some(())]), ["null", "{\"Some\":null}"]);
    assert_eq!(holds([None, Some(Nothing)]), ["null", "{\"Some\":null}"]);
    assert_eq!(holds([None, Some(Wrapped(None)), Some(Wrapped(Some(1)))])[1..], ["{\"Some\":null}", "{\"Some\":1}"]);
    assert_eq!(holds([None, Some(Box::new(None)), Some(Box::new(Some(1_u8)))])[1], "{\"Some\":null}");
    assert_eq!(holds([None, Some(Serde(None)), Some(Serde(Some(1_u8)))])[1..], ["{\"Some\":null}", "{\"Some\":1}"]);
    assert_eq!(holds([None, Some(String::new())]), ["null", "\"\""]);
}

#[test]
fn sequences_and_bytes_keep_their_elements() {
    holds([String::new(), "ß€🦀\u{0}\u{7f}\\".to_owned(), "x".repeat(5000)]);
    holds([vec![], vec![1_u64, u64::MAX], (0..1000).collect()]);
    holds([vec![], vec![String::new(), "a".to_owned()]]);
    holds([vec![point(), Point::default()], vec![]]);
    holds([vec![Plain { a: 1, b: 0.5, c: [1, 2, 3] }; 3]]);
    holds([vec![[0_u8; 0]; 7], vec![[0_u8; 0]; 6]]);
    holds([vec![(); 3], vec![]]);
    let bytes = [b"text\n".to_vec(), vec![], vec![0, 1, 255], (0..=255).collect(), "ß".into(), vec![0x1b]];
    let texts = holds(bytes.clone());
    assert_eq!(texts[..3], ["\"text\\n\"", "\"\"", "{\"hex\":\"0001ff\"}"]);
    assert_eq!(holds(bytes.clone().map(Bytes::from)), texts);
    assert_eq!(holds(bytes.map(|bytes| PathBuf::from(OsString::from_vec(bytes)))), texts);
    assert_eq!(holds([[127_u8, 0, 0, 1]]), ["[127,0,0,1]"]);
}

#[test]
fn what_is_lent_is_copied_into_the_arena() {
    fn lent<T: Abi>(value: T, json: &str) {
        let shape = shape_of::<T>();
        let ty = Type::of(&shape).unwrap();
        let (sent, before) = (Sent::new(value), BLOCKS.get());
        assert_eq!(json::encode(sent.at(&ty), Secrets::Shown, ENOUGH).unwrap(), json);
        let (copy, read) = (Value::copy_of(&ty, sent.at(&ty)).unwrap(), json::decode(&ty, json, "it").unwrap());
        for other in [&copy, &read] {
            assert_eq!(difference(sent.at(&ty), other.at().unwrap(), ENOUGH).unwrap(), None);
        }
        drop((copy, read));
        assert_eq!(BLOCKS.get(), before);
    }
    lent("a\"b", "\"a\\\"b\"");
    lent(&b"\x00\x01"[..], "{\"hex\":\"0001\"}");
    lent(&[1_u16, 2][..], "[1,2]");
    lent(&mut [1.5_f32, 2.0][..], "[1.5,2.0]");
    lent(&[Plain { a: 1, b: 2.0, c: [3; 3] }][..], "[{\"a\":1,\"b\":2.0,\"c\":[3,3,3]}]");
    lent(std::path::Path::new("/tmp"), "\"/tmp\"");
    lent(vec![Some("a"), None], "[\"a\",null]");
    lent(Cow::<str>::Borrowed("a"), "{\"Borrowed\":\"a\"}");
    lent(Cow::<str>::Owned("a".to_owned()), "{\"Owned\":\"a\"}");
    lent(HashMap::from([("k", &b"v"[..])]), "{\"k\":\"v\"}");
}

#[test]
fn structs_and_enums_are_written_as_serde_writes_them() {
    let texts = holds([point(), Point { y: None, ..point() }, Point { x: 5, ..point() }]);
    assert_eq!(texts[1], "{\"x\":-1,\"y\":null,\"name\":\"a \\\"b\\\"\\n\\u0001ß\"}");
    assert_eq!(holds([Level::Low, Level::High]), ["\"Low\"", "\"High\""]);
    let moved = |by: Option<Point>| Event::Moved { from: (-1, 2), by: by.map(Box::new) };
    let many = Event::Many(vec![Level::High, Level::Low], [true, false]);
    let events =
        [Event::Nothing, Event::Text("t".to_owned()), Event::Unit(()), moved(None), moved(Some(point())), many];
    let texts = holds(events.clone());
    assert_eq!(
        texts[..4],
        ["\"Nothing\"", "{\"Text\":\"t\"}", "{\"Unit\":null}", "{\"Moved\":{\"from\":[-1,2],\"by\":null}}"]
    );
    assert_eq!(texts[5], "{\"Many\":[[\"High\",\"Low\"],[true,false]]}");
    holds([events.to_vec()]);
    holds(events.map(Some));
    assert_eq!(holds([Pair(1, "a".to_owned())]), ["[1,\"a\"]"]);
    assert_eq!(holds([(1_u8,)]), ["[1]"]);
    holds([Nothing]);
    holds([Ok::<Point, Level>(point()), Err(Level::High)]);
}

#[test]
fn types_of_std_keep_their_meaning() {
    let time = |seconds: i64, nanos| {
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let second = if seconds < 0 { SystemTime::UNIX_EPOCH - whole } else { SystemTime::UNIX_EPOCH + whole };
        second + Duration::from_nanos(nanos)
    };
    holds([time(0, 0), time(-1, 999_999_999), time(i64::MAX, 999_999_999), time(1 << 33, 1)]);
    assert_eq!(holds([Duration::from_millis(1500), Duration::MAX])[0], "{\"secs\":1,\"nanos\":500000000}");
    holds([NonZero::new(1_u8), None, NonZero::new(255)]);
    assert_eq!(holds([Ipv4Addr::LOCALHOST]), ["\"127.0.0.1\""]);
    holds([Ipv6Addr::LOCALHOST, "2001:db8::8:800:200c:417a".parse().unwrap()]);
    holds([NonZero::<i128>::MIN, NonZero::<i128>::MAX]);
    assert_eq!(holds([Ordering::Less, Ordering::Equal]), ["\"Less\"", "\"Equal\""]);
    assert_eq!(holds([1..3_u8, 0..1]), ["[1,3]", "[0,1]"]);
    holds(["a".to_owned()..="b".to_owned()]);
    assert_eq!(
        holds([IpAddr::from([127, 0, 0, 1]), "::1".parse().unwrap()]),
        ["{\"V4\":[127,0,0,1]}", "{\"V6\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]}"]
    );
    holds(["[2001:db8::1%3]:80", "192.0.2.1:443"].map(|text| text.parse::<SocketAddr>().unwrap()));
    holds([Arc::<str>::from("shared"), Arc::from("")]);
    holds([Arc::<[u128]>::from([1, 2]), Arc::from([])]);
    holds([Arc::new(Plain { a: 1, b: 2.0, c: [3; 3] })]);
    holds([Shared::<str>::from("shared"), Shared::from(String::new())]);
    holds([Shared::<[u64]>::from(vec![1, 2, 3])]);
    holds([Shared::from(5_u128)]);
}

#[test]
fn maps_and_sets_are_compared_without_regard_to_order() {
    let map = |shift: u8| (0..50_u8).map(|n| (n.wrapping_add(shift).to_string(), vec![n])).collect::<HashMap<_, _>>();
    holds([map(0), map(0), map(1), HashMap::new()]);
    assert_eq!(holds([BTreeMap::from([("a".to_owned(), 1_u8), ("$b".to_owned(), 2)])]), ["{\"$b\":2,\"a\":1}"]);
    assert_eq!(holds([BTreeMap::from([(1_u8, "x".to_owned())])]), ["[[1,\"x\"]]"]);
    holds([(0..40_u32).collect::<HashSet<_>>(), (0..40).rev().collect(), (1..41).collect()]);
    holds([BTreeSet::from([Level::High, Level::Low]), BTreeSet::new()]);
    holds([VecDeque::from([1_u8, 2]), VecDeque::from([2, 1])]);
    holds([HashMap::from([((), HashSet::from([None, Some('x')]))])]);

    let shape = shape_of::<HashMap<String, Vec<u8>>>();
    let ty = Type::of(&shape).unwrap();
    let (one, mut other) = (map(0), map(0));
    other.insert("7".to_owned(), vec![9, 9]);
    let found = compared(&ty, &Sent::new(one), &Sent::new(other)).unwrap();
    assert_eq!(found.to_string(), "[\"7\"]: 0x07 became b\"\\t\\t\"");
}

#[test]
fn serde_values_of_every_kind_come_back() {
    use serde::{Deserialize, Serialize};
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Any {
        Unit,
        New(Option<Option<()>>),
        Tuple(u8, i128),
        Struct { a: f32, b: BTreeMap<(u8, char), Option<Level>>, c: HashMap<String, u128> },
    }
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    enum Level {
        Low,
    }
    let keys = BTreeMap::from([((1, 'x'), Some(Level::Low)), ((0, '$'), None)]);
    let names = HashMap::from([("$hex".to_owned(), 1), ("$".to_owned(), u128::MAX), ("a".to_owned(), 2)]);
    let values = [
        Any::Unit,
        Any::New(None),
        Any::New(Some(None)),
        Any::New(Some(Some(()))),
        Any::Tuple(1, i128::MIN),
        Any::Struct { a: 0.1, b: keys.clone(), c: names.clone() },
        Any::Struct { a: f32::INFINITY, b: keys, c: names },
    ];
    let texts = holds(values.clone().map(Serde));
    assert_eq!(texts[..3], ["\"Unit\"", "{\"New\":null}", "{\"New\":{\"$some\":null}}"]);
    assert_eq!(texts[3], "{\"New\":{\"$some\":{\"$some\":{\"$unit\":null}}}}");
    holds([Serde(values.to_vec())]);
    holds([Serde(vec![1_u8; 3]), Serde(vec![])]);
    holds([Serde((0..300_u32).collect::<HashSet<_>>()), Serde((0..300).rev().collect())]);
}

/// Few under Miri, which is slow.
fn cases() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 3 } else { 100 }) }
}

fn points() -> impl Strategy<Value = Point> {
    (any::<i32>(), any::<Option<u128>>(), any::<String>()).prop_map(|(x, y, name)| Point { x, y, name })
}

fn events() -> impl Strategy<Value = Event> {
    let level = || prop_oneof![Just(Level::Low), Just(Level::High)];
    prop_oneof![
        Just(Event::Nothing),
        Just(Event::Unit(())),
        any::<String>().prop_map(Event::Text),
        (any::<(i8, i64)>(), proptest::option::of(points()))
            .prop_map(|(from, by)| Event::Moved { from, by: by.map(Box::new) }),
        (proptest::collection::vec(level(), 0..5), any::<[bool; 2]>())
            .prop_map(|(levels, two)| Event::Many(levels, two)),
    ]
}

type Nested = (
    Vec<Result<Option<(u8, String, u64)>, [i16; 2]>>,
    Option<Box<(f64, char, Vec<u8>)>>,
    BTreeMap<String, Vec<Option<bool>>>,
);

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn random_nested_values_hold(values in proptest::collection::vec(any::<Nested>(), 2)) {
        holds(values);
    }

    #[test]
    fn random_enums_hold(values in proptest::collection::vec(proptest::collection::vec(events(), 0..6), 2)) {
        holds(values);
    }

    #[test]
    fn random_maps_hold(values in proptest::collection::vec(any::<HashMap<(u8, bool), HashSet<Option<u8>>>>(), 2)) {
        holds(values);
    }

    #[test]
    fn random_floats_come_back_to_the_bit(value: f64, single: f32) {
        prop_assume!(!value.is_nan() && !single.is_nan());
        let texts = [holds([value]), holds([single])];
        prop_assert_eq!(texts[0][0].trim_matches('"').parse::<f64>().unwrap().to_bits(), value.to_bits());
        prop_assert_eq!(texts[1][0].trim_matches('"').parse::<f32>().unwrap().to_bits(), single.to_bits());
    }
}
