//! State, configuration and `Serde` values come back as they were encoded, and the decoder reads or
//! refuses bytes of any kind.

mod exact;

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    num::NonZeroU16,
    panic::{self, AssertUnwindSafe},
    thread,
    time::Duration,
};

use lcr::{ErrorKind, Handle, Runtime, Serde, wire};
use lcr_tests::{
    component, empty_runtime,
    zoo::{
        Adjacent, Animal, Chain, Colour, External, Flat, Inner, Internal, Newtype, Pair, Scalars, Tree, Unit, Untagged,
        Zoo, read_hostile,
    },
};
use proptest::{collection, option, prelude::*};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

fn there_and_back<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let bytes = wire::encode(value).unwrap();
    wire::decode(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:02x?}"))
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T) {
    assert_eq!(there_and_back(&value), value);
}

fn some_some<T: Strategy>(strategy: T) -> impl Strategy<Value = Option<Option<T::Value>>>
where
    T::Value: Clone,
{
    option::of(option::of(strategy))
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    collection::vec(any::<u8>(), 0..20)
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,8}"
}

fn colour() -> impl Strategy<Value = Colour> {
    prop_oneof![Just(Colour::Red), Just(Colour::Green)]
}

fn newtype() -> impl Strategy<Value = Newtype> {
    some_some(Just(())).prop_map(Newtype)
}

fn address() -> impl Strategy<Value = Option<IpAddr>> {
    option::of(prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u16; 8]>().prop_map(IpAddr::from),])
}

fn external() -> impl Strategy<Value = External> {
    prop_oneof![
        Just(External::Unit),
        some_some(any::<u8>()).prop_map(External::Newtype),
        (any::<i8>(), bytes()).prop_map(|(a, b)| External::Tuple(a, b)),
        (option::of(Just(())), bytes()).prop_map(|(a, b)| External::Struct { a, b }),
    ]
}

fn inner() -> impl Strategy<Value = Inner> {
    // The values are compared later, so there is no NaN.
    let numbers = (proptest::num::f32::NORMAL, proptest::num::f64::NORMAL);
    let colours = collection::btree_map(colour(), bytes(), 0..3);
    (numbers, colours, bytes()).prop_map(|((single, double), colours, blob)| Inner {
        single,
        double,
        colours,
        blob: blob.into(),
    })
}

fn internal() -> impl Strategy<Value = Internal> {
    prop_oneof![
        Just(Internal::Unit),
        inner().prop_map(Internal::Newtype),
        (text(), bytes(), some_some(external()), address()).prop_map(|(key, value, nested, from)| Internal::Put {
            key,
            value,
            nested,
            from
        }),
    ]
}

fn adjacent() -> impl Strategy<Value = Adjacent> {
    prop_oneof![
        Just(Adjacent::Unit),
        bytes().prop_map(Adjacent::Newtype),
        (any::<u16>(), some_some(any::<bool>())).prop_map(|(a, b)| Adjacent::Tuple(a, b)),
        colour().prop_map(|colour| Adjacent::Struct { colour }),
    ]
}

fn untagged() -> impl Strategy<Value = Untagged> {
    prop_oneof![
        text().prop_map(Untagged::Text),
        colour().prop_map(Untagged::Colour),
        any::<u64>().prop_map(Untagged::Whole),
        any::<i64>().prop_map(|signed| Untagged::Signed { signed }),
        some_some(bytes()).prop_map(|nested| Untagged::Nested { nested }),
        external().prop_map(|external| Untagged::Enum { external }),
        adjacent().prop_map(|adjacent| Untagged::Tagged { adjacent }),
        collection::vec(any::<u8>(), 1..20).prop_map(Untagged::Bytes),
        collection::vec(text(), 1..4).prop_map(Untagged::Words),
    ]
}

fn flat() -> impl Strategy<Value = Flat> {
    let rest = collection::hash_map("key[a-f]{2}", newtype(), 0..3);
    (some_some(any::<i16>()), inner(), external(), rest).prop_map(|(own, inner, external, rest)| Flat {
        own,
        inner,
        external,
        rest,
    })
}

