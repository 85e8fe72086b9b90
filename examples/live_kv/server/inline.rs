//! The words of an inline command: what a person types into a plain connection.
//!
//! Words are separated by spaces. `"..."` may hold spaces and the escapes `\n \r \t \b
//! \a \xHH` and `\` before any other character; `'...'` may hold spaces and `\'`. A
//! closing quote ends its word.

use std::ops::Range;

/// The words of `line`, unquoted: their bytes one after the other, and where each is.
/// `None` if a quote is not closed, or closed in mid-word.
pub(crate) fn split(line: &[u8]) -> Option<(Vec<u8>, Vec<Range<usize>>)> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() {
        let start = bytes.len();
        rest = word(rest, &mut bytes)?.trim_ascii_start();
        words.push(start..bytes.len());
    }
    Some((bytes, words))
}

/// Appends the first word of `line` and returns what follows it.
fn word<'a>(mut line: &'a [u8], bytes: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        line = match line {
            [] => return Some(line),
            [byte, ..] if byte.is_ascii_whitespace() => return Some(line),
            [b'"', rest @ ..] => return closed(double_quoted(rest, bytes)?),
            [b'\'', rest @ ..] => return closed(single_quoted(rest, bytes)?),
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        }
    }
}

fn closed(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(u8::is_ascii_whitespace).then_some(rest)
}

fn double_quoted<'a>(mut line: &'a [u8], bytes: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, rest) = match line {
            [] => return None,
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', b'x', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (digit(*high) << 4 | digit(*low), rest)
            }
            [b'\\', escaped, rest @ ..] => (control(*escaped), rest),
            [byte, rest @ ..] => (*byte, rest),
        };
        bytes.push(byte);
        line = rest;
    }
}

fn single_quoted<'a>(mut line: &'a [u8], bytes: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, rest) = match line {
            [] => return None,
            [b'\'', rest @ ..] => return Some(rest),
            [b'\\', b'\'', rest @ ..] => (b'\'', rest),
            [byte, rest @ ..] => (*byte, rest),
        };
        bytes.push(byte);
        line = rest;
    }
}

fn digit(hexadecimal: u8) -> u8 {
    char::from(hexadecimal).to_digit(16).map_or(0, |digit| digit as u8)
}

fn control(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    fn words(line: &str) -> Option<Vec<String>> {
        let (bytes, words) = split(line.as_bytes())?;
        Some(words.into_iter().map(|word| String::from_utf8_lossy(&bytes[word]).into_owned()).collect())
    }

    #[test]
    fn words_of_an_inline_request_are_split_and_unquoted() {
        for (line, expected) in [
            ("", &[][..]),
            ("  \t ", &[]),
            ("get a", &["get", "a"]),
            ("  get   a  ", &["get", "a"]),
            (r#"set "a b" 'c d'"#, &["set", "a b", "c d"]),
            (r#"a"b c""#, &["ab c"]),
            (r#""" ''"#, &["", ""]),
            (r#""\x41\n\\\"\q\x4""#, &["A\n\\\"qx4"]),
            (r"'\n\''", &["\\n'"]),
        ] {
            assert_eq!(
                words(line).as_deref(),
                Some(&expected.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()[..]),
                "{line}"
            );
        }
    }

    #[test]
    fn open_and_misplaced_quotes_in_an_inline_request_are_refused() {
        for line in [r#"""#, r#"a "b"#, r#""a"b"#, "'", "'a'b", r"'a", r#""a\""#, r#""\"#] {
            assert_eq!(words(line), None, "{line}");
        }
    }
}
