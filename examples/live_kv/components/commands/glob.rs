//! Patterns of `SCAN MATCH` and `CONFIG GET`, as Redis understands them: `*`, `?`,
//! `[a-c]`, `[^x]` and `\` before a literal character.

/// Whether all of `text` fits `pattern`.
///
/// Only the last star is ever tried again, so the time is at most the product of the
/// two lengths, whatever the pattern.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // The pattern after the last star, and the text from which to try it next.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            retry = Some((rest, text));
            continue;
        }
        match (text.split_first(), one(pattern)) {
            (None, None) => return true,
            (None, Some(_)) => return false,
            (Some((byte, rest)), Some((token, after))) if token.fits(*byte) => {
                (pattern, text) = (after, rest);
                continue;
            }
            _ => {}
        }
        let Some((behind, [_, from @ ..])) = retry else { return false };
        (pattern, text) = (behind, from);
        retry = Some((behind, from));
    }
}

/// What one byte of the text is compared with.
enum Token<'a> {
    Any,
    Byte(u8),
    Class { members: &'a [u8], inverted: bool },
}

/// The first token of a pattern that does not start with a star, and the rest.
fn one(pattern: &[u8]) -> Option<(Token<'_>, &[u8])> {
    Some(match pattern {
        [] => return None,
        [b'?', rest @ ..] => (Token::Any, rest),
        [b'\\', byte, rest @ ..] => (Token::Byte(*byte), rest),
        [b'[', b'^', rest @ ..] => class(rest, true),
        [b'[', rest @ ..] => class(rest, false),
        [byte, rest @ ..] => (Token::Byte(*byte), rest),
    })
}

/// A class ends at the first bracket that is not escaped, or with the pattern.
fn class(pattern: &[u8], inverted: bool) -> (Token<'_>, &[u8]) {
    let mut end = 0;
    while end < pattern.len() && pattern[end] != b']' {
        let escaped = pattern[end] == b'\\' && end + 1 < pattern.len();
        end += if escaped { 2 } else { 1 };
    }
    let rest = pattern.get(end + 1..).unwrap_or_default();
    (Token::Class { members: &pattern[..end], inverted }, rest)
}

impl Token<'_> {
    fn fits(&self, byte: u8) -> bool {
        match self {
            Token::Any => true,
            Token::Byte(wanted) => byte == *wanted,
            Token::Class { members, inverted } => is_member(members, byte) != *inverted,
        }
    }
}

fn is_member(mut members: &[u8], byte: u8) -> bool {
    loop {
        let (found, rest) = match members {
            [] => return false,
            [b'\\', escaped, rest @ ..] => (byte == *escaped, rest),
            [low, b'-', high, rest @ ..] => ((*low.min(high)..=*low.max(high)).contains(&byte), rest),
            [member, rest @ ..] => (byte == *member, rest),
        };
        if found {
            return true;
        }
        members = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_what_they_match_in_redis() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "abc"),
            ("a*", "a"),
            ("*c", "abc"),
            ("a*c*e", "abcde"),
            ("a?c", "abc"),
            ("[a-c]x", "bx"),
            ("[c-a]x", "bx"),
            ("[^a-c]x", "dx"),
            ("[abc]", "c"),
            ("[\\]]", "]"),
            ("\\*", "*"),
            ("a\\", "a\\"),
            ("[ab", "b"),
            ("k:*:[0-9]", "k:x:y:7"),
            ("**", "x"),
            ("[a-]", "-"),
        ] {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("?", ""),
            ("a*", "ba"),
            ("*c", "abd"),
            ("[a-c]", "d"),
            ("[^a]", "a"),
            ("[]", "a"),
            ("\\*", "x"),
            ("a*c*e", "abcd"),
            ("[ab", "c"),
            ("*a*b", "aaaa"),
        ] {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(5_000).as_bytes()));
    }
}
