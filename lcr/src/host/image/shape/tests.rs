use super::*;
use crate::{abi, abi::shape::Sink};

/// The encoding of an owned shape, by hand: the macro's encoder takes constants only.
pub(in crate::host) fn encode(shape: &Shape, out: &mut Vec<u8>) {
    let name = |name: &str, out: &mut Vec<u8>| {
        out.extend((name.len() as u16).to_le_bytes());
        out.extend(name.as_bytes());
    };
    out.push(shape.kind as u8);
    name(&shape.name, out);
    out.extend(shape.size.to_le_bytes());
    out.extend(shape.align.to_le_bytes());
    out.extend((shape.parts.len() as u16).to_le_bytes());
    for part in &shape.parts {
        name(&part.name, out);
        out.extend(part.at.to_le_bytes());
        encode(&part.shape, out);
    }
}

fn leaf(kind: Kind, name: &str, size: u32) -> Shape {
    Shape { kind, name: name.to_owned(), size, align: size.clamp(1, 8) as u16, parts: Vec::new() }
}

fn node(kind: Kind, name: &str, parts: impl IntoIterator<Item = (&'static str, i64, Shape)>) -> Shape {
    let parts = parts.into_iter();
    let parts = parts.map(|(name, at, shape)| Part { name: name.to_owned(), at, shape, is_secret: false }).collect();
    Shape { kind, name: name.to_owned(), size: 16, align: 8, parts }
}

fn u32() -> Shape {
    leaf(Kind::Scalar, "u32", 4)
}

/// `fn put(&self, Key, &[Option<Mode>], &dyn Fn(&str) -> bool) -> Result<(u32, String), [u32; 4]>`
pub(in crate::host) fn sample() -> Shape {
    let key = node(Kind::Struct, "Key", [("id", 0, leaf(Kind::Scalar, "u64", 8)), ("len", 8, u32())]);
    let on = node(Kind::Variant, "On", [("level", 0, u32())]);
    let dim = node(Kind::Variant, "Dim", [("0", 0, u32()), ("1", 4, u32())]);
    let mode = node(Kind::Enum, "Mode", [("Off", 0, node(Kind::Variant, "Off", [])), ("On", 5, on), ("Dim", 6, dim)]);
    let slice = node(Kind::Slice, "", [("", 0, node(Kind::Option, "", [("", 0, mode)]))]);
    let test = node(Kind::Callback, "", [("", 0, leaf(Kind::Str, "", 16)), ("->", 0, leaf(Kind::Scalar, "bool", 1))]);
    let pair = node(Kind::Tuple, "", [("", 0, u32()), ("", 8, leaf(Kind::String, "", 32))]);
    let array = node(Kind::Array, "", [("", 4, u32())]);
    let result = node(Kind::Result, "", [("", 0, pair), ("", 0, array)]);
    node(Kind::Method, "put", [("", 0, key), ("", 0, slice), ("", 0, test), ("->", 0, result)])
}

fn decode(bytes: &[u8]) -> Result<Shape> {
    let mut reader = Reader::new(bytes);
    let shape = Shape::decode_method(&mut reader)?;
    reader.end()?;
    Ok(shape)
}

fn encoded(shape: &Shape) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(shape, &mut bytes);
    bytes
}

#[test]
fn kinds_are_numbered_from_one_in_order() {
    for (at, kind) in KINDS.iter().enumerate() {
        assert_eq!(*kind as usize, at + 1);
    }
}

#[test]
fn what_the_constants_encode_is_what_is_decoded() {
    use abi::shape as constant;
    const BYTE: constant::Shape = constant::Shape::of::<u8>(Kind::Scalar, "u8", &[]);
    const UNIT: constant::Shape = constant::Shape::of::<u8>(Kind::Unit, "", &[]);
    const GET: constant::Shape =
        constant::Shape::method("get", &[constant::Part::of(&BYTE), constant::Part::result(&UNIT)]);
    let mut bytes = [0; 100];
    let mut sink = Sink::new(&mut bytes);
    sink.shape(&GET);
    let len = sink.len();
    let shape = decode(&bytes[..len]).unwrap();
    assert_eq!(shape.to_string(), "fn get(&self, u8)");
    assert_eq!(encoded(&shape), bytes[..len]);
}

