//! Calls whose arguments mean harm or are broken: none reaches a component, and each answer says where the fault is.

use super::*;

/// A call of a method of the component `values`.
fn call(method: &str, arguments: &str) -> String {
    let interface = "test.values.composites";
    format!(
        "{{\"id\":7,\"command\":\"call\",\"arguments\":{{\"interface\":\"{interface}\",\"method\":\"{method}\",\
         \"effects\":true,\"arguments\":{arguments}}}}}"
    )
}

#[test]
fn hostile_arguments_of_a_call_are_refused_with_the_way_to_the_fault_and_the_connection_serves_on() {
    let seat = Seat::open();
    seat.rt.load(component("values")).unwrap();
    let mut raw = seat.raw().hello();
    let nested = |open: &str, close: &str| format!("[{}1{}]", open.repeat(5_000), close.repeat(5_000));
    let (lists, objects, somes) = (nested("[", "]"), nested("{\"a\":", "}"), nested("{\"Some\":", "}"));
    let digits = format!("[[{},\"a\"]]", "9".repeat(60_000));
    for (method, arguments, way) in [
        // Of another type.
        ("pair", r#"[{"first":"a","second":{"first":"1","second":[]}}]"#, " `v`.second.first: expected u8"),
        ("pair", r#"[{"first":"a","second":{"first":1,"second":7}}]"#, " `v`.second.second: "),
        ("event", r#"[{"Many":[1,"2"]}]"#, " `v`.Many[1]: expected u16"),
        (
            "event",
            r#"[{"Wrapped":{"first":1,"second":"Grey"}}]"#,
            " `v`.Wrapped.second: `Colour` has no variant `Grey`",
        ),
        ("deep", r#"[{"Ok":["a",null]}]"#, " `v`.Ok[1]: "),
        ("array", r#"[["a","b"]]"#, " `v`: expected an array of 3, found 2"),
        // Of which a part is missing, unknown or there twice.
        (
            "pair",
            r#"[{"first":"a","second":{"first":1}}]"#,
            " `v`.second: field `second: Vec<u16>` of `Pair` is missing",
        ),
        ("pair", r#"[{"first":"a","second":{"first":1,"third":2}}]"#, " `v`.second: unknown field `third` of `Pair`"),
        ("pair", r#"[{"first":"a","first":"b"}]"#, " `v`: field `first` is there twice"),
        ("event", r#"[{"Moved":{"from":{"tag":1,"x":0,"y":0,"corners":[0,0,0]}}}]"#, " `v`.Moved: field `to"),
        ("swapped", r#"[{"Ok":"a","Err":1}]"#, " `v`: expected one key, found `Err` too"),
        // Numbers without bounds.
        ("two", r#"[[1e400,"a"]]"#, " `v`[0]: expected u8"),
        ("two", &digits, " `v`[0]: expected u8, an integer from 0 to 255, found `9999"),
        ("pair", r#"[{"first":"a","second":{"first":1,"second":[1,65536]}}]"#, " `v`.second.second[1]: expected u16"),
        ("point", r#"[{"tag":1,"x":-1e999,"y":0,"corners":[0,0,0]}]"#, " `v`.x: expected f64"),
        ("duration", r#"[{"secs":18446744073709551616,"nanos":0}]"#, " `v`: "),
        // Deep ones.
        ("pair", &lists, " `v`"),
        ("pair", &objects, " `v`: unknown field `a`"),
        ("nested_option", &somes, " `v`.Some.Some"),
        ("events", &lists, " `v`"),
        // Half a character, as an escape.
        ("swapped", r#"[{"Ok":"\ud800"}]"#, " `v`.Ok: "),
    ] {
        let answer = raw.ask(&call(method, arguments));
        let (kind, text) = (&answer["error"]["kind"], answer["error"]["text"].as_str().unwrap_or_default());
        assert!(kind == "invalid" && text.starts_with(&format!("argument 1{way}")), "{method}: {answer:.1000}");
        assert!(text.len() < 500, "{} bytes", text.len());
    }
    for arguments in ["[]", "[1,2]", r#"{"w":"Nothing"}"#, "7", "null"] {
        let answer = raw.ask(&call("event", arguments));
        assert_eq!(answer["error"]["kind"], "invalid", "{arguments}: {answer}");
    }
    // What is no text in UTF-8 is no request.
    let line = call("swapped", "[{\"Ok\":\"?\"}]").replace('?', "\u{1}").into_bytes();
    let line: Vec<u8> = line.into_iter().map(|byte| if byte == 1 { 0xff } else { byte }).chain(*b"\n").collect();
    let mut broken = seat.raw().hello();
    broken.send(line).unwrap();
    let answer = broken.line().unwrap();
    assert_eq!(answer["error"]["kind"], "invalid", "{answer}");
    assert!(answer["error"]["text"].as_str().unwrap().contains("not UTF-8 from byte 129 on"), "{answer}");
    assert_eq!(broken.line(), None, "the connection is closed");

    assert_eq!(seat.rt.status().constructed, 0, "nothing was constructed for any of them");
    assert_eq!(raw.ask(&call("two", "[[1,\"a\"]]"))["ok"]["result"][0], "a");
    assert_eq!(seat.rt.status().constructed, 1);
}
