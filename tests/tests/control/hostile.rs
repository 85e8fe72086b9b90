//! Clients that mean harm or are broken. Whatever they send, the socket serves on.

use super::*;

#[test]
fn what_is_no_request_is_answered_once_and_not_listened_to_any_further() {
    let seat = Seat::open();
    let deep =
        format!("{{\"id\":1,\"command\":\"status\",\"arguments\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
    let deep_command = format!("{{\"id\":1,\"command\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
    for line in [
        &b""[..],
        b"\0",
        b"{}",
        b"[]",
        b"nonsense",
        b"\xff\xfe{\"id\":1,\"command\":\"status\"}",
        b"{\"id\":1,\"command\":\"st\xc3\x28atus\"}",
        b"{\"id\":1,\"command\":\"status\",\"command\":\"commit\"}",
        b"{\"id\":1,\"id\":2,\"command\":\"status\"}",
        b"{\"id\":1,\"command\":\"status\",\"further\":true}",
        b"{\"id\":-1,\"command\":\"status\"}",
        b"{\"id\":1e400,\"command\":\"status\"}",
        b"{\"id\":99999999999999999999999999,\"command\":\"status\"}",
        b"{\"id\":9007199254740993,\"command\":\"status\"}",
        b"{\"id\":1.5,\"command\":\"status\"}",
        b"{\"id\":1,\"command\":7}",
        b"{\"id\":1,\"command\":\"status\"} trailing",
        deep_command.as_bytes(),
    ] {
        let mut raw = seat.raw().hello();
        raw.send([line, b"\n"].concat()).unwrap();
        raw.assert_refused("invalid");
    }
    // What a request says in its arguments is the business of that request alone.
    let mut raw = seat.raw().hello();
    for arguments in [
        "[]",
        "null",
        "7",
        "{\"a\":1}",
        "{\"replace\":[{\"file\":\"/x\",\"file\":\"/y\"}]}",
        "{\"remove\":[1]}",
        "{\"timeout_ms\":1e400}",
        "{\"timeout_ms\":18446744073709551616}",
        "{\"reason\":\"a\",\"reason\":\"b\"}",
    ] {
        let answer = raw.ask(&format!("{{\"id\":1,\"command\":\"commit\",\"arguments\":{arguments}}}"));
        assert_eq!(answer["error"]["kind"], "invalid", "{arguments}: {answer}");
    }
    let answer = raw.ask(&deep);
    assert_eq!(answer["error"]["kind"], "invalid", "{answer}");
    assert_eq!(raw.ask("{\"id\":2,\"command\":\"generation\"}")["ok"]["generation"], seat.rt.generation());
    seat.assert_serves();
}
