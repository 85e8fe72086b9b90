//! Requests from bytes: RESP arrays of bulk strings, and inline commands.
//!
//! The connection calls a [`Parser`] again whenever more bytes have come. The parser goes on
//! where it stopped, so the work for a request does not depend on how it was cut into packets.
//! The parser holds ranges, not bytes: the words are read out of the caller's buffer.
//!
//! The parser refuses what Redis refuses, with the same words, and tolerates what Redis
//! tolerates: it skips the two bytes after a line or a bulk string, and does not check them.
//! It allocates nothing for a length that a peer only announced.

use std::{fmt, ops::Range};

use kv::integer;

use super::inline;

/// What a peer may send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of one word.
    pub(crate) bulk: usize,
    /// Words of one request.
    pub(crate) words: usize,
    /// Bytes of a line: a length, or an inline command.
    pub(crate) line: usize,
    /// Bytes of one request.
    pub(crate) request: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bulk: 512 << 20, words: 1 << 20, line: 64 << 10, request: 1 << 30 }
    }
}

/// The parser's result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// The request goes on beyond the input.
    Partial,
    /// The request is the first `len` bytes of the input; it may have no words at all.
    Complete { len: usize },
}

/// Finds requests in a buffer that grows.
#[derive(Debug)]
pub(crate) struct Parser {
    limits: Limits,
    stage: Stage,
    /// Where the part of the request that is still unread begins.
    at: usize,
    /// Up to where the line that begins at `at` is known not to end.
    searched: usize,
    words: Vec<Range<usize>>,
    /// The words of an inline command, which quoting may make differ from the input.
    unquoted: Option<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Start,
    /// The length line of a word comes next, and after this word `left - 1` more.
    Length {
        left: usize,
    },
    /// A word of `len` bytes comes next.
    Word {
        left: usize,
        len: usize,
    },
    /// The request was returned; the next call begins another.
    Done,
}

impl Parser {
    /// A parser at the start of a request.
    pub(crate) fn new(limits: Limits) -> Parser {
        Parser { limits, stage: Stage::Done, at: 0, searched: 0, words: Vec::new(), unquoted: None }
    }

    /// Goes on with `input`, which begins at the first byte of the request and has at
    /// least the bytes that it had when the parser last answered `Partial`.
    ///
    /// # Errors
    /// The bytes are not a request; the connection is of no further use.
    pub(crate) fn advance(&mut self, input: &[u8]) -> Result<Progress, ProtocolError> {
        if self.stage == Stage::Done {
            (self.stage, self.at, self.searched) = (Stage::Start, 0, 0);
            self.words.clear();
            self.unquoted = None;
        }
        while self.stage != Stage::Done {
            if !self.step(input)? {
                if input.len() > self.limits.request {
                    return Err(ProtocolError::Request);
                }
                return Ok(Progress::Partial);
            }
        }
        Ok(Progress::Complete { len: self.at })
    }

    /// The words of the request that was found complete in `input`.
    pub(crate) fn words<'a>(&'a self, input: &'a [u8]) -> Vec<&'a [u8]> {
        let bytes = self.unquoted.as_deref().unwrap_or(input);
        self.words.iter().map(|word| &bytes[word.clone()]).collect()
    }

    /// One step forward; `false` if that takes more input.
    fn step(&mut self, input: &[u8]) -> Result<bool, ProtocolError> {
        match self.stage {
            Stage::Start => match input.get(self.at) {
                None => Ok(false),
                Some(b'*') => self.array(input),
                Some(_) => self.inline(input),
            },
            Stage::Length { left } => self.length(input, left),
            Stage::Word { left, len } => Ok(self.word(input, left, len)),
            Stage::Done => Ok(true),
        }
    }

    fn array(&mut self, input: &[u8]) -> Result<bool, ProtocolError> {
        let Some(line) = self.line(input, ProtocolError::ArrayLine)? else { return Ok(false) };
        let count = integer::parse(&line[1..]).ok_or(ProtocolError::ArrayLength)?;
        // An array of length 0 asks for nothing; Redis ignores negative lengths, too.
        let count = usize::try_from(count).unwrap_or(0);
        if count > self.limits.words {
            return Err(ProtocolError::ArrayLength);
        }
        self.stage = if count == 0 { Stage::Done } else { Stage::Length { left: count } };
        Ok(true)
    }

