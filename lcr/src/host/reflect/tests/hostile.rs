//! JSON that is wrong in every way that one may think of, shapes that describe no representation, and values of broken
//! senders.

use std::{
    collections::{BTreeMap, HashMap},
    net::Ipv4Addr,
    num::NonZero,
    time::{Duration, SystemTime},
};

use super::{
    every_type::{Event, Level, Pair, Point, Wrapped},
    *,
};
use crate::{Bytes, Fault, Serde, abi::value::sequences::RawSlice, host::image::shape::Kind};

fn refusal<T: Abi>(text: &str) -> String {
    let shape = shape_of::<T>();
    let ty = Type::of(&shape).unwrap();
    let before = BLOCKS.get();
    let error = json::decode(&ty, text, "argument 1").err().unwrap_or_else(|| panic!("{text} was taken"));
    assert_eq!(error.kind(), crate::ErrorKind::Invalid);
    assert_eq!(BLOCKS.get(), before, "{text}");
    let line = error.to_string();
    assert!(line.len() < 400 && !line.contains('\n'), "{line}");
    line
}

fn refuses<T: Abi>(text: &str, wanted: &str) {
    let line = refusal::<T>(text);
    assert!(line.starts_with(wanted), "{text}: {line}");
}

#[test]
fn wrong_json_is_refused_with_the_way_to_the_fault() {
    refuses::<u8>("256", "argument 1: expected u8, an integer from 0 to 255, found `256`");
    refuses::<i8>("-129", "argument 1: expected i8, an integer from -128 to 127, found `-129`");
    for text in
        ["1.0", "1e3", "\"1\"", "true", "null", "[]", "{}", "-1", "99999999999999999999999999999999999999999999999"]
    {
        refuses::<u64>(text, "argument 1: expected u64");
    }
    refuses::<u128>("340282366920938463463374607431768211456", "argument 1: expected u128");
    refuses::<u64>(
        &"9".repeat(100_000),
        "argument 1: expected u64, an integer from 0 to 18446744073709551615, found `9999",
    );
    for text in ["1e999", "-1e400", "\"nan\"", "null"] {
        refuses::<f64>(text, "argument 1: expected f64");
    }
    refuses::<f32>("3.5e38", "argument 1: expected f32");
    refuses::<bool>("1", "argument 1: expected true or false, found `1`");
    for text in ["\"\"", "\"ab\"", "1", "\"\\ud800\""] {
        refuses::<char>(text, "argument 1: expected a string of one character");
    }
    refuses::<String>("5", "argument 1: invalid type: integer `5`, expected a string");
    refuses::<String>("\"\\ud800\"", "argument 1: ");
    refuses::<()>("0", "argument 1: invalid type");
    refuses::<Option<u8>>("{\"Some\":1}", "argument 1: expected u8");
    refuses::<Option<Option<u8>>>("5", "argument 1: invalid type: integer `5`, expected {\"Some\": ..}");
    refuses::<Option<Option<u8>>>("{\"Some\":[]}", "argument 1.Some: expected u8");
    refuses::<Result<u8, String>>("{\"Err\":1}", "argument 1.Err: ");
    refuses::<Result<u8, String>>("{\"Ok\":1,\"Err\":\"\"}", "argument 1: expected one key, found `Err` too");
    refuses::<Result<u8, String>>("{}", "argument 1: expected the key `Ok` or `Err`, found nothing");
    refuses::<[u8; 3]>("[1,2]", "argument 1: expected an array of 3, found 2");
    refuses::<[u8; 1]>("[1,2]", "argument 1: expected an array of 1, found more");
    refuses::<(u8, Vec<(u8, i8)>)>("[1,[[1,1],[2,200]]]", "argument 1[1][1][1]: expected i8");
    refuses::<Pair>("[1]", "argument 1: expected an array of 2, found 1");
    refuses::<Wrapped>("[1]", "argument 1: expected u8");
    refuses::<Vec<Point>>("[{\"x\":1,\"y\":null,\"name\":\"\"},{\"x\":1,\"y\":-1}]", "argument 1[1].y: expected u128");
    refuses::<Point>("{\"x\":1,\"name\":\"\"}", "argument 1: field `y: Option<u128>` of `Point` is missing");
    refuses::<Point>("{\"x\":1,\"z\":2}", "argument 1: unknown field `z` of `Point`");
    refuses::<Point>("{\"x\":1,\"x\":2}", "argument 1: field `x` is there twice");
    refuses::<Event>("\"Nix\"", "argument 1: `Event` has no variant `Nix`; it has Nothing, Text, Unit, Moved, Many");
    refuses::<Event>("\"Text\"", "argument 1: `Event::Text` has fields: write {\"Text\": ..}");
    refuses::<Event>("{\"Nothing\":null}", "argument 1: `Event::Nothing` has no fields: write \"Nothing\"");
    refuses::<Event>("{\"Many\":[[\"Low\",\"Lo\"],[true,true]]}", "argument 1.Many[0][1]: `Level` has no variant `Lo`");
    refuses::<Event>("{\"Text\":\"\",\"Nothing\":1}", "argument 1: expected one key, found `Nothing` too");
    refuses::<Event>("3", "argument 1: invalid type: integer `3`, expected a variant of `Event`");
    refuses::<Level>("0", "argument 1: invalid type: integer `0`, expected a variant of `Level`");
    refuses::<HashMap<String, u8>>("{\"a\":1,\"a\":2}", "argument 1: key `a` is there twice");
    refuses::<HashMap<String, u8>>("{\"a\":1,\"b\":-2}", "argument 1[\"b\"]: expected u8");
    refuses::<BTreeMap<u8, u8>>("{\"1\":1}", "argument 1: invalid type: map, expected an array");
    refuses::<Vec<u8>>("{\"hex\":\"0g\"}", "argument 1: expected pairs of hexadecimal digits, found `0g`");
    refuses::<Vec<u8>>("{\"hex\":\"0\"}", "argument 1: expected pairs");
    refuses::<Vec<u8>>("{\"hex\":\"é\"}", "argument 1: expected pairs");
    refuses::<Bytes>("{\"base64\":\"\"}", "argument 1: expected the one key `hex`");
    refuses::<Bytes>("[1,2,256]", "argument 1[2]: invalid value: integer `256`, expected u8");
    refuses::<NonZero<u16>>("0", "argument 1: expected a number other than 0");
    refuses::<Ipv4Addr>("\"1.2.3\"", "argument 1: expected an address, found `1.2.3`");
    refuses::<Duration>("{\"secs\":1,\"nanos\":1000000000}", "argument 1: expected nanoseconds below 1000000000");
    refuses::<Duration>("1", "argument 1: invalid type: integer `1`, expected a time");
    refuses::<SystemTime>("[0,1000000000]", "argument 1: expected nanoseconds below");
}

