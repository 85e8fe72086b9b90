//! Replies as a client reads them.

use std::io::{self, BufRead, ErrorKind};

/// A reply in RESP2.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    /// A status line.
    Status(String),
    /// An error line.
    Error(String),
    /// A number.
    Integer(i64),
    /// A byte string, or null.
    Bulk(Option<Vec<u8>>),
    /// An array, or null.
    Array(Option<Vec<Reply>>),
}

impl Reply {
    /// Reads one reply.
    ///
    /// # Errors
    /// The stream ends or fails, or sends something that is not a reply.
    pub(crate) fn read(from: &mut impl BufRead) -> io::Result<Reply> {
        let line = line(from)?;
        let (kind, text) = line.split_at_checked(1).ok_or_else(|| bad("an empty line"))?;
        Ok(match kind {
            "+" => Reply::Status(text.to_owned()),
            "-" => Reply::Error(text.to_owned()),
            ":" => Reply::Integer(number(text)?),
            "$" => Reply::Bulk(length(text)?.map(|len| bulk(from, len)).transpose()?),
            "*" => {
                let items = |len| (0..len).map(|_| Reply::read(from)).collect::<io::Result<_>>();
                Reply::Array(length(text)?.map(items).transpose()?)
            }
            _ => return Err(bad(&line)),
        })
    }
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the connection was closed"));
    }
    line.strip_suffix("\r\n").map(str::to_owned).ok_or_else(|| bad(&line))
}

fn bulk(from: &mut impl BufRead, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len + 2];
    from.read_exact(&mut bytes)?;
    if !bytes.ends_with(b"\r\n") {
        return Err(bad("a byte string without its end"));
    }
    bytes.truncate(len);
    Ok(bytes)
}

fn length(text: &str) -> io::Result<Option<usize>> {
    if text == "-1" {
        return Ok(None);
    }
    usize::try_from(number(text)?).map(Some).map_err(|_| bad(text))
}

fn number(text: &str) -> io::Result<i64> {
    text.parse().map_err(|_| bad(text))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("no reply in RESP2: {what:?}"))
}