fn scalars() -> impl Strategy<Value = Scalars> {
    let numbers = (any::<(u8, u16, u32, u64, u128)>(), any::<(i8, i16, i32, i64, i128)>());
    let nothing = (option::of(Just(())), option::of(Just(Unit)));
    let small = (any::<char>(), any::<[bool; 3]>(), any::<(u64, u32)>(), address(), 1..=u16::MAX);
    let outcome = prop_oneof![collection::vec(any::<i64>(), 0..5).prop_map(Ok), text().prop_map(Err)];
    let by_number =
        collection::btree_map((any::<i8>(), option::of(any::<u8>())), some_some(option::of(any::<u8>())), 0..4);
    (numbers, nothing, small, outcome, by_number).prop_map(
        |((unsigned, signed), (unit, unit_struct), (character, truths, span, address, port), outcome, by_number)| {
            Scalars {
                unsigned,
                signed,
                nothing: ((), Unit, unit, unit_struct),
                character,
                truths,
                span: Duration::new(span.0 >> 1, span.1 % 1_000_000_000),
                address,
                port: NonZeroU16::new(port).unwrap(),
                outcome,
                by_number,
            }
        },
    )
}

fn animal() -> impl Strategy<Value = Animal> {
    let mixed = (any::<(u8, u8, u16, Option<u8>, u8)>(), collection::vec(option::of(any::<u8>()), 0..5));
    let leaf = prop_oneof![
        scalars().prop_map(|scalars| Animal::Scalars(Box::new(scalars))),
        some_some(any::<u8>()).prop_map(Animal::Nested),
        mixed.prop_map(|(a, b)| Animal::Mixed(a, b)),
        newtype().prop_map(Animal::Newtype),
        (any::<u8>(), option::of(text())).prop_map(|(a, b)| Animal::Pair(Pair(a, b))),
        external().prop_map(Animal::External),
        internal().prop_map(Animal::Internal),
        adjacent().prop_map(Animal::Adjacent),
        untagged().prop_map(Animal::Untagged),
        flat().prop_map(|flat| Animal::Flat(Box::new(flat))),
    ];
    leaf.prop_recursive(3, 20, 5, |animal| collection::vec(animal, 0..5).prop_map(Animal::Many))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_encoded_value_comes_back_as_it_was(animal in animal()) {
        prop_assert_eq!(there_and_back(&animal), animal);
    }

    #[test]
    fn sequences_of_mixed_numbers_come_back(values in collection::vec(prop_oneof![
        any::<u8>().prop_map(|n| serde_json::json!(n)),
        any::<u64>().prop_map(|n| serde_json::json!(n)),
        any::<i64>().prop_map(|n| serde_json::json!(n)),
        proptest::num::f64::NORMAL.prop_map(|n| serde_json::json!(n)),
        bytes().prop_map(|n| serde_json::json!([n, null, {"a": n}])),
    ], 0..30)) {
        prop_assert_eq!(there_and_back(&values), values);
    }

    #[test]
    fn hostile_bytes_are_read_or_refused(mut bytes in collection::vec(prop_oneof![0_u8..0x28, any::<u8>()], 0..60)) {
        read_hostile(&bytes);
        bytes.insert(0, 0xc1);
        read_hostile(&bytes);
    }

    #[test]
    fn damaged_values_are_read_or_refused(
        animal in animal(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = wire::encode(&animal).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        read_hostile(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        read_hostile(&bytes);
    }
}

#[test]
fn nested_options_come_back() {
    for value in [None, Some(None), Some(Some(None)), Some(Some(Some(())))] {
        comes_back(value);
    }
    comes_back(vec![Some(None), None, Some(Some(1_u8))]);
    comes_back(HashMap::from([(Some(None::<bool>), Some(Some(())))]));
}

#[test]
fn floats_keep_their_bits() {
    for bits in [0x7ff8_0000_0000_0001_u64, 0xfff0_0000_0000_0001, 0x8000_0000_0000_0000, 1] {
        let value = there_and_back(&[f64::from_bits(bits); 3]);
        assert_eq!(value.map(f64::to_bits), [bits; 3]);
    }
    assert_eq!(there_and_back(&f32::from_bits(0xffc0_1234)).to_bits(), 0xffc0_1234);
}

#[test]
fn a_byte_vector_takes_one_byte_for_each_of_its_bytes() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    assert!(wire::encode(&bytes).unwrap().len() < bytes.len() + 10);
    assert!(wire::encode(&vec![1.0; 1000]).unwrap().len() < 8010);
    let blob = serde_bytes::ByteBuf::from(bytes.clone());
    assert!(wire::encode(&blob).unwrap().len() < bytes.len() + 10);
    // A type may change from one to the other.
    assert_eq!(wire::decode::<Vec<u8>>(&wire::encode(&blob).unwrap()).unwrap(), bytes);
    assert_eq!(wire::decode::<serde_bytes::ByteBuf>(&wire::encode(&bytes).unwrap()).unwrap(), blob);
    comes_back(bytes);
    comes_back(blob);
}

#[test]
fn fields_of_an_encoded_struct_may_come_go_and_move() {
    #[derive(Serialize)]
    struct Old {
        gone: Vec<Option<External>>,
        kept: Option<u8>,
        moved: Vec<u8>,
        plain: u32,
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct New {
        moved: Vec<u8>,
        #[serde(default)]
        added: String,
        plain: Option<u64>,
        kept: Option<u8>,
    }
    let gone = vec![Some(External::Tuple(1, vec![2])), None, Some(External::Struct { a: None, b: vec![] })];
    let old = Old { gone, kept: None, moved: vec![1, 2], plain: 7 };
    let new: New = wire::decode(&wire::encode(&old).unwrap()).unwrap();
    assert_eq!(new, New { moved: vec![1, 2], added: String::new(), plain: Some(7), kept: None });
}

#[test]
fn bytes_that_encode_no_value_of_the_type_are_refused() {
    let mut bytes = wire::encode(&(1_u8, "a")).unwrap();
    assert!(wire::decode::<(u8, String, u8)>(&bytes).is_err());
    assert!(wire::decode::<(u8,)>(&bytes).is_err());
    assert!(wire::decode::<(String, u8)>(&bytes).is_err());
    bytes.push(0);
    let error = wire::decode::<(u8, String)>(&bytes).unwrap_err();
    assert!(error.to_string().contains("1 bytes are behind the value"), "{error}");
    // These bytes are of the format before this one.
    let error = wire::decode::<(u8, String)>(&[0x92, 1, 0xa1, b'a']).unwrap_err();
    assert!(error.to_string().contains("do not begin as one"), "{error}");
    // 128-bit integers do not pass through serde's private buffer.
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Wide {
        A { number: u128 },
    }
    assert!(wire::decode::<Wide>(&wire::encode(&Wide::A { number: 1 }).unwrap()).is_err());
}

#[test]
fn announced_lengths_are_not_believed() {
    for tag in [0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26] {
        for length in [&[0xff; 9][..], &[0xff, 0xff, 0xff, 0xff, 0x7f]] {
            let bytes: Vec<u8> = [0xc1, tag].into_iter().chain(length.iter().copied()).chain([1, 0x11, 1]).collect();
            read_hostile(&bytes);
            assert!(wire::decode::<Vec<u64>>(&bytes).is_err());
        }
    }
    // These lengths are true, and their elements take no memory.
    let bytes = wire::encode(&vec![(); 1_000_000]).unwrap();
    assert_eq!(wire::decode::<Vec<()>>(&bytes).unwrap().len(), 1_000_000);
}

#[test]
fn a_serialize_impl_that_ignores_an_error_gives_no_bytes_out() {
    struct Careless(Chain);
    impl Serialize for Careless {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq as _;
            let mut seq = serializer.serialize_seq(None)?;
            drop(seq.serialize_element(&self.0));
            seq.end()
        }
    }
    assert!(wire::encode(&Careless(Chain::of(1000))).unwrap_err().is_too_deep());
    comes_back((Chain::of(3), 4_u8));
}

/// Runs `test` with half the stack that a thread has by default.
fn with_usual_stack(test: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(1 << 20).spawn(test).unwrap().join().unwrap();
}

#[test]
fn values_as_deep_as_the_bound_fit_a_usual_stack() {
    with_usual_stack(|| {
        // A link is a struct and a `Some`.
        let links = u32::try_from(wire::DEPTH / 2).unwrap();
        comes_back(Chain::of(links - 1));
        assert!(wire::encode(&Chain::of(links)).unwrap_err().is_too_deep());
        let leaf = Tree::Leaf { value: vec![1, 2, 3] };
        let tree = (2..wire::DEPTH).fold(leaf, |tree, _| Tree::Branch { left: Box::new(tree), right: None });
        comes_back(tree);
    });
}

#[test]
fn bytes_that_nest_without_an_end_are_refused_where_they_are_read() {
    with_usual_stack(|| {
        for (unit, types) in [
            (&[0x02][..], "Some"),
            (&[0x22, 1], "sequence"),
            (&[0x24, 1, 0x20, 4, b'n', b'e', b'x', b't'], "map"),
            (&[0x24, 1, 0x20, 4, b'n', b'e', b'x', b't', 0x02], "link"),
            (&[0x26, 4, b'M', b'a', b'n', b'y', 0x22, 1], "variant"),
        ] {
            let bytes: Vec<u8> = [0xc1].into_iter().chain(unit.repeat(100_000)).chain([1]).collect();
            read_hostile(&bytes);
            if types == "link" {
                assert!(wire::decode::<Chain>(&bytes).unwrap_err().is_too_deep());
                // A value that is skipped may be of any depth.
                assert!(wire::decode::<serde::de::IgnoredAny>(&bytes).is_ok());
            }
        }
        // A type that always takes the rest of the bytes for its content.
        #[derive(Deserialize)]
        struct Endless {
            #[allow(dead_code, reason = "nothing gets so far")]
            next: Option<Box<Newer>>,
        }
        #[derive(Deserialize)]
        struct Newer(#[allow(dead_code, reason = "as above")] Option<Box<Newer>>);
        let bytes = wire::encode(&BTreeMap::from([("next", 1_u8)])).unwrap();
        assert!(wire::decode::<Endless>(&bytes).err().unwrap().is_too_deep());
    });
}

fn zoo() -> (Runtime, Handle<dyn Zoo>) {
    let rt = empty_runtime();
    rt.load(component("state_of_every_kind")).unwrap();
    let zoo = rt.service().unwrap();
    (rt, zoo)
}

#[test]
fn state_and_arguments_of_every_kind_move_to_the_successor() {
    let (rt, zoo) = zoo();
    let put = |value| Animal::Internal(Internal::Put { key: "k".to_owned(), value, nested: Some(None), from: None });
    let animals = vec![
        Animal::Nested(Some(None)),
        Animal::Nested(None),
        put(vec![1, 2, 3]),
        put(Vec::new()),
        Animal::Untagged(Untagged::Colour(Colour::Green)),
        Animal::Untagged(Untagged::Character('x')),
        Animal::Newtype(Newtype(Some(None))),
    ];
    for animal in &animals {
        zoo.keep(Serde(animal.clone()));
    }
    assert_eq!(zoo.animals().0, animals);
    rt.replace(component("state_of_every_kind")).unwrap();
    assert_eq!(zoo.animals().0, animals);
}

#[test]
fn state_that_is_too_deep_refuses_the_replacement_and_stays() {
    let (rt, zoo) = zoo();
    zoo.chain(100);
    rt.replace(component("state_of_every_kind")).unwrap();
    assert_eq!(zoo.links(), 100);
    zoo.chain(30_000);
    for _ in 0..3 {
        let error = rt.replace(component("state_of_every_kind")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::State, "{error}");
        assert!(error.to_string().contains("more than 256 values are inside each other"), "{error}");
        assert_eq!(zoo.links(), 30_000);
    }
    zoo.chain(0);
    rt.replace(component("state_of_every_kind")).unwrap();
    zoo.chain(30_000);
    // The reaper or the end of the runtime drops the deep state.
    drop(zoo);
    drop(rt);
}

#[test]
fn a_configuration_that_is_too_deep_is_refused() {
    let (rt, zoo) = zoo();
    let error = rt.configure("lcr-tests", &Chain::of(30_000)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let panic = panic::catch_unwind(AssertUnwindSafe(|| {
        let deep = (0..1000).fold(Animal::Nested(None), |animal, _| Animal::Many(vec![animal]));
        zoo.keep(Serde(deep));
    }));
    assert!(panic.is_err());
    assert_eq!(zoo.animals().0, []);
}