#[test]
fn what_is_not_json_is_refused() {
    for text in ["", " ", "{", "[1,", "nul", "1 2", "'a'", "[1]]", "\u{feff}1", "01", "\"\n\"", "NaN"] {
        refusal::<Vec<u8>>(text);
        refusal::<Point>(text);
        refusal::<Serde<u8>>(text);
        refusal::<Option<Event>>(text);
    }
    assert!(refusal::<u8>("1 2").contains("trailing characters at line 1 column 3"));
}

#[test]
fn deep_json_is_refused_without_a_deep_stack() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"Some\":", "}")] {
        for depth in [200, 100_000] {
            let text = open.repeat(depth) + "1" + &close.repeat(depth);
            refusal::<Serde<u8>>(&text);
            refusal::<Vec<Vec<u8>>>(&text);
            refusal::<Point>(&text);
            refusal::<Option<Option<u8>>>(&text);
            refusal::<u8>(&text);
        }
    }
}

#[test]
fn a_short_text_makes_no_large_value() {
    // Type and text are a few bytes, the value would be of 100 GB.
    type Large = Option<[[[[u64; 64]; 64]; 64]; 64]>;
    assert!(refusal::<Vec<Large>>("[null,null]").contains("the value needs more than 67108864 bytes of memory"));
    assert!(refusal::<Box<Large>>("null").contains("more than 67108864 bytes"));
    assert!(refusal::<Large>("null").contains("more than 67108864 bytes"));
}

