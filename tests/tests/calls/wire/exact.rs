//! Each kind of value behind each of serde's attributes: it comes back as it was, or is refused
//! when it is saved.

use std::{
    borrow::Cow,
    cell::Cell,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    ffi::{CString, OsString},
    fmt::Debug,
    net::{IpAddr, SocketAddr},
    num::Wrapping,
    ops::{Bound, Range},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use lcr::{BoxError, Context, Stateful, testing, wire};
use lcr_tests::zoo::{Colour, External, Pair, Unit};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, EnumAccess, MapAccess, Visitor},
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_bytes::{ByteArray, ByteBuf};

#[derive(Serialize, Deserialize, Debug, Clone)]
struct Plain<T> {
    f: T,
}

#[derive(Serialize, Deserialize, Debug, Clone)]
struct Newtype<T>(T);

#[derive(Serialize, Deserialize, Debug, Clone)]
enum Named<T> {
    Newtype(T),
    Tuple(T, T),
    Struct { f: T },
}

#[derive(Serialize, Deserialize, Debug, Clone)]
#[serde(tag = "k")]
enum Internal<T> {
    Newtype(Plain<T>),
    Struct { f: T },
}

#[derive(Serialize, Deserialize, Debug, Clone)]
#[serde(tag = "k", content = "c")]
enum Adjacent<T> {
    Newtype(T),
}

#[derive(Serialize, Deserialize, Debug, Clone)]
#[serde(untagged)]
enum Untagged<T> {
    Struct { f: T },
    Newtype(T),
}

#[derive(Serialize, Deserialize, Debug, Clone)]
struct Flat<T> {
    own: u8,
    #[serde(flatten)]
    inner: Plain<T>,
}

#[derive(Serialize, Deserialize, Debug, Clone)]
struct FlatMap<T> {
    own: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, T>,
}

/// A component whose state is a value.
struct Keeper<T>(T);

impl<T: Serialize + DeserializeOwned + Clone> Stateful for Keeper<T> {
    type State = T;
    fn save(&self) -> Result<T, BoxError> {
        Ok(self.0.clone())
    }
    fn restore(state: T, _: &Context) -> Result<Keeper<T>, BoxError> {
        Ok(Keeper(state))
    }
}

fn hand_over<T: Serialize + DeserializeOwned + Clone>(value: &T) -> Result<T, String> {
    let keeper = Keeper(value.clone());
    testing::hand_over(&keeper, &testing::Context::new("keeper"))
        .map(|successor: Keeper<T>| successor.0)
        .map_err(|error| error.to_string())
}

fn moves<T: Serialize + DeserializeOwned + Clone + Debug>(value: T) {
    let name = std::any::type_name::<T>();
    let copy = hand_over(&value).unwrap_or_else(|error| panic!("{name}: {value:?}: {error}"));
    assert_eq!(format!("{copy:?}"), format!("{value:?}"), "{name}");
    wire::verify(&value).unwrap_or_else(|error| panic!("{name}: {value:?}: {error}"));
}

fn is_refused_by_save<T: Serialize + DeserializeOwned + Clone + Debug>(value: &T, why: &str) {
    let error = hand_over(value).map(|copy| format!("{copy:?}")).unwrap_err();
    assert!(error.contains("the state cannot be encoded: "), "save let it pass: {error}");
    assert!(error.contains(why), "{error}");
    assert!(wire::verify(value).unwrap_err().is_unreadable());
}

/// Behind attributes whose readers ask for the type of the value.
fn moves_by_type<T: Serialize + DeserializeOwned + Clone + Debug>(value: &T) {
    let v = || value.clone();
    moves(v());
    moves(Some(Some(v())));
    moves(vec![v(), v()]);
    moves((v(), 1_u8, v()));
    moves(Plain { f: v() });
    moves(Newtype(v()));
    moves(Named::Newtype(v()));
    moves(Named::Tuple(v(), v()));
    moves(Named::Struct { f: v() });
    moves(Adjacent::Newtype(v()));
}