#[test]
fn a_signature_reads_like_rust() {
    let shape = decode(&encoded(&sample())).unwrap();
    assert_eq!(shape, sample());
    let text = "fn put(&self, Key, &[Option<Mode>], &dyn Fn(&str) -> bool) -> Result<(u32, String), [u32; 4]>";
    assert_eq!(shape.to_string(), text);
    assert_eq!(format!("{:#}", shape.parts[0].shape), "struct Key { id: u64, len: u32 }");
    let mode = &shape.parts[1].shape.parts[0].shape.parts[0].shape;
    assert_eq!(format!("{mode:#}"), "enum Mode { Off, On { level: u32 }, Dim(u32, u32) }");
}

#[test]
fn a_program_finds_what_a_signature_is_made_of() {
    let put = sample();
    assert_eq!((put.kind(), put.name(), put.layout()), (Kind::Method, Some("put"), None));
    let [key, modes, test] = put.arguments().collect::<Vec<_>>()[..] else { panic!("{put}") };
    let fields: Vec<_> = key.fields().map(|field| (field.name, field.offset, field.shape.to_string())).collect();
    assert_eq!(fields, [(Some("id"), 0, "u64".to_owned()), (Some("len"), 8, "u32".to_owned())]);
    let mode = modes.element().and_then(Shape::element).unwrap();
    let variants: Vec<_> = mode.variants().map(|it| (it.name, it.discriminant, it.shape.fields().count())).collect();
    assert_eq!(variants, [("Off", 0, 0), ("On", 5, 1), ("Dim", 6, 2)]);
    assert_eq!((test.name(), test.callback_bounds(), test.arguments().count()), (None, None, 1));
    assert_eq!(test.result().map(ToString::to_string).as_deref(), Some("bool"));
    let (pair, array) = put.result().and_then(Shape::ok_and_err).unwrap();
    assert_eq!(pair.fields().map(|field| (field.name, field.offset)).collect::<Vec<_>>(), [(None, 0), (None, 8)]);
    assert_eq!((array.array_len(), array.element().and_then(Shape::layout)), (Some(4), Some((4, 4))));
    // What a kind does not have is not there, whatever its parts are.
    assert_eq!((put.element(), put.array_len(), put.fields().count(), key.variants().count()), (None, None, 0, 0));
    assert_eq!((pair.result(), pair.arguments().count(), pair.interface_version()), (None, 0, None));
    let handle = leaf(Kind::Handle, "kv.store", 3);
    assert_eq!((handle.name(), handle.interface_version(), handle.layout()), (Some("kv.store"), Some(3), None));
}

