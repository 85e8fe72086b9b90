//! Random interfaces, encoded as the macros encode, decoded and linked as the host does:
//! every single change is refused by a text that leads to it, every growth is accepted.

mod description;
mod mutants;

use super::*;
use crate::{
    abi::{shape::Kind, value::Abi as _},
    host::image::manifest::Manifest,
};
use description::{Field, Interface, Method, Type, Variant};
use proptest::prelude::*;

/// A host with one caller.
struct Caller {
    views: Views,
    view: ViewId,
}

impl Caller {
    fn of(interface: &Interface) -> Caller {
        let mut views = Views::default();
        let view = views.resolve(&interface.encoded()).unwrap();
        Caller { views, view }
    }

    /// Links the caller with a component.
    fn try_link(&self, component: &Interface) -> Result<Vec<Option<usize>>> {
        let manifest = Manifest::decode(&component.manifest()).unwrap();
        link(self.views.get(self.view), &manifest.exports[0])
    }
}

fn leaf() -> impl Strategy<Value = Type> {
    const SCALARS: [&str; 16] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64", "bool",
        "char",
    ];
    const KINDS: [Kind; 6] = [Kind::Unit, Kind::Str, Kind::String, Kind::Duration, Kind::Bytes, Kind::Serde];
    prop_oneof![
        4 => prop::sample::select(&SCALARS[..]).prop_map(|name| Type::Leaf(Kind::Scalar, name)),
        2 => prop::sample::select(&KINDS[..]).prop_map(|kind| Type::Leaf(kind, "")),
        1 => (1..4_u32).prop_map(|version| Type::Handle("kv.store".to_owned(), version)),
    ]
}

fn fields(types: Vec<Type>) -> Vec<Field> {
    types.into_iter().enumerate().map(|(at, ty)| Field { name: format!("f{at}"), ty }).collect()
}

fn variants(types: Vec<(Vec<Type>, i64)>) -> Vec<Variant> {
    let variant = |(at, (types, gap)): (usize, (Vec<Type>, i64))| Variant {
        name: format!("V{at}"),
        discriminant: at as i64 * 10 + gap,
        fields: fields(types),
    };
    types.into_iter().enumerate().map(variant).collect()
}

/// Types of every kind, some levels deep.
fn ty() -> impl Strategy<Value = Type> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        let many = |most| prop::collection::vec(inner.clone(), 0..most);
        let kinds = [Kind::Slice, Kind::SliceMut, Kind::Vec, Kind::Option, Kind::Box];
        prop_oneof![
            3 => (prop::sample::select(kinds.to_vec()), inner.clone()).prop_map(|(kind, it)| Type::Of(kind, Box::new(it))),
            1 => (inner.clone(), 0..5_u32).prop_map(|(it, count)| Type::Array(Box::new(it), count)),
            1 => (inner.clone(), inner.clone()).prop_map(|(ok, err)| Type::Result(Box::new(ok), Box::new(err))),
            1 => prop::collection::vec(inner.clone(), 1..4).prop_map(Type::Tuple),
            2 => many(4).prop_map(|types| Type::Struct("Thing".to_owned(), fields(types))),
            2 => prop::collection::vec((many(3), 0..10_i64), 1..4).prop_map(|it| Type::Enum("Event".to_owned(), variants(it))),
        ]
    })
}

/// What may be an argument: values, and callbacks.
fn argument() -> impl Strategy<Value = Type> {
    let kinds = [Kind::Callback, Kind::BoxedCallback];
    let function = (prop::sample::select(kinds.to_vec()), prop::collection::vec(ty(), 0..3), ty(), any::<[bool; 2]>());
    prop_oneof![
        5 => ty(),
        1 => function.prop_map(|(kind, arguments, result, [send, sync])| {
            let send = send || kind == Kind::BoxedCallback;
            Type::Function(kind, arguments, Box::new(result), [send, sync])
        }),
    ]
}

fn interface() -> impl Strategy<Value = Interface> {
    let method = (any::<bool>(), prop::collection::vec(argument(), 0..4), ty());
    let methods = prop::collection::vec(method, 1..4);
    (methods, 1..4_u32).prop_map(|(methods, version)| Interface {
        name: "kv.test".to_owned(),
        version,
        replaces: Vec::new(),
        methods: methods
            .into_iter()
            .enumerate()
            .map(|(at, (has_default, arguments, result))| Method {
                name: format!("m{at}"),
                has_default,
                arguments,
                result,
            })
            .collect(),
    })
}

/// The same interface, whose callbacks promise less.
fn undemanding(mut interface: Interface) -> Interface {
    for argument in interface.methods.iter_mut().flat_map(|method| &mut method.arguments) {
        if let Type::Function(kind, .., bounds) = argument {
            *bounds = [*kind == Kind::BoxedCallback, false];
        }
    }
    interface
}