/// Behind attributes whose readers keep the value in serde's buffer first.
fn in_buffers<T: Serialize + DeserializeOwned + Clone + Debug>(value: &T, check: &Check<'_>) {
    let v = || value.clone();
    check.0(&Kept(Internal::Newtype(Plain { f: v() })));
    check.0(&Kept(Internal::Struct { f: v() }));
    check.0(&Kept(Untagged::Newtype(v())));
    check.0(&Kept(Untagged::Struct { f: v() }));
    check.0(&Kept(vec![Untagged::Struct { f: Some(v()) }; 2]));
    check.0(&Kept(Flat { own: 1, inner: Plain { f: v() } }));
    check.0(&Kept(FlatMap { own: 1, rest: BTreeMap::from([("a".to_owned(), v()), ("b".to_owned(), v())]) }));
    check.0(&Kept(Untagged::Struct { f: Adjacent::Newtype(Internal::Struct { f: v() }) }));
}

/// What is asked of each value of a table.
struct Check<'a>(&'a dyn Fn(&dyn Value));

trait Value {
    fn moves(&self);
    fn is_refused_by_save(&self, why: &str);
}

struct Kept<T>(T);

impl<T: Serialize + DeserializeOwned + Clone + Debug> Value for Kept<T> {
    fn moves(&self) {
        moves(self.0.clone());
    }
    fn is_refused_by_save(&self, why: &str) {
        is_refused_by_save(&self.0, why);
    }
}

fn moves_everywhere<T: Serialize + DeserializeOwned + Clone + Debug>(value: T) {
    moves_by_type(&value);
    in_buffers(&value, &Check(&|value| value.moves()));
}

#[test]
fn every_kind_of_value_moves_behind_every_attribute() {
    moves_everywhere(None::<Option<u8>>);
    moves_everywhere(Some(None::<u8>));
    moves_everywhere(Some(Some(1_u8)));
    moves_everywhere(Some(()));
    moves_everywhere(Some(Some(Unit)));
    moves_everywhere(());
    moves_everywhere(Unit);
    moves_everywhere(vec![1_u8, 2]);
    moves_everywhere(Vec::<u8>::new());
    moves_everywhere(ByteBuf::from(vec![1, 2]));
    moves_everywhere(ByteBuf::new());
    moves_everywhere(Some(ByteBuf::from(vec![1])));
    moves_everywhere(ByteArray::new([1, 2, 3]));
    moves_everywhere([1_u8, 2]);
    moves_everywhere((u64::MAX, i64::MIN, u8::MAX, i8::MIN));
    moves_everywhere((0.1_f32, -0.0_f64, f32::NAN, f64::NEG_INFINITY));
    moves_everywhere('\u{10ffff}');
    moves_everywhere(true);
    moves_everywhere(String::new());
    moves_everywhere(Cow::Borrowed("text"));
    moves_everywhere(Colour::Green);
    moves_everywhere(Some(External::Unit));
    moves_everywhere(vec![External::Newtype(Some(None)), External::Struct { a: Some(()), b: vec![1] }]);
    moves_everywhere(Pair(1, None));
    moves_everywhere(serde_json::json!({"a": [1, null, -1, 1.5, "x", {}, []]}));
    moves_everywhere(Some(serde_json::Value::Null));
    moves_everywhere(BTreeMap::from([(1_u8, None::<u8>)]));
    moves_everywhere(BTreeMap::<u8, u8>::new());
    moves_everywhere(BTreeSet::from([(1_u8, 'c')]));
    moves_everywhere(Err::<u8, String>("e".to_owned()));
    moves_everywhere(Duration::new(1, 2));
    moves_everywhere(SystemTime::UNIX_EPOCH);
    moves_everywhere(IpAddr::from([1, 2, 3, 4]));
    moves_everywhere(SocketAddr::from(([0; 16], 5)));
    moves_everywhere(Range { start: 1_u8, end: 3 });
    moves_everywhere((Bound::Included(3_u8), Bound::<u8>::Unbounded));
    moves_everywhere((Wrapping(3_u8), Reverse('r'), Cell::new(4_u8)));
    moves_everywhere((CString::from(c"text"), OsString::from("os"), PathBuf::from("path")));
}

