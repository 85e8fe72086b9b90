//! Calls of methods of a running program.

use std::{io::Write as _, process::Stdio};

use crate::server::Place;

#[test]
fn methods_are_called_with_json_and_answer_with_json() {
    let place = Place::new();
    let mut server = place.start(&["till_1", "desk"]);
    assert_eq!(place.run(["call", "shop.till.total"]).with(0).stdout, "0\n");
    let purchase = r#"[{"cents":150,"paid":{"Card":7}}]"#;
    place.run(["call", "shop.till.take", purchase]).with(77).complains("--yes");
    assert_eq!(place.run(["call", "shop.till.take", purchase, "--yes"]).with(0).stdout, "150\n");
    let by_name = r#"{"purchase":{"cents":50,"paid":"Cash"}}"#;
    let answer = place.run(["call", "till/shop.till.take", by_name, "--yes", "--json"]).with(0).json();
    assert_eq!((&answer["result"], &answer["component"]), (&200.into(), &"till 1.0.0".into()), "{answer}");
    assert_eq!(answer["signature"], "fn take(&self, purchase: Purchase) -> u64");
    // The body that the trait has serves what the component lacks.
    assert_eq!(place.run(["call", "shop.till.title"]).with(0).stdout, "\"till\"\n");
    // The program's own handle reaches the same instance.
    assert_eq!(server.tell("sell"), "300");

    let told = place.run(["call", "shop.desk.multiply", "[[1,2,3],\n 3]"]).with(0).stdout;
    assert_eq!(told, format!("{}\nvalues = [3,6,9]\n", u128::MAX));
    let told = place.run(["call", "shop.desk.multiply", "[[1],2]", "--json"]).with(0).stdout;
    assert!(told.contains(&format!("\"result\":{}", u128::MAX)), "{told}");
    let told = place.run(["call", "shop.desk.owner", r#"["4711"]"#]).with(0).stdout;
    assert_eq!(told, "{\"name\":\"Ada\",\"code\":\"***\"}\n");
}

#[test]
fn async_methods_are_called_and_dropped_at_the_deadline() {
    let place = Place::new();
    let _server = place.start(&["till_1", "desk"]);
    assert_eq!(place.run(["call", "shop.desk.later", "[41]"]).with(0).stdout, "42\n");
    place.run(["call", "shop.desk.later", "[0]", "--timeout", "50ms"]).with(75);
}

#[test]
fn arguments_come_from_standard_input_too() {
    let place = Place::new();
    let _server = place.start(&["till_1", "desk"]);
    let mut command = place.lcr();
    command.args(["call", "shop.desk.price", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"[\n  \"ink\",\n  2\n]\n").unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), &*ended.stdout), (Some(0), &b"{\"Ok\":6}\n"[..]));
}

#[test]
fn errors_of_a_method_and_panics_have_statuses_of_their_own() {
    let place = Place::new();
    let mut server = place.start(&["till_panics", "desk"]);
    let failed = place.run(["call", "shop.desk.price", r#"["ink",0]"#]).with(1);
    assert_eq!(failed.stdout, "{\"Err\":\"no ink\"}\n");
    let answer = place.run(["call", "shop.desk.price", r#"["ink",0]"#, "--json"]).with(1).json();
    assert_eq!(answer["is_error"], true, "{answer}");
    let purchase = r#"[{"cents":150,"paid":"Cash"}]"#;
    place.run(["call", "shop.till.take", purchase, "--yes"]).with(70).complains("panicked in shop.till.take");
    let answer = place.run(["call", "shop.till.take", purchase, "--yes", "--json"]).with(70).json();
    assert_eq!((&answer["fault"]["kind"], &answer["result"]), (&"panic".into(), &().into()), "{answer}");
    assert_eq!(server.tell("title"), "till");
}

#[test]
fn what_cannot_be_called_says_why() {
    let place = Place::new();
    let _server = place.start(&["till_1", "desk"]);
    let wrong = r#"[{"cents":1,"paid":{"Card":70000}}]"#;
    let way = "argument 1 `purchase`.paid.Card: expected u16";
    place.run(["call", "shop.till.take", wrong, "--yes"]).with(64).complains(way);
    place.run(["call", "shop.till.take", "[", "--yes"]).with(64).complains("not JSON");
    place.run(["call", "shop.till.take", "--yes"]).with(64).complains("expected 1 arguments, found 0");
    place.run(["call", "shop.till.give"]).with(66).complains("it has take, total, title");
    place.run(["call", "shop.tills.total"]).with(66);
    place.run(["call", "clerk/shop.till.total"]).with(66);
    place.run(["call", "total"]).with(64).complains("INTERFACE.METHOD");
    let code = "argument 1 `question`: a `&dyn Fn(u8) -> u8` cannot be made from JSON";
    place.run(["call", "shop.desk.ask", "[1]"]).with(64).complains(code);
    let failed = place.run(["call", "shop.till.take", wrong, "--yes", "--json"]).with(64).json();
    assert_eq!(failed["error"]["kind"], "invalid", "{failed}");
}

#[test]
fn a_socket_for_reading_only_calls_pure_methods_and_no_others() {
    let place = Place::new();
    let _server = place.start_read_only(&["till_1", "desk"]);
    assert_eq!(place.run(["call", "shop.till.total"]).with(0).stdout, "0\n");
    let purchase = r#"[{"cents":150,"paid":{"Card":7}}]"#;
    place.run(["call", "shop.till.take", purchase]).with(77);
    place.run(["call", "shop.till.take", purchase, "--yes"]).with(77).complains("for reading only");
    assert_eq!(place.run(["call", "shop.till.total"]).with(0).stdout, "0\n");
}

#[test]
fn calls_that_hang_hold_up_neither_the_socket_nor_a_change() {
    let place = Place::new();
    let _server = place.start(&["till_1", "desk"]);
    let hang = |timeout: &str| {
        let mut command = place.lcr();
        command.args(["call", "shop.desk.wait", "--timeout", timeout]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    place.run(["call", "shop.desk.wait", "--timeout", "50ms"]).with(75).complains("the call goes on");
    let waiting: Vec<_> = (0..6).map(|_| hang("10m")).collect();
    place.run(["ls"]).with(0);
    assert_eq!(place.run(["call", "shop.till.total"]).with(0).stdout, "0\n");
    place.run(["replace", &crate::harness::component("till_2")]).with(0);
    place.run(["call", "shop.desk.release", "--yes"]).with(0);
    for child in waiting {
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), &*ended.stdout), (Some(0), &b"null\n"[..]), "{ended:?}");
    }
}
