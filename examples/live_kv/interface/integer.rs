//! Integers as text, by Redis's rule: what is printed for a number is the only text
//! that means it, so there is no plus sign, no leading zero, no space and no `-0`.

use crate::EngineError;

/// The number that `text` means, if any.
pub fn parse(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    digits.iter().try_fold(0i64, |sum, digit| {
        let digit = i64::from(digit.checked_sub(b'0').filter(|digit| *digit <= 9)?);
        let digit = if negative { -digit } else { digit };
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// What [`Engine::add`](crate::Engine::add) makes of a key's value.
///
/// # Errors
/// The value is not an integer, or the sum would overflow.
pub fn add(value: Option<&[u8]>, delta: i64) -> Result<i64, EngineError> {
    let value = match value {
        Some(text) => parse(text).ok_or(EngineError::NotAnInteger)?,
        None => 0,
    };
    value.checked_add(delta).ok_or(EngineError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_back_from_what_is_printed_for_it() {
        for number in [0, 1, -1, 9, 10, -10, 1_234_567_890, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1] {
            assert_eq!(parse(number.to_string().as_bytes()), Some(number));
        }
    }

    #[test]
    fn no_other_text_is_a_number() {
        for text in ["", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1.0", "0x1", "a", "1a", "--1"] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
        for text in ["9223372036854775808", "-9223372036854775809", "99999999999999999999"] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn addition_refuses_what_is_not_a_number_and_what_does_not_fit() {
        assert_eq!(add(None, 5), Ok(5));
        assert_eq!(add(Some(b"-7"), 5), Ok(-2));
        assert_eq!(add(Some(b"x"), 5), Err(EngineError::NotAnInteger));
        assert_eq!(add(Some(b"9223372036854775807"), 1), Err(EngineError::Overflow));
        assert_eq!(add(Some(b"-9223372036854775808"), -1), Err(EngineError::Overflow));
    }
}
