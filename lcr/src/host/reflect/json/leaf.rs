//! Scalars out of JSON's own words, so that no number is rounded on the way.

use serde_json::value::RawValue;

use crate::host::reflect::types::Scalar;

/// How much of a wrong value is shown.
const SHOWN: usize = 40;

/// The bits of a scalar's representation; or what is wrong.
pub(super) fn scalar(name: &str, scalar: Scalar, raw: &RawValue) -> Result<u128, String> {
    let text = raw.get().trim();
    let bits = match scalar {
        Scalar::Bool => match text {
            "true" => Some(1),
            "false" => Some(0),
            _ => None,
        },
        Scalar::Char => string(text).and_then(|text| {
            let mut characters = text.chars();
            characters.next().filter(|_| characters.next().is_none()).map(|character| u32::from(character).into())
        }),
        Scalar::Unsigned(width) => {
            let largest = u128::MAX >> (128 - 8 * u32::from(width));
            text.parse::<u128>().ok().filter(|number| *number <= largest)
        }
        Scalar::Signed(width) => {
            let largest = i128::MAX >> (128 - 8 * u32::from(width));
            let number = text.parse::<i128>().ok().filter(|number| (-largest - 1..=largest).contains(number));
            number.map(|number| number as u128)
        }
        Scalar::F32 => float(text, str::parse).map(|number: f32| number.to_bits().into()),
        Scalar::F64 => float(text, str::parse).map(|number: f64| number.to_bits().into()),
    };
    bits.ok_or_else(|| format!("expected {}, found {}", expected(name, scalar), cut(text)))
}

fn expected(name: &str, scalar: Scalar) -> String {
    match scalar {
        Scalar::Bool => "true or false".to_owned(),
        Scalar::Char => "a string of one character".to_owned(),
        Scalar::Unsigned(width) => {
            format!("{name}, an integer from 0 to {}", u128::MAX >> (128 - 8 * u32::from(width)))
        }
        Scalar::Signed(width) => {
            let largest = i128::MAX >> (128 - 8 * u32::from(width));
            format!("{name}, an integer from {} to {largest}", -largest - 1)
        }
        Scalar::F32 | Scalar::F64 => format!("{name}, a number that it can hold, or \"NaN\", \"inf\" or \"-inf\""),
    }
}

/// A float that is there as a number or as one of three strings.
fn float<F: From<f32> + PartialEq + Copy>(
    text: &str,
    parse: impl Fn(&str) -> Result<F, std::num::ParseFloatError>,
) -> Option<F> {
    let (infinite, negative) = (F::from(f32::INFINITY), F::from(f32::NEG_INFINITY));
    match text {
        "\"NaN\"" => Some(F::from(f32::NAN)),
        "\"inf\"" => Some(infinite),
        "\"-inf\"" => Some(negative),
        _ if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
            parse(text).ok().filter(|number| *number != infinite && *number != negative)
        }
        _ => None,
    }
}

/// A string of JSON, without its quotes.
fn string(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

/// The beginning of a text that may be of any length, between backticks.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

/// A text as a string of JSON, in quotes.
pub(super) fn escape(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Bytes out of hexadecimal digits.
pub(super) fn hex(digits: &str) -> Option<Box<[u8]>> {
    let pairs = digits.as_bytes().chunks(2);
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}