#[test]
fn maps_with_keys_of_every_kind_move() {
    fn with_key<K: Serialize + DeserializeOwned + Clone + Debug + Ord>(key: K) {
        moves_everywhere(BTreeMap::from([(key, 7_u8)]));
    }
    with_key(3_u64);
    with_key(-3_i8);
    with_key(true);
    with_key('c');
    with_key(String::from("own"));
    with_key(());
    with_key((1_u8, 2_u8));
    with_key(Some(1_u8));
    with_key(None::<u8>);
    with_key(Colour::Red);
    with_key(ByteBuf::from(vec![1]));
    with_key(vec![1_u8]);
    moves_by_type(&BTreeMap::from([(1_u128, 7_u8)]));
}

#[test]
fn integers_of_128_bits_move_or_are_refused_by_save() {
    let check = Check(&|value| value.is_refused_by_save("no 128-bit integers; write them as text or as two u64"));
    moves_by_type(&u128::MAX);
    moves_by_type(&i128::MIN);
    in_buffers(&1_u128, &check);
    in_buffers(&-1_i128, &check);
    in_buffers(&BTreeMap::from([(1_u128, ())]), &check);
    // Beside a flattened field, not in it.
    #[derive(Serialize, Deserialize, Debug, Clone)]
    struct Beside {
        wide: u128,
        #[serde(flatten)]
        inner: Plain<u8>,
    }
    moves(Beside { wide: u128::MAX, inner: Plain { f: 1 } });
}

#[derive(Serialize, Deserialize, Debug, Clone)]
struct Keyed<K: Ord> {
    own: u8,
    more: u8,
    #[serde(flatten)]
    rest: BTreeMap<K, u8>,
}

impl<K: Ord> Keyed<K> {
    fn by(key: K) -> Keyed<K> {
        Keyed { own: 1, more: 2, rest: BTreeMap::from([(key, 7)]) }
    }
}

#[test]
fn keys_of_flattened_maps_move_or_are_refused_by_save() {
    moves(Keyed::by("key".to_owned()));
    moves(Keyed::by(3_u64));
    moves(Keyed::by(-3_i8));
    moves(Keyed::by('c'));
    moves(Keyed::by(true));
    moves(Keyed::by(()));
    moves(Keyed::by(Colour::Red));
    moves(Keyed::by(ByteBuf::from(vec![1])));
    let why = "serde reads the keys of flattened maps as texts, bytes or scalars only";
    is_refused_by_save(&Keyed::by((1_u8, 2_u8)), why);
    is_refused_by_save(&Keyed::by(Some(1_u8)), why);
    is_refused_by_save(&Keyed::by(None::<u8>), why);
    is_refused_by_save(&Keyed::by(vec!['a']), why);
    is_refused_by_save(&Keyed::by(vec![1_u8]), why);
    is_refused_by_save(&Keyed::by(BTreeMap::from([(1_u8, 2_u8)])), why);
    is_refused_by_save(&Keyed::by(1_u128), "128");
}

#[test]
fn a_key_with_the_name_of_a_field_or_tag_beside_it_is_refused_by_save() {
    let why = "is the name of a field or of the tag beside it";
    is_refused_by_save(&Keyed::by("own".to_owned()), why);
    is_refused_by_save(&Keyed::by("more".to_owned()), why);
    is_refused_by_save(&Keyed::by(ByteBuf::from(b"more".to_vec())), "duplicate field");
    let many: BTreeMap<String, u8> = (0..100).map(|key| (format!("key {key}"), key)).collect();
    moves(Keyed { own: 1, more: 2, rest: many.clone() });
    let mut many = many;
    many.insert("own".to_owned(), 1);
    is_refused_by_save(&Keyed { own: 1, more: 2, rest: many }, why);

    #[derive(Serialize, Deserialize, Debug, Clone)]
    #[serde(tag = "k")]
    enum Map {
        Texts(BTreeMap<String, String>),
    }
    let map = |key: &str| Map::Texts(BTreeMap::from([(key.to_owned(), "v".to_owned())]));
    moves(map("key"));
    is_refused_by_save(&map("k"), why);
    // The same name as a value, and in a map that has no tag, is nothing.
    moves(BTreeMap::from([("k", "k"), ("l", "k")].map(|(key, value)| (key.to_owned(), value.to_owned()))));
}