/// An interface, and a component of it that grew: methods in any order, some more, some of
/// those with default bodies not there yet, or of a later version that replaces it.
fn grown() -> impl Strategy<Value = (Interface, Interface)> {
    let more = prop::collection::vec((prop::collection::vec(argument(), 0..2), ty()), 0..3);
    let choice = (prop::collection::vec(any::<bool>(), 3), any::<bool>());
    (interface(), more, choice).prop_flat_map(|(caller, more, (lacks, is_later))| {
        let mut component = caller.clone();
        let lacked = component.methods.iter().zip(lacks).filter(|(method, lacks)| method.has_default && *lacks);
        let lacked: Vec<String> = lacked.map(|(method, _)| method.name.clone()).collect();
        component.methods.retain(|method| !lacked.contains(&method.name));
        let more = more.into_iter().enumerate();
        component.methods.extend(more.map(|(at, (arguments, result))| Method {
            name: format!("more{at}"),
            has_default: at == 0,
            arguments,
            result,
        }));
        if component.methods.is_empty() {
            component.methods = caller.methods.clone();
        }
        if is_later {
            component.replaces = (1..=caller.version).collect();
            component.version = caller.version + 1;
        }
        let shuffled = Just(component.methods.clone()).prop_shuffle();
        (Just(caller), shuffled.prop_map(move |methods| Interface { methods, ..component.clone() }))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_single_change_is_refused_by_a_text_that_leads_to_it(interface in interface()) {
        let caller = Caller::of(&interface);
        let same: Vec<_> = (0..interface.methods.len()).map(Some).collect();
        prop_assert_eq!(caller.try_link(&interface).unwrap(), same);
        for mutant in mutants::interfaces(&interface) {
            prop_assert_ne!(&mutant.it, &interface);
            let Err(error) = caller.try_link(&mutant.it) else {
                return Err(TestCaseError::fail(format!("accepted: {:#?}", mutant.it)));
            };
            prop_assert_eq!(error.kind(), ErrorKind::Mismatch);
            let text = error.to_string();
            for name in &mutant.names {
                prop_assert!(text.contains(name), "{} is not named by:\n{}\n{:#?}", name, text, mutant.it);
            }
        }
    }

    #[test]
    fn a_component_that_wants_less_of_its_callbacks_is_linked(interface in interface()) {
        let all: Vec<_> = (0..interface.methods.len()).map(Some).collect();
        let places = Caller::of(&interface).try_link(&undemanding(interface.clone())).unwrap();
        prop_assert_eq!(places, all);
    }

    #[test]
    fn every_growth_is_linked_method_by_method((caller, component) in grown()) {
        let places = Caller::of(&caller).try_link(&component).unwrap();
        prop_assert_eq!(places.len(), caller.methods.len());
        for (method, place) in caller.methods.iter().zip(places) {
            match place {
                Some(place) => prop_assert_eq!(&component.methods[place], method),
                None => prop_assert!(method.has_default && component.methods.iter().all(|it| it.name != method.name)),
            }
        }
    }
}

/// A struct of many kinds of parts, as the macros describe it.
#[derive(crate::Abi)]
#[allow(dead_code)]
struct Thing {
    f0: u8,
    f1: Option<[(u16, String); 3]>,
    f2: Result<Event, Box<u128>>,
    f3: Plain,
    f4: std::time::Duration,
}

#[derive(crate::Abi)]
#[allow(dead_code)]
#[repr(u8)]
enum Event {
    V0,
    V1(u8, i64) = 15,
    V2 { f0: Vec<crate::Bytes> } = 22,
}

#[derive(Clone, Copy, crate::Abi)]
#[abi(plain)]
#[repr(C)]
struct Plain {
    f0: bool,
    f1: f32,
}

#[test]
fn a_description_is_what_the_macros_make() {
    let scalar = |name| Type::Leaf(Kind::Scalar, name);
    let leaf = |kind| Type::Leaf(kind, "");
    let event = vec![
        Variant { name: "V0".to_owned(), discriminant: 0, fields: Vec::new() },
        Variant {
            name: "V1".to_owned(),
            discriminant: 15,
            fields: ["0", "1"]
                .iter()
                .zip(["u8", "i64"])
                .map(|(name, ty)| Field { name: name.to_string(), ty: scalar(ty) })
                .collect(),
        },
        Variant {
            name: "V2".to_owned(),
            discriminant: 22,
            fields: fields(vec![Type::Of(Kind::Vec, Box::new(leaf(Kind::Bytes)))]),
        },
    ];
    let pair = Type::Tuple(vec![scalar("u16"), leaf(Kind::String)]);
    let thing = fields(vec![
        scalar("u8"),
        Type::Of(Kind::Option, Box::new(Type::Array(Box::new(pair), 3))),
        Type::Result(
            Box::new(Type::Enum("Event".to_owned(), event)),
            Box::new(Type::Of(Kind::Box, Box::new(scalar("u128")))),
        ),
        Type::Struct("Plain".to_owned(), fields(vec![scalar("bool"), scalar("f32")])),
        leaf(Kind::Duration),
    ]);
    let described = Type::Struct("Thing".to_owned(), thing);
    assert_eq!(format!("{:#?}", described.shape()), format!("{:#?}", Thing::SHAPE));
}