    fn length(&mut self, input: &[u8], left: usize) -> Result<bool, ProtocolError> {
        let Some(line) = self.line(input, ProtocolError::BulkLine)? else { return Ok(false) };
        match line.first() {
            Some(b'$') => {}
            // An empty line: what stands where the sign should be is the line's end.
            other => return Err(ProtocolError::Sign(other.copied().unwrap_or(b'\r'))),
        }
        let len = integer::parse(&line[1..]).and_then(|len| usize::try_from(len).ok());
        let len = len.filter(|len| *len <= self.limits.bulk).ok_or(ProtocolError::BulkLength)?;
        self.stage = Stage::Word { left, len };
        Ok(true)
    }

    fn word(&mut self, input: &[u8], left: usize, len: usize) -> bool {
        let end = self.at + len;
        if input.len() < end + 2 {
            return false;
        }
        self.words.push(self.at..end);
        self.move_to(end + 2);
        self.stage = if left == 1 { Stage::Done } else { Stage::Length { left: left - 1 } };
        true
    }

    fn inline(&mut self, input: &[u8]) -> Result<bool, ProtocolError> {
        let Some(end) = self.find(b'\n', input, ProtocolError::InlineLine)? else { return Ok(false) };
        let line = &input[self.at..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (unquoted, words) = inline::split(line).ok_or(ProtocolError::Quotes)?;
        (self.unquoted, self.words) = (Some(unquoted), words);
        self.move_to(end + 1);
        self.stage = Stage::Done;
        Ok(true)
    }

    /// The line at `at` without its end, which is a carriage return and one more byte.
    fn line<'a>(&mut self, input: &'a [u8], too_long: ProtocolError) -> Result<Option<&'a [u8]>, ProtocolError> {
        let Some(end) = self.find(b'\r', input, too_long)? else { return Ok(None) };
        if input.len() < end + 2 {
            return Ok(None);
        }
        let line = &input[self.at..end];
        self.move_to(end + 2);
        Ok(Some(line))
    }

    /// Where `mark` is first found at or after `at`.
    fn find(&mut self, mark: u8, input: &[u8], too_long: ProtocolError) -> Result<Option<usize>, ProtocolError> {
        let unsearched = input.get(self.searched..).unwrap_or_default();
        match unsearched.iter().position(|byte| *byte == mark) {
            Some(offset) if self.searched + offset - self.at <= self.limits.line => {
                self.searched += offset;
                Ok(Some(self.searched))
            }
            None if input.len() - self.at <= self.limits.line => {
                self.searched = input.len();
                Ok(None)
            }
            _ => Err(too_long),
        }
    }

    fn move_to(&mut self, at: usize) {
        (self.at, self.searched) = (at, at);
    }
}

/// Why the bytes are not a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ProtocolError {
    /// The line with the number of words does not end.
    ArrayLine,
    /// The number of words is not a number, or too large.
    ArrayLength,
    /// The line with the length of a word does not end.
    BulkLine,
    /// The length of a word is not a number, or too large.
    BulkLength,
    /// A word does not begin with `$`, but with this.
    Sign(u8),
    /// An inline command does not end.
    InlineLine,
    /// A quote of an inline command is not closed, or closed in mid-word.
    Quotes,
    /// All words together are too large.
    Request,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        match self {
            ProtocolError::ArrayLine => f.write_str("too big mbulk count string"),
            ProtocolError::ArrayLength => f.write_str("invalid multibulk length"),
            ProtocolError::BulkLine => f.write_str("too big bulk count string"),
            ProtocolError::BulkLength => f.write_str("invalid bulk length"),
            ProtocolError::Sign(found) => write!(f, "expected '$', got '{}'", char::from(*found)),
            ProtocolError::InlineLine => f.write_str("too big inline request"),
            ProtocolError::Quotes => f.write_str("unbalanced quotes in request"),
            ProtocolError::Request => f.write_str("too big request"),
        }
    }
}

impl std::error::Error for ProtocolError {}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