/// Values that serde's own rules read as other values, without an error.
#[test]
fn verify_finds_the_values_that_are_read_as_others() {
    fn changes<T: Serialize + DeserializeOwned>(value: &T, difference: &str) {
        let error = wire::verify(value).unwrap_err();
        assert!(error.is_unreadable() && !error.is_too_deep());
        assert!(error.to_string().contains(difference), "{error}");
    }
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either<A, B> {
        First(A),
        Second(B),
    }
    changes(&Either::<u8, u16>::Second(1), "at `the value`, a u16 became a u8");
    changes(&vec![Either::<f32, f64>::First(0.5), Either::Second(0.5)], "at `[1]`, an f64 became an f32");
    changes(&Either::<ByteBuf, Vec<u8>>::Second(vec![1]), "a sequence of 1 became bytes");
    changes(&Either::<char, String>::Second("c".to_owned()), "c became a char");
    changes(&Either::<Option<u8>, ()>::Second(()), "() became None");
    let variant = Either::<BTreeMap<String, Option<Option<u8>>>, External>::Second(External::Newtype(None));
    changes(&variant, "variant Newtype became a map of 1");
    #[derive(Serialize, Deserialize)]
    struct Lenient {
        optional: Option<u8>,
    }
    changes(&Plain { f: Either::<Lenient, Plain<u8>>::Second(Plain { f: 1 }) }, "at `f.f`, a u8 is lost");

    #[derive(Serialize, Deserialize)]
    struct TwoMaps {
        #[serde(flatten)]
        first: BTreeMap<String, u8>,
        #[serde(flatten)]
        second: BTreeMap<String, u8>,
    }
    let map = |key: &str| BTreeMap::from([(key.to_owned(), 1)]);
    changes(&TwoMaps { first: map("a"), second: map("b") }, "a map of 2 became a map of 4");
    #[derive(Serialize, Deserialize)]
    struct Short(u8, #[serde(skip_serializing_if = "Option::is_none", default)] Option<u8>, #[serde(default)] u8);
    changes(&Short(1, None, 2), "a sequence of 2 became a sequence of 3");
    #[derive(Serialize, Deserialize)]
    struct Skipped {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        words: Vec<String>,
    }
    changes(&Skipped { words: Vec::new() }, "missing field `words`");

    // Orders of their own are no change.
    let words = || (0..100).map(|word| format!("word {word}"));
    wire::verify(&words().collect::<HashSet<_>>()).unwrap();
    wire::verify(&words().map(|word| (word, HashSet::from([Some(1_u8), None]))).collect::<HashMap<_, _>>()).unwrap();
}

/// What was written by an earlier build of `lcr` is read by a later one: these bytes never
/// change. Another format begins with another byte, which the present one refuses.
#[test]
fn the_format_is_what_it_was() {
    #[track_caller]
    fn is_written_as<T: Serialize + DeserializeOwned + Debug>(value: &T, hex: &str) {
        let bytes = wire::encode(value).unwrap();
        let written: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(written.join(" "), format!("c1 {hex}"));
        let read: T = wire::decode(&bytes).unwrap();
        assert_eq!(format!("{read:?}"), format!("{value:?}"));
    }
    is_written_as(&(), "00");
    is_written_as(&Unit, "00");
    is_written_as(&None::<u8>, "01");
    is_written_as(&Some(Some(())), "02 02 00");
    is_written_as(&(false, true), "22 02 03 04");
    is_written_as(&'a', "10 61 00 00 00");
    is_written_as(&0x01_u8, "11 01");
    is_written_as(&0x0102_u16, "12 02 01");
    is_written_as(&0x0102_0304_u32, "13 04 03 02 01");
    is_written_as(&1_u64, "14 01 00 00 00 00 00 00 00");
    is_written_as(&1_u128, "15 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00");
    is_written_as(&-1_i8, "16 ff");
    is_written_as(&-2_i16, "17 fe ff");
    is_written_as(&-1_i32, "18 ff ff ff ff");
    is_written_as(&-1_i64, "19 ff ff ff ff ff ff ff ff");
    is_written_as(&-1_i128, "1a ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff");
    is_written_as(&1.0_f32, "1b 00 00 80 3f");
    is_written_as(&1.0_f64, "1c 00 00 00 00 00 00 f0 3f");
    is_written_as(&"ab".to_owned(), "20 02 61 62");
    is_written_as(&ByteBuf::from(vec![1, 2]), "21 02 01 02");
    is_written_as(&vec![None, Some(1_u8)], "22 02 01 02 11 01");
    is_written_as(&vec![1_u16, 2], "23 02 12 01 00 02 00");
    is_written_as(&(1_u8, 2_u8, 3_u16), "22 03 11 01 11 02 12 03 00");
    is_written_as(&Vec::<u8>::new(), "22 00");
    is_written_as(&BTreeMap::from([(1_u8, ())]), "24 01 11 01 00");
    is_written_as(&Plain { f: 1_u8 }, "24 01 20 01 66 11 01");
    is_written_as(&Colour::Red, "25 03 52 65 64");
    is_written_as(&Named::Newtype(()), "26 07 4e 65 77 74 79 70 65 00");
    is_written_as(&Newtype(1_u8), "11 01");
    is_written_as(&Internal::Struct { f: () }, "24 02 20 01 6b 20 06 53 74 72 75 63 74 20 01 66 00");
    assert!(wire::encode(&vec![(); 300]).unwrap().starts_with(&[0xc1, 0x22, 0xac, 0x02]));
}

/// Takes the first thing that it is given and leaves the rest.
#[derive(Debug)]
struct Hasty;

impl<'de> Deserialize<'de> for Hasty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hasty, D::Error> {
        deserializer.deserialize_any(Hasty)
    }
}

