//! Replies, appended to a buffer: in RESP3, with the nulls of RESP2.

use std::io::Write;

/// A status line; `text` has no line break.
pub fn status(out: &mut Vec<u8>, text: &str) {
    line(out, b'+', text);
}

/// An error line. Line breaks of `text`, which would end it early, become spaces.
pub fn error(out: &mut Vec<u8>, text: &str) {
    line(out, b'-', text);
}

/// A number.
pub fn integer(out: &mut Vec<u8>, number: i64) {
    // Writing to a `Vec` cannot fail.
    let _ = write!(out, ":{number}\r\n");
}

/// A byte string.
pub fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + 16);
    let _ = write!(out, "${}\r\n", bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// A byte string or, if there is none, the null reply.
pub fn optional(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => bulk(out, bytes),
        None => out.extend_from_slice(b"$-1\r\n"),
    }
}

/// The head of an array; `len` replies follow.
pub fn array(out: &mut Vec<u8>, len: usize) {
    let _ = write!(out, "*{len}\r\n");
}

/// The head of a map; `len` pairs of replies follow.
pub fn map(out: &mut Vec<u8>, len: usize) {
    let _ = write!(out, "%{len}\r\n");
}

/// The head of a set; `len` replies follow.
pub fn set(out: &mut Vec<u8>, len: usize) {
    let _ = write!(out, "~{len}\r\n");
}

/// A text that is to be shown as it is.
pub fn text(out: &mut Vec<u8>, text: &str) {
    let _ = write!(out, "={}\r\ntxt:{text}\r\n", text.len() + 4);
}

fn line(out: &mut Vec<u8>, kind: u8, text: &str) {
    out.push(kind);
    out.extend(text.bytes().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_kind_of_reply_is_written_as_redis_writes_it() {
        assert_eq!(written(|out| status(out, "OK")), "+OK\r\n");
        assert_eq!(written(|out| error(out, "ERR no")), "-ERR no\r\n");
        assert_eq!(written(|out| integer(out, -12)), ":-12\r\n");
        assert_eq!(written(|out| bulk(out, b"a\r\nb")), "$4\r\na\r\nb\r\n");
        assert_eq!(written(|out| optional(out, None)), "$-1\r\n");
        assert_eq!(written(|out| optional(out, Some(b""))), "$0\r\n\r\n");
        assert_eq!(written(|out| array(out, 2)), "*2\r\n");
        assert_eq!(written(|out| map(out, 2)), "%2\r\n");
        assert_eq!(written(|out| set(out, 2)), "~2\r\n");
        assert_eq!(written(|out| text(out, "a")), "=5\r\ntxt:a\r\n");
    }

    #[test]
    fn an_error_text_cannot_end_its_line_early() {
        assert_eq!(written(|out| error(out, "ERR a\r\n+OK")), "-ERR a  +OK\r\n");
    }
}
