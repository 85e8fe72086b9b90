//! The two versions of the protocol: RESP2, with which every connection begins, and
//! RESP3, which a client selects by `HELLO 3`.
//!
//! The command layer answers in RESP3, except that its nulls are those of RESP2, which
//! has two. So it may send a map, a set or a text; [`Dialect::append`] rewrites the heads that
//! the client's version does not have. Most replies are of one kind in
//! both, and are copied.

/// The version of the protocol that a client reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Dialect {
    #[default]
    Resp2,
    Resp3,
}

impl Dialect {
    /// The version's number.
    pub(crate) fn number(self) -> i64 {
        match self {
            Dialect::Resp2 => 2,
            Dialect::Resp3 => 3,
        }
    }

    /// Appends a reply of the command layer.
    pub(crate) fn append(self, out: &mut Vec<u8>, reply: &[u8]) {
        match (reply, self) {
            ([b'+' | b'-' | b':', ..], _) | ([b'$', ..], Dialect::Resp2) => out.extend_from_slice(reply),
            ([b'$', b'0'..=b'9', ..], Dialect::Resp3) => out.extend_from_slice(reply),
            _ => self.translate(out, reply),
        }
    }

    /// Rewrites head by head; nested values follow their head. Bytes that are not a reply are copied.
    #[cold]
    fn translate(self, out: &mut Vec<u8>, mut rest: &[u8]) {
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
            let (line, behind) = (&rest[..end], &rest[end + 2..]);
            let Some((&kind, number)) = line.split_first() else { break };
            let count = std::str::from_utf8(number).ok().and_then(|number| number.parse::<i64>().ok());
            let payload = match (kind, count) {
                (b'$' | b'=', Some(length @ 0..)) => {
                    usize::try_from(length).ok().and_then(|length| length.checked_add(2))
                }
                _ => Some(0),
            };
            let Some((payload, next)) = payload.and_then(|length| behind.split_at_checked(length)) else { break };
            self.head(out, line, kind, count, payload);
            rest = next;
        }
        out.extend_from_slice(rest);
    }

    /// One head, with the payload of a byte string.
    fn head(self, out: &mut Vec<u8>, line: &[u8], kind: u8, count: Option<i64>, payload: &[u8]) {
        let rewritten = match (self, kind, count) {
            (Dialect::Resp2, b'%', Some(pairs)) => format!("*{}", pairs.saturating_mul(2)),
            (Dialect::Resp2, b'~', Some(elements)) => format!("*{elements}"),
            (Dialect::Resp2, b'=', Some(length @ 4..)) => {
                // Without its kind, which is three letters and a colon.
                out.extend_from_slice(format!("${}\r\n", length - 4).as_bytes());
                out.extend_from_slice(&payload[4..]);
                return;
            }
            (Dialect::Resp3, b'$' | b'*', Some(..=-1)) => "_".to_owned(),
            _ => {
                out.extend_from_slice(line);
                out.extend_from_slice(b"\r\n");
                out.extend_from_slice(payload);
                return;
            }
        };
        out.extend_from_slice(rewritten.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::Dialect;

    fn both(reply: &str) -> (String, String) {
        let text = |dialect: Dialect| {
            let mut out = Vec::new();
            dialect.append(&mut out, reply.as_bytes());
            String::from_utf8(out).unwrap()
        };
        (text(Dialect::Resp2), text(Dialect::Resp3))
    }

    #[test]
    fn each_protocol_version_gets_the_reply_types_that_it_has() {
        for (reply, two, three) in [
            ("+OK\r\n", "+OK\r\n", "+OK\r\n"),
            ("$-1\r\n", "$-1\r\n", "_\r\n"),
            ("*-1\r\n", "*-1\r\n", "_\r\n"),
            ("$4\r\n$-1\r\r\n", "$4\r\n$-1\r\r\n", "$4\r\n$-1\r\r\n"),
            ("*2\r\n$-1\r\n$5\r\n%1\r\n_\r\n", "*2\r\n$-1\r\n$5\r\n%1\r\n_\r\n", "*2\r\n_\r\n$5\r\n%1\r\n_\r\n"),
            ("%1\r\n$1\r\na\r\n~1\r\n+x\r\n", "*2\r\n$1\r\na\r\n*1\r\n+x\r\n", "%1\r\n$1\r\na\r\n~1\r\n+x\r\n"),
            ("=7\r\ntxt:a\r\n\r\n", "$3\r\na\r\n\r\n", "=7\r\ntxt:a\r\n\r\n"),
        ] {
            assert_eq!(both(reply), (two.to_owned(), three.to_owned()), "{reply:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_reply_are_copied_unchanged() {
        for reply in ["", "*", "*2", "%9999999999999999999999\r\n", "=2\r\nab\r\n", "$99\r\na", "=99\r\n"] {
            let (two, three) = both(reply);
            assert_eq!((two.as_str(), three.as_str()), (reply, reply));
        }
        // A number that would not fit when it is doubled.
        both("%9223372036854775807\r\n");
    }
}