impl<'de> Visitor<'de> for Hasty {
    type Value = Hasty;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("anything")
    }
    fn visit_some<D: Deserializer<'de>>(self, _: D) -> Result<Hasty, D::Error> {
        Ok(Hasty)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hasty, A::Error> {
        map.next_key::<String>().map(|_| Hasty)
    }
    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<Hasty, A::Error> {
        variant.variant::<String>().map(|_| Hasty)
    }
}

#[derive(Debug)]
struct HastyEnum;

impl<'de> Deserialize<'de> for HastyEnum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HastyEnum, D::Error> {
        deserializer.deserialize_enum("HastyEnum", &[], Hasty).map(|_| HastyEnum)
    }
}

#[test]
fn what_a_reader_leaves_is_not_taken_for_the_next_value() {
    fn is_unread<T: DeserializeOwned + Debug>(value: &impl Serialize) {
        let error = wire::decode::<T>(&wire::encode(value).unwrap()).unwrap_err();
        assert!(error.to_string().contains("was not read by the type"), "{error}");
    }
    is_unread::<(HastyEnum, u8)>(&(Named::Newtype(1_u8), 2_u8));
    is_unread::<(Hasty, u8)>(&(Named::Newtype(1_u8), 2_u8));
    is_unread::<(Hasty, u8)>(&(Some(1_u8), 2_u8));
    is_unread::<(Hasty, u8)>(&(BTreeMap::from([("key", 1_u8)]), 2_u8));
    is_unread::<(HastyEnum, u8)>(&(BTreeMap::from([("Newtype", 1_u8)]), 2_u8));
}

/// A map's `Serialize` as it should not be.
#[derive(Clone, Copy, Debug)]
enum Unruly {
    TwoKeys,
    ValueFirst,
    KeyLast,
}

impl Serialize for Unruly {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        let steps: &[char] = match self {
            Unruly::TwoKeys => &['k', 'k', 'v', 'v'],
            Unruly::ValueFirst => &['v', 'k'],
            Unruly::KeyLast => &['k'],
        };
        for step in steps {
            // It ignores what it is told.
            drop(if *step == 'k' { map.serialize_key(step) } else { map.serialize_value(step) });
        }
        map.end()
    }
}

#[test]
fn a_map_of_other_than_keys_and_values_by_turns_is_refused() {
    struct Careless(Unruly);
    impl Serialize for Careless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(None)?;
            drop(seq.serialize_element(&self.0));
            seq.end()
        }
    }
    for unruly in [Unruly::TwoKeys, Unruly::ValueFirst, Unruly::KeyLast] {
        assert!(wire::encode(&unruly).unwrap_err().to_string().contains("a map "), "{unruly:?}");
        assert!(wire::encode(&Careless(unruly)).is_err());
    }
}