#[test]
fn what_json_cannot_make_is_refused_with_the_reason() {
    let wanted = "argument 1.Err: a `lcr.Fault` cannot be made from JSON: a fault is made by";
    refuses::<Result<u8, Fault>>("{\"Err\":\"withdrawn\"}", wanted);
    refuses::<Result<u8, Option<Fault>>>("{\"Err\":{}}", wanted);
    // A value in which there is none can be made.
    for text in ["{\"Ok\":1}", "{\"Err\":null}"] {
        let shape = shape_of::<Result<u8, Option<Fault>>>();
        let ty = Type::of(&shape).unwrap();
        let value = json::decode(&ty, text, "argument 1").unwrap();
        assert_eq!(json::encode(value.at().unwrap(), Secrets::Shown, 100).unwrap(), text);
    }
    let function = Shape { kind: Kind::BoxedCallback, name: "Send".to_owned(), size: 32, align: 8, parts: Vec::new() };
    let ty = Type::of(&function).unwrap();
    let error = json::decode(&ty, "null", "argument 1").unwrap_err().to_string();
    assert!(error.contains("cannot be made from JSON: a function is code of its caller"), "{error}");
    assert!(ty.refuses_copies().unwrap().contains("cannot be copied"));
}

#[test]
fn a_shape_that_is_no_representation_is_refused() {
    let good = shape_of::<(u8, Option<Event>, Vec<Point>)>();
    Type::of(&good).unwrap();
    let spoil: [fn(&mut Shape); 12] = [
        |shape| shape.size += 8,
        |shape| shape.align = 3,
        |shape| shape.align = 0,
        |shape| shape.parts[0].at = -1,
        |shape| shape.parts[0].at = 8,
        |shape| shape.parts[1].at += 1,
        |shape| shape.parts[1].at = i64::MAX,
        |shape| shape.parts[1].shape.size += 16,
        |shape| shape.parts[1].shape.align = 4,
        |shape| shape.parts[1].shape.parts[0].shape.size -= 16,
        |shape| shape.parts[2].shape.parts[0].shape.parts[0].shape.name = "u7".to_owned(),
        |shape| shape.parts[2].shape.kind = Kind::Slice,
    ];
    for (number, spoil) in spoil.into_iter().enumerate() {
        let mut shape = good.clone();
        spoil(&mut shape);
        let error = Type::of(&shape).err().unwrap_or_else(|| panic!("spoiled by {number}, it was taken"));
        assert_eq!(error.kind(), crate::ErrorKind::BadManifest);
    }
    let mut endless = shape_of::<[[u8; 0]; 2]>();
    endless.parts[0].at = i64::MAX;
    let ty = Type::of(&endless).unwrap();
    let sent = Sent::new([[0_u8; 0]; 2]);
    assert!(json::encode(sent.at(&ty), Secrets::Shown, 100).is_err());
    assert_eq!(difference(sent.at(&ty), sent.at(&ty), 100), Ok(None));
    assert_eq!(text(sent.at(&ty), 10), "[[], []…");
}

#[test]
fn a_broken_sender_is_shown_and_refused() {
    fn broken<T: Abi, B: Copy>(bytes: B, shown: &str) {
        let shape = shape_of::<T>();
        let ty = Type::of(&shape).unwrap();
        // SAFETY: the memory is initialised, and what has no meaning is what a broken sender sends.
        let at = unsafe { At::new(&ty, (&raw const bytes).cast()) };
        assert_eq!(text(at, 1000), shown);
        let error = json::encode(at, Secrets::Shown, 1000).unwrap_err().to_string();
        assert!(error.ends_with("its sender is broken"), "{error}");
        assert!(difference(at, at, 1000).unwrap().is_some(), "it equals itself");
        let copy = Value::copy_of(&ty, at).unwrap();
        assert_eq!(text(copy.at().unwrap(), 1000), shown);
    }
    broken::<bool, _>(7_u8, "<a `bool` of 7>");
    broken::<char, _>(0xd800_u32, "<a `char` of 0xd800>");
    broken::<Option<u8>, _>([2_u8, 1], "<the unknown tag 2>");
    broken::<Level, _>(2_u32, "<the unknown tag 2>");
    broken::<Duration, _>([0_u64, u64::MAX], "<a `Duration` of 4294967295 nanoseconds beside its seconds>");
    let text = b"a\xff";
    broken::<&str, _>(RawSlice { at: text.as_ptr(), len: text.len() }, "<a text that is not UTF-8 from its byte 1 on>");
}