#[test]
fn a_difference_leads_to_its_place() {
    type Change = fn(&mut Shape);
    let cases: [(Change, &str); 17] = [
        (
            |s| s.parts[2].shape.name = "Send + Sync".into(),
            "put: argument 3: expected &dyn Fn(&str) -> bool, found &(dyn Fn(&str) -> bool + Send + Sync), \
             and callers do not promise Send + Sync",
        ),
        (|s| s.name = "set".into(), "expected fn put(&self, Key"),
        (
            |s| s.parts[0].shape.parts[1].shape = leaf(Kind::Scalar, "u64", 8),
            "put: argument 1: struct Key: field 2 `len`: expected u32, found u64",
        ),
        (|s| s.parts[0].shape.parts[1].shape.size = 2, "field 2 `len`: expected 4 bytes aligned to 4, found 2 bytes"),
        (|s| s.parts[0].shape.parts[1].at = 12, "field 2 `len`: expected offset 8, found 12"),
        (|s| s.parts[0].shape.parts.swap(0, 1), "struct Key: field 1 `id`: expected field `id`, found field `len`"),
        (|s| drop(s.parts[0].shape.parts.pop()), "struct Key: expected 2 fields, found 1; field `len` is missing"),
        (
            |s| s.parts[0].shape.parts.push(Part { name: "x".into(), at: 12, shape: u32(), is_secret: false }),
            "struct Key: expected 2 fields, found 3; field `x` was added",
        ),
        (|s| s.parts[0].shape.name = "Id".into(), "put: argument 1: expected struct Key, found struct Id"),
        (|s| s.parts[0].shape.align = 16, "struct Key: expected 16 bytes aligned to 8, found 16 bytes aligned to 16"),
        (
            |s| drop(s.parts[1].shape.parts[0].shape.parts[0].shape.parts.pop()),
            "argument 2: Slice: Option: enum Mode: expected 3 variants, found 2; variant `Dim` is missing",
        ),
        (
            |s| s.parts[1].shape.parts[0].shape.parts[0].shape.parts[1].at = 1,
            "enum Mode: variant 2 `On`: expected discriminant 5, found 1",
        ),
        (
            |s| s.parts[1].shape.parts[0].shape.parts[0].shape.parts[1].shape.parts[0].shape.kind = Kind::Str,
            "variant 2 `On`: field 1 `level`: expected u32, found &str",
        ),
        (|s| s.parts[1].shape.kind = Kind::Vec, "put: argument 2: expected &[Option<Mode>], found Vec<Option<Mode>>"),
        (|s| drop(s.parts.remove(1)), "put: expected fn put(&self, Key, &[Option<Mode>], &dyn"),
        (
            |s| s.parts[2].shape.parts[1].shape.name = "u8".into(),
            "argument 3: Callback: result: expected bool, found u8",
        ),
        (
            |s| s.parts[3].shape.parts[1].shape.parts[0].at = 5,
            "put: result: Result: Err: Array: expected length 4, found 5",
        ),
    ];
    for (change, text) in cases {
        let mut changed = sample();
        change(&mut changed);
        let difference = compare(&sample(), &changed).expect(text).to_string();
        assert!(difference.contains(text), "{difference}\nlacks\n{text}");
        assert!(difference.len() < 450 && !difference.contains('\n') && difference.contains("; build both"));
    }
    assert_eq!(compare(&sample(), &sample()), None);
}

/// Invariant 1, over every single changed byte that still decodes.
#[test]
fn shapes_compare_equal_exactly_when_their_bytes_are_equal() {
    let bytes = encoded(&sample());
    for at in 0..bytes.len() {
        for flip in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            if let Ok(shape) = decode(&changed) {
                assert_eq!(encoded(&shape), changed);
                assert!(compare(&sample(), &shape).is_some(), "byte {at} ^ {flip}");
            }
        }
    }
}

#[test]
fn cut_or_extended_bytes_are_refused() {
    let bytes = encoded(&sample());
    for end in 0..bytes.len() {
        assert!(decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    assert!(decode(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth| {
        let inner = (0..depth).fold(u32(), |inner, _| node(Kind::Box, "", [("", 0, inner)]));
        decode(&encoded(&node(Kind::Method, "deep", [("->", 0, inner)])))
    };
    assert!(nested(DEPTH - 2).is_ok());
    let error = nested(DEPTH - 1).unwrap_err().to_string();
    assert!(error.contains("nested 64 deep"), "{error}");
    assert!(nested(1_000).is_err());
}

#[test]
fn parts_that_do_not_fit_their_kind_are_refused() {
    let unit = || leaf(Kind::Unit, "", 1);
    let method = |argument| node(Kind::Method, "m", [("", 0, argument), ("->", 0, unit())]);
    let wrong = [
        method(node(Kind::Scalar, "u8", [("", 0, u32())])),
        method(node(Kind::Vec, "", [])),
        method(node(Kind::Enum, "Never", [])),
        method(node(Kind::Enum, "E", [("A", 0, u32())])),
        method(node(Kind::Variant, "Stray", [])),
        method(node(Kind::Callback, "", [])),
        method(node(Kind::Callback, "Copy", [("->", 0, unit())])),
        method(node(Kind::Callback, "Sync + Send", [("->", 0, unit())])),
        method(node(Kind::BoxedCallback, "", [("->", 0, unit())])),
        method(node(Kind::BoxedCallback, "Sync", [("->", 0, unit())])),
        method(method(u32())),
        method(node(Kind::Stream, "", [("", 0, u32())])),
        method(node(Kind::Box, "", [("", 0, node(Kind::Future, "", [("", 0, u32())]))])),
        node(Kind::Method, "m", [("->", 0, node(Kind::Stream, "", []))]),
        node(Kind::Method, "m", [("->", 0, node(Kind::Stream, "", [("", 0, u32()), ("", 0, u32())]))]),
        node(
            Kind::Method,
            "m",
            [("->", 0, node(Kind::Option, "", [("", 0, node(Kind::Stream, "", [("", 0, u32())]))]))],
        ),
        node(Kind::Method, "m", []),
        u32(),
    ];
    for shape in wrong {
        assert!(decode(&encoded(&shape)).is_err(), "{shape}");
    }
}

#[test]
fn a_future_and_a_stream_are_told_from_their_values() {
    let returns = |kind| node(Kind::Method, "m", [("->", 0, node(kind, "", [("", 0, u32())]))]);
    let plain = node(Kind::Method, "m", [("->", 0, u32())]);
    for (method, text, is_async, is_stream) in [
        (returns(Kind::Future), "async fn m(&self) -> u32", true, false),
        (returns(Kind::Stream), "fn m(&self) -> impl Stream<Item = u32>", false, true),
        (returns(Kind::Vec), "fn m(&self) -> Vec<u32>", false, false),
    ] {
        let method = decode(&encoded(&method)).unwrap();
        assert_eq!(method.to_string(), text);
        assert_eq!((method.is_async(), method.is_stream()), (is_async, is_stream));
        assert_eq!(method.returns_polled(), is_async || is_stream);
        assert_eq!(method.result() == Some(&u32()), is_async || is_stream);
        assert!(compare(&method, &plain).is_some() && compare(&plain, &method).is_some());
    }
}

#[test]
fn a_caller_may_promise_more_of_a_callback_and_never_less() {
    let bounds = ["", "Send", "Sync", "Send + Sync"];
    let is_within = |wanted: &str, given: &str| wanted.split(" + ").all(|it| it.is_empty() || given.contains(it));
    for kind in [Kind::Callback, Kind::BoxedCallback] {
        let takes = |name| {
            let callback = node(kind, name, [("", 0, u32()), ("->", 0, leaf(Kind::Unit, "", 1))]);
            node(Kind::Method, "m", [("", 0, callback), ("->", 0, leaf(Kind::Unit, "", 1))])
        };
        let nests = |name| {
            let inner = node(kind, name, [("->", 0, leaf(Kind::Unit, "", 1))]);
            let outer = node(kind, "Send", [("", 0, inner), ("->", 0, leaf(Kind::Unit, "", 1))]);
            node(Kind::Method, "m", [("", 0, outer), ("->", 0, leaf(Kind::Unit, "", 1))])
        };
        for given in bounds {
            for wanted in bounds {
                let is_linked = compare(&takes(given), &takes(wanted)).is_none();
                assert_eq!(is_linked, is_within(wanted, given), "{kind:?}: `{given}` given, `{wanted}` wanted");
                assert_eq!(compare(&nests(given), &nests(wanted)).is_none(), given == wanted, "{given} / {wanted}");
            }
        }
    }
}
